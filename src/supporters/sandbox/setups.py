"""Setup intents: a payment method is proved and kept for later, without money."""

from supporters.sandbox import cards, mandates
from supporters.sandbox.calls import Call, Operation, get, listing, post
from supporters.sandbox.customers import find_method, merged
from supporters.sandbox.errors import ApiError, Json, invalid
from supporters.sandbox.lists import page
from supporters.sandbox.params import Anything, Choice, Fields, Flag, ListOf, Metadata, NotYet, Span, Text
from supporters.sandbox.world import World, shown

OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
LATER = "chargeCustomerFail"
"""The card that lets itself be kept and fails when it is charged."""


def new_setup(world: World, params: Json) -> Json:
    """A setup intent is on file."""
    setup_id = world.new_id("seti")
    automatic = params.get("automatic_payment_methods")
    setup: Json = {
        "id": setup_id,
        "object": "setup_intent",
        "application": None,
        "automatic_payment_methods": automatic and {"allow_redirects": "always", **automatic},
        "cancellation_reason": None,
        "client_secret": f"{setup_id}_secret_{world.token(25)}",
        "created": world.now(),
        "customer": params.get("customer"),
        "customer_account": None,
        "description": params.get("description"),
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": params.get("metadata") or {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": params.get("payment_method"),
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {"mandate_options": None, "network": None, "request_three_d_secure": "automatic"}
        },
        "payment_method_types": params.get("payment_method_types") or ["card"],
        "single_use_mandate": None,
        "status": "requires_confirmation" if params.get("payment_method") else "requires_payment_method",
        "usage": params.get("usage", "off_session"),
    }
    return world.add(setup, "setup_intent.created")


def attempt(world: World, setup: Json, method: Json, *, return_url: str | None = None) -> Json:
    """The payment method is kept, or its bank wants proof first. Raises: ApiError (402) when the bank refuses."""
    card = cards.CARDS.get(method["_card"] or "")
    if card and card.asks:
        address = f"{world.config.base_url}/c/setup-proof/{setup['id']}"
        action: Json = {"redirect_to_url": {"return_url": return_url, "url": address}, "type": "redirect_to_url"}
        changes: Json = {"status": "requires_action", "next_action": action, "payment_method": method["id"]}
        return world.change(setup, {**changes, "last_setup_error": None}, "setup_intent.requires_action")
    return _ask_bank(world, setup, method)


def answer_proof(world: World, setup: Json, *, passed: bool) -> Json:
    """The proof was given or given up. Raises: ApiError (402) when the bank then refuses, or no proof was given."""
    method = world.get("payment_method", setup["payment_method"])
    if passed:
        return _ask_bank(world, setup, method)
    message = (
        "We are unable to authenticate your payment method. Please choose a different payment method and try again."
    )
    raise _refuse(world, setup, method, "setup_intent_authentication_failure", None, message)


def _ask_bank(world: World, setup: Json, method: Json) -> Json:
    card = cards.CARDS.get(method["_card"] or "")
    if card and card.refuses and not card.asks and method["_card"] != LATER:
        raise _refuse(world, setup, method, *card.refuses, cards.message_of(*card.refuses))
    if setup["customer"] and method["customer"] is None:
        world.change(method, {"customer": setup["customer"]})
        world.emit("payment_method.attached", method)
    changes: Json = {"status": "succeeded", "payment_method": method["id"], "next_action": None}
    mandate = mandates.mandate_for(world, method)
    changes["mandate"] = mandate and mandate["id"]
    return world.change(setup, {**changes, "last_setup_error": None}, "setup_intent.succeeded")


def _refuse(world: World, setup: Json, method: Json, code: str, decline_code: str | None, message: str) -> ApiError:
    problem: Json = {
        "code": code,
        "doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}",
        "message": message,
        "payment_method": shown(method),
        "type": "card_error",
    }
    if decline_code:
        problem["decline_code"] = decline_code
    changes: Json = {"status": "requires_payment_method", "payment_method": None, "next_action": None}
    world.change(setup, {**changes, "last_setup_error": problem}, "setup_intent.setup_failed")
    extra: Json = {"setup_intent": shown(setup), "payment_method": shown(method)}
    if decline_code:
        extra["decline_code"] = decline_code
    return ApiError(402, message, kind="card_error", code=code, keeps_effects=True, extra=extra)


def cancel(world: World, setup: Json, reason: str | None) -> Json:
    """The setup intent can no longer be used."""
    changes: Json = {"status": "canceled", "cancellation_reason": reason, "next_action": None}
    return world.change(setup, changes, "setup_intent.canceled")


# the API


