"""Which bills of a plan are unpaid, as its history tells: a plan may owe two, where the bank says no for longer than a month.

The plan itself shows the oldest of them; when that is settled, the next one has its place.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.instalments import UNPAID
from supporters.donations.models import Donation
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
    kinds = (PlanEvent.plan_id == plan.id) & PlanEvent.kind.in_((FAILED, *CLOSED))
    told = (await session.scalars(select(PlanEvent).where(kinds).order_by(PlanEvent.at, PlanEvent.id))).all()
    failed = [each for each in told if each.kind == FAILED]
    if not failed:
        return []
    over = {each.cause for each in told if each.kind in CLOSED} | await _paid(session, plan.id)
    bills: dict[str, UnpaidBill] = {}
    for each in failed:
        bill = _bill(each, plan, bills)
        if bill.invoice_id not in over:
            bills[bill.invoice_id] = bill
    return list(bills.values())


def owed_in_all(bills: Sequence[UnpaidBill], plan: Plan) -> Money:
    """What all of them together come to."""
    return Money(sum(bill.amount.minor for bill in bills), plan.currency)


async def _paid(session: AsyncSession, plan_id: str) -> set[str]:
    paid = (
        select(Instalment.stripe_invoice_id)
        .join(Donation, Donation.id == Instalment.donation_id)
        .where(Instalment.plan_id == plan_id, Donation.state.not_in(UNPAID))
    )
    return set((await session.scalars(paid)).all())


def _bill(told: PlanEvent, plan: Plan, bills: Mapping[str, UnpaidBill]) -> UnpaidBill:
    """The bill as this failure and those before it say; where an older row has no amount, it is the plan's."""
    invoice_id = str(told.detail.get("bill", told.cause))
    known = bills.get(invoice_id)
    amount = Money(int(told.detail.get("amount_minor", plan.amount_minor)), plan.currency)
    tries = max(int(told.detail.get("tries", 1)), known.tries if known else 0)
    return UnpaidBill(invoice_id, known.since if known else told.at, tries, amount)
