"""What supporters change of themselves: their name, and the address that letters go to.

A new address counts once a button behind a mailed link was pressed. The old one is told, still says whose a donation is,
and opens no door any more.
"""

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.jobs.queue import enqueue
from supporters.kit.db import changed_rows
from supporters.kit.errors import Conflict, Refused
from supporters.kit.ids import Ids
from supporters.kit.signing import token_hash
from supporters.kit.strings import gettext as _
from supporters.people import letters
from supporters.people.limits import DoorLimits
from supporters.people.matching import normalise_email
from supporters.people.models import AddressChange, EmailAddress, Supporter
from supporters.people.sessions import close_sessions
from supporters.people.sign_in import close_sign_ins
from supporters.settings import Settings

SEND = "people.address"
GOOD_FOR = timedelta(hours=24)
LONGEST_TOKEN = 100
EXECUTION = {"synchronize_session": False}


class Person(msgspec.Struct, frozen=True):
    """A supporter as they see themselves: `address` opened the session, `letters_to` is where letters go."""

    name: str
    address: str
    letters_to: str
    new_address: str | None  # typed, and not confirmed yet


async def person(session: AsyncSession, supporter_id: str, address_id: str, *, now: datetime) -> Person:
    """The supporter who is signed in."""
    name = (await session.scalars(select(Supporter.name).where(Supporter.id == supporter_id))).one()
    rows = select(EmailAddress.id, EmailAddress.address).where(EmailAddress.supporter_id == supporter_id)
    addresses = {row[0]: row[1] for row in await session.execute(rows.order_by(EmailAddress.id))}
    first = next(iter(addresses.values()), "")
    waiting = (AddressChange.supporter_id == supporter_id) & AddressChange.used_at.is_(None)
    newest = select(AddressChange.address).where(waiting, AddressChange.expires_at > now)
    new_address = await session.scalar(newest.order_by(AddressChange.id.desc()).limit(1))
    return Person(name, addresses.get(address_id, first), first, new_address)


async def rename(session: AsyncSession, supporter_id: str, name: str, *, now: datetime) -> bool:
    """The supporter is called so. False when they were before. *Writes* audit."""
    other = (Supporter.id == supporter_id) & (Supporter.name != name)
    changed = await session.execute(update(Supporter).where(other).values(name=name), execution_options=EXECUTION)
    if changed_rows(changed) != 1:
        return False
    await _note(session, "supporter.rename", supporter_id, now=now)
    return True


async def ask_for_address(
    session: AsyncSession,
    supporter_id: str,
    address: str,
    *,
    network: str,
    settings: Settings,
    ids: Ids,
    now: datetime,
) -> None:
    """A letter asks the new address whether it is theirs; nothing else has changed yet. An earlier question lapses.

    `address` is as `read_email` returns it. The answer is the same for every address. Raises Refused above the limits.
    """
    limits = DoorLimits(settings.secret_key)
    counts = await limits.read(session, address=address, network=network, now=now)
    if counts.is_network_full or not counts.has_letter:
        raise Refused(_("Too many letters have been asked for. Nothing was changed. Please try again later."))
    change = AddressChange(
        id=ids.ulid(), supporter_id=supporter_id, address=address, created_at=now, expires_at=now + GOOD_FOR
    )
    earlier = (AddressChange.supporter_id == supporter_id) & AddressChange.used_at.is_(None)
    lapsed = update(AddressChange).where(earlier, AddressChange.expires_at > now).values(expires_at=now)
    await session.execute(lapsed, execution_options=EXECUTION)
    session.add(change)
    await session.flush()
    await enqueue(session, SEND, {"change_id": change.id}, ids=ids, now=now)
    await limits.count(session, address=address, network=network, has_letter=True, now=now)


async def send_question(session: AsyncSession, change_id: str, *, settings: Settings, ids: Ids, now: datetime) -> bool:
    """The link exists and is on its way to the new address. *Idempotent by* the change."""
    waiting = (AddressChange.id == change_id) & AddressChange.token_hash.is_(None) & (AddressChange.expires_at > now)
    change = await session.scalar(select(AddressChange).where(waiting).with_for_update())
    if change is None:
        return False
    token = ids.token()
    change.token_hash = token_hash(token)
    await session.flush()
    return await letters.queue_address_confirm(
        session, change_id, change.address, token=token, settings=settings, ids=ids, now=now
    )


