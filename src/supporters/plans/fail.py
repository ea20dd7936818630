"""A bill that could not be paid: what is known of it, the look-up that learns the rest, and its end."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.instalments import give_up_first
from supporters.kit.ids import Ids
from supporters.payments.facts import InvoiceSeen
from supporters.plans import letters
from supporters.plans.at_bank import bank_has_answered
from supporters.plans.history import note
from supporters.plans.looks import ask_for_look
from supporters.plans.models import Plan, PlanState
from supporters.plans.renew import settle_failure
from supporters.plans.start import plan_of
from supporters.plans.unpaid import CLOSED, FAILED, unpaid_bills
from supporters.settings import Settings


async def invoice_failed(
    session: AsyncSession, fact: InvoiceSeen, *, ids: Ids, now: datetime, settings: Settings
) -> None:
    """The plan says that this bill is unpaid and when it is tried again; the supporter hears why once that is known.

    Events do not carry the reason: a look at Stripe is asked for, and the letter goes out with what it finds.
    *Idempotent by* the bill and its number of tries. News of an earlier try, or of a bill that was paid or closed
    meanwhile, is in the history and changes nothing else. Of two unpaid bills the plan shows the older.
    """
    plan = await plan_of(session, fact.subscription_id)
    if plan is None:
        return
    await _note_failure(session, plan, fact, ids=ids, now=now)
    await bank_has_answered(session, plan, fact)
    unpaid = [bill.invoice_id for bill in await unpaid_bills(session, plan)]
    if plan.state == PlanState.STOPPED:  # with a debit at the bank, whose answer this is
        await give_up_first(session, plan.first_donation_id, cause=fact.invoice_id, ids=ids, now=now)
        return
    if fact.invoice_id not in unpaid:
        return
    is_oldest = unpaid[0] == fact.invoice_id
    if is_oldest:
        if plan.failed_invoice_id == fact.invoice_id and fact.occurred_at and plan.failed_at:
            plan.failed_at = min(plan.failed_at, fact.occurred_at)
        if _is_older(plan, fact):
            return
        _say_failed(plan, fact, now)
    elif plan.state == PlanState.ACTIVE:
        plan.state = PlanState.FAILING
    await session.flush()
    if plan.state == PlanState.STARTING and fact.next_try_at is None and not fact.needs_action:
        await give_up_first(session, plan.first_donation_id, cause=fact.invoice_id, ids=ids, now=now)
    if fact.occurred_at is None:
        await letters.tell_failed(session, plan, fact, ids=ids, now=now, settings=settings)
    else:
        await ask_for_look(session, plan.id, ids=ids, now=now)


async def invoice_closed(session: AsyncSession, fact: InvoiceSeen, *, ids: Ids, now: datetime) -> None:
    """The bill is not owed any more: nothing of it is failing. One of nothing, or that a pause left out, is no loss."""
    plan = await plan_of(session, fact.subscription_id)
    if plan is None:
        return
    kind = CLOSED[0] if fact.tries else CLOSED[1]
    told = {"amount_minor": fact.amount_due_minor, "currency": fact.currency}
    at = fact.occurred_at or now
    await note(session, plan.id, kind, cause=fact.invoice_id, ids=ids, now=at, detail=told)
    await settle_failure(session, plan, fact.invoice_id, ids=ids, now=now)
    if plan.state == PlanState.STOPPED:
        await give_up_first(session, plan.first_donation_id, cause=fact.invoice_id, ids=ids, now=now)


async def _note_failure(session: AsyncSession, plan: Plan, fact: InvoiceSeen, *, ids: Ids, now: datetime) -> None:
    told = {"tries": fact.tries, "bill": fact.invoice_id}
    told |= {"amount_minor": fact.amount_due_minor, "currency": fact.currency}
    cause, at = f"{fact.invoice_id}:{fact.tries}", fact.occurred_at or now
    await note(session, plan.id, FAILED, cause=cause, ids=ids, now=at, detail=told)


def _is_older(plan: Plan, fact: InvoiceSeen) -> bool:
    """A look-up knows more than any event of the same try."""
    if plan.failed_invoice_id != fact.invoice_id:
        return False
    return plan.tries > fact.tries or (plan.tries == fact.tries and plan.failure_code is not None and _is_event(fact))


def _is_event(fact: InvoiceSeen) -> bool:
    return fact.occurred_at is not None


def _say_failed(plan: Plan, fact: InvoiceSeen, now: datetime) -> None:
    is_same = plan.failed_invoice_id == fact.invoice_id
    is_same_try = is_same and plan.tries == fact.tries and _is_event(fact)
    if plan.state == PlanState.ACTIVE:  # what is held stays held: the subscription itself says when it goes on
        plan.state = PlanState.FAILING
    plan.failed_at = plan.failed_at if is_same and plan.failed_at else (fact.occurred_at or now)
    plan.failed_invoice_id = fact.invoice_id
    plan.failure_code = fact.failure_code or (None if _is_event(fact) else "declined")
    plan.next_try_at = fact.next_try_at
    plan.tries = fact.tries
    plan.needs_action = fact.needs_action or (is_same_try and plan.needs_action)
    plan.action_url = fact.page_url
    plan.updated_at = now
