"""Whether a plan is held for a dispute, and whether that is decided."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.models import Dispute, DisputeState
from supporters.plans.models import ChangeKind, ChangeState, Instalment, Plan, PlanChange, PlanState

UNDECIDED = frozenset({DisputeState.NEEDS_ANSWER, DisputeState.UNDER_REVIEW})


async def hold_of(session: AsyncSession, plan: Plan) -> PlanChange | None:
    """The change by which the plan is held; None when it is not, or is paused by somebody's own wish."""
    if plan.state != PlanState.PAUSED or plan.paused_until is not None:
        return None
    done = (PlanChange.plan_id == plan.id) & (PlanChange.state == ChangeState.DONE)
    pausing = done & PlanChange.kind.in_([ChangeKind.HOLD, ChangeKind.SKIP, ChangeKind.PAUSE, ChangeKind.GO_ON])
    last = await session.scalar(select(PlanChange).where(pausing).order_by(PlanChange.id.desc()).limit(1))
    return last if last and last.kind == ChangeKind.HOLD else None


async def pause_under(session: AsyncSession, plan: Plan, *, now: datetime) -> Mapping[str, object]:
    """Until when the supporter had paused a plan that is held now, if that is not over: `until`, as GO_ON wants it."""
    hold = await hold_of(session, plan)
    until = hold.was.get("paused_until") if hold else None
    return {"until": until} if until and datetime.fromisoformat(until) > now else {}


async def is_decided(session: AsyncSession, plan: Plan) -> bool:
    """Whether no dispute about a payment of the plan is open."""
    mine = select(Dispute.id).join(Instalment, Instalment.donation_id == Dispute.donation_id)
    wanted = mine.where(Instalment.plan_id == plan.id, Dispute.state.in_(UNDECIDED)).limit(1)
    return await session.scalar(wanted) is None


async def waits_for_bank(session: AsyncSession, plan: Plan) -> bool:
    """Whether the plan is held for a dispute that its supporter's bank has not decided."""
    return await hold_of(session, plan) is not None and not await is_decided(session, plan)
