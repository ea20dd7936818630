"""Donations' own jobs: sending a refund to Stripe."""

from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec
import structlog
from sqlalchemy import select

from supporters.donations.models import Donation, Refund, RefundState
from supporters.donations.reverse import AppliedRefund, apply_refund, refund_not_sent
from supporters.jobs.work import TryLater, Work
from supporters.payments.facts import RefundChanged
from supporters.payments.gateway import GatewayRefused, GatewayUnavailable
from supporters.settings import Settings

KEY_IS_SAFE_FOR = timedelta(hours=23)  # Stripe forgets idempotency keys after 24 hours
UNCLEAR = timedelta(minutes=10)

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
    payment_intent_id: str
    amount_minor: int
    idempotency_key: str
    created_at: datetime


async def send_refund(work: Work, payload: dict[str, Any], *, gateway: Refunding, settings: Settings) -> None:
    """The refund was asked of Stripe once, and stands as Stripe says.

    The same key is sent again for 23 hours; after that the refund is looked up, and what Stripe does not know has failed.
    Raises GatewayUnavailable, for the queue to try again.
    """
    refund_id = str(payload["refund_id"])
    order = await _order(work, refund_id)
    if order is None:
        return
    is_fresh = work.clock.now() - order.created_at < KEY_IS_SAFE_FOR
    try:
        fact = await (_create(gateway, order) if is_fresh else _look_up(gateway, order))
    except GatewayUnavailable as error:
        raise TryLater(error.message, after=UNCLEAR if work.job.attempts > 5 else timedelta(seconds=20)) from error
    except GatewayRefused as refusal:
        log.warning("refund_refused", refund_id=refund_id, code=refusal.code)
        fact = None
        await _give_up(work, refund_id, refusal.code or "refused")
        return
    if fact is None:
        await _give_up(work, refund_id, "not_sent_in_time")
        return
    await _apply(work, fact, settings=settings)


async def _order(work: Work, refund_id: str) -> Order | None:
    wanted = (
        select(
            Refund.id,
            Donation.stripe_payment_intent_id,
            Refund.amount_minor,
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
    refund_id, payment_intent_id, amount_minor, key, created_at = found
    if payment_intent_id is None or key is None:
        return None
    return Order(refund_id, payment_intent_id, amount_minor, key, created_at)


async def _create(gateway: Refunding, order: Order) -> RefundChanged | None:
    return await gateway.create_refund(
        order.payment_intent_id,
        amount_minor=order.amount_minor,
        our_refund_id=order.refund_id,
        idempotency_key=order.idempotency_key,
    )


async def _look_up(gateway: Refunding, order: Order) -> RefundChanged | None:
    found = await gateway.list_refunds(order.payment_intent_id)
    return next((fact for fact in found if fact.our_refund_id == order.refund_id), None)


async def _apply(work: Work, fact: RefundChanged, *, settings: Settings) -> AppliedRefund | None:
    async with work.db.unit_of_work() as session:
        applied = await apply_refund(session, fact, ids=work.ids, now=work.clock.now(), settings=settings)
        await work.finish(session)
    return applied


async def _give_up(work: Work, refund_id: str, reason: str) -> None:
    async with work.db.unit_of_work() as session:
        await refund_not_sent(session, refund_id, reason=reason, ids=work.ids, now=work.clock.now())
        await work.finish(session)
