"""Bills that a bank has been asked to pay and has not answered yet, as the history of their plans tells."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.instalments import UNPAID
from supporters.donations.models import Donation
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.payments.facts import InvoiceSeen
from supporters.plans.dates import answered_by
from supporters.plans.history import note
from supporters.plans.models import Instalment, Plan, PlanEvent
from supporters.plans.start import plan_of
from supporters.plans.unpaid import CLOSED

AT_BANK = "at_bank"
ANSWERED = "answered"


class BillAtBank(msgspec.Struct, frozen=True):
    """One bill, since when its bank is asked, and the day by which banks have answered."""

    invoice_id: str
    amount: Money
    asked_at: datetime
    known_by: datetime


def is_at_bank(bill: InvoiceSeen) -> bool:
    """Whether the bank was asked and has not answered: nobody can call that back."""
    return bill.status == "open" and bill.tries > 0 and not bill.has_failed


async def bill_at_bank(session: AsyncSession, fact: InvoiceSeen, *, ids: Ids, now: datetime) -> None:
    """The history says that the bank is asked for this bill. *Idempotent by* the bill, until its bank has answered."""
    plan = await plan_of(session, fact.subscription_id)
    if plan is None:
        return
    asked = await _asked(session, plan.id, fact.invoice_id)
    if any(ANSWERED not in each.detail for each in asked):
        return
    told = {"bill": fact.invoice_id, "amount_minor": fact.amount_due_minor, "currency": fact.currency}
    told |= {"known_by": answered_by(now, plan.method).isoformat()}
    await note(session, plan.id, AT_BANK, cause=f"{fact.invoice_id}:{len(asked) + 1}", ids=ids, now=now, detail=told)


async def bank_has_answered(session: AsyncSession, plan: Plan, fact: InvoiceSeen) -> None:
    """The bank has said no: the bill is not there any more. A no that is older than the last question changes nothing."""
    for each in await _asked(session, plan.id, fact.invoice_id):
        if fact.occurred_at is None or fact.occurred_at >= each.at:
            each.detail = {**each.detail, ANSWERED: True}
    await session.flush()


async def bills_at_bank(session: AsyncSession, plan_ids: Collection[str]) -> dict[str, list[BillAtBank]]:
    """The bills of each plan that are at a bank, the oldest first; plans without one are left out."""
    kinds = PlanEvent.kind.in_((AT_BANK, *CLOSED))
    wanted = select(PlanEvent).where(PlanEvent.plan_id.in_(plan_ids), kinds).order_by(PlanEvent.at, PlanEvent.id)
    if not plan_ids:
        return {}
    told = (await session.scalars(wanted)).all()
    asked = [each for each in told if each.kind == AT_BANK and ANSWERED not in each.detail]
    if not asked:
        return {}
    over = {each.cause for each in told if each.kind in CLOSED}
    over |= await _paid(session, [str(each.detail["bill"]) for each in asked])
    found: dict[str, list[BillAtBank]] = defaultdict(list)
    for each in asked:
        bill = str(each.detail["bill"])
        if bill not in over:
            amount = Money(int(each.detail["amount_minor"]), str(each.detail["currency"]))
            known_by = datetime.fromisoformat(str(each.detail["known_by"]))
            found[each.plan_id].append(BillAtBank(bill, amount, each.at, known_by))
    return dict(found)


async def _asked(session: AsyncSession, plan_id: str, invoice_id: str) -> list[PlanEvent]:
    mine = (PlanEvent.plan_id == plan_id) & (PlanEvent.kind == AT_BANK)
    wanted = select(PlanEvent).where(mine, PlanEvent.cause.startswith(f"{invoice_id}:", autoescape=True))
    return list((await session.scalars(wanted.execution_options(populate_existing=True))).all())


async def _paid(session: AsyncSession, bills: Collection[str]) -> set[str]:
    paid = (
        select(Instalment.stripe_invoice_id)
        .join(Donation, Donation.id == Instalment.donation_id)
        .where(Instalment.stripe_invoice_id.in_(bills), Donation.state.not_in(UNPAID))
    )
    return set((await session.scalars(paid)).all())
