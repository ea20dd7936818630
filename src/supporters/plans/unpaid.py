"""Which bills of a plan are unpaid, as its history tells: a plan may owe two, where the bank says no for longer than a month.

The plan itself shows the oldest of them; when that is settled, the next one has its place.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.instalments import UNPAID
from supporters.donations.models import Donation, DonationState
from supporters.kit.money import Money
from supporters.plans.models import Instalment, Plan, PlanEvent

FAILED = "failed"
CLOSED = ("given_up", "left_out")


class UnpaidBill(msgspec.Struct, frozen=True):
    """A bill that could not be paid and is still owed, with the first time that it failed."""

    invoice_id: str
    since: datetime
    tries: int
    amount: Money


async def unpaid_bills(session: AsyncSession, plan: Plan) -> list[UnpaidBill]:
    """The bills of the plan that failed and were neither paid nor closed since, the oldest first."""
    return (await unpaid_of(session, [plan])).get(plan.id, [])


async def unpaid_of(session: AsyncSession, plans: Sequence[Plan]) -> dict[str, list[UnpaidBill]]:
    """The same of several plans, by their ids; plans without one are left out."""
    known = {plan.id: plan for plan in plans}
    kinds = PlanEvent.plan_id.in_(known) & PlanEvent.kind.in_((FAILED, *CLOSED))
    query = select(PlanEvent).where(kinds).order_by(PlanEvent.at, PlanEvent.id)
    if not known:
        return {}
    told = (await session.scalars(query)).all()
    failed = [each for each in told if each.kind == FAILED]
    if not failed:
        return {}
    over = {each.cause for each in told if each.kind in CLOSED} | await _paid(session, known)
    bills: dict[str, dict[str, UnpaidBill]] = {}
    for each in failed:
        mine = bills.setdefault(each.plan_id, {})
        bill = _bill(each, known[each.plan_id], mine)
        if bill.invoice_id not in over:
            mine[bill.invoice_id] = bill
    return {plan_id: list(mine.values()) for plan_id, mine in bills.items() if mine}


async def paid_since(session: AsyncSession, plan: Plan, moment: datetime) -> Money | None:
    """What had failed before that moment and was paid since; None where nothing was."""
    events = (PlanEvent.plan_id == plan.id) & (PlanEvent.kind == FAILED) & (PlanEvent.at <= moment)
    failed = {
        str(each.detail.get("bill", each.cause)) for each in await session.scalars(select(PlanEvent).where(events))
    }
    query = (
        select(func.sum(Donation.amount_minor))
        .join(Instalment, Instalment.donation_id == Donation.id)
        .where(Instalment.stripe_invoice_id.in_(failed), Donation.state == DonationState.PAID)
        .where(Donation.paid_at >= moment)
    )
    minor = await session.scalar(query) if failed else None
    return Money(int(minor), plan.currency) if minor else None


def owed_in_all(bills: Sequence[UnpaidBill], plan: Plan) -> Money:
    """What all of them together come to."""
    return Money(sum(bill.amount.minor for bill in bills), plan.currency)


async def _paid(session: AsyncSession, plan_ids: Collection[str]) -> set[str]:
    paid = (
        select(Instalment.stripe_invoice_id)
        .join(Donation, Donation.id == Instalment.donation_id)
        .where(Instalment.plan_id.in_(plan_ids), Donation.state.not_in(UNPAID))
    )
    return set((await session.scalars(paid)).all())


def _bill(told: PlanEvent, plan: Plan, bills: Mapping[str, UnpaidBill]) -> UnpaidBill:
    """The bill as this failure and those before it say; where an older row has no amount, it is the plan's."""
    invoice_id = str(told.detail.get("bill", told.cause))
    known = bills.get(invoice_id)
    amount = Money(int(told.detail.get("amount_minor", plan.amount_minor)), plan.currency)
    tries = max(int(told.detail.get("tries", 1)), known.tries if known else 0)
    return UnpaidBill(invoice_id, known.since if known else told.at, tries, amount)
