"""The first payment of a plan: what undoing the plan on its first day is about."""

from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.codes import Code
from supporters.discrepancies.open import open_discrepancy
from supporters.donations.models import Donation, DonationState, RefundReason
from supporters.donations.reverse import refundable, request_refund
from supporters.kit.errors import Conflict
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.plans.at_bank import bills_at_bank
from supporters.plans.models import ChangeKind, Instalment, Plan, PlanChange, PlanEvent
from supporters.plans.possible import FirstDay
from supporters.plans.unpaid import CLOSED, FAILED

FIRST_MINOR = "first_minor"
UNDOING = frozenset({ChangeKind.ONE_OFF, ChangeKind.UNDO})


class FirstPayment(msgspec.Struct, frozen=True):
    """The first payment as it is now. `paid_at` is None until it has arrived; `left` is what may still be returned."""

    donation_id: str
    invoice_id: str
    state: str
    paid_at: datetime | None
    left: Money


async def first_payment(session: AsyncSession, plan: Plan) -> FirstPayment | None:
    """The payment that began the plan; None where what was given first was given once, before the plan."""
    wanted = (
        select(Donation.state, Donation.paid_at, Instalment.stripe_invoice_id)
        .join(Instalment, Instalment.donation_id == Donation.id)
        .where(Donation.id == plan.first_donation_id, Instalment.plan_id == plan.id)
    )
    found = (await session.execute(wanted)).one_or_none()
    if found is None:
        return None
    state, paid_at, invoice_id = found
    is_paid = state == DonationState.PAID
    left = await refundable(session, plan.first_donation_id) if is_paid else Money(0, plan.currency)
    return FirstPayment(plan.first_donation_id, invoice_id, state, paid_at if is_paid else None, left)


async def first_day(session: AsyncSession, plan: Plan) -> FirstDay:
    """From when the day runs on which the plan can be undone, if it began with a payment of its own."""
    return day_of(await first_payment(session, plan))


def day_of(first: FirstPayment | None) -> FirstDay:
    """The same, where the payment is known."""
    return FirstDay(first is not None, first.paid_at if first else None)


async def first_is_at_bank(session: AsyncSession, plan: Plan) -> bool:
    """Whether a bank is asked for the first payment and has not answered, also where only its page has said so."""
    first = await first_payment(session, plan)
    if first is None or first.state != DonationState.PROCESSING:
        return False
    asked = (await bills_at_bank(session, [plan.id])).get(plan.id, [])
    if any(bill.invoice_id == first.invoice_id for bill in asked):
        return True
    of_bill = PlanEvent.cause.startswith(first.invoice_id, autoescape=True) & PlanEvent.kind.in_((FAILED, *CLOSED))
    answered = select(PlanEvent.id).where(PlanEvent.plan_id == plan.id, of_bill).limit(1)
    return await session.scalar(answered) is None


async def settle_first(session: AsyncSession, plan: Plan, change: PlanChange, *, ids: Ids, now: datetime) -> None:
    """The change says which sum of the first payment it keeps or returns; to undo sends that sum back, once.

    Where it cannot be sent, a person has a task. *Writes* change, refund with its job, or discrepancy.
    """
    await session.execute(select(Donation.id).where(Donation.id == plan.first_donation_id).with_for_update())
    first = await first_payment(session, plan)  # as it is now, and until the end: another refund of it waits
    if first is None:
        return
    change.wanted = {**change.wanted, FIRST_MINOR: first.left.minor}
    await session.flush()
    if change.kind != ChangeKind.UNDO or first.left.minor <= 0:
        return
    try:
        await request_refund(
            session,
            first.donation_id,
            amount=first.left,
            reason=RefundReason.SUPPORTER_ASKED,
            note_text=None,
            actor_id=change.actor_id or plan.supporter_id,
            ids=ids,
            now=now,
            actor_kind=change.actor,
        )
    except Conflict as conflict:
        await open_discrepancy(
            session,
            code=Code.REFUND_NOT_MADE,
            subject=change.id,
            ids=ids,
            now=now,
            donation_id=first.donation_id,
            amount=first.left,
            detail={"plan": plan.reference, "failure_reason": conflict.message},
        )
