"""What one change of a plan means at Stripe: which calls, with which keys, and how to see that it is done."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import msgspec

from supporters.kit.money import Money
from supporters.payments.facts import Fact, InvoiceSeen, MethodSeen, PlanSeen
from supporters.payments.gateway import GatewayRefused
from supporters.plans.dates import at_midday
from supporters.plans.lifecycle import interval_of, is_over
from supporters.plans.models import ChangeKind

UNPAID = frozenset({"draft", "open"})


class Changing(Protocol):
    """What changing plans needs of Stripe. `payments.gateway_plans.PlanCalls` is one."""

    async def plan(self, subscription_id: str) -> list[Fact]: ...

    async def invoice(self, invoice_id: str) -> list[Fact]: ...

    async def product_of(self, subscription_id: str) -> str: ...

    async def method_of_setup(self, setup_intent_id: str) -> MethodSeen | None: ...

    async def set_amount(
        self, subscription_id: str, *, item_id: str, amount: Money, interval: str, product_id: str, idempotency_key: str
    ) -> list[Fact]: ...

    async def set_next_date(self, subscription_id: str, *, next_at: datetime, idempotency_key: str) -> list[Fact]: ...

    async def hold(self, subscription_id: str, *, until: datetime, idempotency_key: str) -> list[Fact]: ...

    async def release(self, subscription_id: str, *, idempotency_key: str) -> list[Fact]: ...

    async def stop_at_period_end(self, subscription_id: str, *, stops: bool, idempotency_key: str) -> list[Fact]: ...

    async def stop_now(self, subscription_id: str, *, idempotency_key: str) -> list[Fact]: ...

    async def set_method(self, subscription_id: str, *, payment_method_id: str, idempotency_key: str) -> list[Fact]: ...

    async def pay_invoice(self, invoice_id: str, *, idempotency_key: str) -> list[Fact]: ...

    async def void_invoice(self, invoice_id: str, *, idempotency_key: str) -> list[Fact]: ...


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One change to be made, as its row and its plan say."""

    change_id: str
    plan_id: str
    kind: ChangeKind
    wanted: Mapping[str, Any]
    key: str
    created_at: datetime
    subscription_id: str
    currency: str
    frequency: str
    failed_invoice_id: str | None
    is_held: bool
    is_stopping: bool


async def send(stripe: Changing, order: Order, *, zone: ZoneInfo) -> list[Fact]:
    """The change is made at Stripe; returns what it says then. Raises GatewayError."""
    match order.kind:
        case ChangeKind.AMOUNT:
            return await _set_amount(stripe, order)
        case ChangeKind.DATE:
            due = at_midday(date.fromisoformat(order.wanted["next_on"]), zone)
            return await stripe.set_next_date(order.subscription_id, next_at=due, idempotency_key=order.key)
        case ChangeKind.SKIP | ChangeKind.PAUSE:
            return await stripe.hold(order.subscription_id, until=_until(order), idempotency_key=order.key)
        case ChangeKind.GO_ON:
            return await _go_on(stripe, order)
        case ChangeKind.METHOD:
            return await _set_method(stripe, order)
        case ChangeKind.STOP:
            return await _stop(stripe, order)
        case ChangeKind.ONE_OFF | ChangeKind.UNDO:
            return await stripe.stop_now(order.subscription_id, idempotency_key=order.key)
        case ChangeKind.TRY_NOW:
            return await _try_now(stripe, order)


def is_carried_out(order: Order, facts: list[Fact], *, zone: ZoneInfo) -> bool:
    """Whether Stripe shows what was wanted: an earlier call was heard."""
    seen = next((fact for fact in facts if isinstance(fact, PlanSeen)), None)
    if seen is None:
        return False
    has_ended = is_over(seen)
    match order.kind:
        case ChangeKind.AMOUNT:
            return seen.amount_minor == order.wanted["amount_minor"]
        case ChangeKind.DATE:
            return seen.period_end == at_midday(date.fromisoformat(order.wanted["next_on"]), zone)
        case ChangeKind.SKIP | ChangeKind.PAUSE:
            return seen.is_held and seen.held_until == _until(order)
        case ChangeKind.GO_ON:
            return not has_ended and not seen.is_held and seen.stops_at is None
        case ChangeKind.STOP:
            return has_ended or seen.stops_at is not None
        case ChangeKind.ONE_OFF | ChangeKind.UNDO:
            return has_ended
        case ChangeKind.METHOD:
            return False  # which card the page has saved is known only where the call itself was answered
        case ChangeKind.TRY_NOW:
            return any(bill.invoice_id == order.failed_invoice_id and bill.status == "paid" for bill in _bills(facts))


