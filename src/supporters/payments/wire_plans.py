"""Stripe's JSON about subscriptions, invoices, disputes and methods, as far as we read it. See `wire`."""

import msgspec

from supporters.payments.wire import (
    Card,
    Charge,
    Currency,
    Intent,
    LongName,
    Minor,
    Name,
    PaymentError,
    Ref,
    Reference,
    Seconds,
)


class Recurring(msgspec.Struct):
    """What is read of Stripe's answer about how often a price is charged."""

    interval: str
    interval_count: int = 1


class Product(msgspec.Struct):
    """What is read of Stripe's answer about a product."""

    id: Name


class Price(msgspec.Struct):
    """What is read of Stripe's answer about a price."""

    currency: Currency
    product: Ref = None
    unit_amount: Minor | None = None
    recurring: Recurring | None = None


class Item(msgspec.Struct):
    """What is read of Stripe's answer about a subscription's item. Its period is here since basil."""

    id: Name
    price: Price
    quantity: int = 1
    current_period_start: Seconds | None = None
    current_period_end: Seconds | None = None


class Items(msgspec.Struct):
    """What is read of Stripe's answer about a subscription's items."""

    data: list[Item]


class PauseCollection(msgspec.Struct):
    """What is read of Stripe's answer about a pause in collecting."""

    behavior: str
    resumes_at: Seconds | None = None


class CancellationDetails(msgspec.Struct):
    """What is read of Stripe's answer about why a subscription ended."""

    reason: str | None = None


class Bank(msgspec.Struct):
    """What is read of Stripe's answer about a bank account that is debited."""

    last4: str | None = None


class MethodCard(Card):
    """What is read of Stripe's answer about a saved card."""

    exp_month: int | None = None
    exp_year: int | None = None


class PaymentMethod(msgspec.Struct):
    """What is read of Stripe's answer about a payment method."""

    id: Name
    type: str
    customer: Ref = None
    card: MethodCard | None = None
    bacs_debit: Bank | None = None
    sepa_debit: Bank | None = None
    us_bank_account: Bank | None = None


class PaidIntent(msgspec.Struct):
    """What is read of Stripe's answer about what a payment was paid with, and whose that is now."""

    id: Name
    payment_method: Name | PaymentMethod | None = None


class SubscriptionPage(msgspec.Struct):
    """What is read of Stripe's answer about a customer's subscriptions."""

    data: list[Reference]


class InvoicePage(msgspec.Struct):
    """What is read of Stripe's answer about a page of invoices."""

    data: list[Reference]


class StatusTransitions(msgspec.Struct):
    """What is read of Stripe's answer about when an invoice took which status."""

    paid_at: Seconds | None = None


class SubscriptionDetails(msgspec.Struct):
    """What is read of Stripe's answer about the subscription behind an invoice."""

    subscription: Ref = None


class Parent(msgspec.Struct):
    """What is read of Stripe's answer about what made an invoice."""

    subscription_details: SubscriptionDetails | None = None


class PaidWith(msgspec.Struct):
    """What is read of Stripe's answer about the payment behind an invoice payment."""

    type: str
    payment_intent: Name | Intent | None = None
    charge: Ref = None


class InvoicePayment(msgspec.Struct):
    """What is read of Stripe's answer about an invoice payment."""

    id: Name
    invoice: Ref
    status: str
    payment: PaidWith
    currency: Currency
    amount_paid: Minor | None = None
    amount_requested: Minor = 0


class InvoicePaymentPage(msgspec.Struct):
    """What is read of Stripe's answer about a page of invoice payments."""

    data: list[InvoicePayment]
    has_more: bool = False


class Period(msgspec.Struct):
    """What is read of Stripe's answer about a period."""

    start: Seconds
    end: Seconds


class InvoiceLine(msgspec.Struct):
    """What is read of Stripe's answer about an invoice line."""

    period: Period


class InvoiceLines(msgspec.Struct):
    """What is read of Stripe's answer about invoice lines."""

    data: list[InvoiceLine] = []


class Invoice(msgspec.Struct):
    """What is read of Stripe's answer about an invoice. A preview has no id."""

    currency: Currency
    amount_due: Minor
    amount_paid: Minor
    id: Name | None = None
    status: str | None = None
    billing_reason: str | None = None
    parent: Parent | None = None
    lines: InvoiceLines | None = None
    attempt_count: int = 0
    next_payment_attempt: Seconds | None = None
    hosted_invoice_url: str | None = None
    created: Seconds | None = None
    status_transitions: StatusTransitions | None = None
    payments: InvoicePaymentPage | None = None


class Subscription(msgspec.Struct):
    """What is read of Stripe's answer about a subscription."""

    id: Name
    status: str
    livemode: bool
    customer: Ref
    items: Items
    cancel_at_period_end: bool = False
    cancel_at: Seconds | None = None
    ended_at: Seconds | None = None
    cancellation_details: CancellationDetails | None = None
    pause_collection: PauseCollection | None = None
    default_payment_method: Name | PaymentMethod | None = None
    latest_invoice: Name | Invoice | None = None
    trial_end: Seconds | None = None


class EvidenceDetails(msgspec.Struct):
    """What is read of Stripe's answer about a dispute's evidence."""

    due_by: Seconds | None = None


class DisputeState(msgspec.Struct):
    """What is read of Stripe's answer about a dispute."""

    id: Name
    amount: Minor
    currency: Currency
    status: str
    reason: str
    charge: LongName | Charge
    payment_intent: Ref = None
    evidence_details: EvidenceDetails | None = None
    is_charge_refundable: bool = False


class EarlyFraudWarning(msgspec.Struct):
    """What is read of Stripe's answer about an early fraud warning."""

    id: Name
    fraud_type: str
    actionable: bool
    charge: LongName | Charge
    payment_intent: Ref = None


class Mandate(msgspec.Struct):
    """What is read of Stripe's answer about a mandate."""

    id: Name
    status: str
    payment_method: Ref


class SetupIntent(msgspec.Struct):
    """What is read of Stripe's answer about a set-up."""

    id: Name
    status: str
    payment_method: Name | PaymentMethod | None = None
    last_setup_error: PaymentError | None = None
