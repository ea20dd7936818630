"""Everything that is read about discrepancies."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.codes import Code
from supporters.discrepancies.models import Discrepancy, DiscrepancyState


async def list_discrepancies(
    session: AsyncSession,
    *,
    state: DiscrepancyState = DiscrepancyState.OPEN,
    code: Code | None = None,
    limit: int = 50,
    offset: int = 0,
) -> Sequence[Discrepancy]:
    """Open ones with the nearest due date first; resolved ones with the latest first."""
    query = select(Discrepancy).where(Discrepancy.state == state)
    if code is not None:
        query = query.where(Discrepancy.code == code)
    if state is DiscrepancyState.OPEN:
        query = query.order_by(Discrepancy.due_on, Discrepancy.id)
    else:
        query = query.order_by(Discrepancy.resolved_at.desc(), Discrepancy.id)
    return (await session.scalars(query.limit(limit).offset(offset))).all()


async def find_discrepancy(session: AsyncSession, discrepancy_id: str) -> Discrepancy | None:
    """The discrepancy with this id, if there is one."""
    return await session.get(Discrepancy, discrepancy_id)


async def discrepancies_of_donation(session: AsyncSession, donation_id: str) -> Sequence[Discrepancy]:
    """All that were ever opened about this donation, oldest first."""
    query = select(Discrepancy).where(Discrepancy.donation_id == donation_id).order_by(Discrepancy.id)
    return (await session.scalars(query)).all()


async def count_open(session: AsyncSession) -> int:
    """How many wait for a person, for the desk's navigation."""
    query = select(func.count()).select_from(Discrepancy).where(Discrepancy.state == DiscrepancyState.OPEN)
    return await session.scalar(query) or 0


async def count_overdue(session: AsyncSession, *, today: date) -> int:
    """How many should have been explained before `today`."""
    query = (
        select(func.count())
        .select_from(Discrepancy)
        .where(Discrepancy.state == DiscrepancyState.OPEN, Discrepancy.due_on < today)
    )
    return await session.scalar(query) or 0


async def count_open_by_code(session: AsyncSession) -> dict[Code, int]:
    """How many of each kind wait for a person; kinds with none are left out."""
    query = (
        select(Discrepancy.code, func.count())
        .where(Discrepancy.state == DiscrepancyState.OPEN)
        .group_by(Discrepancy.code)
    )
    return {Code(code): count for code, count in await session.execute(query)}
