"""Browsers in which a supporter is signed in: a token of 256 bits in a cookie, its hash in the database, two ends."""

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.db import Database, changed_rows
from supporters.kit.ids import Ids
from supporters.kit.signing import token_hash
from supporters.people.models import SupporterSession

IDLE = timedelta(days=7)
ABSOLUTE = timedelta(days=30)
TOUCH_EVERY = timedelta(hours=1)  # a visit is noted at most this often: looking at one's pages writes next to nothing
LONGEST_TOKEN = 100


class SignedIn(msgspec.Struct, frozen=True):
    """Who is signed in, by which of their addresses, and with which session."""

    supporter_id: str
    address_id: str
    session_hash: str


async def open_session(
    session: AsyncSession, *, supporter_id: str, address_id: str, ids: Ids, now: datetime, old_token: str | None = None
) -> str:
    """The supporter has a new session; that of `old_token` is gone. Returns its token, to be kept nowhere.

    Always a new token: one that the browser brought along is never adopted.
    """
    if old_token and len(old_token) <= LONGEST_TOKEN:
        await close_session(session, token_hash(old_token))
    token = ids.token()
    session.add(
        SupporterSession(
            token_hash=token_hash(token),
            supporter_id=supporter_id,
            address_id=address_id,
            created_at=now,
            last_seen_at=now,
            expires_at=now + ABSOLUTE,
        )
    )
    await session.flush()
    return token


async def find_signed_in(db: Database, token: str | None, *, now: datetime) -> SignedIn | None:
    """Who holds `token`, if its session is live. Notes the visit at most once an hour."""
    if not token or len(token) > LONGEST_TOKEN:
        return None
    digest = token_hash(token)
    live = (SupporterSession.expires_at > now) & (SupporterSession.last_seen_at > now - IDLE)
    columns = (SupporterSession.supporter_id, SupporterSession.address_id, SupporterSession.last_seen_at)
    async with db.reading() as session:
        wanted = select(*columns).where(SupporterSession.token_hash == digest, live)
        found = (await session.execute(wanted)).one_or_none()
    if found is None:
        return None
    supporter_id, address_id, seen_at = found
    if now - seen_at >= TOUCH_EVERY:
        await _touch(db, digest, now=now)
    return SignedIn(supporter_id, address_id, digest)


async def close_session(session: AsyncSession, session_hash: str) -> None:
    """The session is gone; its token opens nothing any more."""
    await session.execute(delete(SupporterSession).where(SupporterSession.token_hash == session_hash))


async def close_sessions(session: AsyncSession, supporter_id: str, *, but: str | None = None) -> int:
    """The supporter is signed out everywhere, `but` in the session with that hash; returns in how many browsers."""
    theirs = SupporterSession.supporter_id == supporter_id
    if but is not None:
        theirs &= SupporterSession.token_hash != but
    return changed_rows(await session.execute(delete(SupporterSession).where(theirs)))


async def purge_sessions(session: AsyncSession, *, now: datetime) -> int:
    """Sessions that are over are gone; returns how many."""
    over = (SupporterSession.expires_at <= now) | (SupporterSession.last_seen_at <= now - IDLE)
    return changed_rows(await session.execute(delete(SupporterSession).where(over)))


async def _touch(db: Database, digest: str, *, now: datetime) -> None:
    async with db.unit_of_work() as session:
        mine = (SupporterSession.token_hash == digest) & (SupporterSession.last_seen_at < now)
        await session.execute(update(SupporterSession).where(mine).values(last_seen_at=now))