def create_setup(world: World, call: Call) -> Json:
    """POST /v1/setup_intents."""
    params = dict(call.params)
    if params.get("customer"):
        world.get("customer", params["customer"], param="customer")
    method: Json | None = None
    if params.get("payment_method"):
        method = find_method(world, params["payment_method"])
        params["payment_method"] = method["id"]
    if params.get("automatic_payment_methods") is None and not params.get("payment_method_types"):
        params["automatic_payment_methods"] = {"enabled": True}
    setup = new_setup(world, params)
    return _confirm(world, setup, params, method) if params.get("confirm") else setup


def confirm_setup(world: World, call: Call) -> Json:
    """POST /v1/setup_intents/{id}/confirm."""
    setup = world.get("setup_intent", call.path["id"])
    if setup["status"] not in ("requires_payment_method", "requires_confirmation"):
        raise _unexpected_state(setup, "confirm")
    wanted = call.params.get("payment_method") or setup["payment_method"]
    return _confirm(world, setup, call.params, find_method(world, wanted) if wanted else None)


def _confirm(world: World, setup: Json, params: Json, method: Json | None) -> Json:
    if method is None:
        message = (
            "You cannot confirm this SetupIntent because it's missing a payment method. Update the SetupIntent with a "
            "payment method and then try again."
        )
        raise invalid(message, code="setup_intent_unexpected_state")
    return attempt(world, setup, method, return_url=params.get("return_url"))


def update_setup(world: World, call: Call) -> Json:
    """POST /v1/setup_intents/{id}."""
    setup = world.get("setup_intent", call.path["id"])
    changes: Json = {name: call.params[name] for name in ("description", "customer") if name in call.params}
    if call.params.get("payment_method"):
        method = find_method(world, call.params["payment_method"])
        changes.update(payment_method=method["id"], status="requires_confirmation")
    if "metadata" in call.params:
        changes["metadata"] = merged(setup["metadata"], call.params["metadata"])
    if setup["status"] not in OPEN and set(changes) - {"metadata", "description"}:
        raise _unexpected_state(setup, "update")
    return world.change(setup, changes)


def cancel_setup(world: World, call: Call) -> Json:
    """POST /v1/setup_intents/{id}/cancel."""
    setup = world.get("setup_intent", call.path["id"])
    if setup["status"] not in OPEN:
        raise _unexpected_state(setup, "cancel")
    return cancel(world, setup, call.params.get("cancellation_reason"))


def _unexpected_state(setup: Json, verb: str) -> ApiError:
    message = f"You cannot {verb} this SetupIntent because it has a status of {setup['status']}."
    return ApiError(400, message, code="setup_intent_unexpected_state", extra={"setup_intent": shown(setup)})


def get_setup(world: World, call: Call) -> Json:
    """GET /v1/setup_intents/{id}."""
    return world.get("setup_intent", call.path["id"])


def list_setups(world: World, call: Call) -> Json:
    """GET /v1/setup_intents."""
    equal = {name: call.params.get(name) for name in ("customer", "payment_method")}
    return page(world, call, "setup_intent", "/v1/setup_intents", equal)


CONFIRM = {
    "payment_method": Text(),
    "return_url": Text(),
    "mandate_data": Anything(),
    "use_stripe_sdk": Flag(),
    "payment_method_options": Anything(),
    "payment_method_types": ListOf(Text()),
    "allowed_payment_method_types": ListOf(Text()),
    "excluded_payment_method_types": ListOf(Text()),
    "client_secret": Text(),
}
UPDATE = {"customer": Text(), "description": Text(1000), "metadata": Metadata(), "payment_method": Text()}
CREATE = Fields(
    {**CONFIRM, **UPDATE},
    automatic_payment_methods=Fields(enabled=Flag(), allow_redirects=Choice("always", "never"), required=("enabled",)),
    confirm=Flag(),
    usage=Choice("off_session", "on_session"),
    single_use=NotYet(),
    attach_to_self=NotYet(),
    flow_directions=NotYet(),
)
REASONS = Choice("abandoned", "duplicate", "requested_by_customer")
OPERATIONS: tuple[Operation, ...] = (
    post("/v1/setup_intents", create_setup, CREATE),
    listing("/v1/setup_intents", list_setups, customer=Text(), payment_method=Text(), created=Span()),
    get("/v1/setup_intents/{id}", get_setup, client_secret=Text()),
    post("/v1/setup_intents/{id}", update_setup, Fields(UPDATE)),
    post("/v1/setup_intents/{id}/confirm", confirm_setup, Fields(CONFIRM)),
    post("/v1/setup_intents/{id}/cancel", cancel_setup, Fields(cancellation_reason=REASONS)),
)
