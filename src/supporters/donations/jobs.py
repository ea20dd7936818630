"""Donations' own jobs: sending a refund to Stripe."""

from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec
import structlog
from sqlalchemy import select

from supporters.discrepancies.codes import Code
from supporters.discrepancies.open import open_discrepancy
from supporters.donations.models import Donation, Refund, RefundState
from supporters.donations.reverse import AppliedRefund, apply_refund, refund_not_sent
from supporters.jobs.work import TryLater, Work
from supporters.kit.money import Money
from supporters.payments.facts import RefundChanged
from supporters.payments.gateway import GatewayError, GatewayRefused
from supporters.settings import Settings

KEY_IS_SAFE_FOR = timedelta(hours=23)  # Stripe forgets idempotency keys after 24 hours
UNCLEAR = timedelta(minutes=10)
NOT_ABOUT_THE_REFUND = (401, 403)  # our key was refused, not what was asked with it
PAYMENT_UNKNOWN = 404

log = structlog.get_logger("donations")


class Refunding(Protocol):
    """What sending a refund needs of Stripe. `payments.gateway.Gateway` is one."""

    async def create_refund(
        self, payment_intent_id: str, *, amount_minor: int, our_refund_id: str, idempotency_key: str
    ) -> RefundChanged: ...

    async def list_refunds(self, payment_intent_id: str) -> list[RefundChanged]: ...


class Order(msgspec.Struct, frozen=True):
    """One refund to be sent, as its row says."""

    refund_id: str
    donation_id: str
    payment_intent_id: str
    amount_minor: int
    currency: str
    idempotency_key: str
    created_at: datetime


async def send_refund(work: Work, payload: dict[str, Any], *, gateway: Refunding, settings: Settings) -> None:
    """The refund was asked of Stripe once, and stands as Stripe says.

    The same key is sent again for 23 hours; after that, and when Stripe refuses, the refund is looked up: an earlier call
    may have been heard and its reply lost. What Stripe does not know has failed, and a person is told.
    Raises TryLater, for the queue to try again.
    """
    refund_id = str(payload["refund_id"])
    order = await _order(work, refund_id)
    if order is None:
        return
    is_fresh = work.clock.now() - order.created_at < KEY_IS_SAFE_FOR
    try:
        told = await (_create(gateway, order) if is_fresh else _look_up(gateway, order, why="not_sent_in_time"))
    except GatewayError as error:  # our key may be the wrong one today: that says nothing about the refund
        log.warning("refund_unclear", refund_id=refund_id, code=error.code)
        raise TryLater(error.message, after=UNCLEAR if work.job.attempts > 5 else timedelta(seconds=20)) from error
    if isinstance(told, str):
        await _give_up(work, order, told)
    else:
        await _apply(work, told, settings=settings)


async def _order(work: Work, refund_id: str) -> Order | None:
    wanted = (
        select(
            Refund.id,
            Refund.donation_id,
            Donation.stripe_payment_intent_id,
            Refund.amount_minor,
            Refund.currency,
            Refund.idempotency_key,
            Refund.created_at,
        )
        .join(Donation, Donation.id == Refund.donation_id)
        .where(Refund.id == refund_id, Refund.state == RefundState.REQUESTED)
    )
    async with work.db.reading() as session:
        found = (await session.execute(wanted)).one_or_none()
    if found is None:
        return None
    refund_id, donation_id, payment_intent_id, amount_minor, currency, key, created_at = found
    if payment_intent_id is None or key is None:
        return None
    return Order(refund_id, donation_id, payment_intent_id, amount_minor, currency, key, created_at)


async def _create(gateway: Refunding, order: Order) -> RefundChanged | str:
    """What Stripe says of the refund, or why there is none. Raises GatewayError when that is not clear."""
    try:
        return await gateway.create_refund(
            order.payment_intent_id,
            amount_minor=order.amount_minor,
            our_refund_id=order.refund_id,
            idempotency_key=order.idempotency_key,
        )
    except GatewayRefused as refusal:
        if refusal.http_status in NOT_ABOUT_THE_REFUND:
            raise
        log.warning("refund_refused", refund_id=order.refund_id, code=refusal.code)
        return await _look_up(gateway, order, why=refusal.code or "refused")


async def _look_up(gateway: Refunding, order: Order, *, why: str) -> RefundChanged | str:
    """The refund as it stands at Stripe, or `why` when Stripe does not know it. Raises GatewayError."""
    try:
        found = await gateway.list_refunds(order.payment_intent_id)
    except GatewayRefused as refusal:
        if refusal.http_status == PAYMENT_UNKNOWN:
            return why
        raise
    return next((fact for fact in found if fact.our_refund_id == order.refund_id), why)


async def _apply(work: Work, fact: RefundChanged, *, settings: Settings) -> AppliedRefund | None:
    async with work.db.unit_of_work() as session:
        applied = await apply_refund(session, fact, ids=work.ids, now=work.clock.now(), settings=settings)
        await work.finish(session)
    return applied


async def _give_up(work: Work, order: Order, reason: str) -> None:
    """The refund failed, and a person will see that the money is still owed."""
    now = work.clock.now()
    async with work.db.unit_of_work() as session:
        if await refund_not_sent(session, order.refund_id, reason=reason, ids=work.ids, now=now):
            await open_discrepancy(
                session,
                code=Code.REFUND_NOT_MADE,
                subject=order.refund_id,
                ids=work.ids,
                now=now,
                donation_id=order.donation_id,
                amount=Money(order.amount_minor, order.currency),
                detail={"failure_reason": reason},
            )
        await work.finish(session)
