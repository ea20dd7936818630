"""Checkout Sessions: made, paid, run out. What is particular to plans and setups stands in `checkout_plans`."""

from supporters.sandbox import charging, checkout_plans, intents
from supporters.sandbox.calls import Call
from supporters.sandbox.catalogue import inline_price
from supporters.sandbox.checkout_params import check_create
from supporters.sandbox.customers import NO_ADDRESS, attach, new_customer, new_method
from supporters.sandbox.due import schedule
from supporters.sandbox.errors import Json, invalid
from supporters.sandbox.money import MINIMUM, check_amount, display
from supporters.sandbox.params import part
from supporters.sandbox.store import Due
from supporters.sandbox.world import World

DAY = 86_400
CREATION = {"payment": "if_required", "setup": "if_required", "subscription": None}
UNUSED: Json = {
    "adaptive_pricing": {"enabled": True},
    "after_expiration": None,
    "allow_promotion_codes": None,
    "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
    "billing_address_collection": None,
    "cancel_url": None,
    "client_reference_id": None,
    "client_secret": None,
    "collected_information": None,
    "consent": None,
    "consent_collection": None,
    "currency_conversion": None,
    "custom_fields": [],
    "custom_text": {
        "after_submit": None,
        "shipping_address": None,
        "submit": None,
        "terms_of_service_acceptance": None,
    },
    "customer": None,
    "customer_account": None,
    "customer_email": None,
    "discounts": [],
    "invoice": None,
    "invoice_creation": {
        "enabled": False,
        "invoice_data": {
            "account_tax_ids": None,
            "custom_fields": None,
            "description": None,
            "footer": None,
            "issuer": None,
            "metadata": {},
            "rendering_options": None,
        },
    },
    "locale": None,
    "metadata": {},
    "origin_context": None,
    "payment_intent": None,
    "payment_link": None,
    "payment_method_collection": "if_required",
    "payment_method_configuration_details": None,
    "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
    "payment_method_types": ["card"],
    "permissions": None,
    "phone_number_collection": {"enabled": False},
    "recovered_from": None,
    "saved_payment_method_options": None,
    "setup_intent": None,
    "shipping_address_collection": None,
    "shipping_cost": None,
    "shipping_options": [],
    "submit_type": None,
    "subscription": None,
    "success_url": None,
    "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
    "wallet_options": None,
}
"""A session of which nothing was asked."""

ECHOED = (
    "adaptive_pricing", "billing_address_collection", "cancel_url", "client_reference_id", "customer", "customer_email",
    "locale", "metadata", "origin_context", "phone_number_collection", "submit_type", "success_url",
)  # fmt: skip
"""What a session repeats as it was asked."""


def create_session(world: World, call: Call) -> Json:
    """POST /v1/checkout/sessions."""
    params = check_create(world, call)
    session_id, mode = f"cs_test_{world.token(58)}", params["mode"]
    items = [_line_item(world, line, number) for number, line in enumerate(params.get("line_items") or ())]
    checkout_plans.check_lines(items, mode)
    currency = items[0]["currency"] if items else params.get("currency")
    total: int | None = None
    if items:
        is_later = mode == "subscription" and checkout_plans.is_later(world, params)
        total = 0 if is_later else sum(item["amount_total"] for item in items)
        _check_total(sum(item["amount_total"] for item in items), items[0]["currency"])
    session = _new_session(world, session_id, params, total=total, currency=currency)
    session["_line_items"] = items
    session["_intent_data"] = part(params, "payment_intent_data")
    session["_plan_data"] = part(params, "subscription_data")
    if mode == "setup":
        session["setup_intent"] = checkout_plans.begin_setup(world, params)["id"]
    world.add(session)
    schedule(world, session["expires_at"], "expire", session_id)
    return session


def _check_total(total: int, currency: str) -> None:
    if total < MINIMUM.get(currency, 1):
        least = display(MINIMUM.get(currency, 1), currency)
        message = f"The Checkout Session's total amount due must add up to at least {least} {currency}"
        raise invalid(message, code="amount_too_small")
    check_amount(total, currency, param="line_items[0][price_data][unit_amount]")


def _line_item(world: World, line: Json, number: int) -> Json:
    if line.get("price_data"):
        price, product = inline_price(world, line["price_data"], f"line_items[{number}][price_data]")
    else:
        price = world.get("price", line["price"], param=f"line_items[{number}][price]")
        product = world.get("product", price["product"])
    quantity = line.get("quantity", 1)
    total = price["unit_amount"] * quantity
    return {
        "id": world.new_id("li"),
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": total,
        "amount_tax": 0,
        "amount_total": total,
        "currency": price["currency"],
        "description": product["name"],
        "metadata": {},
        "price": price,
        "quantity": quantity,
    }


def _new_session(world: World, session_id: str, params: Json, *, total: int | None, currency: str | None) -> Json:
    mode: str = params["mode"]
    now, email = world.now(), params.get("customer_email")
    asked = {name: params[name] for name in ECHOED if params.get(name) is not None}
    session: Json = {
        "id": session_id,
        "object": "checkout.session",
        **UNUSED,
        **asked,
        "amount_subtotal": total,
        "amount_total": total,
        "created": now,
        "currency": currency,
        "customer_creation": params.get("customer_creation", CREATION[mode]) if not params.get("customer") else None,
        "customer_details": _details(email) if email else None,
        "expires_at": params.get("expires_at") or now + DAY,
        "livemode": False,
        "invoice_creation": UNUSED["invoice_creation"] if mode == "payment" else None,
        "mode": mode,
        "payment_method_collection": "if_required" if mode == "payment" else "always",
        "payment_status": "unpaid" if total else "no_payment_required",
        "status": "open",
        "ui_mode": "hosted_page",
        "url": f"{world.config.base_url}/c/pay/{session_id}",
    }
    session["custom_text"] = {**UNUSED["custom_text"], **part(params, "custom_text")}
    return session


