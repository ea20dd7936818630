"""Everything that is read about discrepancies."""

from collections.abc import Sequence
from datetime import date, datetime

import msgspec
from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.codes import Code
from supporters.discrepancies.models import Comment, Discrepancy, DiscrepancyState, Mention
from supporters.discrepancies.rules import QUIET

_QUIET_CODES = [code.value for code in QUIET]
NOBODY = "nobody"


class DiscrepancyFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which ones are asked for. `is_quiet`: those for information, those that somebody must explain, or None for both."""

    state: DiscrepancyState = DiscrepancyState.OPEN
    is_quiet: bool | None = None
    code: Code | None = None
    owner_id: str | None = None  # a colleague, or NOBODY
    concerns: str | None = None  # a colleague who looks after it, or whom a comment names
    asks_other_than: str | None = None  # those that wait for a second person who is not this one
    opened_between: tuple[datetime, datetime] | None = None  # both moments included


async def list_discrepancies(
    session: AsyncSession,
    *,
    state: DiscrepancyState = DiscrepancyState.OPEN,
    code: Code | None = None,
    asked: DiscrepancyFilter | None = None,
    by_kind: bool = False,
    limit: int = 50,
    offset: int = 0,
) -> Sequence[Discrepancy]:
    """Open ones with the nearest due date first, closed ones with the latest first. `asked` says it all where given.

    `by_kind`: those of one kind together, and among them in that order.
    """
    wanted = asked or DiscrepancyFilter(state=state, code=code)
    query = select(Discrepancy).where(*_conditions(wanted))
    if by_kind:
        query = query.order_by(Discrepancy.code)
    if wanted.state is DiscrepancyState.OPEN:
        query = query.order_by(Discrepancy.due_on, Discrepancy.id)
    else:
        query = query.order_by(Discrepancy.resolved_at.desc(), Discrepancy.id)
    return (await session.scalars(query.limit(limit).offset(offset))).all()


async def count_discrepancies(session: AsyncSession, asked: DiscrepancyFilter) -> int:
    """How many there are of those."""
    return await session.scalar(select(func.count()).select_from(Discrepancy).where(*_conditions(asked))) or 0


async def find_discrepancy(session: AsyncSession, discrepancy_id: str) -> Discrepancy | None:
    """The discrepancy with this id, if there is one."""
    return await session.get(Discrepancy, discrepancy_id)


async def discrepancies_of_donation(session: AsyncSession, donation_id: str) -> Sequence[Discrepancy]:
    """All that were ever opened about this donation, oldest first."""
    query = select(Discrepancy).where(Discrepancy.donation_id == donation_id).order_by(Discrepancy.id)
    return (await session.scalars(query)).all()


async def comments_on(session: AsyncSession, discrepancy_id: str) -> Sequence[Comment]:
    """What colleagues wrote about it, oldest first."""
    query = select(Comment).where(Comment.discrepancy_id == discrepancy_id).order_by(Comment.written_at, Comment.id)
    return (await session.scalars(query)).all()


async def mentions_on(session: AsyncSession, discrepancy_id: str) -> dict[str, list[str]]:
    """The colleagues whom each comment names, by the comment's id."""
    found: dict[str, list[str]] = {}
    query = select(Mention.comment_id, Mention.staff_id).where(Mention.discrepancy_id == discrepancy_id)
    for row in await session.execute(query.order_by(Mention.staff_id)):
        found.setdefault(row.comment_id, []).append(row.staff_id)
    return found


async def named_in(session: AsyncSession, staff_id: str, discrepancy_ids: Sequence[str]) -> frozenset[str]:
    """Those of these discrepancies on which a comment names the colleague."""
    query = select(Mention.discrepancy_id).where(
        Mention.staff_id == staff_id, Mention.discrepancy_id.in_(discrepancy_ids)
    )
    return frozenset(await session.scalars(query))


async def count_open(session: AsyncSession) -> int:
    """How many wait for a person, for the desk's navigation. Those for information wait for nobody."""
    return await count_discrepancies(session, DiscrepancyFilter(is_quiet=False))


async def count_overdue(session: AsyncSession, *, today: date) -> int:
    """How many should have been explained before `today`."""
    query = select(func.count()).where(*_conditions(DiscrepancyFilter(is_quiet=False)), Discrepancy.due_on < today)
    return await session.scalar(query) or 0


async def count_open_by_code(session: AsyncSession) -> dict[Code, int]:
    """How many of each kind are open; kinds with none are left out."""
    query = (
        select(Discrepancy.code, func.count())
        .where(Discrepancy.state == DiscrepancyState.OPEN)
        .group_by(Discrepancy.code)
    )
    return {Code(code): count for code, count in await session.execute(query)}


async def opened_since(session: AsyncSession) -> datetime | None:
    """When the oldest that still waits for a person was opened."""
    query = select(func.min(Discrepancy.opened_at)).where(*_conditions(DiscrepancyFilter(is_quiet=False)))
    return await session.scalar(query)


def _conditions(asked: DiscrepancyFilter) -> list[ColumnElement[bool]]:
    d = Discrepancy
    found: list[ColumnElement[bool]] = [d.state == asked.state]
    if asked.is_quiet is not None:
        found.append(d.code.in_(_QUIET_CODES) if asked.is_quiet else d.code.not_in(_QUIET_CODES))
    if asked.code is not None:
        found.append(d.code == asked.code.value)
    if asked.owner_id == NOBODY:
        found.append(d.owner_id.is_(None))
    elif asked.owner_id is not None:
        found.append(d.owner_id == asked.owner_id)
    if asked.concerns is not None:
        named = exists().where(Mention.staff_id == asked.concerns, Mention.discrepancy_id == d.id)
        found.append(or_(d.owner_id == asked.concerns, named))
    if asked.asks_other_than is not None:
        found.append(d.asked_by.is_not(None) & (d.asked_by != asked.asks_other_than))
    if asked.opened_between is not None:
        found.append(d.opened_at.between(*asked.opened_between))
    return found
