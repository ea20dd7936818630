"""Subscriptions as the API offers them."""

from typing import Any

from supporters.sandbox.calls import Call, Operation, delete, get, listing, post
from supporters.sandbox.customers import find_method
from supporters.sandbox.due import schedule
from supporters.sandbox.errors import ApiError, Json, invalid
from supporters.sandbox.invoices_pay import collect, intent_for
from supporters.sandbox.lists import page, whole
from supporters.sandbox.params import Choice, Fields, Flag, Span, Text
from supporters.sandbox.periods import next_boundary
from supporters.sandbox.subscriptions import ENDED, end, is_free_now, new_subscription, recurring_of, with_period
from supporters.sandbox.subscriptions_change import change
from supporters.sandbox.subscriptions_params import CREATE, DETAILS, UPDATE, check_alike, first_payment_later, price_of
from supporters.sandbox.subscriptions_renew import begin, begin_free, bill_now, wait_for_first_payment
from supporters.sandbox.world import World, shown

STATUSES = (
    "active", "all", "canceled", "ended", "incomplete", "incomplete_expired", "past_due", "paused", "trialing", "unpaid",
)  # fmt: skip


def create_subscription(world: World, call: Call) -> Json:
    """POST /v1/subscriptions."""
    params = dict(call.params)
    customer = world.get("customer", params["customer"], param="customer")
    if not params["items"]:
        raise invalid("Missing required param: items.", code="parameter_missing", param="items")
    lines = [_line(world, line, number) for number, line in enumerate(params["items"])]
    check_alike([price for price, _, _ in lines])
    params.update(first_payment_later(world, params, ""))
    if params.get("default_payment_method"):
        params["default_payment_method"] = own_method(world, customer, params["default_payment_method"])["id"]
    plan = new_subscription(world, customer, lines, params)
    if params.get("cancel_at"):
        plan["cancel_at"] = params["cancel_at"]
        schedule(world, plan["cancel_at"], "cancel", plan["id"])
    behaviour: str = params.get("payment_behavior", "allow_incomplete")
    if is_free_now(plan):
        begin_free(world, plan, customer)
        return world.get("subscription", plan["id"])
    settings: Json = customer["invoice_settings"]
    has_method = bool(plan["default_payment_method"] or settings["default_payment_method"])
    if behaviour != "default_incomplete" and not has_method:
        message = (
            "This customer has no attached payment source or default payment method. Please consider adding a default "
            "payment method."
        )
        raise invalid(message, code="resource_missing")
    return _begin(world, plan, customer, behaviour)


def _line(world: World, line: Json, number: int) -> tuple[Json, Json, int]:
    price, product = price_of(world, line, f"items[{number}]")
    return price, product, line.get("quantity", 1)


def own_method(world: World, customer: Json, wanted: str) -> Json:
    """A payment method that belongs to the customer; an alias makes one that does. Raises: ApiError."""
    is_new = world.store.find("payment_method", wanted) is None
    method = find_method(world, wanted, param="default_payment_method")
    if is_new:
        world.change(method, {"customer": customer["id"]})
        world.emit("payment_method.attached", method)
    if method["customer"] != customer["id"]:
        message = "The customer does not have a payment method with that ID. Attach it to the customer first."
        raise invalid(message, code="resource_missing", param="default_payment_method")
    return method


def _begin(world: World, plan: Json, customer: Json, behaviour: str) -> Json:
    wait_for_first_payment(world, plan)
    invoice = begin(world, plan, customer)
    if behaviour == "default_incomplete":
        intent_for(world, invoice)
    else:
        collect(world, invoice)
    plan = world.get("subscription", plan["id"])
    if behaviour == "error_if_incomplete" and plan["status"] == "incomplete":
        intent = world.get("payment_intent", world.get("invoice", invoice["id"])["_payment_intent"])
        problem: Json = intent["last_payment_error"] or {}
        text = problem.get("message", "The first payment requires authentication.")
        code = problem.get("code", "subscription_payment_intent_requires_action")
        raise ApiError(402, text, kind="card_error", code=code, extra={"payment_intent": shown(intent)})
    return plan


