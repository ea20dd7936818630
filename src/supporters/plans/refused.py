"""A subscription that began with a page which was not what we had asked for: it is ended, so that it charges nobody again.

There is no plan for it, so the job that was queued with the person's task is the row that is there before the call. What it
has been paid is a task of its own, by its payment; a person returns it at Stripe.
"""

from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.codes import Code, Resolution
from supporters.discrepancies.models import Discrepancy
from supporters.discrepancies.open import open_discrepancy
from supporters.discrepancies.resolve import settle_discrepancy
from supporters.donations.models import Checkout
from supporters.jobs.queue import enqueue
from supporters.jobs.work import TryLater, Work
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.payments.facts import Fact, InvoicePaidBy, PlanSeen
from supporters.payments.gateway import GatewayError, GatewayRefused
from supporters.plans.lifecycle import is_over
from supporters.plans.looks import Applying
from supporters.plans.orders import NOT_ABOUT_THE_CHANGE, Closing, close_bills, still_owed

REFUSED = "plans.refused"
UNCLEAR = timedelta(minutes=2)

log = structlog.get_logger("plans")


async def ask_to_end(session: AsyncSession, subscription_id: str, *, page: str, ids: Ids, now: datetime) -> None:
    """A job will end the subscription. `page` is the one that began it, which the person's task is about."""
    payload = {"subscription_id": subscription_id, "page": page}
    await enqueue(session, REFUSED, payload, ids=ids, now=now, dedupe=subscription_id)


async def end_refused(work: Work, payload: dict[str, Any], *, stripe: Closing, books: Applying) -> None:
    """Job `plans.refused`: the subscription is over, and nothing of it is owed. Raises TryLater.

    The task about its page is closed, as what was paid has one of its own; if Stripe refuses, the task stays open.
    """
    subscription_id, page = str(payload["subscription_id"]), str(payload["page"])
    facts: list[Fact] | None = None
    try:
        facts = await _end(stripe, subscription_id)
    except GatewayRefused as refusal:
        if refusal.http_status in NOT_ABOUT_THE_CHANGE:
            raise TryLater(refusal.message, after=UNCLEAR) from refusal
        log.warning("end_refused", record_id=subscription_id, code=refusal.code)
    except GatewayError as error:
        raise TryLater(error.message, after=UNCLEAR) from error
    async with work.db.unit_of_work() as session:
        if facts is not None:
            await books.apply_facts(session, facts, cause=subscription_id)
            await _close_task(session, page, now=work.clock.now())
        await work.finish(session)


async def report_paid(session: AsyncSession, fact: InvoicePaidBy, *, page: str | None, ids: Ids, now: datetime) -> None:
    """A person has a task to return this payment of a bill that belongs to no plan. *Idempotent by* the payment."""
    donation_id = await session.scalar(select(Checkout.donation_id).where(Checkout.stripe_session_id == page))
    await open_discrepancy(
        session,
        code=Code.PAYMENT_MISMATCH,
        subject=fact.payment_intent_id,
        ids=ids,
        now=now,
        donation_id=donation_id,
        amount=Money(fact.amount_minor, fact.currency),
        detail={"bill": fact.invoice_id},
    )


async def is_reported(session: AsyncSession, payment_intent_id: str) -> bool:
    """Whether a person has (or had) a task about this payment, so that nothing of it waits for a donation."""
    mine = (Discrepancy.code == Code.PAYMENT_MISMATCH.value) & (Discrepancy.subject == payment_intent_id)
    return await session.scalar(select(Discrepancy.id).where(mine)) is not None


async def _end(stripe: Closing, subscription_id: str) -> list[Fact]:
    facts = await stripe.plan(subscription_id)
    seen = next((fact for fact in facts if isinstance(fact, PlanSeen)), None)
    if seen is None or not is_over(seen):
        await stripe.stop_now(subscription_id, idempotency_key=f"v1:refused:{subscription_id}")
    owed = await still_owed(stripe, subscription_id, facts)
    closed = await close_bills(stripe, owed, key=f"v1:refused:{subscription_id}")
    return [*facts, *closed]


async def _close_task(session: AsyncSession, page: str, *, now: datetime) -> None:
    why = _("The regular donation that this page had begun was ended at Stripe. What was paid has a task of its own.")
    how = Resolution.FIXED_AT_STRIPE
    await settle_discrepancy(session, code=Code.PAYMENT_MISMATCH, subject=page, resolution=how, reason=why, now=now)
