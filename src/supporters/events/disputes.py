"""The part of the books that knows disputes, warnings of fraud, and debits that banks did not pay."""

from typing import TYPE_CHECKING

from sqlalchemy import select

from supporters.donations import disputes
from supporters.donations.models import Checkout, DisputeState
from supporters.events import plans
from supporters.payments.facts import LATE_REFUSAL, DisputeSeen, FraudWarned, PaymentRefused
from supporters.payments.news import Outcome
from supporters.plans.disputed import tell_plan
from supporters.receipts import returned

if TYPE_CHECKING:
    from supporters.events.books import Books

Warned = DisputeSeen | FraudWarned


async def apply(books: "Books", fact: Warned) -> Outcome:
    """What a bank takes back, or may take back, is on record and a person is asked to look; or it waits for its donation."""
    if await disputes.donation_of_payment(books.session, fact.payment_intent_id) is None:
        return await _without_donation(books, fact)
    session, tools, now = books.session, books.tools, books.now
    if isinstance(fact, FraudWarned):
        await disputes.apply_warning(session, fact, ids=tools.ids, now=now)
        return Outcome.HANDLED
    zone = tools.settings.time_zone
    applied = await disputes.apply_dispute(session, fact, ids=tools.ids, now=now, time_zone=zone)
    if applied:
        await tell_plan(session, applied.dispute_id, ids=tools.ids, now=now)
        if applied.state is DisputeState.LOST:
            await returned.take_back(session, applied, ids=tools.ids, now=now, settings=tools.settings)
        elif applied.state is DisputeState.WON:
            await returned.bring_back(session, applied, ids=tools.ids, now=now, settings=tools.settings)
    return Outcome.HANDLED


async def tell_failed(books: "Books", fact: PaymentRefused) -> None:
    """Whoever gave once by debit hears that their bank did not pay, days after they had left the page."""
    if fact.code != LATE_REFUSAL:
        return
    session, tools = books.session, books.tools
    page = select(Checkout.donation_id).where(Checkout.stripe_payment_intent_id == fact.payment_intent_id)
    donation_id = await session.scalar(page)
    if donation_id:
        once, settings = fact.payment_intent_id, tools.settings
        await returned.tell_debit_failed(
            session, once, donation_id=donation_id, ids=tools.ids, now=books.now, settings=settings
        )


async def _without_donation(books: "Books", fact: Warned) -> Outcome:
    """It waits for a bill that is not paid, and for a page of whose end nobody has told us; else a person must look."""
    payment_intent_id = fact.payment_intent_id
    assert payment_intent_id, "facts without a payment are not ours"
    if await plans.is_of_open_bill(books, payment_intent_id):
        return Outcome.WAITING
    page = select(Checkout.id).where(Checkout.stripe_payment_intent_id == payment_intent_id)
    if await books.session.scalar(page.where(Checkout.is_over.is_(False))):
        return Outcome.WAITING
    await disputes.report_unclear(books.session, fact, ids=books.tools.ids, now=books.now)
    return Outcome.HANDLED
