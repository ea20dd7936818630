"""After a dispute was won: the plan stays held until its supporter lets it go on, and ends where they say nothing.

Somebody who has questioned a payment is not charged again because a bank has decided against them. They are asked by letter,
once for each decision; staff may let it go on at their word.
"""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.models import Dispute
from supporters.kit.errors import Conflict
from supporters.kit.ids import Ids
from supporters.plans import letters
from supporters.plans.change import request_change
from supporters.plans.held import hold_of, is_decided
from supporters.plans.history import note
from supporters.plans.models import (
    UNANSWERED,
    Actor,
    ChangeKind,
    Instalment,
    Plan,
    PlanChange,
    PlanEvent,
    PlanState,
)
from supporters.settings import Settings

ASKED = "may_go_on"
ANSWER_WITHIN = timedelta(days=60)
PORTION = 200


async def ask_supporter(
    session: AsyncSession, plan: Plan, hold: PlanChange, *, ids: Ids, now: datetime, settings: Settings
) -> bool:
    """Their letter asks whether the plan goes on, and says when it ends without a word. *Idempotent by* what was decided."""
    mine = select(func.count()).select_from(Dispute).join(Instalment, Instalment.donation_id == Dispute.donation_id)
    cause = f"{hold.id}:{await session.scalar(mine.where(Instalment.plan_id == plan.id))}"
    if not await note(session, plan.id, ASKED, cause=cause, ids=ids, now=now, actor=Actor.HOUSE):
        return False
    ends_on = now + ANSWER_WITHIN
    await letters.tell_may_go_on(session, plan, ends_on, once=cause, ids=ids, now=now, settings=settings)
    return True


async def answer_by(session: AsyncSession, plan: Plan) -> datetime | None:
    """When the plan ends if nobody lets it go on; None when it is not held, or its supporter was not asked."""
    hold = await hold_of(session, plan)
    if hold is None or plan.stops_at or not await is_decided(session, plan):
        return None
    asked = (PlanEvent.plan_id == plan.id) & (PlanEvent.kind == ASKED) & (PlanEvent.at >= hold.created_at)
    asked_at = await session.scalar(select(PlanEvent.at).where(asked).order_by(PlanEvent.at.desc()).limit(1))
    return asked_at + ANSWER_WITHIN if asked_at else None


async def end_unanswered(session: AsyncSession, *, ids: Ids, now: datetime) -> int:
    """Plans that nobody let go on in time are asked to stop, which their letters say; returns how many."""
    is_held = (Plan.state == PlanState.PAUSED) & Plan.paused_until.is_(None) & Plan.stops_at.is_(None)
    long_ago = (PlanEvent.kind == ASKED) & (PlanEvent.at <= now - ANSWER_WITHIN)
    asked = select(PlanEvent.plan_id).where(long_ago)
    ended = 0
    for plan in (await session.scalars(select(Plan).where(is_held, Plan.id.in_(asked)).limit(PORTION))).all():
        until = await answer_by(session, plan)
        if until and until <= now:
            ended += await _stop(session, plan.id, ids=ids, now=now)
    return ended


async def _stop(session: AsyncSession, plan_id: str, *, ids: Ids, now: datetime) -> bool:
    wanted = {UNANSWERED: True}
    try:
        await request_change(
            session,
            plan_id,
            kind=ChangeKind.STOP,
            wanted=wanted,
            actor=Actor.HOUSE,
            actor_id=None,
            ids=ids,
            now=now,
        )
    except Conflict:  # a change is being made at this moment: the next round looks again
        return False
    return True