def update_subscription(world: World, call: Call) -> Json:
    """POST /v1/subscriptions/{id}."""
    plan = world.get("subscription", call.path["id"])
    params = dict(call.params)
    if plan["status"] in ENDED and set(params) - {"metadata", "cancellation_details", "expand"}:
        message = "A canceled subscription can only update its cancellation_details and metadata."
        raise invalid(message)
    if params.get("default_payment_method"):
        customer = world.get("customer", plan["customer"])
        params["default_payment_method"] = own_method(world, customer, params["default_payment_method"])["id"]
    return change(world, plan, params)


def cancel_subscription(world: World, call: Call) -> Json:
    """DELETE /v1/subscriptions/{id}."""
    plan = world.get("subscription", call.path["id"])
    if plan["status"] in ENDED:
        raise invalid(f"No such subscription: '{plan['id']}'", code="resource_missing", param="id")
    return end(world, plan, reason="cancellation_requested", details=call.params.get("cancellation_details"))


def resume_subscription(world: World, call: Call) -> Json:
    """POST /v1/subscriptions/{id}/resume: a new cycle begins, and once its invoice is paid the subscription runs."""
    plan = world.get("subscription", call.path["id"])
    if plan["status"] != "paused":
        text = f"The subscription `{plan['id']}` is not paused: only a subscription with a status of paused can resume."
        raise invalid(text)
    now = world.now()
    finish = next_boundary(now, recurring_of(plan), now)
    world.change(plan, {"billing_cycle_anchor": now, "items": with_period(plan, now, finish)})
    collect(world, bill_now(world, plan))
    return world.get("subscription", plan["id"])


def get_subscription(world: World, call: Call) -> Json:
    """GET /v1/subscriptions/{id}."""
    return world.get("subscription", call.path["id"])


def list_subscriptions(world: World, call: Call) -> Json:
    """GET /v1/subscriptions: those that are not over, unless `status` asks otherwise."""
    equal: dict[str, Any] = {name: call.params.get(name) for name in ("customer", "test_clock")}
    status = call.params.get("status")
    where: list[str] = []
    if status in (None, "ended"):
        where.append(
            f"json_extract(json, '$.status') {'not ' if status is None else ''}in ('canceled', 'incomplete_expired')"
        )
    elif status != "all":
        equal["status"] = status
    if call.params.get("price"):
        where.append(
            "exists (select 1 from json_each(json, '$.items.data') where json_extract(value, '$.price.id') = ?)"
        )
    values = [call.params["price"]] if call.params.get("price") else []
    return page(world, call, "subscription", "/v1/subscriptions", equal, where, values)


def list_items(world: World, call: Call) -> Json:
    """GET /v1/subscription_items."""
    plan = world.get("subscription", call.params["subscription"], param="subscription")
    return whole(plan["items"]["data"], "/v1/subscription_items")


CANCEL: Any = {"cancellation_details": DETAILS, "invoice_now": Flag(), "prorate": Flag()}
OPERATIONS: tuple[Operation, ...] = (
    post("/v1/subscriptions", create_subscription, CREATE),
    listing(
        "/v1/subscriptions",
        list_subscriptions,
        customer=Text(),
        price=Text(),
        status=Choice(*STATUSES),
        test_clock=Text(),
        collection_method=Choice("charge_automatically", "send_invoice"),
        created=Span(),
    ),
    get("/v1/subscriptions/{id}", get_subscription),
    post("/v1/subscriptions/{id}", update_subscription, UPDATE),
    delete("/v1/subscriptions/{id}", cancel_subscription, **CANCEL),
    post(
        "/v1/subscriptions/{id}/resume",
        resume_subscription,
        Fields(billing_cycle_anchor=Choice("now", not_yet=("unchanged",)), proration_behavior=Text()),
    ),
    listing("/v1/subscription_items", list_items, subscription=Text()),
)
