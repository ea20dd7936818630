"""What one change of a plan means at Stripe: which calls, with which keys, and how to see that it is done."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from supporters.kit.money import Money
from supporters.payments.facts import Fact, InvoiceSeen, MethodSeen, PlanSeen
from supporters.payments.gateway import GatewayError, GatewayRefused
from supporters.plans.at_bank import is_at_bank
from supporters.plans.lifecycle import interval_of, is_over
from supporters.plans.looks import NOT_ABOUT_THE_CHANGE, Looking, look_at
from supporters.plans.models import ChangeKind

UNPAID = frozenset({"draft", "open"})
BEING_TAKEN = "being_taken"  # and all is as it was
NOT_PUT_BACK = "not_put_back"  # taken, and the change stands in part all the same
BROKEN = "broken"
SERVER_ERROR, WRONG_KEY = 500, "idempotency_error"


class Closing(Looking, Protocol):
    """What closing bills needs of Stripe. `payments.gateway_plans.PlanCalls` is one."""

    async def stop_now(self, subscription_id: str, *, idempotency_key: str) -> list[Fact]: ...

    async def finalize_invoice(self, invoice_id: str, *, idempotency_key: str) -> list[Fact]: ...

    async def void_invoice(self, invoice_id: str, *, idempotency_key: str) -> list[Fact]: ...


class Changing(Closing, Protocol):
    """What changing plans needs of Stripe. `payments.gateway_plans.PlanCalls` is one."""

    async def product(self, name: str, *, idempotency_key: str) -> str: ...

    async def method_of_setup(self, setup_intent_id: str) -> MethodSeen | None: ...

    async def set_amount(
        self, subscription_id: str, *, item_id: str, amount: Money, interval: str, product_id: str, idempotency_key: str
    ) -> list[Fact]: ...

    async def set_next_date(self, subscription_id: str, *, next_at: datetime, idempotency_key: str) -> list[Fact]: ...

    async def hold(self, subscription_id: str, *, until: datetime | None, idempotency_key: str) -> list[Fact]: ...

    async def release(self, subscription_id: str, *, idempotency_key: str) -> list[Fact]: ...

    async def stop_at_period_end(self, subscription_id: str, *, stops: bool, idempotency_key: str) -> list[Fact]: ...

    async def set_method(self, subscription_id: str, *, payment_method_id: str, idempotency_key: str) -> list[Fact]: ...

    async def pay_invoice(self, invoice_id: str, *, idempotency_key: str) -> list[Fact]: ...

    async def bills_since(self, subscription_id: str, *, since: datetime) -> list[str]: ...


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One change to be made, as its row and its plan say."""

    change_id: str
    plan_id: str
    kind: ChangeKind
    was: Mapping[str, Any]
    wanted: Mapping[str, Any]
    key: str
    first_call_at: datetime
    gives_way: bool  # Stripe was asked before, and a stop waits
    subscription_id: str
    product_name: str
    currency: str
    frequency: str
    failed_invoice_id: str | None
    is_held: bool
    is_stopping: bool


async def send(stripe: Changing, order: Order) -> list[Fact]:
    """The change is made at Stripe; returns what it says then. Raises GatewayError."""
    match order.kind:
        case ChangeKind.AMOUNT:
            return await _set_amount(stripe, order)
        case ChangeKind.DATE | ChangeKind.SKIP | ChangeKind.PAUSE:
            raise ValueError("`plans.coming` makes these")
        case ChangeKind.HOLD:
            return await _hold(stripe, order, until=None)
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


def is_carried_out(order: Order, facts: list[Fact]) -> bool:
    """Whether Stripe shows what was wanted: an earlier call was heard."""
    seen = next((fact for fact in facts if isinstance(fact, PlanSeen)), None)
    if seen is None:
        return False
    has_ended = is_over(seen)
    match order.kind:
        case ChangeKind.AMOUNT:
            return seen.amount_minor == order.wanted["amount_minor"]
        case ChangeKind.DATE | ChangeKind.SKIP | ChangeKind.PAUSE:
            return False  # what these mean is seen by the bills too: `plans.coming` looks
        case ChangeKind.HOLD:
            return seen.is_held and seen.held_until is None and not owed(facts)
        case ChangeKind.GO_ON:
            return not has_ended and seen.stops_at is None and _is_let_go(order, seen)
        case ChangeKind.STOP:
            return has_ended or (seen.stops_at is not None and not owed(facts))
        case ChangeKind.ONE_OFF | ChangeKind.UNDO:
            return has_ended
        case ChangeKind.METHOD:
            return False  # which card the page has saved is known only where the call itself was answered
        case ChangeKind.TRY_NOW:
            shown = order.failed_invoice_id
            return shown is None or any(bill.invoice_id == shown and is_paid(bill) for bill in bills_of(facts))


