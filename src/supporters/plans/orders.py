"""What one change of a plan means at Stripe: which calls, with which keys, and how to see that it is done."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import msgspec

from supporters.kit.money import Money
from supporters.payments.facts import Fact, InvoiceSeen, MethodSeen, PlanSeen
from supporters.payments.gateway import GatewayRefused
from supporters.plans.at_bank import is_at_bank
from supporters.plans.dates import at_midday
from supporters.plans.lifecycle import interval_of, is_over
from supporters.plans.looks import NOT_ABOUT_THE_CHANGE, Looking, look_at
from supporters.plans.models import ChangeKind

UNPAID = frozenset({"draft", "open"})
BEING_TAKEN = "being_taken"


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


async def send(stripe: Changing, order: Order, *, zone: ZoneInfo) -> list[Fact]:
    """The change is made at Stripe; returns what it says then. Raises GatewayError."""
    match order.kind:
        case ChangeKind.AMOUNT:
            return await _set_amount(stripe, order)
        case ChangeKind.DATE:
            return await _set_date(stripe, order, at_midday(date.fromisoformat(order.wanted["next_on"]), zone))
        case ChangeKind.SKIP | ChangeKind.PAUSE:
            return await _leave_out(stripe, order, _until(order))
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
        case ChangeKind.HOLD:
            return seen.is_held and seen.held_until is None and not _owed(facts)
        case ChangeKind.GO_ON:
            return not has_ended and seen.stops_at is None and _is_let_go(order, seen)
        case ChangeKind.STOP:
            return has_ended or (seen.stops_at is not None and not _owed(facts))
        case ChangeKind.ONE_OFF | ChangeKind.UNDO:
            return has_ended
        case ChangeKind.METHOD:
            return False  # which card the page has saved is known only where the call itself was answered
        case ChangeKind.TRY_NOW:
            shown = order.failed_invoice_id
            return shown is None or any(bill.invoice_id == shown and _is_paid(bill) for bill in _bills(facts))


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


async def _set_date(stripe: Changing, order: Order, due: datetime) -> list[Fact]:
    """The next payment is taken on that day. Where the one before was taken just now, its next date is as it would have been."""
    if not await _is_heard(stripe, order, lambda seen: seen.period_end == due):
        await stripe.set_next_date(order.subscription_id, next_at=due, idempotency_key=order.key)
    facts, taken = await _drawn_up(stripe, order)
    if taken and taken.period_end:
        await stripe.set_next_date(order.subscription_id, next_at=taken.period_end, idempotency_key=f"{order.key}:back")
        raise _too_late()
    return [*facts, *await _leave_nothing_owed(stripe, order)]


async def _leave_out(stripe: Changing, order: Order, until: datetime) -> list[Fact]:
    """Nothing is taken before then. Where the payment was taken just now, the later ones are not left out in its place."""
    if not await _is_heard(stripe, order, lambda seen: seen.is_held and seen.held_until == until):
        await stripe.hold(order.subscription_id, until=until, idempotency_key=order.key)
    facts, taken = await _drawn_up(stripe, order)
    if taken:
        await stripe.release(order.subscription_id, idempotency_key=f"{order.key}:back")
        raise _too_late()
    return [*facts, *await _leave_nothing_owed(stripe, order)]


async def _is_heard(stripe: Changing, order: Order, shows: Callable[[PlanSeen], bool]) -> bool:
    """Whether Stripe shows the change already. Else what is to be moved or left out must still lie ahead.

    Raises GatewayRefused where its bill was drawn up since the wish was taken.
    """
    seen, was = await _seen(stripe, order), order.was["next_at"]
    if shows(seen):
        return True
    if was is None or seen.period_end != datetime.fromisoformat(was):
        raise _too_late()
    return False


async def _drawn_up(stripe: Changing, order: Order) -> tuple[list[Fact], InvoiceSeen | None]:
    """Bills that came in the moment between look and call are closed; returns what they say, and one that is taken already.

    No call of Stripe's asks for a change only if nothing was billed meanwhile, so this is looked at afterwards.
    """
    due = datetime.fromisoformat(order.was["next_at"])
    bills = await stripe.bills_since(order.subscription_id, since=due)
    facts = [fact for bill in bills for fact in await stripe.invoice(bill)]
    facts += await close_bills(stripe, _owed(facts), key=order.key)
    last = {bill.invoice_id: bill for bill in _bills(facts) if bill.amount_due_minor}
    return facts, next((bill for bill in last.values() if _is_paid(bill) or is_at_bank(bill)), None)


def _too_late() -> GatewayRefused:
    return GatewayRefused("The payment is being taken already.", code=BEING_TAKEN)


async def _hold(stripe: Changing, order: Order, *, until: datetime | None) -> list[Fact]:
    """Nothing is taken before then (None: before somebody lets it go on): no later bill, and none that is open now."""
    await stripe.hold(order.subscription_id, until=until, idempotency_key=order.key)
    return await _leave_nothing_owed(stripe, order)


async def _leave_nothing_owed(stripe: Changing, order: Order) -> list[Fact]:
    """Bills that were drawn up a moment before are not taken either, but for those that are at a bank already.

    A hold alone leaves them alone. Source: docs.stripe.com/billing/subscriptions/pause-payment
    """
    facts = await stripe.plan(order.subscription_id)
    owed = await still_owed(stripe, order.subscription_id, facts)
    if not owed:
        return facts
    closed = await close_bills(stripe, owed, key=order.key)
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
    if refusal and not any(_is_paid(bill) for bill in _bills(paid)):
        raise refusal
    return [*paid, *await stripe.plan(order.subscription_id)]


async def _pay_all(stripe: Changing, order: Order, *, key: str) -> tuple[list[Fact], GatewayRefused | None]:
    """What the bills say after they were tried, and the refusal that ended it. An earlier call may have paid some already."""
    facts: list[Fact] = []
    shown = [order.failed_invoice_id] if order.failed_invoice_id else []  # none: paid since the wish was taken
    for bill in dict.fromkeys([*await stripe.open_bills(order.subscription_id), *shown]):
        seen = await stripe.invoice(bill)
        if any(is_at_bank(each) or each.status != "open" for each in _bills(seen)):
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
    known = {bill.invoice_id for bill in _bills(facts)}
    others = [bill for bill in await stripe.open_bills(subscription_id) if bill not in known]
    return _owed([*[fact for bill in others for fact in await stripe.invoice(bill)], *facts])


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


def _is_paid(bill: InvoiceSeen) -> bool:
    return bill.status == "paid"


def _owed(facts: list[Fact]) -> list[InvoiceSeen]:
    return [bill for bill in _bills(facts) if bill.status in UNPAID and bill.amount_due_minor and not is_at_bank(bill)]


def _bills(facts: list[Fact]) -> list[InvoiceSeen]:
    return [fact for fact in facts if isinstance(fact, InvoiceSeen)]


def _until(order: Order) -> datetime:
    return datetime.fromisoformat(order.wanted["until"])
