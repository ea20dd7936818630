"""Subscriptions: what one is, and how its status changes."""

from supporters.sandbox.due import schedule
from supporters.sandbox.errors import Json
from supporters.sandbox.invoices import leave_alone
from supporters.sandbox.params import part
from supporters.sandbox.periods import next_boundary
from supporters.sandbox.store import equals
from supporters.sandbox.world import World

DAY = 86_400
TRIAL_NOTICE_DAYS = 3
ENDED = ("canceled", "incomplete_expired")
UPDATED = "customer.subscription.updated"
NO_DETAILS: Json = {"comment": None, "feedback": None, "reason": None}
TASKS = ("renew", "upcoming", "trial_ending", "cancel", "resume", "incomplete")
NOTHING: Json = {
    "application": None,
    "application_fee_percent": None,
    "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
    "billing_cycle_anchor_config": None,
    "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
    "billing_schedules": [],
    "billing_thresholds": None,
    "cancel_at": None,
    "cancel_at_period_end": False,
    "canceled_at": None,
    "cancellation_details": NO_DETAILS,
    "collection_method": "charge_automatically",
    "customer_account": None,
    "days_until_due": None,
    "default_payment_method": None,
    "default_source": None,
    "default_tax_rates": [],
    "description": None,
    "discounts": [],
    "ended_at": None,
    "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
    "latest_invoice": None,
    "livemode": False,
    "metadata": {},
    "next_pending_invoice_item_invoice": None,
    "on_behalf_of": None,
    "pause_collection": None,
    "pending_invoice_item_interval": None,
    "pending_setup_intent": None,
    "pending_update": None,
    "schedule": None,
    "transfer_data": None,
    "trial_end": None,
    "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
    "trial_start": None,
}
"""A subscription of which nothing was asked."""


def new_subscription(world: World, customer: Json, lines: list[tuple[Json, Json, int]], params: Json) -> Json:
    """A subscription to those (price, product, quantity), incomplete and not yet on file.

    Of `params` count the description, metadata, payment settings, default payment method, `billing_cycle_anchor` and
    `trial_end`; either of those two puts the first payment off until then.
    """
    now, plan_id = world.now(), world.new_id("sub")
    trial_end, anchor = params.get("trial_end"), params.get("billing_cycle_anchor")
    start_of_cycle: int = trial_end or anchor or now
    recurring: Json = lines[0][0]["recurring"]
    end = next_boundary(start_of_cycle, recurring, now)
    plan: Json = {
        **NOTHING,
        "id": plan_id,
        "object": "subscription",
        "billing_cycle_anchor": start_of_cycle,
        "created": now,
        "currency": lines[0][0]["currency"],
        "customer": customer["id"],
        "default_payment_method": params.get("default_payment_method"),
        "description": params.get("description"),
        "items": {
            "object": "list",
            "data": [],
            "has_more": False,
            "url": f"/v1/subscription_items?subscription={plan_id}",
        },
        "metadata": params.get("metadata") or {},
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
            **part(params, "payment_settings"),
        },
        "start_date": now,
        "status": "incomplete",
        "test_clock": customer["test_clock"],
        "trial_end": trial_end,
        "trial_settings": params.get("trial_settings") or NOTHING["trial_settings"],
        "trial_start": now if trial_end else None,
        "_names": {},
    }
    for price, product, quantity in lines:
        item = new_item(world, plan, price, quantity, (now, end))
        plan["items"]["data"].append(item)
        plan["_names"][item["id"]] = product["name"]
    return plan


def new_item(world: World, plan: Json, price: Json, quantity: int, period: tuple[int, int]) -> Json:
    """One thing subscribed to."""
    return {
        "id": world.new_id("si", 14),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": world.now(),
        "current_period_end": period[1],
        "current_period_start": period[0],
        "discounts": [],
        "metadata": {},
        "price": price,
        "quantity": quantity,
        "subscription": plan["id"],
        "tax_rates": [],
    }


def period_of(plan: Json) -> tuple[int, int]:
    """Start and end of the subscription's present period."""
    item: Json = plan["items"]["data"][0]
    return item["current_period_start"], item["current_period_end"]


def recurring_of(plan: Json) -> Json:
    """How often the subscription renews."""
    return plan["items"]["data"][0]["price"]["recurring"]


def with_period(plan: Json, start: int, end: int) -> Json:
    """The subscription's items, in that period."""
    period = {"current_period_start": start, "current_period_end": end}
    return {**plan["items"], "data": [{**item, **period} for item in plan["items"]["data"]]}


def is_free_now(plan: Json) -> bool:
    """Whether the first period costs nothing: a trial, or the wait for a later anchor."""
    return plan["billing_cycle_anchor"] > plan["created"] and period_of(plan)[1] == plan["billing_cycle_anchor"]


def plan_ahead(world: World, plan: Json) -> None:
    """The next renewal falls due, and the notice before it."""
    for task in ("renew", "upcoming", "trial_ending"):
        world.store.call_off(plan["id"], task)
    end = period_of(plan)[1]
    notice = end - world.config.upcoming_days * DAY
    if notice > world.now():
        schedule(world, notice, "upcoming", plan["id"])
    if plan["trial_end"] == end:
        schedule(world, max(world.now(), end - TRIAL_NOTICE_DAYS * DAY), "trial_ending", plan["id"])
    schedule(world, end, "renew", plan["id"])


# status


def paid(world: World, invoice: Json) -> None:
    """The invoice's subscription goes on, if it waited for that payment."""
    plan = world.store.find("subscription", invoice["_subscription"]) if invoice["_subscription"] else None
    if plan and plan["status"] == "paused":
        world.change(plan, {"status": "active"}, "customer.subscription.resumed")
        plan_ahead(world, plan)
    elif plan and plan["status"] in ("incomplete", "past_due", "unpaid"):
        was_new = plan["status"] == "incomplete"
        world.store.call_off(plan["id"], "incomplete")
        world.change(plan, {"status": "active"}, UPDATED)
        if was_new:
            plan_ahead(world, plan)


def overdue(world: World, plan: Json) -> None:
    """A payment of the subscription has failed and will be tried again."""
    if plan["status"] == "active":
        world.change(plan, {"status": "past_due"}, UPDATED)


def end(world: World, plan: Json, *, reason: str, details: Json | None = None) -> Json:
    """The subscription is over: nothing renews and nothing more is taken for it."""
    now = world.now()
    for task in TASKS:
        world.store.call_off(plan["id"], task)
    stop_collecting(world, plan)
    told: Json = {**plan["cancellation_details"], **(details or {})}
    told["reason"] = told["reason"] or reason
    changes: Json = {
        "status": "canceled",
        "canceled_at": plan["canceled_at"] or now,
        "ended_at": now,
        "cancellation_details": told,
        "pause_collection": None,
    }
    return world.change(plan, changes, "customer.subscription.deleted")


def stop_collecting(world: World, plan: Json) -> None:
    """Nothing more is taken for the subscription: its drafts and open invoices stay as they are."""
    found = world.store.select("invoice", (equals("subscription"),), (plan["id"],), newest=True, limit=10)
    for invoice in found:
        if invoice["status"] in ("draft", "open") and (invoice["auto_advance"] or invoice["next_payment_attempt"]):
            leave_alone(world, invoice)


def end_all_of(world: World, customer: Json) -> None:
    """Every subscription of a customer who goes away is over."""
    for plan in world.store.select("subscription", (equals("customer"),), (customer["id"],), newest=True, limit=-1):
        if plan["status"] not in ENDED:
            end(world, plan, reason="cancellation_requested")