async def look_again(stripe: Changing, order: Order) -> list[Fact]:
    """What Stripe shows of the plan and its unpaid bills, where a call's own answer is not to be had. Raises GatewayError."""
    return await look_at(stripe, order.subscription_id, failed_invoice_id=order.failed_invoice_id)


async def _set_amount(stripe: Changing, order: Order) -> list[Fact]:
    """The amount is a new price of a product of ours: those that Stripe's page made are put away, and may take no more."""
    seen = await _seen(stripe, order)
    return await stripe.set_amount(
        order.subscription_id,
        item_id=seen.item_id,
        amount=Money(order.wanted["amount_minor"], order.currency),
        interval=interval_of(order.frequency),
        product_id=await stripe.product(order.product_name, idempotency_key=f"{order.key}:product"),
        idempotency_key=order.key,
    )


async def _seen(stripe: Changing, order: Order) -> PlanSeen:
    facts = await stripe.plan(order.subscription_id)
    seen = next((fact for fact in facts if isinstance(fact, PlanSeen)), None)
    if seen is None:
        raise GatewayRefused("The subscription is no plain promise of one amount any more.", code="unreadable")
    return seen


async def _hold(stripe: Changing, order: Order, *, until: datetime | None) -> list[Fact]:
    """Nothing is taken before then (None: before somebody lets it go on): no later bill, and none that is open now."""
    await stripe.hold(order.subscription_id, until=until, idempotency_key=order.key)
    return await leave_nothing_owed(stripe, order)


async def leave_nothing_owed(stripe: Changing, order: Order) -> list[Fact]:
    """Bills that were drawn up a moment before are not taken either, but for those that are at a bank already.

    A hold alone leaves them alone. Raises GatewayError. Source: docs.stripe.com/billing/subscriptions/pause-payment
    """
    facts = await stripe.plan(order.subscription_id)
    bills = await still_owed(stripe, order.subscription_id, facts)
    if not bills:
        return facts
    closed = await close_bills(stripe, bills, key=order.key)
    return [*closed, *await stripe.plan(order.subscription_id)]


async def _go_on(stripe: Changing, order: Order) -> list[Fact]:
    """A stop is taken back and a hold ends; one that a pause was under becomes that pause again."""
    facts: list[Fact] = []
    if order.is_stopping:
        facts = await stripe.stop_at_period_end(order.subscription_id, stops=False, idempotency_key=order.key)
    if order.is_held:
        key, until = f"{order.key}:release", order.wanted.get("until")
        if until:
            moment = datetime.fromisoformat(until)
            facts = await stripe.hold(order.subscription_id, until=moment, idempotency_key=key)
        else:
            facts = await stripe.release(order.subscription_id, idempotency_key=key)
    return facts or await stripe.plan(order.subscription_id)


def _is_let_go(order: Order, seen: PlanSeen) -> bool:
    until = order.wanted.get("until")
    return seen.held_until == datetime.fromisoformat(until) if until else not seen.is_held


async def _set_method(stripe: Changing, order: Order) -> list[Fact]:
    """The card is the plan's, and what has failed is paid with it, the oldest first, as far as the bank agrees."""
    method = await stripe.method_of_setup(order.wanted["setup_intent_id"])
    if method is None:
        raise GatewayRefused("The page has saved no card or account.", code="no_method")
    facts = await stripe.set_method(
        order.subscription_id, payment_method_id=method.payment_method_id, idempotency_key=order.key
    )
    if order.failed_invoice_id is None:
        return facts
    paid, _refusal = await _pay_all(stripe, order, key=f"{order.key}:pay")  # what was refused, its bill says
    return [*paid, *await stripe.plan(order.subscription_id)]


