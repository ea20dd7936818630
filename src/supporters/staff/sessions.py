"""Signed-in browsers: a token of 256 bits in a cookie, its hash in the database, an idle and an absolute end."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

import msgspec
from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.db import Database, changed_rows
from supporters.kit.errors import Conflict
from supporters.kit.ids import Ids
from supporters.kit.signing import token_hash
from supporters.kit.strings import gettext as _
from supporters.staff.models import Role, Staff, StaffSession
from supporters.staff.rules import ABSOLUTE, IDLE, is_live, needs_touch

LONGEST_TOKEN = 100
NEEDS_SECOND = frozenset({Role.FINANCE, Role.ADMIN})


class Stage(StrEnum):
    """How far a sign-in has come."""

    CODE = "code"  # The password was right; a code of the app is still owed.
    SET_UP = "set_up"  # The role needs a second factor and there is none yet.
    FULL = "full"  # Signed in.


class Member(msgspec.Struct, frozen=True):
    """Who is signed in, and with which session."""

    id: str
    name: str
    email: str
    role: Role
    session_hash: str
    session_id: str
    stage: Stage
    proved_at: datetime
    has_second: bool
    likes_compact: bool = False


async def open_session(
    session: AsyncSession, staff_id: str, *, ids: Ids, now: datetime, browser: str = "", has_second: bool = False
) -> str:
    """A new session of the member of staff exists, and those that are over are gone. Returns its token, to be kept nowhere.

    Always a new token: one that the browser brought along is never adopted.
    """
    token = ids.token()
    over = (StaffSession.expires_at <= now) | (StaffSession.last_seen_at <= now - IDLE)
    await session.execute(delete(StaffSession).where(StaffSession.staff_id == staff_id, over))
    session.add(
        StaffSession(
            id=ids.ulid(),
            token_hash=token_hash(token),
            staff_id=staff_id,
            browser=browser,
            created_at=now,
            last_seen_at=now,
            expires_at=now + ABSOLUTE,
            proved_at=now,
            has_second=has_second,
        )
    )
    await session.flush()
    return token


async def find_member(db: Database, token: str | None, *, now: datetime, second_required: bool = True) -> Member | None:
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
    return Member(
        id=staff.id,
        name=staff.name,
        email=staff.email,
        role=Role(staff.role),
        session_hash=digest,
        session_id=seen.id,
        stage=stage_of(staff, has_second=seen.has_second, second_required=second_required),
        proved_at=seen.proved_at,
        has_second=staff.totp_sealed is not None,
        likes_compact=staff.likes_compact,
    )


def stage_of(staff: Staff, *, has_second: bool, second_required: bool) -> Stage:
    """How far a session has come; `has_second` says that a code was given in it."""
    if staff.totp_sealed is not None:
        return Stage.FULL if has_second else Stage.CODE
    return Stage.SET_UP if second_required and staff.role in NEEDS_SECOND else Stage.FULL


async def renew_token(session: AsyncSession, session_id: str, *, ids: Ids, has_second: bool) -> str:
    """The session goes on under a new token, no more proved than it was; the old one opens nothing. Returns the new one.

    Raises Conflict where the session was ended meanwhile, so that nothing is done in its name.
    """
    token = ids.token()
    values = {"token_hash": token_hash(token), "has_second": has_second}
    renewed = await session.execute(update(StaffSession).where(StaffSession.id == session_id).values(values))
    if changed_rows(renewed) != 1:
        raise Conflict(_("You were signed out meanwhile, so nothing was done. Sign in again."))
    return token


async def note_proof(session: AsyncSession, session_id: str, *, now: datetime) -> None:
    """The session knows that password, and code where there is one, were given just now."""
    await session.execute(update(StaffSession).where(StaffSession.id == session_id).values(proved_at=now))


async def live_sessions(session: AsyncSession, staff_id: str, *, now: datetime) -> Sequence[StaffSession]:
    """Every session of the member of staff that still counts, the last used first."""
    query = select(StaffSession).where(StaffSession.staff_id == staff_id, _lives(now))
    return (await session.scalars(query.order_by(StaffSession.last_seen_at.desc(), StaffSession.id.desc()))).all()


async def browser_of(session: AsyncSession, session_id: str) -> str:
    """Family and system of the session's browser; empty where nothing is known."""
    return await session.scalar(select(StaffSession.browser).where(StaffSession.id == session_id)) or ""


async def close_session(session: AsyncSession, session_hash: str) -> None:
    """The session is gone; its token opens nothing any more."""
    await session.execute(delete(StaffSession).where(StaffSession.token_hash == session_hash))


async def close_one_session(session: AsyncSession, staff_id: str, session_id: str) -> bool:
    """That session of the member of staff is gone. False when it is nobody's or somebody else's."""
    mine = delete(StaffSession).where(StaffSession.staff_id == staff_id, StaffSession.id == session_id)
    return changed_rows(await session.execute(mine)) == 1


async def close_other_sessions(session: AsyncSession, member: Member) -> None:
    """Only the session that asks is left."""
    others = (StaffSession.staff_id == member.id) & (StaffSession.id != member.session_id)
    await session.execute(delete(StaffSession).where(others))


async def close_all_sessions(session: AsyncSession, staff_id: str) -> None:
    """The member of staff is signed out everywhere."""
    await session.execute(delete(StaffSession).where(StaffSession.staff_id == staff_id))


def _lives(now: datetime) -> ColumnElement[bool]:
    return (StaffSession.expires_at > now) & (StaffSession.last_seen_at > now - IDLE)


async def _look_up(session: AsyncSession, digest: str) -> tuple[Staff, StaffSession] | None:
    query = select(Staff, StaffSession).join(StaffSession, StaffSession.staff_id == Staff.id)
    row = (await session.execute(query.where(StaffSession.token_hash == digest))).one_or_none()
    return None if row is None else (row[0], row[1])


async def _touch(db: Database, digest: str, *, now: datetime) -> None:
    async with db.unit_of_work() as session:
        mine = (StaffSession.token_hash == digest) & (StaffSession.last_seen_at < now)
        await session.execute(update(StaffSession).where(mine).values(last_seen_at=now))
