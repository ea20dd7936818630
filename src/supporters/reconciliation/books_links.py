"""Links by which an accountant reads months and payouts, without an account and without a name of a supporter."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.kit.db import changed_rows
from supporters.kit.errors import Conflict, DeadLink, Refused
from supporters.kit.ids import Ids
from supporters.kit.signing import token_hash
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.reconciliation.models import BooksLink

NAME_CHARS = 120
LONGEST_TOKEN = 100
DAYS = (7, 30, 90, 365)
NOTED_EVERY = timedelta(days=1)


async def make_link(
    session: AsyncSession, *, name: str, starts_on: date, days: int, actor_id: str, ids: Ids, now: datetime
) -> str:
    """A link that opens the months from `starts_on` on; returns its token, which is kept nowhere. *Raises* Refused."""
    called = clean_line(name, limit=NAME_CHARS)
    if not called:
        raise Refused(_("Write for whom it is."))
    if days not in DAYS:
        raise Refused(_("Choose how long it works."))
    token, link_id = ids.token(), ids.ulid()
    session.add(
        BooksLink(
            id=link_id,
            token_hash=token_hash(token),
            name=called,
            starts_on=starts_on.replace(day=1),
            made_by=actor_id,
            made_at=now,
            expires_at=now + timedelta(days=days),
            opened_at=None,
            ended_by=None,
            ended_at=None,
        )
    )
    await session.flush()
    await _record(session, "books_link.make", link_id, {"days": days}, actor_id=actor_id, now=now)
    return token


async def find_link(session: AsyncSession, token: str, *, now: datetime) -> BooksLink:
    """The link that this token opens. Raises DeadLink for one that never was, has ended or ran out."""
    found = None
    if len(token) <= LONGEST_TOKEN:
        found = await session.scalar(select(BooksLink).where(BooksLink.token_hash == token_hash(token)))
    if found is None or found.ended_at is not None or found.expires_at <= now:
        raise DeadLink(_("This link opens nothing any more. Whoever gave it to you can make a new one."))
    return found


async def note_opened(session: AsyncSession, link_id: str, *, now: datetime) -> None:
    """It is known that the link was used, to the day."""
    mine = (BooksLink.id == link_id) & (BooksLink.opened_at.is_(None) | (BooksLink.opened_at < now - NOTED_EVERY))
    await session.execute(update(BooksLink).where(mine).values(opened_at=now))


async def end_link(session: AsyncSession, link_id: str, *, actor_id: str, now: datetime) -> None:
    """The link opens nothing any more. *Raises* Conflict when it ended before."""
    mine = (BooksLink.id == link_id) & BooksLink.ended_at.is_(None)
    ended = update(BooksLink).where(mine).values(ended_at=now, ended_by=actor_id)
    if changed_rows(await session.execute(ended.execution_options(synchronize_session=False))) != 1:
        raise Conflict(_("This link has ended already."))
    await _record(session, "books_link.end", link_id, {}, actor_id=actor_id, now=now)


async def list_links(session: AsyncSession, *, limit: int) -> Sequence[BooksLink]:
    """The links, the newest first."""
    return (
        await session.scalars(select(BooksLink).order_by(BooksLink.made_at.desc(), BooksLink.id).limit(limit))
    ).all()


async def _record(
    session: AsyncSession, action: str, link_id: str, detail: dict[str, object], *, actor_id: str, now: datetime
) -> None:
    await record(
        session,
        actor_kind="staff",
        actor_id=actor_id,
        action=action,
        record_kind="books_link",
        record_id=link_id,
        detail=detail,
        now=now,
    )
