"""Of all that is wanted of a plan one thing is done at a time; a stop waits for nothing that Stripe has not heard of."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.jobs.queue import is_at_work
from supporters.kit.ids import Ids
from supporters.plans.history import note
from supporters.plans.models import Actor, ChangeKind, ChangeState, PlanChange
from supporters.plans.possible import STOPPING

CHANGE = "plans.change"
GAVE_WAY = "stop_came"
NOTED = {
    ChangeKind.AMOUNT: "changed_amount",
    ChangeKind.DATE: "changed_date",
    ChangeKind.SKIP: "skipped",
    ChangeKind.PAUSE: "paused",
    ChangeKind.HOLD: "held",
    ChangeKind.GO_ON: "went_on",
    ChangeKind.METHOD: "changed_method",
    ChangeKind.STOP: "asked_to_stop",
    ChangeKind.ONE_OFF: "made_one_off",
    ChangeKind.UNDO: "undone",
    ChangeKind.TRY_NOW: "tried_again",
}


def is_in_the_way(open_kind: str | None, kind: ChangeKind) -> bool:
    """Whether what is being done just now keeps this from being asked for: a stop is kept back by another stop only."""
    return open_kind is not None and (kind not in STOPPING or open_kind in STOPPING)


def is_open() -> ColumnElement[bool]:
    """A change that is being made, or a stop that waits for its turn."""
    stop_waits = and_(PlanChange.state == ChangeState.WAITING, PlanChange.kind.in_(STOPPING))
    return or_(PlanChange.state == ChangeState.REQUESTED, stop_waits)


async def has_open_change(session: AsyncSession, plan_id: str, kind: ChangeKind | None = None) -> bool:
    """Whether a change of the plan is open just now; with `kind`, whether one is that is in the way of such a one."""
    wanted = select(PlanChange.id).where(PlanChange.plan_id == plan_id, is_open())
    if kind in STOPPING:
        wanted = wanted.where(PlanChange.kind.in_(STOPPING))
    return await session.scalar(wanted.limit(1)) is not None


async def make_way(session: AsyncSession, plan_id: str, *, ids: Ids, now: datetime) -> bool:
    """For a stop: what Stripe has not been asked for is not done any more. False where something was asked for already.

    What nobody works at any more makes way too. The caller holds the plan.
    """
    wanted = select(PlanChange).where(PlanChange.plan_id == plan_id, PlanChange.state == ChangeState.REQUESTED)
    change = await session.scalar(wanted.with_for_update().execution_options(populate_existing=True))
    if change is None:
        return True
    if change.called_at is not None and await is_at_work(session, CHANGE, change.id):
        return False
    change.state, change.failure, change.done_at = ChangeState.FAILED, GAVE_WAY, now
    await session.flush()
    await note(
        session,
        plan_id,
        f"not_{NOTED[ChangeKind(change.kind)]}",
        cause=change.id,
        ids=ids,
        now=now,
        actor=Actor(change.actor),
        actor_id=change.actor_id,
        detail={"was": change.was, "wanted": change.wanted, "failure": GAVE_WAY},
    )
    return True
