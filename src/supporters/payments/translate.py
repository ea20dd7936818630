"""Stripe's JSON into facts. Pure: no clock, no database, no network.

Source of which event says what: docs.stripe.com/api/events/types and docs.stripe.com/checkout/fulfillment,
read 2026-11-22.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import msgspec

from supporters.payments import translate_payouts as payouts
from supporters.payments import translate_plans as plans
from supporters.payments import wire
from supporters.payments.facts import (
    LATE_REFUSAL,
    BalanceLine,
    BalanceMoved,
    ChargeSeen,
    CheckoutCompleted,
    CheckoutExpired,
    Fact,
    FeeDetail,
    PaymentProcessing,
    PaymentRefused,
    RawEvent,
    RefundChanged,
    Unknown,
)

Reader = Callable[[bytes, RawEvent], list[Fact]]


class NotUnderstood(Exception):
    """An event's object does not have the shape that its type promises."""


def translate(event: RawEvent) -> list[Fact]:
    """What the event means. No fact at all for news that the house has no use for. Raises NotUnderstood."""
    if event.type in SILENT:
        return []
    reader = plans.read_dispute if event.type.startswith("charge.dispute.") else _READERS.get(event.type)
    if reader is None:
        return [*_moved(event), Unknown(event.type)]
    try:
        return reader(event.body, event)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise NotUnderstood(f"{event.type}: {error}") from error


def facts_of_session(
    session: wire.Session, *, account: str | None = None, occurred_at: datetime | None = None
) -> list[Fact]:
    """What a payment page says, with its payment where that was expanded: that knows its time where no event tells."""
    if session.status == "expired":
        return [CheckoutExpired(session.id)]
    intent = session.payment_intent
    facts: list[Fact] = []
    if session.status == "complete":
        facts.append(_completed(session, account, occurred_at or _paid_at(intent)))
    if isinstance(intent, wire.Intent):
        facts.extend(_refused_for_good(intent) if session.status == "complete" else [])
        facts.extend(facts_of_intent(intent))
    return facts


def _refused_for_good(intent: wire.Intent) -> list[Fact]:
    """A completed page takes no second try: a payment on it that wants another way to pay has failed."""
    is_over = intent.status in {"requires_payment_method", "canceled"}
    return [PaymentRefused(intent.id, LATE_REFUSAL)] if is_over else []


def facts_of_intent(intent: wire.Intent) -> list[Fact]:
    """What a payment says of itself and of its latest charge, where that was expanded."""
    facts: list[Fact] = []
    if intent.status == "processing":
        facts.append(_processing(intent))
    if intent.status == "requires_payment_method" and intent.last_payment_error:
        facts.append(PaymentRefused(intent.id, _code(intent.last_payment_error)))
    if isinstance(intent.latest_charge, wire.Charge):
        facts.extend(facts_of_charge(intent.latest_charge, payment_intent_id=intent.id))
    return facts


def facts_of_charge(charge: wire.Charge, *, payment_intent_id: str | None = None) -> list[Fact]:
    """That money was taken, and that the balance moved once its line is known. Nothing for one that failed."""
    intent = wire.id_of(charge.payment_intent) or payment_intent_id
    facts: list[Fact] = []
    if charge.status == "succeeded" and intent:
        card = charge.payment_method_details.card if charge.payment_method_details else None
        facts.append(
            ChargeSeen(
                charge_id=charge.id,
                payment_intent_id=intent,
                amount_minor=charge.amount,
                currency=charge.currency.upper(),
                card_brand=card.brand if card else None,
                card_last4=card.last4 if card else None,
            )
        )
    if charge.balance_transaction:
        facts.append(BalanceMoved(intent))
    return facts


def fact_of_refund(refund: wire.Refund) -> RefundChanged:
    """A refund as it stands."""
    return RefundChanged(
        refund_id=refund.id,
        charge_id=wire.id_of(refund.charge),
        payment_intent_id=wire.id_of(refund.payment_intent),
        amount_minor=refund.amount,
        currency=refund.currency.upper(),
        status=refund.status or "pending",
        failure_reason=refund.failure_reason,
        our_refund_id=(refund.metadata or {}).get("refund"),
    )


