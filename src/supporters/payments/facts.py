"""What Stripe tells us, in our words. Amounts are in minor units, currencies in capitals, times aware UTC.

A fact says "look again", never "add this": hearing it twice, late or out of order changes nothing more.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class CheckoutCompleted(msgspec.Struct, frozen=True):
    """A payment page was completed. The only fact that ties a payment to one of our checkouts; paid only if `is_paid`.

    `mode` is `payment`, `subscription` (then it names subscription and first invoice, and no payment) or `setup`.
    `occurred_at` is when Stripe says that it happened; None when only a later look-up told of it.
    """

    session_id: str
    payment_intent_id: str | None
    is_paid: bool
    amount_minor: int
    currency: str
    livemode: bool
    account: str | None = None
    occurred_at: datetime | None = None
    mode: str = "payment"
    customer_id: str | None = None
    subscription_id: str | None = None
    invoice_id: str | None = None
    setup_intent_id: str | None = None


class CheckoutExpired(msgspec.Struct, frozen=True):
    """A payment page ran out unused; nothing was taken on it and nothing can be any more."""

    session_id: str


LATE_REFUSAL = "bank_refused"  # of a PaymentRefused on a page that was completed: nobody can try again there


class PaymentRefused(msgspec.Struct, frozen=True):
    """The bank refused one try; the reader may try again on the same page, unless the code is LATE_REFUSAL."""

    payment_intent_id: str
    code: str


class PaymentProcessing(msgspec.Struct, frozen=True):
    """The bank was asked and has not answered yet. `payment_method_id` is the card or account that it was asked about."""

    payment_intent_id: str
    payment_method_id: str | None = None


class ChargeSeen(msgspec.Struct, frozen=True):
    """Money was taken by this charge, from this kind of card."""

    charge_id: str
    payment_intent_id: str
    amount_minor: int
    currency: str
    card_brand: str | None
    card_last4: str | None


class BalanceMoved(msgspec.Struct, frozen=True):
    """Stripe's balance has new lines; which ones, its list says."""

    payment_intent_id: str | None


class PayoutSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A payout as it stands. `amount_minor` is what the bank account gets: negative when Stripe takes money from it.

    `occurred_at` is None when it was looked up: then it is the newest that there is. What an exported file does not say
    (`is_automatic`, ids of lines) is None.
    """

    payout_id: str
    created_at: datetime
    arrival_on: date
    amount_minor: int
    currency: str
    status: str
    livemode: bool
    is_automatic: bool | None = None
    method: str = "standard"
    reconciliation_status: str | None = None
    line_id: str | None = None
    failure_line_id: str | None = None
    failure_code: str | None = None
    original_payout_id: str | None = None
    reversed_by_id: str | None = None
    trace_id: str | None = None
    descriptor: str | None = None
    account: str | None = None
    occurred_at: datetime | None = None


class RefundChanged(msgspec.Struct, frozen=True):
    """A refund as it stands. `our_refund_id` is what we wrote into its metadata: a hint, never a proof."""

    refund_id: str
    charge_id: str | None
    payment_intent_id: str | None
    amount_minor: int
    currency: str
    status: str
    failure_reason: str | None
    our_refund_id: str | None


class MethodSeen(msgspec.Struct, frozen=True, kw_only=True):
    """How a plan is paid. `is_automatic`: the card's network has told Stripe new numbers by itself."""

    payment_method_id: str
    customer_id: str | None
    kind: str
    brand: str | None
    last4: str | None
    expires: tuple[int, int] | None  # year, month
    is_automatic: bool = False


class PlanSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription as it stands. `occurred_at` is None when it was looked up: then it is the newest that there is."""

    subscription_id: str
    status: str
    customer_id: str | None
    item_id: str
    amount_minor: int
    currency: str
    interval: str  # month, year
    period_start: datetime | None
    period_end: datetime | None
    stops_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    is_held: bool
    held_until: datetime | None
    payment_method_id: str | None
    method: MethodSeen | None
    latest_invoice_id: str | None
    livemode: bool
    is_deleted: bool
    occurred_at: datetime | None


class InvoiceSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A bill of a subscription as it stands. `payment_intent_ids` and `failure_code` are known only from a look-up."""

    invoice_id: str
    subscription_id: str | None
    status: str  # draft, open, paid, void, uncollectible
    billing_reason: str
    amount_due_minor: int
    amount_paid_minor: int
    currency: str
    tries: int
    next_try_at: datetime | None
    period_start: datetime | None
    period_end: datetime | None
    paid_at: datetime | None
    page_url: str | None
    has_failed: bool
    needs_action: bool
    payment_intent_ids: tuple[str, ...] = ()
    failure_code: str | None = None
    occurred_at: datetime | None = None


