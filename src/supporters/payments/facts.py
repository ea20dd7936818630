"""What Stripe tells us, in our words. Amounts are in minor units, currencies in capitals, times aware UTC.

A fact says "look again", never "add this": hearing it twice, late or out of order changes nothing more.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class CheckoutCompleted(msgspec.Struct, frozen=True):
    """A payment page was completed. The only fact that ties a payment to one of our checkouts; paid only if `is_paid`.

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


class CheckoutExpired(msgspec.Struct, frozen=True):
    """A payment page ran out unused; nothing was taken on it and nothing can be any more."""

    session_id: str


LATE_REFUSAL = "bank_refused"  # of a PaymentRefused on a page that was completed: nobody can try again there


class PaymentRefused(msgspec.Struct, frozen=True):
    """The bank refused one try; the reader may try again on the same page, unless the code is LATE_REFUSAL."""

    payment_intent_id: str
    code: str


class PaymentProcessing(msgspec.Struct, frozen=True):
    """The bank was asked and has not answered yet."""

    payment_intent_id: str


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
    | Unknown
)

Tied = PaymentRefused | PaymentProcessing | ChargeSeen | RefundChanged  # facts that need a donation to be about
ABOUT_PAYMENT = (CheckoutCompleted, PaymentRefused, PaymentProcessing, ChargeSeen, RefundChanged, Unknown)


def payments_of(facts: Sequence[Fact]) -> list[str]:
    """The payments that the facts are about, those that only say that the balance moved left out."""
    about = [fact.payment_intent_id for fact in facts if isinstance(fact, ABOUT_PAYMENT)]
    return [payment for payment in about if payment]


class SessionLink(msgspec.Struct, frozen=True):
    """Which payment page made a payment."""

    session_id: str
    payment_intent_id: str
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
