"""Changes of a running subscription: amount, date, payment method, pause, end."""

from supporters.sandbox.customers import merged
from supporters.sandbox.due import schedule
from supporters.sandbox.errors import Json, invalid, not_done
from supporters.sandbox.invoices_pay import collect
from supporters.sandbox.params import part
from supporters.sandbox.periods import next_boundary
from supporters.sandbox.subscriptions import (
    NO_DETAILS,
    UPDATED,
    new_item,
    period_of,
    plan_ahead,
    recurring_of,
    with_period,
)
from supporters.sandbox.subscriptions_params import check_alike, price_of
from supporters.sandbox.subscriptions_renew import bill_now, leave_trial
from supporters.sandbox.world import World

PLAIN = ("default_payment_method", "description", "trial_settings")


def change(world: World, plan: Json, params: Json) -> Json:
    """The subscription says what was asked; a new cycle is billed at once."""
    changes: Json = {name: params[name] for name in PLAIN if name in params}
    if "metadata" in params:
        changes["metadata"] = merged(plan["metadata"], params["metadata"])
    if params.get("payment_settings"):
        changes["payment_settings"] = {**plan["payment_settings"], **params["payment_settings"]}
    changes.update(_pause(world, plan, params))
    changes.update(_ending(world, plan, params))
    restarts = params.get("billing_cycle_anchor") == "now"
    if params.get("items"):
        items, restarts_too = _items(world, plan, params)
        changes["items"], restarts = items, restarts or restarts_too
    changes.update(_trial(world, {**plan, **changes}, params))
    if restarts:
        return _restart(world, plan, changes)
    if any(plan[key] != value for key, value in changes.items()):
        world.change(plan, changes, UPDATED)
        if "trial_end" in changes:
            plan_ahead(world, plan)
    if params.get("trial_end") == "now" and plan["status"] == "trialing":
        return _end_trial(world, plan)
    return plan


def _pause(world: World, plan: Json, params: Json) -> Json:
    if "pause_collection" not in params:
        return {}
    pause: Json | None = params["pause_collection"]
    world.store.call_off(plan["id"], "resume")
    if pause is None:
        return {"pause_collection": None}
    at: int | None = pause.get("resumes_at")
    if at is not None:
        if at <= world.now():
            raise invalid("`resumes_at` must be in the future.", param="pause_collection[resumes_at]")
        schedule(world, at, "resume", plan["id"])
    return {"pause_collection": {"behavior": pause["behavior"], "resumes_at": at}}


def _ending(world: World, plan: Json, params: Json) -> Json:
    details: Json = {**plan["cancellation_details"], **part(params, "cancellation_details")}
    told: Json = {"cancellation_details": details} if params.get("cancellation_details") else {}
    if params.get("cancel_at") and params.get("cancel_at_period_end"):
        raise invalid("You may only specify one of these parameters: cancel_at, cancel_at_period_end.")
    if params.get("cancel_at_period_end") or params.get("cancel_at"):
        at: int = params.get("cancel_at") or period_of(plan)[1]
        if at <= world.now():
            raise invalid("`cancel_at` must be in the future.", param="cancel_at")
        world.store.call_off(plan["id"], "cancel")
        schedule(world, at, "cancel", plan["id"])
        reason = {**details, "reason": "cancellation_requested"}
        at_end = bool(params.get("cancel_at_period_end"))
        return {
            "cancel_at": at,
            "cancel_at_period_end": at_end,
            "canceled_at": world.now(),
            "cancellation_details": reason,
        }
    is_undone = params.get("cancel_at_period_end") is False or ("cancel_at" in params and not params["cancel_at"])
    if is_undone and plan["cancel_at"]:
        world.store.call_off(plan["id"], "cancel")
        undone: Json = {"cancel_at": None, "cancel_at_period_end": False, "canceled_at": None}
        return {**undone, "cancellation_details": NO_DETAILS}
    return told


def _items(world: World, plan: Json, params: Json) -> tuple[Json, bool]:
    """The items as they will be, and whether they begin a new cycle at once (another interval)."""
    now_items: list[Json] = plan["items"]["data"]
    items = {item["id"]: dict(item) for item in now_items}
    for number, asked in enumerate(params["items"]):
        where = f"items[{number}]"
        if asked.get("id") and asked["id"] not in items:
            raise invalid(f"No such subscription_item: '{asked['id']}'", code="resource_missing", param=f"{where}[id]")
        item = items.get(asked.get("id", ""))
        if asked.get("price") or asked.get("price_data"):
            price, product = price_of(world, asked, where)
            if item is None:
                item = new_item(world, plan, price, 1, period_of(plan))
                items[item["id"]] = item
            item["price"] = price
            plan["_names"][item["id"]] = product["name"]
        if item is None:
            raise invalid(f"Missing required param: {where}[price].", code="parameter_missing", param=f"{where}[price]")
        item["quantity"] = asked.get("quantity", item["quantity"])
        if "metadata" in asked:
            item["metadata"] = merged(item["metadata"], asked["metadata"])
    changed = list(items.values())
    check_alike([item["price"] for item in changed])
    if _costs(changed) != _costs(now_items) and params.get("proration_behavior") != "none":
        raise not_done("proration: send proration_behavior=none", param="proration_behavior")
    restarts = changed[0]["price"]["recurring"] != recurring_of(plan)
    return {**plan["items"], "data": changed}, restarts


def _costs(items: list[Json]) -> int:
    return sum(item["price"]["unit_amount"] * item["quantity"] for item in items)


def _trial(world: World, plan: Json, params: Json) -> Json:
    """The next payment is put off until `trial_end`, which is also the day of those after it."""
    at = params.get("trial_end")
    if at is None or at == "now":
        return {}
    if at <= world.now():
        raise invalid("`trial_end` must be in the future.", param="trial_end")
    if params.get("proration_behavior") != "none" and plan["status"] != "trialing":
        raise not_done("proration: send proration_behavior=none", param="proration_behavior")
    start = period_of(plan)[0] if plan["status"] == "trialing" else world.now()
    return {
        "trial_start": plan["trial_start"] or world.now(),
        "trial_end": at,
        "billing_cycle_anchor": at,
        "status": "trialing",
        "items": with_period(plan, start, at),
    }


def _restart(world: World, plan: Json, changes: Json) -> Json:
    """A new cycle begins now and is paid now."""
    now = world.now()
    ahead: Json = {**plan, **changes}
    finish = next_boundary(now, recurring_of(ahead), now)
    told: Json = {**changes, "billing_cycle_anchor": now, "items": with_period(ahead, now, finish)}
    if plan["status"] == "trialing":
        told.update(status="active", trial_end=now)
    world.change(plan, told, UPDATED)
    plan_ahead(world, plan)
    collect(world, bill_now(world, plan))
    return world.get("subscription", plan["id"])


def _end_trial(world: World, plan: Json) -> Json:
    now = world.now()
    plan.update(billing_cycle_anchor=now, trial_end=now)
    leave_trial(world, plan)
    return world.get("subscription", plan["id"])
