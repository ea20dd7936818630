"""Checkout Sessions that begin a subscription or keep a payment method for later."""

from supporters.sandbox import setups
from supporters.sandbox.customers import attach, new_customer
from supporters.sandbox.errors import Json, invalid
from supporters.sandbox.invoices_pay import follow, link
from supporters.sandbox.subscriptions import is_free_now, new_subscription, plan_ahead
from supporters.sandbox.subscriptions_params import check_alike, first_payment_later
from supporters.sandbox.subscriptions_renew import begin, begin_free
from supporters.sandbox.world import World

INTENT_DATA: Json = {"description": "Subscription creation", "setup_future_usage": "off_session"}


def check_lines(items: list[Json], mode: str) -> None:
    """The lines go together, and with the mode. Raises: ApiError."""
    if any(item["currency"] != items[0]["currency"] for item in items):
        raise invalid("All line items must have the same currency.", param="line_items")
    recurring = [item for item in items if item["price"]["recurring"]]
    if mode == "payment" and recurring:
        message = "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or "
        raise invalid(f"{message}use only one-time prices.", param="line_items")
    if mode == "subscription":
        if len(recurring) < len(items):
            raise invalid("The sandbox takes recurring prices only in `subscription` mode.", param="line_items")
        check_alike([item["price"] for item in items])


def is_later(world: World, params: Json) -> bool:
    """Whether nothing is due when the subscription begins. Raises: ApiError when its dates make no sense."""
    dates = first_payment_later(world, params.get("subscription_data") or {}, "subscription_data.")
    return any(dates.values())


def begin_setup(world: World, params: Json) -> Json:
    """The setup intent of a session that only keeps a payment method."""
    data: Json = params.get("setup_intent_data") or {}
    named = {name: data[name] for name in ("description", "metadata") if data.get(name)}
    return setups.new_setup(world, {**named, "customer": params.get("customer")})


def keep(world: World, session: Json, method: Json) -> Json | None:
    """The method is kept for later and, where the session asks for one, a subscription begun; None while proof waits.

    Raises: ApiError (402) when the bank refuses.
    """
    setup_id = session["setup_intent"] or session.get("_setup_intent")
    if setup_id is None:
        _add_customer(world, session, method)
        setup = setups.new_setup(world, {"customer": session["customer"]})
        world.change(session, {"_setup_intent": setup["id"]})
    else:
        setup = world.get("setup_intent", setup_id)
        if session["mode"] == "setup" and session["customer_creation"] == "always":
            _add_customer(world, session, method)
            world.change(setup, {"customer": session["customer"]})
    setups.attempt(world, setup, method, return_url=session["success_url"])
    return _kept(world, session, setup)


def prove(world: World, session: Json, setup_id: str, *, passed: bool) -> Json | None:
    """The card holder has answered the bank's question about a method to keep. Raises: ApiError (402)."""
    setup = world.get("setup_intent", setup_id)
    if setup["status"] != "requires_action":
        raise invalid("This payment method does not wait for proof.", code="setup_intent_unexpected_state")
    setups.answer_proof(world, setup, passed=passed)
    return _kept(world, session, setup)


def _kept(world: World, session: Json, setup: Json) -> Json | None:
    if setup["status"] != "succeeded":
        return None
    method = world.get("payment_method", setup["payment_method"])
    if session["mode"] == "subscription":
        begin_plan(world, session, method, None)
    return method


def _add_customer(world: World, session: Json, method: Json) -> None:
    if not session["customer"]:
        billing: Json = method["billing_details"]
        email = session["customer_email"] or billing["email"]
        session["customer"] = new_customer(world, {"email": email, "name": billing["name"]})["id"]


def begin_plan(world: World, session: Json, method: Json, intent: Json | None) -> None:
    """The subscription and its first invoice come into being, now that `intent` is paid or under way.

    Source: docs.stripe.com/changelog/basil/2025-03-31/checkout-legacy-subscription-upgrade, read 22 November 2026.
    """
    customer = world.get("customer", session["customer"])
    if method["customer"] is None:
        attach(world, method, customer)
    data: Json = session["_plan_data"]
    lines = [
        (item["price"], world.get("product", item["price"]["product"]), item["quantity"])
        for item in session["_line_items"]
    ]
    told = {**data, **first_payment_later(world, data, "subscription_data."), "default_payment_method": method["id"]}
    plan = new_subscription(world, customer, lines, told)
    if intent is None or is_free_now(plan):
        invoice = begin_free(world, plan, customer)
    else:
        plan["status"] = "active"
        invoice = begin(world, plan, customer)
        world.change(intent, {"_invoice": invoice["id"]})
        link(world, invoice, intent)
        follow(world, intent)
        plan_ahead(world, plan)
    world.change(session, {"subscription": plan["id"], "invoice": invoice and invoice["id"]})
