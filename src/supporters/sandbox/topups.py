"""Top-ups: money that the publisher sends from its bank into the balance. They arrive, fail, or are taken back later.

Source: docs.stripe.com/connect/top-ups and docs.stripe.com/api/topups, read 23 November 2026.
"""

from supporters.sandbox.balance import new_line
from supporters.sandbox.calls import Call, Operation, get, listing, post
from supporters.sandbox.customers import merged
from supporters.sandbox.due import schedule
from supporters.sandbox.errors import Json, invalid
from supporters.sandbox.lists import BOUNDS, page
from supporters.sandbox.params import Choice, Currency, Fields, Metadata, NotYet, Span, Text, Whole
from supporters.sandbox.store import Due
from supporters.sandbox.world import World

KIND = "topup"
DAY = 86_400
ARRIVES_AFTER_DAYS = 1
FAILING = "btok_us_verified_noAccount"
"""The test bank account from which no top-up comes."""


def create_topup(world: World, call: Call) -> Json:
    """POST /v1/topups: the bank has been asked."""
    params = call.params
    topup: Json = {
        "id": world.new_id("tu"),
        "object": KIND,
        "amount": params["amount"],
        "balance_transaction": None,
        "created": world.now(),
        "currency": params["currency"],
        "description": params.get("description"),
        "expected_availability_date": world.now() + ARRIVES_AFTER_DAYS * DAY,
        "failure_code": None,
        "failure_message": None,
        "initiated_by": "user",
        "livemode": False,
        "metadata": params.get("metadata") or {},
        "payment_method": None,
        "payment_method_options": None,
        "source": None,
        "statement_descriptor": params.get("statement_descriptor"),
        "status": "pending",
        "transfer_group": params.get("transfer_group"),
        "_fails": params.get("source") == FAILING,
    }
    world.add(topup, "topup.created")
    schedule(world, topup["expected_availability_date"], "topup_arrives", topup["id"])
    return topup


def arrive(world: World, due: Due) -> None:
    """The bank has answered: the money is in the balance, or it will not come."""
    topup = world.get(KIND, due.id)
    if topup["status"] == "pending":
        if topup["_fails"]:
            fail(world, topup)
        else:
            succeed(world, topup)


def succeed(world: World, topup: Json) -> Json:
    """The money is in the balance. Raises: ApiError when the top-up has ended before."""
    _require(topup, "pending")
    line = new_line(world, KIND, {**topup, "description": topup["description"] or "Top-up"}, amount=topup["amount"])
    return world.change(topup, {"status": "succeeded", "balance_transaction": line["id"]}, "topup.succeeded")


def fail(world: World, topup: Json) -> Json:
    """The money will not come; nothing has been counted. Raises: ApiError when the top-up has ended before."""
    _require(topup, "pending")
    changes: Json = {"failure_code": "no_account", "failure_message": "The bank account could not be found."}
    return world.change(topup, {"status": "failed", **changes}, "topup.failed")


def reverse(world: World, topup: Json) -> Json:
    """The bank has taken its money back out of the balance. Raises: ApiError unless it had arrived."""
    _require(topup, "succeeded")
    source = {**topup, "description": f"REVERSAL OF TOP-UP ({topup['id']})"}
    new_line(world, "topup_reversal", source, amount=-topup["amount"])
    return world.change(topup, {"status": "reversed"}, "topup.reversed")


def _require(topup: Json, status: str) -> None:
    if topup["status"] != status:
        raise invalid(f"Top-up {topup['id']} is {topup['status']}, not {status}.", param="topup")


def cancel_topup(world: World, call: Call) -> Json:
    """POST /v1/topups/{id}/cancel."""
    topup = world.get(KIND, call.path["id"], param="topup")
    _require(topup, "pending")
    return world.change(topup, {"status": "canceled"}, "topup.canceled")


def update_topup(world: World, call: Call) -> Json:
    """POST /v1/topups/{id}."""
    topup = world.get(KIND, call.path["id"], param="topup")
    changes: Json = {}
    if "description" in call.params:
        changes["description"] = call.params["description"]
    if "metadata" in call.params:
        changes["metadata"] = merged(topup["metadata"], call.params["metadata"])
    return world.change(topup, changes)


def get_topup(world: World, call: Call) -> Json:
    """GET /v1/topups/{id}."""
    return world.get(KIND, call.path["id"], param="topup")


def list_topups(world: World, call: Call) -> Json:
    """GET /v1/topups."""
    where: list[str] = []
    values: list[int] = []
    amounts: dict[str, int] = call.params.get("amount") or {}
    for bound, amount in amounts.items():
        where.append(f"json_extract(json, '$.amount') {BOUNDS[bound]} ?")
        values.append(amount)
    return page(world, call, KIND, "/v1/topups", {"status": call.params.get("status")}, where, values)


CREATE = Fields(
    amount=Whole(1),
    currency=Currency(),
    description=Text(),
    metadata=Metadata(),
    payment_method=NotYet(),
    payment_method_options=NotYet(),
    source=Text(),
    statement_descriptor=Text(15),
    transfer_group=Text(),
    required=("amount", "currency"),
)
STATUSES = Choice("canceled", "failed", "pending", "succeeded")
OPERATIONS: tuple[Operation, ...] = (
    post("/v1/topups", create_topup, CREATE),
    listing("/v1/topups", list_topups, amount=Span(), created=Span(), status=STATUSES),
    get("/v1/topups/{id}", get_topup),
    post("/v1/topups/{id}", update_topup, Fields(description=Text(), metadata=Metadata())),
    post("/v1/topups/{id}/cancel", cancel_topup),
)
