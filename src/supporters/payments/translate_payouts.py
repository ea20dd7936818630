"""Stripe's payouts into facts. Pure.

Source: docs.stripe.com/api/payouts/object and docs.stripe.com/payouts/trace-id, read 2026-11-23.
"""

from datetime import datetime

import msgspec

from supporters.payments import wire
from supporters.payments.facts import BalanceMoved, Fact, PayoutSeen, RawEvent


class Trace(msgspec.Struct):
    """What is read of Stripe's answer about how banks call a payout."""

    status: str | None = None
    value: str | None = None


class Payout(msgspec.Struct):
    """What is read of Stripe's answer about a payout."""

    id: wire.Name
    amount: wire.Minor
    currency: wire.Currency
    status: str
    created: wire.Seconds
    arrival_date: wire.Seconds
    automatic: bool
    livemode: bool
    method: str = "standard"
    reconciliation_status: str | None = None
    balance_transaction: wire.Ref = None
    failure_balance_transaction: wire.Ref = None
    failure_code: str | None = None
    original_payout: wire.Ref = None
    reversed_by: wire.Ref = None
    statement_descriptor: str | None = None
    trace_id: Trace | None = None


class PayoutPage(msgspec.Struct):
    """What is read of Stripe's answer about a payout page."""

    data: list[Payout]
    has_more: bool


class _PayoutData(msgspec.Struct):
    object: Payout


class _PayoutEvent(msgspec.Struct):
    data: _PayoutData


_payouts = msgspec.json.Decoder(_PayoutEvent)


def read_payout(body: bytes, event: RawEvent) -> list[Fact]:
    """The payout as it stood, and that the balance moved."""
    payout = _payouts.decode(body).data.object
    return [fact_of_payout(payout, account=event.account, occurred_at=event.occurred_at), BalanceMoved(None)]


def fact_of_payout(payout: Payout, *, account: str | None = None, occurred_at: datetime | None = None) -> PayoutSeen:
    """A payout as it stands."""
    return PayoutSeen(
        payout_id=payout.id,
        created_at=wire.moment(payout.created),
        arrival_on=wire.moment(payout.arrival_date).date(),
        amount_minor=payout.amount,
        currency=payout.currency.upper(),
        status=payout.status,
        livemode=payout.livemode,
        is_automatic=payout.automatic,
        method=payout.method,
        reconciliation_status=payout.reconciliation_status,
        line_id=wire.id_of(payout.balance_transaction),
        failure_line_id=wire.id_of(payout.failure_balance_transaction),
        failure_code=payout.failure_code,
        original_payout_id=wire.id_of(payout.original_payout),
        reversed_by_id=wire.id_of(payout.reversed_by),
        trace_id=payout.trace_id.value if payout.trace_id else None,
        descriptor=payout.statement_descriptor,
        account=account,
        occurred_at=occurred_at,
    )
