"""A stop that was not heard, or money that was taken in spite of one: a person at the desk must see it."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.codes import Code
from supporters.discrepancies.open import open_discrepancy
from supporters.donations.collect import PaidDonation
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.plans.models import ChangeKind, ChangeState, Plan, PlanChange, PlanState
from supporters.plans.not_changed import UNCLEAR
from supporters.plans.possible import STOPPING

TAKES_NO_MORE = STOPPING | {ChangeKind.HOLD}


async def tell_taken_after_stop(
    session: AsyncSession, plan: Plan, paid: PaidDonation, *, paid_at: datetime, ids: Ids, now: datetime
) -> bool:
    """The desk sees that this payment came after the wish to stop, and may return it. False when nobody had asked.

    A wish that could not be carried out counts: it was not taken back.
    The payment that a one-off keeps was asked for. *Idempotent by* the donation.
    """
    heard = PlanChange.state.in_([ChangeState.REQUESTED, ChangeState.DONE])
    goes_on = (PlanChange.kind == ChangeKind.GO_ON) & heard
    wanted = (
        select(PlanChange)
        .where(PlanChange.plan_id == plan.id, PlanChange.created_at <= paid_at)
        .where(PlanChange.kind.in_(STOPPING) | goes_on)
        .order_by(PlanChange.id.desc())
        .limit(1)
    )
    last = await session.scalar(wanted)
    if last is None or last.kind == ChangeKind.GO_ON:
        return False
    if last.kind == ChangeKind.ONE_OFF and paid.id == plan.first_donation_id:
        return False
    await open_discrepancy(
        session,
        code=Code.TAKEN_AFTER_STOP,
        subject=paid.id,
        ids=ids,
        now=now,
        donation_id=paid.id,
        amount=Money(paid.amount_minor, paid.currency),
        detail={"plan": plan.reference, "asked_at": last.created_at.isoformat(), "paid_at": paid_at.isoformat()},
    )
    return True


async def tell_not_made(session: AsyncSession, plan: Plan, change: PlanChange, *, ids: Ids, now: datetime) -> bool:
    """The desk has a task where money would be taken against a wish, or where it is not known what Stripe has done.

    False where nobody need do anything. *Idempotent by* the change.
    """
    is_needed = change.kind in TAKES_NO_MORE and plan.state != PlanState.STOPPED
    if not (is_needed or change.failure in UNCLEAR):
        return False
    await open_discrepancy(
        session,
        code=Code.CHANGE_NOT_MADE,
        subject=change.id,
        ids=ids,
        now=now,
        detail={
            "plan": plan.reference,
            "wanted": change.kind,
            "asked_at": change.created_at.isoformat(),
            "why": change.failure,
        },
    )
    return True
