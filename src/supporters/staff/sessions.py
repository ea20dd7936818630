"""Signed-in browsers: a token of 256 bits in a cookie, its hash in the database, an idle and an absolute end."""

from datetime import datetime

import msgspec
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.kit.signing import token_hash
from supporters.staff.models import Role, Staff, StaffSession
from supporters.staff.rules import ABSOLUTE, IDLE, is_live, needs_touch

LONGEST_TOKEN = 100


class Member(msgspec.Struct, frozen=True):
    """Who is signed in, and with which session."""

    id: str
    name: str
    email: str
    role: Role
    session_hash: str


async def open_session(session: AsyncSession, staff_id: str, *, ids: Ids, now: datetime) -> str:
    """A new session of the member of staff exists, and those that are over are gone. Returns its token, to be kept nowhere.

    Always a new token: one that the browser brought along is never adopted.
    """
    token = ids.token()
    over = (StaffSession.expires_at <= now) | (StaffSession.last_seen_at <= now - IDLE)
    await session.execute(delete(StaffSession).where(StaffSession.staff_id == staff_id, over))
    session.add(
        StaffSession(
            token_hash=token_hash(token),
            staff_id=staff_id,
            created_at=now,
            last_seen_at=now,
            expires_at=now + ABSOLUTE,
        )
    )
    await session.flush()
    return token


async def find_member(db: Database, token: str | None, *, now: datetime) -> Member | None:
    """Who holds `token`, if its session is live and its member active. Notes the visit at most once a minute."""
    if not token or len(token) > LONGEST_TOKEN:
        return None
    digest = token_hash(token)
    async with db.reading() as session:
        found = await _look_up(session, digest)
    if found is None:
        return None
    staff, seen = found
    if not staff.is_active or not is_live(last_seen_at=seen.last_seen_at, expires_at=seen.expires_at, now=now):
        return None
    if needs_touch(seen.last_seen_at, now=now):
        await _touch(db, digest, now=now)
    return Member(staff.id, staff.name, staff.email, Role(staff.role), digest)


async def close_session(session: AsyncSession, session_hash: str) -> None:
    """The session is gone; its token opens nothing any more."""
    await session.execute(delete(StaffSession).where(StaffSession.token_hash == session_hash))


async def close_all_sessions(session: AsyncSession, staff_id: str) -> None:
    """The member of staff is signed out everywhere."""
    await session.execute(delete(StaffSession).where(StaffSession.staff_id == staff_id))


async def _look_up(session: AsyncSession, digest: str) -> tuple[Staff, StaffSession] | None:
    query = select(Staff, StaffSession).join(StaffSession, StaffSession.staff_id == Staff.id)
    row = (await session.execute(query.where(StaffSession.token_hash == digest))).one_or_none()
    return None if row is None else (row[0], row[1])


async def _touch(db: Database, digest: str, *, now: datetime) -> None:
    async with db.unit_of_work() as session:
        mine = (StaffSession.token_hash == digest) & (StaffSession.last_seen_at < now)
        await session.execute(update(StaffSession).where(mine).values(last_seen_at=now))
