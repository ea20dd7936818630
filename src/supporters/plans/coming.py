"""Changes of the coming payment (DATE, SKIP, PAUSE): done only where that payment was not taken in spite of them.

No call of Stripe's asks for a change only if nothing was billed meanwhile. So the bills are looked at after it, on every
way to an answer; where the payment is taken the change is taken back, and where that cannot be, a person must look.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import structlog

from supporters.payments.facts import Fact, InvoiceSeen, PlanSeen
from supporters.payments.gateway import GatewayRefused
from supporters.plans.at_bank import is_at_bank
from supporters.plans.dates import at_midday
from supporters.plans.looks import NOT_ABOUT_THE_CHANGE
from supporters.plans.models import ChangeKind
from supporters.plans.orders import (
    BEING_TAKEN,
    NOT_PUT_BACK,
    Changing,
    Order,
    bills_of,
    close_bills,
    is_kept,
    is_paid,
    leave_nothing_owed,
    owed,
)

COMING = frozenset({ChangeKind.DATE, ChangeKind.SKIP, ChangeKind.PAUSE})
VOID = "void"

Outcome = tuple[list[Fact], str | None]  # what Stripe says then, and why the change was not made

log = structlog.get_logger("plans")


async def make(stripe: Changing, order: Order, *, zone: ZoneInfo) -> Outcome:
    """The coming payment is moved or left out, or it is said why not. Raises GatewayError."""
    facts, ends = await stripe.plan(order.subscription_id), _ends(order, zone)
    seen = _plan_in(facts)
    if seen is None:
        raise GatewayRefused("The subscription is no plain promise of one amount any more.", code="unreadable")
    if not await _is_made(stripe, order, seen, ends):
        if seen.period_end != _due(order):  # what is to be moved or left out lies behind
            return facts, BEING_TAKEN
        if order.kind is ChangeKind.DATE:
            await stripe.set_next_date(order.subscription_id, next_at=ends, idempotency_key=order.key)
        else:
            await stripe.hold(order.subscription_id, until=ends, idempotency_key=order.key)
    return await _settle(stripe, order, ends)


async def made_before(stripe: Changing, order: Order, facts: list[Fact], *, zone: ZoneInfo) -> Outcome | None:
    """How it went where `facts` show that an earlier call was heard; None where it was not. Raises GatewayError."""
    seen, ends = _plan_in(facts), _ends(order, zone)
    if seen is None or not await _is_made(stripe, order, seen, ends):
        return None
    return await _settle(stripe, order, ends)


def _due(order: Order) -> datetime:
    """When the payment was due that the change is about."""
    return datetime.fromisoformat(order.was["next_at"])


def _ends(order: Order, zone: ZoneInfo) -> datetime:
    """Before when nothing is to be taken: what is billed from then on is as it was wanted."""
    if order.kind is ChangeKind.DATE:
        return at_midday(date.fromisoformat(order.wanted["next_on"]), zone)
    return datetime.fromisoformat(order.wanted["until"])


def _plan_in(facts: list[Fact]) -> PlanSeen | None:
    return next((fact for fact in facts if isinstance(fact, PlanSeen)), None)


async def _is_made(stripe: Changing, order: Order, seen: PlanSeen, ends: datetime) -> bool:
    """Whether Stripe shows the change, also where its time is over by now: then its bills tell."""
    is_moved = order.kind is ChangeKind.DATE
    if seen.period_end == ends if is_moved else seen.is_held and seen.held_until == ends:
        return True
    if seen.period_end == _due(order) and seen.period_start != ends:
        return False
    bills = [bill for bill in bills_of(await _billed(stripe, order, ends)) if bill.amount_due_minor]
    if is_moved:
        return any(bill.period_start == ends for bill in bills)
    return any(bill.status == VOID and not _is_later(bill, ends) for bill in bills)


async def _billed(stripe: Changing, order: Order, ends: datetime) -> list[Fact]:
    """What the bills say that were drawn up since the payment was due, on its old day or its new one."""
    bills = await stripe.bills_since(order.subscription_id, since=min(_due(order), ends))
    return [fact for bill in bills for fact in await stripe.invoice(bill)]


def _is_later(bill: InvoiceSeen, ends: datetime) -> bool:
    return bill.period_start is not None and bill.period_start >= ends


async def _settle(stripe: Changing, order: Order, ends: datetime) -> Outcome:
    """The change stands, or is taken back. What Stripe refuses now leaves it half done, which a person must see."""
    try:
        return await _settled(stripe, order, ends)
    except GatewayRefused as refusal:
        if refusal.http_status in NOT_ABOUT_THE_CHANGE or is_kept(refusal):
            raise
        log.warning("change_not_put_back", change_id=order.change_id, code=refusal.code)
        return [], NOT_PUT_BACK


async def _settled(stripe: Changing, order: Order, ends: datetime) -> Outcome:
    facts = await _billed(stripe, order, ends)
    bills = [bill for bill in bills_of(facts) if bill.amount_due_minor]
    meant = [bill for bill in bills if not _is_later(bill, ends)]
    has_later = len(meant) < len(bills)
    closed = await close_bills(stripe, owed(meant), key=order.key)
    last = {bill.invoice_id: bill for bill in (*meant, *bills_of(closed))}
    facts += closed
    taken = next((bill for bill in last.values() if is_paid(bill) or is_at_bank(bill)), None)
    if taken is None:
        rest = await stripe.plan(order.subscription_id) if has_later else await leave_nothing_owed(stripe, order)
        return [*facts, *rest], None
    is_back = not any(bill.status == VOID for bill in last.values())  # else another one was left out in its place
    if order.kind is not ChangeKind.DATE:
        await stripe.release(order.subscription_id, idempotency_key=f"{order.key}:back")
    elif has_later or taken.period_end is None:
        is_back = False  # taken on both days, or when the next one would have been is not known
    else:
        next_at = taken.period_end
        await stripe.set_next_date(order.subscription_id, next_at=next_at, idempotency_key=f"{order.key}:back")
    why = BEING_TAKEN if is_back else NOT_PUT_BACK
    return [*facts, *await stripe.plan(order.subscription_id)], why
