"""Test clocks: customers who live by a time of their own, moved forward by hand."""

from collections.abc import Generator
from contextlib import contextmanager

from supporters.sandbox.calls import Call, Operation, delete, get, listing, post
from supporters.sandbox.clockwork import run_some
from supporters.sandbox.errors import Json, invalid
from supporters.sandbox.lists import page
from supporters.sandbox.params import Fields, Text, Whole
from supporters.sandbox.periods import longest
from supporters.sandbox.world import World

KIND = "test_helpers.test_clock"
DAY = 86_400
TWO_YEARS = 2 * 366 * DAY
NAMING = ("customer", "subscription", "invoice", "payment_intent", "charge", "setup_intent")
"""Parameters that name something of a customer."""


def create_clock(world: World, call: Call) -> Json:
    """POST /v1/test_helpers/test_clocks."""
    clock: Json = {
        "id": world.new_id("clock"),
        "object": KIND,
        "created": world.now(),
        "deletes_after": world.now() + 30 * DAY,
        "frozen_time": call.params["frozen_time"],
        "livemode": False,
        "name": call.params.get("name"),
        "status": "ready",
        "status_details": {},
    }
    return world.add(clock, f"{KIND}.created")


def advance_clock(world: World, call: Call) -> Json:
    """POST /v1/test_helpers/test_clocks/{id}/advance; the answer still says `advancing`, as Stripe's does."""
    clock = world.get(KIND, call.path["id"])
    until: int = call.params["frozen_time"]
    _check_step(world, clock, until)
    details = {"advancing": {"target_frozen_time": until}}
    world.change(clock, {"status": "advancing", "status_details": details})
    world.emit(f"{KIND}.advancing", clock)
    answer = dict(clock)
    while run_some(world, until, clock["id"]):
        pass
    world.change(clock, {"status": "ready", "frozen_time": until, "status_details": {}})
    world.emit(f"{KIND}.ready", clock)
    return answer


def _check_step(world: World, clock: Json, until: int) -> None:
    if until <= clock["frozen_time"]:
        message = "The frozen_time must be after the current frozen_time of the test clock."
        raise invalid(message, param="frozen_time")
    own = ("json_extract(json, '$.test_clock') = ?",)
    plans = world.store.select("subscription", own, (clock["id"],), newest=True, limit=-1)
    lengths = [longest(item["price"]["recurring"]) for plan in plans for item in plan["items"]["data"]]
    furthest = clock["frozen_time"] + (2 * min(lengths) if lengths else TWO_YEARS)
    if until > furthest:
        message = (
            "You cannot advance a test clock more than two intervals of its shortest subscription from its current "
            f"frozen time, which is {furthest}."
        )
        raise invalid(message, param="frozen_time")


def get_clock(world: World, call: Call) -> Json:
    """GET /v1/test_helpers/test_clocks/{id}."""
    return world.get(KIND, call.path["id"])


def list_clocks(world: World, call: Call) -> Json:
    """GET /v1/test_helpers/test_clocks."""
    return page(world, call, KIND, "/v1/test_helpers/test_clocks")


def delete_clock(world: World, call: Call) -> Json:
    """DELETE /v1/test_helpers/test_clocks/{id}: its customers go with it, and nothing of theirs falls due any more."""
    clock = world.get(KIND, call.path["id"])
    own = ("json_extract(json, '$.test_clock') = ?",)
    for customer in world.store.select("customer", own, (clock["id"],), newest=True, limit=-1):
        gone = {"id": customer["id"], "object": "customer", "deleted": True}
        world.store.retire(customer["id"], "deleted_customer", gone)
    world.store.db.execute("delete from due where timeline = ?", (clock["id"],))
    world.emit(f"{KIND}.deleted", clock)
    answer: Json = {"id": clock["id"], "object": KIND, "deleted": True}
    world.store.retire(clock["id"], f"deleted_{KIND}", answer)
    return answer


# whose time it is


@contextmanager
def time_of(world: World, *object_ids: str | None) -> Generator[None]:
    """The block happens at the time of whoever owns those objects: their test clock's, or the sandbox's."""
    clock = _clock_of(world, object_ids)
    if clock is None:
        yield
        return
    with world.at(clock["frozen_time"], clock["id"]):
        yield


def _clock_of(world: World, object_ids: tuple[str | None, ...]) -> Json | None:
    database = world.store.db
    if not database.execute("select 1 from object where kind = ? limit 1", (KIND,)).fetchone():
        return None
    for object_id in object_ids:
        query = "select coalesce(customer, id) from object where id = ?"
        owner = database.execute(query, (object_id,)).fetchone()
        customer = world.store.find("customer", owner[0]) if owner else None
        wanted = customer["test_clock"] if customer else object_id
        clock = world.store.find(KIND, wanted) if wanted else None
        if clock:
            return clock
    return None


def named_by(call: Call) -> list[str | None]:
    """Ids in a request by which its customer is known."""
    named = [call.params.get(name) for name in (*NAMING, "test_clock")]
    return [*call.path.values(), *(one for one in named if isinstance(one, str))]


CREATE = Fields(frozen_time=Whole(1), name=Text(300), required=("frozen_time",))
OPERATIONS: tuple[Operation, ...] = (
    post("/v1/test_helpers/test_clocks", create_clock, CREATE),
    listing("/v1/test_helpers/test_clocks", list_clocks),
    get("/v1/test_helpers/test_clocks/{id}", get_clock),
    delete("/v1/test_helpers/test_clocks/{id}", delete_clock),
    post(
        "/v1/test_helpers/test_clocks/{id}/advance",
        advance_clock,
        Fields(frozen_time=Whole(1), required=("frozen_time",)),
    ),
)
