"""Early fraud warnings: a card's bank tells that a payment was reported as fraud, before any dispute."""

from supporters.sandbox.calls import Call, Operation, get, listing
from supporters.sandbox.errors import Json, invalid
from supporters.sandbox.lists import page
from supporters.sandbox.params import Span, Text
from supporters.sandbox.store import Due
from supporters.sandbox.world import Post, World

KIND = "radar.early_fraud_warning"


def warn(world: World, charge: Json) -> Json:
    """The bank has warned of that charge. Raises: ApiError for anything but a card's charge that has succeeded."""
    if charge["_card"] is None or charge["status"] != "succeeded":
        raise invalid("Only a card's charge that has succeeded can be reported as fraud.", param="charge")
    warning: Json = {
        "id": world.new_id("issfr"),
        "object": KIND,
        "actionable": not charge["refunded"] and not charge["disputed"],
        "charge": charge["id"],
        "created": world.now(),
        "fraud_type": "unauthorized_use_of_card",
        "livemode": False,
        "payment_intent": charge["payment_intent"],
    }
    return world.add(warning, "radar.early_fraud_warning.created")


def warn_later(world: World, due: Due) -> None:
    """The bank of a card whose habit it is has warned."""
    with world.sending(Post(due.note["delay_seconds"], due.note["copies"])):
        warn(world, world.get("charge", due.id))


def with_actionable(world: World, warning: Json) -> Json:
    """The warning, actionable as long as its charge is neither refunded nor disputed."""
    charge = world.get("charge", warning["charge"])
    warning["actionable"] = not charge["refunded"] and not charge["disputed"]
    return warning


def get_warning(world: World, call: Call) -> Json:
    """GET /v1/radar/early_fraud_warnings/{id}."""
    return with_actionable(world, world.get(KIND, call.path["id"], param="early_fraud_warning"))


def list_warnings(world: World, call: Call) -> Json:
    """GET /v1/radar/early_fraud_warnings."""
    equal = {name: call.params.get(name) for name in ("charge", "payment_intent")}
    found = page(world, call, KIND, "/v1/radar/early_fraud_warnings", equal)
    found["data"] = [with_actionable(world, warning) for warning in found["data"]]
    return found


OPERATIONS: tuple[Operation, ...] = (
    listing("/v1/radar/early_fraud_warnings", list_warnings, charge=Text(), payment_intent=Text(), created=Span()),
    get("/v1/radar/early_fraud_warnings/{id}", get_warning),
)