async def _set_amount(stripe: Changing, order: Order) -> list[Fact]:
    facts = await stripe.plan(order.subscription_id)
    seen = next(fact for fact in facts if isinstance(fact, PlanSeen))
    return await stripe.set_amount(
        order.subscription_id,
        item_id=seen.item_id,
        amount=Money(order.wanted["amount_minor"], order.currency),
        interval=interval_of(order.frequency),
        product_id=await stripe.product_of(order.subscription_id),
        idempotency_key=order.key,
    )


async def _go_on(stripe: Changing, order: Order) -> list[Fact]:
    facts: list[Fact] = []
    if order.is_stopping:
        facts = await stripe.stop_at_period_end(order.subscription_id, stops=False, idempotency_key=order.key)
    if order.is_held:
        facts = await stripe.release(order.subscription_id, idempotency_key=f"{order.key}:release")
    return facts or await stripe.plan(order.subscription_id)


async def _set_method(stripe: Changing, order: Order) -> list[Fact]:
    """The card is the plan's, and the bill that failed is paid with it where the bank agrees."""
    method = await stripe.method_of_setup(order.wanted["setup_intent_id"])
    if method is None:
        raise GatewayRefused("The page has saved no card or account.", code="no_method")
    facts = await stripe.set_method(
        order.subscription_id, payment_method_id=method.payment_method_id, idempotency_key=order.key
    )
    if order.failed_invoice_id is None:
        return facts
    try:
        paid = await stripe.pay_invoice(order.failed_invoice_id, idempotency_key=f"{order.key}:pay")
    except GatewayRefused:  # the new card was refused too, or the bill is settled: the bill itself says which
        paid = await stripe.invoice(order.failed_invoice_id)
    return [*await stripe.plan(order.subscription_id), *paid]


async def _try_now(stripe: Changing, order: Order) -> list[Fact]:
    assert order.failed_invoice_id, "it was there when the wish was taken"
    paid = await stripe.pay_invoice(order.failed_invoice_id, idempotency_key=order.key)
    return [*await stripe.plan(order.subscription_id), *paid]


async def _stop(stripe: Changing, order: Order) -> list[Fact]:
    """Nothing more is taken: at the end of what is paid, or at once where a bill is open that is not at a bank already."""
    await stripe.stop_at_period_end(order.subscription_id, stops=True, idempotency_key=order.key)
    facts = await stripe.plan(order.subscription_id)  # a renewal may have drawn up its bill a moment before
    owed = [bill for bill in _bills(facts) if bill.status in UNPAID and bill.amount_due_minor and not _is_at_bank(bill)]
    if not owed:
        return facts
    facts = await stripe.stop_now(order.subscription_id, idempotency_key=f"{order.key}:now")
    for bill in owed:
        facts += await _close(stripe, bill.invoice_id, key=f"{order.key}:void")
    return facts


async def _close(stripe: Changing, invoice_id: str, *, key: str) -> list[Fact]:
    """The bill is not owed any more, or it was paid meanwhile; what is true, it says itself."""
    try:
        return await stripe.void_invoice(invoice_id, idempotency_key=key)
    except GatewayRefused:
        return await stripe.invoice(invoice_id)


def _is_at_bank(bill: InvoiceSeen) -> bool:
    """Whether the bank was asked and has not answered: nobody can call that back."""
    return bill.status == "open" and bill.tries > 0 and not bill.has_failed


def _bills(facts: list[Fact]) -> list[InvoiceSeen]:
    return [fact for fact in facts if isinstance(fact, InvoiceSeen)]


def _until(order: Order) -> datetime:
    return datetime.fromisoformat(order.wanted["until"])