def line_of_entry(entry: wire.BalanceEntry) -> BalanceLine:
    """One line of Stripe's balance, tied to its charge, payment or payout where its source was expanded."""
    source = entry.source
    expanded = source if isinstance(source, wire.Source) else None
    source_id = source.id if isinstance(source, wire.Source) else source
    return BalanceLine(
        id=entry.id,
        created_at=wire.moment(entry.created),
        available_at=wire.moment(entry.available_on),
        status=entry.status,
        type=entry.type,
        reporting_category=entry.reporting_category,
        currency=entry.currency.upper(),
        gross_minor=entry.amount,
        fee_minor=entry.fee,
        net_minor=entry.net,
        fee_details=[FeeDetail(fee.type, fee.amount, fee.currency.upper()) for fee in entry.fee_details],
        exchange_rate=_rate(entry.exchange_rate),
        source_id=source_id,
        charge_id=_charge_of(expanded, source_id),
        payment_intent_id=wire.id_of(expanded.payment_intent) if expanded else None,
        payout_id=_payout_of(entry.reporting_category, source_id),
    )


def _completed(session: wire.Session, account: str | None, occurred_at: datetime | None) -> CheckoutCompleted:
    intent = session.payment_intent
    return CheckoutCompleted(
        session_id=session.id,
        payment_intent_id=intent.id if isinstance(intent, wire.Intent) else intent,
        is_paid=session.payment_status == "paid",
        amount_minor=session.amount_total or 0,
        currency=(session.currency or "").upper(),
        livemode=session.livemode,
        account=account,
        occurred_at=occurred_at,
        mode=session.mode,
        customer_id=wire.id_of(session.customer),
        subscription_id=wire.id_of(session.subscription),
        invoice_id=wire.id_of(session.invoice),
        setup_intent_id=wire.id_of(session.setup_intent),
    )


def _paid_at(intent: str | wire.Intent | None) -> datetime | None:
    """When the charge was made that paid; None where that was not expanded or has not succeeded."""
    charge = intent.latest_charge if isinstance(intent, wire.Intent) else None
    if not isinstance(charge, wire.Charge) or charge.status != "succeeded" or charge.created is None:
        return None
    return wire.moment(charge.created)


def _charge_of(source: wire.Source | None, source_id: str | None) -> str | None:
    if source and source.object == "charge":
        return source.id
    if source:
        return wire.id_of(source.charge)
    return source_id if source_id and source_id.startswith("ch_") else None


def _payout_of(category: str, source_id: str | None) -> str | None:
    """A payout's own line goes out with it; the line that puts a failed payout's money back goes out with a later one."""
    is_own = category == "payout" and source_id and source_id.startswith("po_")
    return source_id if is_own else None


def _rate(rate: Decimal | None) -> str | None:
    return None if rate is None else f"{rate:f}"


def _processing(intent: wire.Intent) -> PaymentProcessing:
    return PaymentProcessing(intent.id, wire.id_of(intent.payment_method))


def _code(error: wire.PaymentError) -> str:
    return (error.decline_code or error.code or "declined")[:60]


# ---- one reader per kind of object


class _SessionData(msgspec.Struct):
    object: wire.Session


class _SessionEvent(msgspec.Struct):
    data: _SessionData


class _IntentData(msgspec.Struct):
    object: wire.Intent


class _IntentEvent(msgspec.Struct):
    data: _IntentData


class _ChargeData(msgspec.Struct):
    object: wire.Charge


class _ChargeEvent(msgspec.Struct):
    data: _ChargeData


class _RefundData(msgspec.Struct):
    object: wire.Refund


class _RefundEvent(msgspec.Struct):
    data: _RefundData


_sessions = msgspec.json.Decoder(_SessionEvent)
_intents = msgspec.json.Decoder(_IntentEvent)
_charges = msgspec.json.Decoder(_ChargeEvent)
_refunds = msgspec.json.Decoder(_RefundEvent)


def _read_session(body: bytes, event: RawEvent) -> list[Fact]:
    session = _sessions.decode(body).data.object
    return facts_of_session(session, account=event.account, occurred_at=event.occurred_at)


def _read_failed_session(body: bytes, event: RawEvent) -> list[Fact]:
    session = _sessions.decode(body).data.object
    completed = _completed(session, event.account, event.occurred_at)
    refused = [PaymentRefused(completed.payment_intent_id, LATE_REFUSAL)] if completed.payment_intent_id else []
    return [completed, *refused]


def _read_refused(body: bytes, _event: RawEvent) -> list[Fact]:
    intent = _intents.decode(body).data.object
    return [PaymentRefused(intent.id, _code(intent.last_payment_error or wire.PaymentError()))]


