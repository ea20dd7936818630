"""Money that was taken although somebody had asked to stop: a person at the desk must see it."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.codes import Code
from supporters.discrepancies.open import open_discrepancy
from supporters.donations.collect import PaidDonation
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.plans.models import ChangeKind, ChangeState, Plan, PlanChange
from supporters.plans.possible import STOPPING


async def tell_taken_after_stop(
    session: AsyncSession, plan: Plan, paid: PaidDonation, *, paid_at: datetime, ids: Ids, now: datetime
) -> bool:
    """The desk sees that this payment came after the wish to stop, and may return it. False when nobody had asked.

    The payment that a one-off keeps was asked for. *Idempotent by* the donation.
    """
    kinds = [str(kind) for kind in (*STOPPING, ChangeKind.GO_ON)]
    wanted = (
        select(PlanChange)
        .where(PlanChange.plan_id == plan.id, PlanChange.kind.in_(kinds), PlanChange.created_at <= paid_at)
        .where(PlanChange.state.in_([ChangeState.REQUESTED, ChangeState.DONE]))
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
