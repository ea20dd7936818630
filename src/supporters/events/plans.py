"""The part of the books that knows subscriptions, bills, and how supporters pay.

A subscription is ours once a checkout of ours was completed for it, or once a plan has it. A bill is ours once it is
paid (or was from the start): only then has it a donation that its payment can belong to.
"""

from typing import TYPE_CHECKING

from sqlalchemy import select

from supporters.payments.facts import (
    CheckoutCompleted,
    InvoicePaidBy,
    InvoiceSeen,
    MandateSeen,
    MethodSeen,
    PaymentProcessing,
    PlanSeen,
    ids_of,
)
from supporters.payments.models import Owner
from supporters.payments.news import Outcome
from supporters.payments.owners import Owned
from supporters.plans import at_bank, cards, fail, follow, methods, refused, renew, start
from supporters.plans.looks import ask_for_look
from supporters.plans.models import Plan

if TYPE_CHECKING:
    from supporters.events.books import Books

BILL = "in_"
CLOSED = frozenset({"void", "uncollectible"})

OfPlan = PlanSeen | InvoiceSeen | InvoicePaidBy | MethodSeen | MandateSeen


async def apply(books: "Books", fact: OfPlan) -> Outcome:
    """What Stripe says about a plan is in the books, or waits until it is known whose it is."""
    match fact:
        case PlanSeen():
            return await _see_plan(books, fact)
        case InvoiceSeen():
            return await _see_bill(books, fact)
        case InvoicePaidBy():
            return await _pay_bill(books, fact)
        case MethodSeen():
            is_ours = await methods.see_method(books.session, fact, ids=books.tools.ids, now=books.now)
        case MandateSeen():
            is_ours = await methods.see_mandate(books.session, fact, ids=books.tools.ids, now=books.now)
    return Outcome.HANDLED if is_ours else Outcome.NOT_OURS


async def begin(books: "Books", fact: CheckoutCompleted) -> None:
    """The plan that a completed page has started is on file."""
    await start.start_plan(books.session, fact, ids=books.tools.ids, now=books.now, settings=books.tools.settings)


async def finish_setup(books: "Books", fact: CheckoutCompleted) -> Outcome:
    """Another card or account was given on a page of ours: a job makes it the plan's."""
    is_ours = await cards.finish_setup(books.session, fact, ids=books.tools.ids, now=books.now)
    return Outcome.HANDLED if is_ours else Outcome.NOT_OURS


async def tie(books: "Books", subscription_id: str) -> None:
    """The subscription is a plan's, or nothing of ours."""
    known = await books.session.scalar(select(Plan.id).where(Plan.stripe_subscription_id == subscription_id))
    books.own(subscription_id, Owned(Owner.OURS if known else Owner.NOT_OURS, known))
    books.release(subscription_id)


async def is_of_open_bill(books: "Books", payment_intent_id: str) -> bool:
    """Whether the payment was made for a bill of ours which has no donation yet, but may have one."""
    is_of_bill = (await books.made_by(payment_intent_id) or "").startswith(BILL)
    return is_of_bill and not await refused.is_reported(books.session, payment_intent_id)


async def see_processing(books: "Books", fact: PaymentProcessing) -> None:
    """A bank is asked for a payment that may be of a plan paid this way. Which bill it is for, only a look at Stripe says."""
    wanted = select(Plan.id).where(Plan.stripe_payment_method_id == fact.payment_method_id)
    plan_ids = (await books.session.scalars(wanted)).all() if fact.payment_method_id else ()
    bill, known = await books.made_by(fact.payment_intent_id), await at_bank.bills_at_bank(books.session, plan_ids)
    for plan_id in plan_ids:
        if all(each.invoice_id != bill for each in known.get(plan_id, ())):
            await ask_for_look(books.session, plan_id, ids=books.tools.ids, now=books.now)


async def _see_plan(books: "Books", fact: PlanSeen) -> Outcome:
    outcome = await _whose(books, fact.subscription_id)
    if outcome is Outcome.HANDLED:
        settings = books.tools.settings
        await follow.follow(books.session, fact, ids=books.tools.ids, now=books.now, settings=settings)
    return outcome


async def _see_bill(books: "Books", fact: InvoiceSeen) -> Outcome:
    outcome = await _whose(books, fact.subscription_id) if fact.subscription_id else Outcome.NOT_OURS
    if outcome is Outcome.NOT_OURS:
        _disown(books, *(each for each in ids_of([fact]) if each != fact.subscription_id), made_by=fact.subscription_id)
    if outcome is not Outcome.HANDLED:
        return outcome
    session, tools, now = books.session, books.tools, books.now
    if fact.status == "paid":
        renewed = await renew.invoice_paid(session, fact, ids=tools.ids, now=now, settings=tools.settings)
        if renewed:
            await books.thank(renewed.paid, with_receipt=renewed.wants_receipt)
        books.own(fact.invoice_id, Owned(Owner.OURS, fact.subscription_id))
        books.release(fact.invoice_id)
    elif fact.status in CLOSED:
        await fail.invoice_closed(session, fact, ids=tools.ids, now=now)
    elif fact.has_failed:
        await fail.invoice_failed(session, fact, ids=tools.ids, now=now, settings=tools.settings)
    elif at_bank.is_at_bank(fact) and fact.occurred_at is None:  # an event does not say why a bill is open
        await at_bank.bill_at_bank(session, fact, ids=tools.ids, now=now)
    for payment_intent_id in fact.payment_intent_ids:
        books.own(payment_intent_id, Owned(Owner.OURS, fact.invoice_id))
        books.release(payment_intent_id)
    return Outcome.HANDLED


async def _pay_bill(books: "Books", fact: InvoicePaidBy) -> Outcome:
    outcome = books.whose(fact.invoice_id)
    if outcome is Outcome.NOT_OURS:
        _disown(books, fact.payment_intent_id, made_by=fact.invoice_id)
    elif outcome is Outcome.HANDLED:
        if await renew.attach_payment(books.session, fact, now=books.now) is None:
            page = await books.made_by(fact.invoice_id)
            await refused.report_paid(books.session, fact, page=page, ids=books.tools.ids, now=books.now)
        books.own(fact.payment_intent_id, Owned(Owner.OURS, fact.invoice_id))
        books.release(fact.payment_intent_id)
    return outcome


async def _whose(books: "Books", subscription_id: str) -> Outcome:
    """As `Books.whose`; a subscription that a job of ours has made is ours as soon as its plan is on file."""
    outcome = books.whose(subscription_id)
    if outcome is not Outcome.WAITING:
        return outcome
    known = await books.session.scalar(select(Plan.id).where(Plan.stripe_subscription_id == subscription_id))
    if known is None:
        return outcome
    books.own(subscription_id, Owned(Owner.OURS, known))
    books.release(subscription_id)
    return Outcome.HANDLED


def _disown(books: "Books", *stripe_ids: str, made_by: str | None) -> None:
    for stripe_id in stripe_ids:
        books.own(stripe_id, Owned(Owner.NOT_OURS, made_by))
        books.release(stripe_id)
