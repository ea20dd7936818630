"""Subscriptions in time: the first invoice, each renewal, pauses that end, and endings that were set for later."""

from supporters.sandbox import invoices_pay
from supporters.sandbox.due import schedule
from supporters.sandbox.errors import Json
from supporters.sandbox.invoices import draw_up, finalize, finalize_later, plan_lines, void, write_off
from supporters.sandbox.items import pending_lines, take_pending
from supporters.sandbox.periods import next_boundary
from supporters.sandbox.store import Due
from supporters.sandbox.subscriptions import (
    ENDED,
    UPDATED,
    end,
    is_free_now,
    period_of,
    plan_ahead,
    recurring_of,
    with_period,
)
from supporters.sandbox.world import World

HOUR = 3_600
FIRST_PAYMENT_HOURS = 23


def begin(world: World, plan: Json, customer: Json) -> Json:
    """The subscription is on file with its first invoice, which is final and open; gives the invoice.

    It is over nothing while a trial or the wait for a later anchor is free.
    """
    now = world.now()
    start, finish = period_of(plan)
    lines = [
        *plan_lines(world, plan, start, finish, free=is_free_now(plan)),
        *pending_lines(world, customer),
    ]
    invoice = draw_up(world, customer, reason="subscription_create", lines=lines, plan=plan, period=(now, now))
    plan["latest_invoice"] = invoice["id"]
    world.add(plan, "customer.subscription.created")
    world.add(invoice, "invoice.created")
    take_pending(world, customer, invoice)
    return finalize(world, invoice)


def begin_free(world: World, plan: Json, customer: Json) -> Json | None:
    """The subscription is on file and runs, with nothing to pay yet; a trial has an invoice over nothing."""
    plan_ahead(world, plan)
    if plan["trial_end"]:
        plan["status"] = "trialing"
        return invoices_pay.mark_paid(world, begin(world, plan, customer))
    plan["status"] = "active"
    world.add(plan, "customer.subscription.created")
    return None


def bill_now(world: World, plan: Json) -> Json:
    """An invoice over the subscription's present period is on file, final and open."""
    now, customer = world.now(), world.get("customer", plan["customer"])
    lines = [*plan_lines(world, plan, *period_of(plan)), *pending_lines(world, customer)]
    invoice = draw_up(world, customer, reason="subscription_update", lines=lines, plan=plan, period=(now, now))
    world.add(invoice, "invoice.created")
    take_pending(world, customer, invoice)
    world.change(plan, {"latest_invoice": invoice["id"]})
    return finalize(world, invoice)


def wait_for_first_payment(world: World, plan: Json) -> None:
    """An incomplete subscription has 23 hours."""
    schedule(world, world.now() + FIRST_PAYMENT_HOURS * HOUR, "incomplete", plan["id"])


def run_out(world: World, due: Due) -> None:
    """Nobody made the first payment in time."""
    plan = world.store.find("subscription", due.id)
    if plan is None or plan["status"] != "incomplete":
        return
    now = world.now()
    world.change(plan, {"status": "incomplete_expired", "ended_at": now, "canceled_at": now}, UPDATED)
    invoice = world.get("invoice", plan["latest_invoice"])
    if invoice["status"] == "open":
        void(world, invoice)
        invoices_pay.call_off_payment(world, invoice)


def renew(world: World, due: Due) -> None:
    """A period is over: the next has begun and its invoice is drawn up, or the subscription has ended as was asked."""
    plan = world.store.find("subscription", due.id)
    if plan is None or plan["status"] in (*ENDED, "incomplete") or period_of(plan)[1] != due.at:
        return
    if plan["cancel_at_period_end"] or (plan["cancel_at"] and plan["cancel_at"] <= due.at):
        end(world, plan, reason="cancellation_requested")
        return
    leave_trial(world, plan)


