"""Checkout Sessions as the API offers them."""

from supporters.sandbox.calls import Call, Operation, get, listing, post
from supporters.sandbox.checkout import create_session, expire, pay
from supporters.sandbox.checkout_params import CREATE
from supporters.sandbox.customers import find_method, merged
from supporters.sandbox.errors import ApiError, Json, invalid
from supporters.sandbox.lists import page, whole
from supporters.sandbox.params import Anything, Choice, Fields, Metadata, NotYet, Span, Text, Whole, part
from supporters.sandbox.world import World


def expire_session(world: World, call: Call) -> Json:
    """POST /v1/checkout/sessions/{id}/expire."""
    session = world.get("checkout.session", call.path["id"], param="session")
    if session["status"] != "open":
        message = (
            'Only Checkout Sessions with a status in ["open"] can be expired. '
            f"This Checkout Session has a status of {session['status']}."
        )
        raise invalid(message)
    return expire(world, session)


def update_session(world: World, call: Call) -> Json:
    """POST /v1/checkout/sessions/{id}."""
    session = world.get("checkout.session", call.path["id"], param="session")
    changes: Json = {}
    if "metadata" in call.params:
        changes["metadata"] = merged(session["metadata"], call.params["metadata"])
    return world.change(session, changes)


def get_session(world: World, call: Call) -> Json:
    """GET /v1/checkout/sessions/{id}."""
    return world.get("checkout.session", call.path["id"], param="session")


def list_sessions(world: World, call: Call) -> Json:
    """GET /v1/checkout/sessions."""
    equal = {name: call.params.get(name) for name in ("payment_intent", "subscription", "customer", "status")}
    where: list[str] = []
    values: list[str] = []
    email: str | None = part(call.params, "customer_details").get("email")
    if email:
        where.append("json_extract(json, '$.customer_details.email') = ?")
        values.append(email)
    return page(world, call, "checkout.session", "/v1/checkout/sessions", equal, where, values)


def list_line_items(world: World, call: Call) -> Json:
    """GET /v1/checkout/sessions/{id}/line_items."""
    session = world.get("checkout.session", call.path["id"], param="session")
    return line_items(session)


def line_items(session: Json) -> Json:
    """The session's lines as a list."""
    return whole(session["_line_items"], f"/v1/checkout/sessions/{session['id']}/line_items")


def get_page(world: World, call: Call) -> Json:
    """GET /v1/payment_pages/{id}: private to Stripe's own tools."""
    session = world.get("checkout.session", call.path["id"], param="session")
    return {**session, "line_items": line_items(session)}


def confirm_page(world: World, call: Call) -> Json:
    """POST /v1/payment_pages/{id}/confirm: private to Stripe's own tools."""
    session = world.get("checkout.session", call.path["id"], param="session")
    expected = call.params.get("expected_amount")
    if expected is not None and int(expected) != session["amount_total"]:
        message = f"The expected amount {expected} is not the session's amount {session['amount_total']}."
        raise ApiError(400, message, code="checkout_amount_mismatch", param="expected_amount")
    method = find_method(world, call.params["payment_method"])
    return pay(world, session, method)


PAGE = Fields(
    {
        name: Anything()
        for name in (
            "expected_payment_method_type",
            "eid",
            "key",
            "return_url",
            "consent",
            "client_attribution_metadata",
        )
    },
    payment_method=Text(),
    expected_amount=Whole(),
    required=("payment_method",),
)
OPERATIONS: tuple[Operation, ...] = (
    post("/v1/checkout/sessions", create_session, CREATE),
    listing(
        "/v1/checkout/sessions",
        list_sessions,
        payment_intent=Text(),
        customer=Text(),
        customer_details=Fields(email=Text()),
        status=Choice("open", "complete", "expired"),
        created=Span(),
        payment_link=NotYet(),
        subscription=Text(),
    ),
    get("/v1/checkout/sessions/{id}", get_session),
    post("/v1/checkout/sessions/{id}", update_session, Fields(metadata=Metadata())),
    post("/v1/checkout/sessions/{id}/expire", expire_session),
    listing("/v1/checkout/sessions/{id}/line_items", list_line_items),
    get("/v1/payment_pages/{id}", get_page, key=Anything(), eid=Anything()),
    post("/v1/payment_pages/{id}/confirm", confirm_page, PAGE),
)