def _read_processing(body: bytes, _event: RawEvent) -> list[Fact]:
    return [_processing(_intents.decode(body).data.object)]


def _read_charge(body: bytes, _event: RawEvent) -> list[Fact]:
    return facts_of_charge(_charges.decode(body).data.object)


def _read_refund(body: bytes, _event: RawEvent) -> list[Fact]:
    refund = fact_of_refund(_refunds.decode(body).data.object)
    return [refund, BalanceMoved(refund.payment_intent_id)]


def _read_moved(_body: bytes, _event: RawEvent) -> list[Fact]:
    return [BalanceMoved(None)]


def _moved(event: RawEvent) -> list[Fact]:
    """Payouts move money even where the house has no words for them yet."""
    return [BalanceMoved(None)] if event.type.startswith("payout.") else []


_READERS: dict[str, Reader] = {
    "checkout.session.completed": _read_session,
    "checkout.session.async_payment_succeeded": _read_session,
    "checkout.session.async_payment_failed": _read_failed_session,
    "checkout.session.expired": _read_session,
    "payment_intent.payment_failed": _read_refused,
    "payment_intent.processing": _read_processing,
    "charge.succeeded": _read_charge,
    "charge.updated": _read_charge,
    "charge.captured": _read_charge,
    "refund.created": _read_refund,
    "refund.updated": _read_refund,
    "refund.failed": _read_refund,
    "charge.refund.updated": _read_refund,
    "charge.refunded": _read_moved,
    "payout.created": payouts.read_payout,
    "payout.updated": payouts.read_payout,
    "payout.paid": payouts.read_payout,
    "payout.failed": payouts.read_payout,
    "payout.canceled": payouts.read_payout,
    "payout.reconciliation_completed": payouts.read_payout,
    "balance.available": _read_moved,
    "topup.succeeded": _read_moved,
    "topup.reversed": _read_moved,
    "customer.subscription.created": plans.read_plan,
    "customer.subscription.updated": plans.read_plan,
    "customer.subscription.deleted": plans.read_plan,
    "customer.subscription.paused": plans.read_plan,
    "customer.subscription.resumed": plans.read_plan,
    "invoice.paid": plans.read_invoice,
    "invoice.payment_failed": plans.read_invoice,
    "invoice.payment_action_required": plans.read_invoice,
    "invoice.voided": plans.read_invoice,
    "invoice.marked_uncollectible": plans.read_invoice,
    "invoice_payment.paid": plans.read_paid_by,
    "radar.early_fraud_warning.created": plans.read_warning,
    "radar.early_fraud_warning.updated": plans.read_warning,
    "mandate.updated": plans.read_mandate,
    "payment_method.automatically_updated": plans.read_method,
    "payment_method.updated": plans.read_method,
}
# What webhooks are asked for, and catch-up; of those, Stripe takes at most 20 types in one question.
HEARD = (
    *(kind for kind in _READERS if not kind.startswith(("balance.", "topup."))),
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
)

# Told in other words by an event above, or of no use to a donation: kept without its payload.
SILENT = frozenset(
    [
        "payment_intent.created",
        "payment_intent.requires_action",
        "payment_intent.succeeded",
        "payment_intent.canceled",
        "payment_intent.amount_capturable_updated",
        "payment_intent.partially_funded",
        "charge.pending",
        "charge.failed",
        "charge.expired",
        "customer.created",
        "customer.updated",
        "customer.deleted",
        "payment_method.attached",
        "payment_method.detached",
        "product.created",
        "product.updated",
        "product.deleted",
        "price.created",
        "price.updated",
        "price.deleted",
        "customer.subscription.trial_will_end",
        "invoice.created",
        "invoice.deleted",
        "invoice.finalized",
        "invoice.payment_succeeded",
        "invoice.sent",
        "invoice.upcoming",
        "invoice.updated",
        "invoice.will_be_due",
        "invoice_payment.created",
        "invoiceitem.created",
        "setup_intent.canceled",
        "setup_intent.created",
        "setup_intent.requires_action",
        "setup_intent.setup_failed",
        "setup_intent.succeeded",
        "reporting.report_run.failed",
        "reporting.report_run.succeeded",
        "reporting.report_type.updated",
        "topup.canceled",
        "topup.created",
        "topup.failed",
        "test_helpers.test_clock.advancing",
        "test_helpers.test_clock.created",
        "test_helpers.test_clock.deleted",
        "test_helpers.test_clock.ready",
    ]
)