def _details(email: str | None, name: str | None = None) -> Json:
    return {
        "address": dict(NO_ADDRESS) if name else None,
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": name,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [] if name else None,
    }


# paying


def require_open(session: Json) -> None:
    """Only an open session can be paid. Raises: ApiError."""
    if session["status"] != "open":
        message = f"This Checkout Session is {session['status']} and can no longer be paid."
        raise invalid(message, code="checkout_session_not_open")


def pay(world: World, session: Json, method: Json) -> Json:
    """The session is paid with that method, waits for proof (its intent says so), or the bank has refused.

    Raises: ApiError (402) when the bank refuses; the session stays open.
    """
    require_open(session)
    if session["mode"] == "setup" or not session["amount_total"]:
        return _complete(world, session, checkout_plans.keep(world, session, method))
    intent = _intent_of(world, session)
    charging.attempt(world, intent, method, return_url=session["success_url"])
    return _complete_if_paid(world, session, intent, method)


def give_proof(world: World, session: Json, *, passed: bool) -> Json:
    """The card holder has proved who they are, or has not. Raises: ApiError (402) when that ends in a refusal."""
    require_open(session)
    setup_id = setup_of(session)
    if setup_id:
        return _complete(world, session, checkout_plans.prove(world, session, setup_id, passed=passed))
    intent = world.get("payment_intent", intent_of(session))
    if intent["status"] != "requires_action":
        raise invalid("This payment does not wait for proof.", code="payment_intent_unexpected_state")
    method = world.get("payment_method", intent["payment_method"])
    charging.answer_proof(world, intent, passed=passed)
    return _complete_if_paid(world, session, intent, method)


def intent_of(session: Json) -> str | None:
    """The id of the session's payment intent; a session for a subscription has one that it does not show."""
    return session["payment_intent"] or session.get("_payment_intent")


def setup_of(session: Json) -> str | None:
    """The id of the session's setup intent, shown or not."""
    return session["setup_intent"] or session.get("_setup_intent")


def guest_method(world: World, session: Json, card_name: str) -> Json:
    """A payment method as the hosted page makes it, in the giver's name."""
    email = session["customer_email"] or "ada.brook@example.org"
    if session["customer"]:
        email = world.get("customer", session["customer"])["email"] or email
    return new_method(world, card_name, billing={"email": email, "name": name_from(email)})


def name_from(email: str) -> str:
    """A card holder's name to go with an address: `ada.brook@example.org` gives Ada Brook."""
    words = email.partition("@")[0].replace("_", ".").replace("+", ".").split(".")
    return " ".join(word.capitalize() for word in words if word) or "Ada Brook"


def _intent_of(world: World, session: Json) -> Json:
    intent_id = intent_of(session)
    if intent_id:
        intent = world.get("payment_intent", intent_id)
        if intent["status"] == "requires_action":
            world.change(intent, {"status": "requires_payment_method", "next_action": None, "payment_method": None})
        return intent
    if session["mode"] == "subscription" or session["customer_creation"] == "always":
        add_customer(world, session)
    is_plan = session["mode"] == "subscription"
    data: Json = checkout_plans.INTENT_DATA if is_plan else session["_intent_data"]
    params: Json = {**data, "amount": session["amount_total"], "currency": session["currency"]}
    intent = charging.new_intent(world, {**params, "customer": session["customer"]})
    world.change(session, {"_payment_intent" if is_plan else "payment_intent": intent["id"]})
    return intent


def add_customer(world: World, session: Json) -> None:
    """The session has a customer, made now if it came without one."""
    if not session["customer"]:
        email = session["customer_email"]
        customer = new_customer(world, {"email": email, "name": name_from(email) if email else None})
        session["customer"] = customer["id"]


def _complete_if_paid(world: World, session: Json, intent: Json, method: Json) -> Json:
    if intent["status"] not in ("succeeded", "processing"):
        return session
    if intent["setup_future_usage"] and intent["customer"] and method["customer"] is None:
        attach(world, method, world.get("customer", intent["customer"]))
    if session["mode"] == "subscription":
        checkout_plans.begin_plan(world, session, method, intent)
    session["payment_status"] = "paid" if intent["status"] == "succeeded" else "unpaid"
    return _complete(world, session, method)


def _complete(world: World, session: Json, method: Json | None) -> Json:
    """The session is complete, unless nothing has been kept or paid yet (`method` is None)."""
    if method is None:
        return session
    billing: Json = method["billing_details"]
    email = session["customer_email"] or billing["email"]
    changes: Json = {
        "status": "complete",
        "url": None,
        "customer_details": {**_details(email, billing["name"] or "Ada Brook"), "address": billing["address"]},
    }
    world.change(session, changes)
    world.emit("checkout.session.completed", session)
    return session


# running out


def expire(world: World, session: Json) -> Json:
    """The session can no longer be paid."""
    intent_id = intent_of(session)
    if intent_id:
        intent = world.get("payment_intent", intent_id)
        if intent["status"] in intents.UNCONFIRMED:
            intents.cancel(world, intent, "expired")
    world.change(session, {"status": "expired", "url": None})
    world.emit("checkout.session.expired", session)
    return session


def run_out(world: World, due: Due) -> None:
    """A session whose time is over is expired, unless it is already complete."""
    session = world.get("checkout.session", due.id)
    if session["status"] == "open":
        expire(world, session)