async def _try_now(stripe: Changing, order: Order) -> list[Fact]:
    """Every bill that has failed is tried again, the oldest first, until the bank says no. Raises it when none was paid."""
    paid, refusal = await _pay_all(stripe, order, key=order.key)
    if refusal and not any(is_paid(bill) for bill in bills_of(paid)):
        raise refusal
    return [*paid, *await stripe.plan(order.subscription_id)]


async def _pay_all(stripe: Changing, order: Order, *, key: str) -> tuple[list[Fact], GatewayRefused | None]:
    """What the bills say after they were tried, and the refusal that ended it. An earlier call may have paid some already."""
    facts: list[Fact] = []
    shown = [order.failed_invoice_id] if order.failed_invoice_id else []  # none: paid since the wish was taken
    for bill in dict.fromkeys([*await stripe.open_bills(order.subscription_id), *shown]):
        seen = await stripe.invoice(bill)
        if any(is_at_bank(each) or each.status != "open" for each in bills_of(seen)):
            facts += seen
            continue
        try:
            facts += await stripe.pay_invoice(bill, idempotency_key=f"{key}:{bill}")
        except GatewayRefused as refusal:
            if refusal.http_status in NOT_ABOUT_THE_CHANGE:
                raise
            return [*facts, *await stripe.invoice(bill)], refusal
    return facts, None


async def _stop(stripe: Changing, order: Order) -> list[Fact]:
    """Nothing more is taken: at the end of what is paid, or at once where a bill is open that is not at a bank already."""
    await stripe.stop_at_period_end(order.subscription_id, stops=True, idempotency_key=order.key)
    facts = await stripe.plan(order.subscription_id)  # a renewal may have drawn up its bill a moment before
    bills = await still_owed(stripe, order.subscription_id, facts)
    if not bills:
        return facts
    facts = await stripe.stop_now(order.subscription_id, idempotency_key=f"{order.key}:now")
    return [*facts, *await close_bills(stripe, bills, key=order.key)]


async def still_owed(stripe: Closing, subscription_id: str, facts: list[Fact]) -> list[InvoiceSeen]:
    """The latest bill (of `facts`) and all others that are unpaid, but for those that a bank is asked about just now.

    Raises GatewayError.
    """
    known = {bill.invoice_id for bill in bills_of(facts)}
    others = [bill for bill in await stripe.open_bills(subscription_id) if bill not in known]
    return owed([*[fact for bill in others for fact in await stripe.invoice(bill)], *facts])


async def close_bills(stripe: Closing, bills: list[InvoiceSeen], *, key: str) -> list[Fact]:
    """These bills are not owed any more, or they were paid meanwhile; what is true, each says itself. Raises GatewayError."""
    facts: list[Fact] = []
    for bill in bills:
        if bill.status == "draft":
            await stripe.finalize_invoice(bill.invoice_id, idempotency_key=f"{key}:final:{bill.invoice_id}")
        try:
            facts += await stripe.void_invoice(bill.invoice_id, idempotency_key=f"{key}:void:{bill.invoice_id}")
        except GatewayRefused as refusal:
            if refusal.http_status in NOT_ABOUT_THE_CHANGE:
                raise
            facts += await stripe.invoice(bill.invoice_id)
    return facts


def is_kept(error: GatewayError) -> bool:
    """Whether this answer belongs to the key: Stripe only repeats it, for a day."""
    return (error.http_status or 0) >= SERVER_ERROR or error.code == WRONG_KEY


def is_paid(bill: InvoiceSeen) -> bool:
    """Whether its money was taken."""
    return bill.status == "paid"


def owed(facts: Sequence[Fact]) -> list[InvoiceSeen]:
    """The bills that may still be taken, and of which no bank is asked just now."""
    return [
        bill for bill in bills_of(facts) if bill.status in UNPAID and bill.amount_due_minor and not is_at_bank(bill)
    ]


def bills_of(facts: Sequence[Fact]) -> list[InvoiceSeen]:
    """What was said of bills, in that order."""
    return [fact for fact in facts if isinstance(fact, InvoiceSeen)]
