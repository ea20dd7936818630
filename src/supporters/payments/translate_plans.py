"""Stripe's JSON about subscriptions, invoices, disputes and methods into facts. Pure. See `translate`.

Source: docs.stripe.com/api/events/types, docs.stripe.com/changelog/basil (periods on the item, an invoice's parent and
payments), read 2026-11-22.
"""

from datetime import datetime

import msgspec

from supporters.payments import wire
from supporters.payments import wire_plans as wires
from supporters.payments.facts import (
    BalanceMoved,
    DisputeSeen,
    Fact,
    FraudWarned,
    InvoicePaidBy,
    InvoiceSeen,
    MandateSeen,
    MethodSeen,
    PlanSeen,
    RawEvent,
)

DELETED = "customer.subscription.deleted"
FAILED = frozenset({"invoice.payment_failed", "invoice.payment_action_required"})
ACTION = "invoice.payment_action_required"


def plan_seen(
    seen: wires.Subscription, *, occurred_at: datetime | None = None, is_deleted: bool = False
) -> PlanSeen | None:
    """A subscription in our words; None for one that is no plain promise of one amount, such as a shop's bundle."""
    item = seen.items.data[0] if len(seen.items.data) == 1 else None
    if item is None or item.price.unit_amount is None or item.price.recurring is None:
        return None
    method = seen.default_payment_method
    end = _moment(item.current_period_end)
    held = seen.pause_collection
    return PlanSeen(
        subscription_id=seen.id,
        status=seen.status,
        customer_id=wire.id_of(seen.customer),
        item_id=item.id,
        amount_minor=item.price.unit_amount * item.quantity,
        currency=item.price.currency.upper(),
        interval=_interval(item.price.recurring),
        period_start=_moment(item.current_period_start),
        period_end=end,
        stops_at=_moment(seen.cancel_at) or (end if seen.cancel_at_period_end else None),
        ended_at=_moment(seen.ended_at),
        end_reason=seen.cancellation_details.reason if seen.cancellation_details else None,
        is_held=held is not None,
        held_until=_moment(held.resumes_at) if held else None,
        payment_method_id=method.id if isinstance(method, wires.PaymentMethod) else method,
        method=method_seen(method) if isinstance(method, wires.PaymentMethod) else None,
        latest_invoice_id=seen.latest_invoice.id
        if isinstance(seen.latest_invoice, wires.Invoice)
        else seen.latest_invoice,
        livemode=seen.livemode,
        is_deleted=is_deleted or seen.status == "canceled",
        occurred_at=occurred_at,
    )


def facts_of_plan(seen: wires.Subscription) -> list[Fact]:
    """All that a looked-up subscription says: where it stands, how it is paid, and its latest bill where expanded."""
    plan = plan_seen(seen)
    if plan is None:
        return []
    invoice = seen.latest_invoice
    bills = facts_of_invoice(invoice) if isinstance(invoice, wires.Invoice) else []
    return [plan, *([plan.method] if plan.method else []), *bills]  # another card is known once its plan has it


def invoice_seen(
    seen: wires.Invoice, *, occurred_at: datetime | None = None, has_failed: bool = False, needs_action: bool = False
) -> InvoiceSeen | None:
    """A bill in our words; None for a preview of one."""
    if seen.id is None:
        return None
    details = seen.parent.subscription_details if seen.parent else None
    period = seen.lines.data[0].period if seen.lines and seen.lines.data else None
    return InvoiceSeen(
        invoice_id=seen.id,
        subscription_id=wire.id_of(details.subscription) if details else None,
        status=seen.status or "draft",
        billing_reason=seen.billing_reason or "",
        amount_due_minor=seen.amount_due,
        amount_paid_minor=seen.amount_paid,
        currency=seen.currency.upper(),
        tries=seen.attempt_count,
        next_try_at=_moment(seen.next_payment_attempt),
        period_start=wire.moment(period.start) if period else None,
        period_end=wire.moment(period.end) if period else None,
        paid_at=_moment(seen.status_transitions.paid_at) if seen.status_transitions else None,
        page_url=seen.hosted_invoice_url,
        has_failed=has_failed,
        needs_action=needs_action,
        payment_intent_ids=tuple(intent.id for intent in _intents(seen)),
        failure_code=_failure(seen),
        occurred_at=occurred_at,
    )


def facts_of_invoice(seen: wires.Invoice) -> list[Fact]:
    """All that a looked-up bill says, with the payments that paid it where those were expanded."""
    waits = any(intent.status == "requires_action" for intent in _intents(seen))
    failed = seen.status == "open" and (waits or _failure(seen) is not None)
    bill = invoice_seen(seen, has_failed=failed, needs_action=waits)
    if bill is None:
        return []
    paid = [_paid_by(payment) for payment in (seen.payments.data if seen.payments else []) if payment.status == "paid"]
    return [bill, *(fact for fact in paid if fact is not None)]


def method_seen(seen: wires.PaymentMethod, *, is_automatic: bool = False) -> MethodSeen:
    """How somebody pays, in our words."""
    bank = seen.bacs_debit or seen.sepa_debit or seen.us_bank_account
    card = seen.card
    expires = (card.exp_year, card.exp_month) if card and card.exp_year and card.exp_month else None
    return MethodSeen(
        payment_method_id=seen.id,
        customer_id=wire.id_of(seen.customer),
        kind=seen.type,
        brand=card.brand if card else None,
        last4=(card.last4 if card else None) or (bank.last4 if bank else None),
        expires=expires,
        is_automatic=is_automatic,
    )