async def asked_address(session: AsyncSession, token: str, *, now: datetime) -> str | None:
    """The new address that a mailed link confirms; None for a link that was used or has run out. Changes nothing."""
    if len(token) > LONGEST_TOKEN:
        return None
    waiting = (AddressChange.token_hash == token_hash(token)) & AddressChange.used_at.is_(None)
    return await session.scalar(select(AddressChange.address).where(waiting, AddressChange.expires_at > now))


async def take_address(
    session: AsyncSession,
    token: str,
    *,
    settings: Settings,
    ids: Ids,
    now: datetime,
    but: str | None = None,
) -> str | None:
    """Letters go to the new address, which alone signs in; the old one is told. Returns the address, None for a spent link.

    Every browser is signed out `but` the session with that hash, and letters that would let one in do so no more. Raises
    Conflict when the address is another person's. *Writes* audit.
    """
    if len(token) > LONGEST_TOKEN:
        return None
    once = (AddressChange.token_hash == token_hash(token)) & AddressChange.used_at.is_(None)
    used = update(AddressChange).where(once, AddressChange.expires_at > now).values(used_at=now)
    row = (await session.execute(used.returning(AddressChange.id), execution_options=EXECUTION)).scalar_one_or_none()
    if row is None:
        return None
    change = (await session.scalars(select(AddressChange).where(AddressChange.id == row))).one()
    old = await _swap(session, change, ids=ids, now=now)
    await close_sessions(session, change.supporter_id, but=but)
    await close_sign_ins(session, change.supporter_id, now=now)
    if old is not None:
        await letters.queue_address_changed(session, change.id, old, settings=settings, ids=ids, now=now)
    await _note(session, "supporter.address", change.supporter_id, now=now)
    return change.address


async def purge_changes(session: AsyncSession, *, now: datetime) -> int:
    """Questions that ran out are gone, with the addresses typed and the letters; returns how many."""
    old = list(await session.scalars(select(AddressChange.id).where(AddressChange.expires_at <= now).limit(500)))
    await letters.forget(session, old)
    await session.execute(delete(AddressChange).where(AddressChange.id.in_(old)), execution_options=EXECUTION)
    return len(old)


async def _swap(session: AsyncSession, change: AddressChange, *, ids: Ids, now: datetime) -> str | None:
    """The oldest row holds the new address, and a younger one the old. Returns the old, None when it is the same one."""
    theirs = select(EmailAddress).where(EmailAddress.supporter_id == change.supporter_id).order_by(EmailAddress.id)
    rows = list(await session.scalars(theirs.with_for_update()))
    normalised = normalise_email(change.address)
    first, others = rows[0], rows[1:]
    if first.normalised == normalised:
        first.address, first.verified_at, first.retired_at = change.address, now, None
        await session.flush()
        return None
    for each in others:
        if each.normalised == normalised:  # back to an earlier address
            await session.delete(each)
            await session.flush()
    taken = await session.scalar(select(EmailAddress.id).where(EmailAddress.normalised == normalised))
    if taken is not None:
        raise Conflict(
            _("That address is on our books for another person, so nothing was changed. Write to us and we look at it.")
        )
    old = {"address": first.address, "normalised": first.normalised, "verified_at": first.verified_at}
    first.address, first.normalised, first.verified_at, first.retired_at = change.address, normalised, now, None
    await session.flush()
    session.add(EmailAddress(id=ids.ulid(), supporter_id=change.supporter_id, retired_at=now, created_at=now, **old))
    await session.flush()
    return str(old["address"])


async def _note(session: AsyncSession, action: str, supporter_id: str, *, now: datetime) -> None:
    await record(
        session,
        actor_kind="supporter",
        actor_id=supporter_id,
        action=action,
        record_kind="supporter",
        record_id=supporter_id,
        detail={},
        now=now,
    )
