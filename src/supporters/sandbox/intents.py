"""Payment intents and charges, as the API offers them."""

from supporters.sandbox import charging
from supporters.sandbox.calls import Call, Operation, get, listing, post
from supporters.sandbox.customers import find_method, merged
from supporters.sandbox.errors import ApiError, Json, invalid, malformed
from supporters.sandbox.lists import page
from supporters.sandbox.money import check_amount
from supporters.sandbox.params import (
    SHIPPING,
    Anything,
    Choice,
    Currency,
    Fields,
    Flag,
    ListOf,
    Metadata,
    NotYet,
    Span,
    Text,
    Whole,
    part,
)
from supporters.sandbox.store import equals
from supporters.sandbox.world import World, shown

UNCONFIRMED = ("requires_payment_method", "requires_confirmation", "requires_action")

UPDATE = {
    "amount": Whole(),
    "currency": Currency(),
    "customer": Text(),
    "description": Text(1000),
    "metadata": Metadata(),
    "payment_method": Text(),
    "payment_method_types": ListOf(Text()),
    "allowed_payment_method_types": ListOf(Text()),
    "excluded_payment_method_types": ListOf(Text()),
    "payment_method_options": Anything(),
    "receipt_email": Text(),
    "setup_future_usage": Choice("off_session", "on_session"),
    "shipping": SHIPPING,
    "statement_descriptor": Text(22),
    "statement_descriptor_suffix": Text(22),
    "capture_method": Choice("automatic", "automatic_async", "manual"),
    "transfer_data": NotYet(),
    "transfer_group": NotYet(),
    "application_fee_amount": NotYet(),
}
CONFIRM = {
    "payment_method": Text(),
    "return_url": Text(),
    "off_session": Flag(),
    "error_on_requires_action": Flag(),
    "mandate": NotYet(),
    "payment_method_data": NotYet(),
    "mandate_data": Anything(),
    "use_stripe_sdk": Flag(),
    "receipt_email": Text(),
    "setup_future_usage": Choice("off_session", "on_session"),
    "shipping": SHIPPING,
    "payment_method_options": Anything(),
    "payment_method_types": ListOf(Text()),
    "allowed_payment_method_types": ListOf(Text()),
    "excluded_payment_method_types": ListOf(Text()),
    "capture_method": Choice("automatic", "automatic_async", "manual"),
}
CREATE = Fields(
    {**UPDATE, **CONFIRM},
    automatic_payment_methods=Fields(enabled=Flag(), allow_redirects=Choice("always", "never"), required=("enabled",)),
    confirm=Flag(),
    confirmation_method=Choice("automatic", "manual"),
    required=("amount", "currency"),
)


def create_intent(world: World, call: Call) -> Json:
    """POST /v1/payment_intents."""
    params = dict(call.params)
    check_amount(params["amount"], params["currency"])
    if params.get("customer"):
        world.get("customer", params["customer"], param="customer")
    method: Json | None = None
    if params.get("payment_method"):
        method = find_method(world, params["payment_method"])
        params["payment_method"] = method["id"]
    automatic = params.get("automatic_payment_methods")
    if automatic is None and not params.get("payment_method_types"):
        automatic = {"enabled": True}
    params["automatic_payment_methods"] = automatic and {"allow_redirects": "always", **automatic}
    intent = charging.new_intent(world, params)
    return _confirm(world, intent, params, method) if params.get("confirm") else intent


def confirm_intent(world: World, call: Call) -> Json:
    """POST /v1/payment_intents/{id}/confirm."""
    intent = world.get("payment_intent", call.path["id"])
    if intent["status"] not in ("requires_payment_method", "requires_confirmation"):
        raise _unexpected_state(intent, "confirm")
    wanted = call.params.get("payment_method") or intent["payment_method"]
    method = find_method(world, wanted) if wanted else None
    return _confirm(world, intent, call.params, method)


def _confirm(world: World, intent: Json, params: Json, method: Json | None) -> Json:
    if method is None:
        message = (
            "You cannot confirm this PaymentIntent because it's missing a payment method. "
            "You can either update the PaymentIntent with a payment method and then confirm it again, "
            "or confirm it again directly with a payment method."
        )
        raise invalid(message, code="payment_intent_unexpected_state")
    redirects = part(intent, "automatic_payment_methods").get("allow_redirects") == "always"
    if (
        redirects
        and not params.get("return_url")
        and not params.get("off_session")
        and not params.get("use_stripe_sdk")
    ):
        message = (
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of "
            "these payment methods might redirect your customer off of your page, you must provide a `return_url`."
        )
        raise invalid(message)
    off_session, return_url = bool(params.get("off_session")), params.get("return_url")
    return charging.attempt(world, intent, method, return_url=return_url, off_session=off_session)


