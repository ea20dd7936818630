"""Events and webhook endpoints, as the API offers them."""

from collections.abc import Sequence
from typing import Any

from supporters.sandbox.calls import Call, Operation, delete, get, listing, post
from supporters.sandbox.customers import merged
from supporters.sandbox.errors import Json, invalid
from supporters.sandbox.lists import page
from supporters.sandbox.params import Anything, Fields, Flag, ListOf, Metadata, Span, Text
from supporters.sandbox.world import World

KEPT_DAYS = 30
UNDELIVERED = "select 1 from delivery where delivery.event = object.id and delivery.state != 'delivered'"


def list_events(world: World, call: Call) -> Json:
    """GET /v1/events: those of the last 30 days."""
    types: Sequence[str] = call.params.get("types") or ()
    if types and call.params.get("type"):
        raise invalid("You may only specify one of these parameters: type, types.")
    where = ["created >= ?"]
    values: list[Any] = [world.now() - KEPT_DAYS * 86_400]
    if types:
        where.append(f"json_extract(json, '$.type') in ({', '.join('?' for _ in types)})")
        values.extend(types)
    wanted: str | None = call.params.get("type")
    if wanted:
        where.append("json_extract(json, '$.type') glob ?")
        values.append(wanted.replace("[", "").replace("?", ""))
    delivered = call.params.get("delivery_success")
    if delivered is not None:
        where.append(f"{'not ' if delivered else ''}exists ({UNDELIVERED})")
    found = page(world, call, "event", "/v1/events", None, where, values)
    found["data"] = [with_pending(world, event) for event in found["data"]]
    return found


def get_event(world: World, call: Call) -> Json:
    """GET /v1/events/{id}."""
    event = world.get("event", call.path["id"])
    if event["created"] < world.now() - KEPT_DAYS * 86_400:
        world.get("event", f"{event['id']} (older than 30 days)")
    return with_pending(world, event)


def with_pending(world: World, event: Json) -> Json:
    """The event, saying how many endpoints have not yet heard of it."""
    query = "select count(distinct endpoint) from delivery where event = ? and state in ('pending', 'dropped')"
    event["pending_webhooks"] = world.store.db.execute(query, (event["id"],)).fetchone()[0]
    return event


FIELDS = {
    "url": Text(),
    "enabled_events": ListOf(Text()),
    "description": Text(),
    "metadata": Metadata(),
}


def new_endpoint(world: World, params: Json, secret: str) -> Json:
    """An address that is told of events from now on."""
    endpoint: Json = {
        "id": world.new_id("we"),
        "object": "webhook_endpoint",
        "api_version": params.get("api_version"),
        "application": None,
        "created": world.now(),
        "description": params.get("description"),
        "enabled_events": params["enabled_events"],
        "livemode": False,
        "metadata": params.get("metadata") or {},
        "status": "enabled",
        "url": params["url"],
        "_secret": secret,
    }
    return world.add(endpoint)


def create_endpoint(world: World, call: Call) -> Json:
    """POST /v1/webhook_endpoints; the only answer that shows the secret."""
    if not call.params["url"].startswith(("http://", "https://")):
        raise invalid(
            "Invalid URL: An explicit scheme (such as https) must be provided.", code="url_invalid", param="url"
        )
    endpoint = new_endpoint(world, call.params, f"whsec_{world.token(32)}")
    return {**endpoint, "secret": endpoint["_secret"]}


def update_endpoint(world: World, call: Call) -> Json:
    """POST /v1/webhook_endpoints/{id}."""
    endpoint = world.get("webhook_endpoint", call.path["id"])
    changes: Json = {key: call.params[key] for key in ("url", "enabled_events", "description") if key in call.params}
    if "metadata" in call.params:
        changes["metadata"] = merged(endpoint["metadata"], call.params["metadata"])
    if "disabled" in call.params:
        changes["status"] = "disabled" if call.params["disabled"] else "enabled"
    return world.change(endpoint, changes)


def get_endpoint(world: World, call: Call) -> Json:
    """GET /v1/webhook_endpoints/{id}."""
    return world.get("webhook_endpoint", call.path["id"])


def list_endpoints(world: World, call: Call) -> Json:
    """GET /v1/webhook_endpoints."""
    return page(world, call, "webhook_endpoint", "/v1/webhook_endpoints")


def delete_endpoint(world: World, call: Call) -> Json:
    """DELETE /v1/webhook_endpoints/{id}."""
    endpoint = world.get("webhook_endpoint", call.path["id"])
    gone: Json = {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}
    world.store.retire(endpoint["id"], "deleted_webhook_endpoint", gone)
    return gone


OPERATIONS: tuple[Operation, ...] = (
    listing("/v1/events", list_events, type=Text(), types=ListOf(Text()), created=Span(), delivery_success=Flag()),
    get("/v1/events/{id}", get_event),
    post(
        "/v1/webhook_endpoints",
        create_endpoint,
        Fields({**FIELDS, "api_version": Text(), "connect": Anything()}, required=("url", "enabled_events")),
    ),
    listing("/v1/webhook_endpoints", list_endpoints),
    get("/v1/webhook_endpoints/{id}", get_endpoint),
    post("/v1/webhook_endpoints/{id}", update_endpoint, Fields({**FIELDS, "disabled": Flag()})),
    delete("/v1/webhook_endpoints/{id}", delete_endpoint),
)