def _interval(recurring: wires.Recurring) -> str:
    """`month` and `year` are ours; twelve months are a year, anything else is said as it is."""
    if recurring.interval == "month" and recurring.interval_count == 12:
        return "year"
    return recurring.interval if recurring.interval_count == 1 else f"{recurring.interval_count} {recurring.interval}"


def _intents(seen: wires.Invoice) -> list[wire.Intent]:
    found = [each.payment.payment_intent for each in (seen.payments.data if seen.payments else [])]
    return [intent for intent in found if isinstance(intent, wire.Intent)]


def _failure(seen: wires.Invoice) -> str | None:
    errors = [intent.last_payment_error for intent in _intents(seen) if intent.last_payment_error]
    return ((errors[-1].decline_code or errors[-1].code or "declined")[:60]) if errors else None


def _paid_by(payment: wires.InvoicePayment) -> InvoicePaidBy | None:
    invoice_id = wire.id_of(payment.invoice)
    intent = payment.payment.payment_intent
    intent_id = intent.id if isinstance(intent, wire.Intent) else intent
    if invoice_id is None or intent_id is None:
        return None
    return InvoicePaidBy(invoice_id, intent_id, payment.amount_paid or 0, payment.currency.upper())


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else wire.moment(seconds)


# ---- one reader per kind of object


class _PlanData(msgspec.Struct):
    object: wires.Subscription


class _PlanEvent(msgspec.Struct):
    data: _PlanData


class _InvoiceData(msgspec.Struct):
    object: wires.Invoice


class _InvoiceEvent(msgspec.Struct):
    data: _InvoiceData


class _PaidData(msgspec.Struct):
    object: wires.InvoicePayment


class _PaidEvent(msgspec.Struct):
    data: _PaidData


class _DisputeData(msgspec.Struct):
    object: wires.DisputeState


class _DisputeEvent(msgspec.Struct):
    data: _DisputeData


class _WarningData(msgspec.Struct):
    object: wires.EarlyFraudWarning


class _WarningEvent(msgspec.Struct):
    data: _WarningData


class _MandateData(msgspec.Struct):
    object: wires.Mandate


class _MandateEvent(msgspec.Struct):
    data: _MandateData


class _MethodData(msgspec.Struct):
    object: wires.PaymentMethod


class _MethodEvent(msgspec.Struct):
    data: _MethodData


_plans = msgspec.json.Decoder(_PlanEvent)
_invoices = msgspec.json.Decoder(_InvoiceEvent)
_paid = msgspec.json.Decoder(_PaidEvent)
_disputes = msgspec.json.Decoder(_DisputeEvent)
_warnings = msgspec.json.Decoder(_WarningEvent)
_mandates = msgspec.json.Decoder(_MandateEvent)
_methods = msgspec.json.Decoder(_MethodEvent)


def read_plan(body: bytes, event: RawEvent) -> list[Fact]:
    """`customer.subscription.*`."""
    seen = _plans.decode(body).data.object
    plan = plan_seen(seen, occurred_at=event.occurred_at, is_deleted=event.type == DELETED)
    return [plan] if plan else []


def read_invoice(body: bytes, event: RawEvent) -> list[Fact]:
    """`invoice.*`."""
    seen = _invoices.decode(body).data.object
    bill = invoice_seen(
        seen,
        occurred_at=event.occurred_at,
        has_failed=event.type in FAILED,
        needs_action=event.type == ACTION,
    )
    return [bill] if bill else []


def read_paid_by(body: bytes, _event: RawEvent) -> list[Fact]:
    """`invoice_payment.paid`."""
    fact = _paid_by(_paid.decode(body).data.object)
    return [fact] if fact else []


def read_dispute(body: bytes, event: RawEvent) -> list[Fact]:
    """`charge.dispute.*`. Of a charge that was made without a payment intent, only the money is read, from the balance."""
    seen = _disputes.decode(body).data.object
    payment = wire.id_of(seen.payment_intent)
    if payment is None:
        return [BalanceMoved(None)]
    told = DisputeSeen(
        dispute_id=seen.id,
        charge_id=seen.charge.id if isinstance(seen.charge, wire.Charge) else seen.charge,
        payment_intent_id=payment,
        amount_minor=seen.amount,
        currency=seen.currency.upper(),
        status=seen.status,
        reason=seen.reason,
        evidence_due_at=_moment(seen.evidence_details.due_by) if seen.evidence_details else None,
        is_refundable=seen.is_charge_refundable,
        occurred_at=event.occurred_at,
    )
    return [BalanceMoved(payment), told]


def read_warning(body: bytes, _event: RawEvent) -> list[Fact]:
    """`radar.early_fraud_warning.*`."""
    seen = _warnings.decode(body).data.object
    charge = seen.charge.id if isinstance(seen.charge, wire.Charge) else seen.charge
    return [FraudWarned(seen.id, charge, wire.id_of(seen.payment_intent), seen.fraud_type, seen.actionable)]


def read_mandate(body: bytes, _event: RawEvent) -> list[Fact]:
    """`mandate.updated`."""
    seen = _mandates.decode(body).data.object
    return [MandateSeen(seen.id, wire.id_of(seen.payment_method), seen.status)]


def read_method(body: bytes, event: RawEvent) -> list[Fact]:
    """`payment_method.updated` and `.automatically_updated`."""
    is_automatic = event.type == "payment_method.automatically_updated"
    return [method_seen(_methods.decode(body).data.object, is_automatic=is_automatic)]