def update_intent(world: World, call: Call) -> Json:
    """POST /v1/payment_intents/{id}."""
    intent = world.get("payment_intent", call.path["id"])
    params = dict(call.params)
    if intent["status"] not in UNCONFIRMED and set(params) - {"metadata", "description", "receipt_email", "expand"}:
        raise _unexpected_state(intent, "update")
    if "amount" in params or "currency" in params:
        check_amount(params.get("amount", intent["amount"]), params.get("currency", intent["currency"]))
    if params.get("payment_method"):
        params["payment_method"] = find_method(world, params["payment_method"])["id"]
        params["status"] = "requires_confirmation"
    if "metadata" in params:
        params["metadata"] = merged(intent["metadata"], params["metadata"])
    ignored = ("expand", "payment_method_types", "allowed_payment_method_types", "payment_method_options")
    return world.change(intent, {key: value for key, value in params.items() if key not in ignored})


def capture_intent(world: World, call: Call) -> Json:
    """POST /v1/payment_intents/{id}/capture."""
    intent = world.get("payment_intent", call.path["id"])
    if intent["status"] != "requires_capture":
        raise _unexpected_state(intent, "capture")
    return charging.capture(world, intent, call.params.get("amount_to_capture"))


def cancel_intent(world: World, call: Call) -> Json:
    """POST /v1/payment_intents/{id}/cancel."""
    intent = world.get("payment_intent", call.path["id"])
    if intent["status"] not in (*UNCONFIRMED, "requires_capture"):
        raise _unexpected_state(intent, "cancel")
    sessions = world.store.select(
        "checkout.session", (equals("payment_intent"),), (intent["id"],), newest=True, limit=1
    )
    if sessions:
        message = "You cannot cancel PaymentIntents created by Checkout. Expire the Checkout Session instead."
        raise invalid(message, code="payment_intent_unexpected_state")
    return cancel(world, intent, call.params.get("cancellation_reason"))


def cancel(world: World, intent: Json, reason: str | None) -> Json:
    """The intent can no longer be paid; an authorised amount is let go."""
    changes: Json = {"status": "canceled", "canceled_at": world.now(), "cancellation_reason": reason}
    return world.change(intent, {**changes, "next_action": None, "amount_capturable": 0}, "payment_intent.canceled")


def _unexpected_state(intent: Json, verb: str) -> ApiError:
    message = f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}."
    code = "payment_intent_unexpected_state"
    return ApiError(400, message, code=code, extra={"payment_intent": shown(intent)})


def get_intent(world: World, call: Call) -> Json:
    """GET /v1/payment_intents/{id}."""
    return world.get("payment_intent", call.path["id"], param="intent")


def list_intents(world: World, call: Call) -> Json:
    """GET /v1/payment_intents."""
    return page(world, call, "payment_intent", "/v1/payment_intents", {"customer": call.params.get("customer")})


def get_charge(world: World, call: Call) -> Json:
    """GET /v1/charges/{id}."""
    return world.get("charge", call.path["id"])


def update_charge(world: World, call: Call) -> Json:
    """POST /v1/charges/{id}."""
    charge = world.get("charge", call.path["id"])
    changes = {key: value for key, value in call.params.items() if key in ("description", "receipt_email")}
    if "metadata" in call.params:
        changes["metadata"] = merged(charge["metadata"], call.params["metadata"])
    return world.change(charge, changes, "charge.updated")


def list_charges(world: World, call: Call) -> Json:
    """GET /v1/charges."""
    equal = {name: call.params.get(name) for name in ("payment_intent", "customer")}
    return page(world, call, "charge", "/v1/charges", equal)


def refuse_method_types(call: Call) -> None:
    """Since endive no request names payment method types. Raises: ApiError."""
    if "payment_method_types" in call.params and call.version.endswith(".endive"):
        message = (
            "The `payment_method_types` parameter is no longer supported. Use `excluded_payment_method_types`, "
            "`allowed_payment_method_types` or the payment methods of your Dashboard instead."
        )
        raise malformed(message, code="payment_method_types_no_longer_supported", param="payment_method_types")


REASONS = Choice("duplicate", "fraudulent", "requested_by_customer", "abandoned")
OPERATIONS: tuple[Operation, ...] = (
    post("/v1/payment_intents", create_intent, CREATE),
    listing("/v1/payment_intents", list_intents, customer=Text(), created=Span()),
    get("/v1/payment_intents/{id}", get_intent, client_secret=Text()),
    post("/v1/payment_intents/{id}", update_intent, Fields(UPDATE)),
    post("/v1/payment_intents/{id}/confirm", confirm_intent, Fields(CONFIRM)),
    post("/v1/payment_intents/{id}/capture", capture_intent, Fields(amount_to_capture=Whole(), metadata=Metadata())),
    post("/v1/payment_intents/{id}/cancel", cancel_intent, Fields(cancellation_reason=REASONS)),
    listing("/v1/charges", list_charges, payment_intent=Text(), customer=Text(), created=Span()),
    get("/v1/charges/{id}", get_charge),
    post("/v1/charges/{id}", update_charge, Fields(metadata=Metadata(), description=Text(), receipt_email=Text())),
)
