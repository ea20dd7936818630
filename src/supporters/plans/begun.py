"""What a donation has begun: its plan as the thank-you page shows it, and whether it may still be undone."""

from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.models import Frequency
from supporters.kit.money import Money
from supporters.plans.first import FIRST_MINOR, FirstPayment, day_of, first_payment
from supporters.plans.models import ChangeKind, ChangeState, Plan, PlanChange, PlanState
from supporters.plans.possible import UNDO_FOR, FirstDay


class BegunView(msgspec.Struct, frozen=True, kw_only=True):
    """The plan, and how far undoing it has come, if that was asked for."""

    plan_id: str
    supporter_id: str
    first_donation_id: str
    amount: Money
    frequency: Frequency
    state: PlanState
    started_at: datetime
    next_at: datetime | None
    stops_at: datetime | None
    undoing: ChangeKind | None
    undone: ChangeState | None
    undone_at: datetime | None
    first: FirstDay
    sum_back: Money  # what undoing returned, or would return now

    def is_fresh(self, now: datetime) -> bool:
        """Whether its first day is not over."""
        return now - self.started_at < UNDO_FOR

    def may_undo(self, now: datetime) -> bool:
        """Whether it can be undone as a whole at this moment: for a day after the first payment arrived."""
        is_fresh = now - (self.first.paid_at or self.started_at) < UNDO_FOR
        return is_fresh and self.state is PlanState.ACTIVE and self.undone is not ChangeState.REQUESTED

    def may_make_one_off(self, now: datetime) -> bool:
        """Whether it can be made a one-off at this moment: for as long, and while the first payment is at the bank."""
        is_waiting = self.state is PlanState.STARTING and self.undone is not ChangeState.REQUESTED
        return is_waiting or self.may_undo(now)


async def begun_by(session: AsyncSession, donation_id: str) -> BegunView | None:
    """The plan whose first payment is this donation; None where there is none (yet)."""
    plan = await session.scalar(select(Plan).where(Plan.first_donation_id == donation_id))
    if plan is None:
        return None
    payment = await first_payment(session, plan)
    undo = (PlanChange.plan_id == plan.id) & PlanChange.kind.in_([ChangeKind.ONE_OFF, ChangeKind.UNDO])
    change = await session.scalar(select(PlanChange).where(undo).order_by(PlanChange.id.desc()).limit(1))
    return BegunView(
        plan_id=plan.id,
        supporter_id=plan.supporter_id,
        first_donation_id=donation_id,
        amount=Money(plan.amount_minor, plan.currency),
        frequency=Frequency(plan.frequency),
        state=PlanState(plan.state),
        started_at=plan.started_at,
        next_at=plan.next_at,
        stops_at=plan.stops_at,
        undoing=ChangeKind(change.kind) if change else None,
        undone=ChangeState(change.state) if change else None,
        undone_at=change.done_at if change else None,
        first=day_of(payment),
        sum_back=_sum_back(plan, change, payment),
    )


def _sum_back(plan: Plan, change: PlanChange | None, first: FirstPayment | None) -> Money:
    if change and change.kind == ChangeKind.UNDO and FIRST_MINOR in change.wanted:
        return Money(int(change.wanted[FIRST_MINOR]), plan.currency)
    return first.left if first else Money(0, plan.currency)