def leave_trial(world: World, plan: Json) -> None:
    """The next period has begun; a trial that ends without a card is paused or over instead, where it was so set.

    Source: docs.stripe.com/billing/subscriptions/trials, read 22 November 2026.
    """
    behaviour = plan["trial_settings"]["end_behavior"]["missing_payment_method"]
    without = plan["status"] == "trialing" and behaviour != "create_invoice"
    if not without or invoices_pay.method_of(world, plan):
        next_period(world, plan)
    elif behaviour == "cancel":
        end(world, plan, reason="cancellation_requested")
    else:
        for task in ("renew", "upcoming", "trial_ending"):
            world.store.call_off(plan["id"], task)
        world.change(plan, {"status": "paused"}, "customer.subscription.paused")


def next_period(world: World, plan: Json) -> None:
    """The subscription's next period has begun."""
    period = period_of(plan)
    start = min(period[1], world.now())
    finish = next_boundary(plan["billing_cycle_anchor"], recurring_of(plan), start)
    customer = world.get("customer", plan["customer"])
    lines = [*plan_lines(world, plan, start, finish), *pending_lines(world, customer)]
    invoice = draw_up(world, customer, reason="subscription_cycle", lines=lines, plan=plan, period=period)
    pause: Json | None = plan["pause_collection"]
    if pause:
        invoice["auto_advance"] = False
    else:
        finalize_later(world, invoice)
    world.add(invoice, "invoice.created")
    take_pending(world, customer, invoice)
    changes: Json = {"items": with_period(plan, start, finish), "latest_invoice": invoice["id"]}
    if plan["status"] == "trialing":
        changes["status"] = "active"
    world.change(plan, changes, UPDATED)
    plan_ahead(world, plan)
    if pause:
        _let_pass(world, invoice, pause["behavior"])


def _let_pass(world: World, invoice: Json, behaviour: str) -> None:
    """An invoice drawn up in a pause is not collected."""
    if behaviour == "keep_as_draft":
        return
    finalize(world, invoice)
    if behaviour == "void":
        void(world, invoice)
    else:
        write_off(world, invoice)


def announce(world: World, due: Due) -> None:
    """`invoice.upcoming` tells of a renewal some days ahead."""
    plan = world.store.find("subscription", due.id)
    if plan and plan["status"] in ("active", "trialing", "past_due") and will_renew(plan):
        world.emit("invoice.upcoming", preview(world, plan))


def announce_trial_end(world: World, due: Due) -> None:
    """`customer.subscription.trial_will_end` tells that the first payment is near."""
    plan = world.store.find("subscription", due.id)
    if plan and plan["status"] == "trialing" and will_renew(plan):
        world.emit("customer.subscription.trial_will_end", plan)


def will_renew(plan: Json) -> bool:
    """Whether the present period is not the last."""
    return not plan["cancel_at_period_end"] and not (plan["cancel_at"] and plan["cancel_at"] <= period_of(plan)[1])


def preview(world: World, plan: Json) -> Json:
    """The next invoice of the subscription as it would be, on no file."""
    period = period_of(plan)
    finish = next_boundary(plan["billing_cycle_anchor"], recurring_of(plan), period[1])
    customer = world.get("customer", plan["customer"])
    lines = [*plan_lines(world, plan, period[1], finish), *pending_lines(world, customer)]
    invoice = draw_up(world, customer, reason="upcoming", lines=lines, plan=plan, period=period)
    told: Json = {"id": f"upcoming_{invoice['id']}", "created": period[1], "next_payment_attempt": period[1] + HOUR}
    return {**invoice, **told}


def resume(world: World, due: Due) -> None:
    """A pause is over."""
    plan = world.store.find("subscription", due.id)
    pause: Json | None = plan and plan["pause_collection"]
    if plan and pause and pause["resumes_at"] == due.at:
        world.change(plan, {"pause_collection": None}, UPDATED)


def end_as_set(world: World, due: Due) -> None:
    """The moment has come that was set for the subscription's end."""
    plan = world.store.find("subscription", due.id)
    if plan and plan["status"] not in ENDED and plan["cancel_at"] == due.at:
        end(world, plan, reason="cancellation_requested")
