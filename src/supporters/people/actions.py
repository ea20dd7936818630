"""Putting people on file."""

from datetime import datetime

import msgspec
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.db import changed_rows, insert_for
from supporters.kit.ids import Ids
from supporters.people.matching import normalise_email
from supporters.people.models import EmailAddress, Supporter

NOBODY_ID = "00000000000000000000N0B0DY"  # of the one record that stands for all whom nobody can know


class Found(msgspec.Struct, frozen=True):
    """The supporter of an address, and whether the address was new to us."""

    supporter_id: str
    is_new: bool


async def find_or_add(session: AsyncSession, email: str, name: str, *, ids: Ids, now: datetime) -> Found:
    """The address belongs to one supporter: the one on file, whose name and address stay as they are, or a new one.

    *Idempotent by* the normalised address: two callers at once get the same supporter.
    """
    normalised = normalise_email(email)
    known = await _supporter_of(session, normalised)
    if known:
        return Found(known, is_new=False)
    supporter_id = ids.ulid()
    await session.execute(insert(Supporter).values(id=supporter_id, name=name, merged_into_id=None, created_at=now))
    if await _claim_address(session, supporter_id, email, normalised, ids=ids, now=now):
        return Found(supporter_id, is_new=True)
    await session.execute(delete(Supporter).where(Supporter.id == supporter_id))
    return Found(await _supporter_of(session, normalised) or supporter_id, is_new=False)


async def put_nobody_on_file(session: AsyncSession, name: str, *, now: datetime) -> Supporter:
    """The one record is there that stands for all whom nobody can know; the name is for the first time. *Idempotent*."""
    row = {"id": NOBODY_ID, "name": name, "merged_into_id": None, "created_at": now}
    await session.execute(insert_for(session, Supporter).values(**row).on_conflict_do_nothing())
    return await session.get_one(Supporter, NOBODY_ID)


async def _supporter_of(session: AsyncSession, normalised: str) -> str | None:
    owner = EmailAddress.supporter_id
    merged = select(Supporter.merged_into_id).where(Supporter.id == owner).scalar_subquery()
    found = (await session.execute(select(owner, merged).where(EmailAddress.normalised == normalised))).one_or_none()
    return (found[1] or found[0]) if found else None


async def _claim_address(
    session: AsyncSession, supporter_id: str, email: str, normalised: str, *, ids: Ids, now: datetime
) -> bool:
    row = {
        "id": ids.ulid(),
        "supporter_id": supporter_id,
        "address": email,
        "normalised": normalised,
        "verified_at": None,
        "created_at": now,
    }
    added = await session.execute(insert_for(session, EmailAddress).values(**row).on_conflict_do_nothing())
    return changed_rows(added) == 1
