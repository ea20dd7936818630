"""A paid bill becomes a donation, once; what paid it is tied to that donation."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations import instalments
from supporters.donations.collect import PaidDonation
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.payments.facts import InvoicePaidBy, InvoiceSeen
from supporters.plans import letters
from supporters.plans.after_stop import tell_taken_after_stop
from supporters.plans.history import note
from supporters.plans.looks import ask_for_look
from supporters.plans.models import Instalment, Method, Plan, PlanState, ReceiptWish
from supporters.plans.start import add_instalment, plan_of
from supporters.plans.unpaid import unpaid_bills
from supporters.plans.wishes import wish_at
from supporters.settings import Settings


class Renewed(NamedTuple):
    """A payment of a plan that has just been taken, and whether its supporter wanted a receipt each time."""

    paid: PaidDonation
    wants_receipt: bool


async def invoice_paid(
    session: AsyncSession, fact: InvoiceSeen, *, ids: Ids, now: datetime, settings: Settings
) -> Renewed | None:
    """The paid bill is a donation of the plan and nothing of it is failing any more. None when it was so before.

    Bills of nothing (a date was moved) are no donations. *Idempotent by* the bill. *Writes* donation, instalment, plan,
    history. The caller issues the receipt.
    """
    plan = await plan_of(session, fact.subscription_id)
    if plan is None or fact.amount_paid_minor <= 0:
        return None
    paid_at = fact.paid_at or fact.occurred_at or now
    known = await session.scalar(select(Instalment.donation_id).where(Instalment.stripe_invoice_id == fact.invoice_id))
    if known:
        whose, bill = plan.supporter_id, fact.invoice_id
        paid = await instalments.pay_first(
            session, known, supporter_id=whose, bill_id=bill, paid_at=paid_at, ids=ids, now=now
        )
    else:
        paid = await instalments.add_paid(session, await _payment(session, plan, fact, paid_at), ids=ids, now=now)
        await add_instalment(
            session,
            plan.id,
            paid.id,
            fact.invoice_id,
            now=now,
            period_start=fact.period_start,
            period_end=fact.period_end,
        )
        told = {"donation": paid.id, "amount_minor": paid.amount_minor, "currency": paid.currency}
        await note(session, plan.id, "renewed", cause=fact.invoice_id, ids=ids, now=paid_at, detail=told)
    if known:
        await know_period(session, fact)
    was_starting = plan.state == PlanState.STARTING
    await _mend(session, plan, fact, ids=ids, now=now)
    if was_starting and plan.next_at:
        await letters.tell_begun(session, plan, ids=ids, now=now, settings=settings)
    taken = paid or await _paid_first(session, plan, known)
    if taken:
        await tell_taken_after_stop(session, plan, taken, paid_at=paid_at, ids=ids, now=now)
    return Renewed(paid, await wish_at(session, plan, paid_at) == ReceiptWish.EACH) if paid else None


async def _paid_first(session: AsyncSession, plan: Plan, donation_id: str | None) -> PaidDonation | None:
    """The first payment, which its page may have told of before its bill did."""
    if donation_id is None or donation_id != plan.first_donation_id:
        return None
    return await instalments.paid_donation(session, donation_id)


async def know_period(session: AsyncSession, fact: InvoiceSeen) -> None:
    """The payment of this bill says for which stretch of time it is; the page that began a plan did not."""
    mine = (Instalment.stripe_invoice_id == fact.invoice_id) & Instalment.period_end.is_(None)
    values = {"period_start": fact.period_start, "period_end": fact.period_end}
    await session.execute(update(Instalment).where(mine).values(**values), execution_options=instalments.EXECUTION)


async def attach_payment(session: AsyncSession, fact: InvoicePaidBy, *, now: datetime) -> str | None:
    """The donation of the bill knows its payment; returns the donation's id, None where the bill has no donation."""
    wanted = select(Instalment.donation_id).where(Instalment.stripe_invoice_id == fact.invoice_id)
    donation_id = await session.scalar(wanted)
    if donation_id:
        await instalments.tie_donation(session, donation_id, fact.payment_intent_id, now=now)
    return donation_id


def forget_failure(plan: Plan) -> None:
    """Nothing of the plan is unpaid any more; what was, its history tells."""
    plan.failed_invoice_id = plan.failure_code = plan.failed_at = plan.next_try_at = plan.action_url = None
    plan.tries, plan.needs_action = 0, False


async def settle_failure(session: AsyncSession, plan: Plan, invoice_id: str, *, ids: Ids, now: datetime) -> None:
    """Nothing of this bill, which is paid or closed, is failing. If the plan showed it, it shows the next one that is owed.

    What is known of that one is asked for.
    """
    if plan.failed_invoice_id != invoice_id:
        return
    forget_failure(plan)
    plan.updated_at = now
    left = await unpaid_bills(session, plan)
    if left:
        plan.failed_invoice_id, plan.failed_at, plan.tries = left[0].invoice_id, left[0].since, left[0].tries
        await ask_for_look(session, plan.id, ids=ids, now=now)
    await session.flush()


async def _mend(session: AsyncSession, plan: Plan, fact: InvoiceSeen, *, ids: Ids, now: datetime) -> None:
    """What was failing is paid. Of two bills, one that is paid mends only its own failure."""
    if plan.state == PlanState.STARTING:
        plan.state = PlanState.ACTIVE
    await settle_failure(session, plan, fact.invoice_id, ids=ids, now=now)
    if plan.failed_invoice_id is None and plan.state == PlanState.FAILING:
        plan.state = PlanState.ACTIVE
    plan.updated_at = now
    await session.flush()


async def _payment(session: AsyncSession, plan: Plan, fact: InvoiceSeen, paid_at: datetime) -> instalments.Payment:
    email, name = await letters.address_of(session, plan.supporter_id)
    return instalments.Payment(
        supporter_id=plan.supporter_id,
        email=email,
        name=name,
        amount=Money(fact.amount_paid_minor, fact.currency),
        frequency=plan.frequency,
        fund_id=plan.fund_id,
        appeal_id=plan.appeal_id,
        attribution_id=plan.attribution_id,
        locale=plan.locale,
        livemode=plan.livemode,
        paid_at=paid_at,
        bill_id=fact.invoice_id,
        card_brand=plan.method_brand,
        card_last4=plan.method_last4 if plan.method == Method.CARD else None,
    )