class InvoicePaidBy(msgspec.Struct, frozen=True):
    """This payment paid this bill: it ties a payment to a subscription."""

    invoice_id: str
    payment_intent_id: str
    amount_minor: int
    currency: str


class DisputeSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A dispute as it stands; its money moves in lines of the balance of their own."""

    dispute_id: str
    charge_id: str
    payment_intent_id: str | None
    amount_minor: int
    currency: str
    status: str
    reason: str
    evidence_due_at: datetime | None
    is_refundable: bool
    occurred_at: datetime | None = None


class FraudWarned(msgspec.Struct, frozen=True):
    """A card's owner told the bank that the payment was not theirs; a dispute may follow."""

    warning_id: str
    charge_id: str
    payment_intent_id: str | None
    fraud_type: str
    is_actionable: bool


class MandateSeen(msgspec.Struct, frozen=True):
    """Whether a bank account may still be debited."""

    mandate_id: str
    payment_method_id: str | None
    status: str  # active, inactive, pending


class Unknown(msgspec.Struct, frozen=True):
    """Something that the house has no words for; a person must look, unless its payment is not ours."""

    type: str
    payment_intent_id: str | None = None


Fact = (
    CheckoutCompleted
    | CheckoutExpired
    | PaymentRefused
    | PaymentProcessing
    | ChargeSeen
    | BalanceMoved
    | RefundChanged
    | PayoutSeen
    | PlanSeen
    | InvoiceSeen
    | InvoicePaidBy
    | DisputeSeen
    | FraudWarned
    | MandateSeen
    | MethodSeen
    | Unknown
)

# Facts that need a donation to be about, and those that need a plan.
Tied = PaymentRefused | PaymentProcessing | ChargeSeen | RefundChanged | DisputeSeen | FraudWarned
OfPlan = PlanSeen | InvoiceSeen | InvoicePaidBy


def ids_of(facts: Sequence[Fact]) -> list[str]:
    """Stripe's ids of payments, subscriptions and bills that the facts are about and that must have an owner.

    Facts that only say that the balance moved are left out.
    """
    return [stripe_id for fact in facts for stripe_id in _about(fact)]


def needs(fact: Fact) -> str | None:
    """The one id whose owner must be known before the fact can be applied; None when it can be at once."""
    match fact:
        case PlanSeen(subscription_id=needed) | InvoicePaidBy(invoice_id=needed):
            return needed
        case InvoiceSeen():
            return fact.subscription_id
        case (
            PaymentRefused()
            | PaymentProcessing()
            | ChargeSeen()
            | RefundChanged()
            | DisputeSeen()
            | FraudWarned()
            | Unknown()
        ):
            return fact.payment_intent_id
        case _:
            return None


def _about(fact: Fact) -> list[str]:
    match fact:
        case CheckoutCompleted():
            about = [fact.payment_intent_id, fact.subscription_id, fact.invoice_id]
        case InvoiceSeen():
            paid = fact.invoice_id if fact.status == "paid" else None  # nothing can be of a bill before
            about = [fact.subscription_id, paid, *fact.payment_intent_ids]
        case InvoicePaidBy():
            about = [fact.invoice_id, fact.payment_intent_id]
        case _:
            about = [needs(fact)]
    return [stripe_id for stripe_id in about if stripe_id]


class SessionLink(msgspec.Struct, frozen=True):
    """Which payment page made a payment or a subscription."""

    session_id: str
    stripe_id: str
    facts: list[Fact]


class CreatedCheckout(msgspec.Struct, frozen=True):
    """A payment page that Stripe has opened."""

    session_id: str
    url: str
    expires_at: datetime


class FeeDetail(msgspec.Struct, frozen=True):
    """One part of a fee, as Stripe names it: `stripe_fee`, `tax`, `application_fee`."""

    type: str
    amount_minor: int
    currency: str


class BalanceLine(msgspec.Struct, frozen=True):
    """One line of Stripe's balance, in the settlement currency: gross - fee = net."""

    id: str
    created_at: datetime
    available_at: datetime
    status: str
    type: str
    reporting_category: str
    currency: str
    gross_minor: int
    fee_minor: int
    net_minor: int
    fee_details: list[FeeDetail]
    exchange_rate: str | None
    source_id: str | None
    charge_id: str | None
    payment_intent_id: str | None
    payout_id: str | None


class RawEvent(msgspec.Struct, frozen=True):
    """One event as it came: its envelope read, its object untouched inside `body`."""

    id: str
    type: str
    api_version: str | None
    occurred_at: datetime
    livemode: bool
    account: str | None
    object_id: str | None
    body: bytes


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One page of a list; `next_after` is the cursor of the next, None at the end."""

    items: list[T]
    next_after: str | None
