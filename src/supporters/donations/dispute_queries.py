"""Everything that is read about disputes."""

from collections.abc import Sequence

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.lifecycle import DISPUTE_ENDS
from supporters.donations.models import Dispute, DisputeState

ANSWERABLE = (DisputeState.INQUIRY, DisputeState.NEEDS_ANSWER)


async def find_dispute(session: AsyncSession, dispute_id: str) -> Dispute | None:
    """The dispute with this id, if there is one."""
    return await session.get(Dispute, dispute_id)


async def list_disputes(session: AsyncSession, *, is_over: bool, limit: int) -> Sequence[Dispute]:
    """Those that are not over, what can be answered first and by the bank's day; or those that are, the latest first."""
    ended = Dispute.state.in_(DISPUTE_ENDS)
    if is_over:
        wanted = select(Dispute).where(ended).order_by(Dispute.closed_at.desc(), Dispute.id)
    else:
        waits = case((Dispute.state.in_(ANSWERABLE), 0), else_=1)
        by_day = (waits, Dispute.due_at.asc().nulls_last(), Dispute.id)
        wanted = select(Dispute).where(~ended).order_by(*by_day)
    return (await session.scalars(wanted.limit(limit))).all()


async def disputes_of_donation(session: AsyncSession, donation_id: str) -> Sequence[Dispute]:
    """All disputes of this donation, oldest first."""
    wanted = select(Dispute).where(Dispute.donation_id == donation_id).order_by(Dispute.id)
    return (await session.scalars(wanted)).all()


async def count_open_disputes(session: AsyncSession) -> int:
    """How many disputes are not over."""
    wanted = select(func.count()).select_from(Dispute).where(Dispute.state.not_in(DISPUTE_ENDS))
    return await session.scalar(wanted) or 0
