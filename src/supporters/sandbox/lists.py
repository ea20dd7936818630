"""Stripe's lists: newest first, a page at a time, by cursor."""

from collections.abc import Mapping, Sequence
from typing import Any

from supporters.sandbox.calls import Call
from supporters.sandbox.errors import Json, invalid, missing
from supporters.sandbox.params import part
from supporters.sandbox.store import equals
from supporters.sandbox.world import World

BOUNDS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def page(
    world: World,
    call: Call,
    kind: str,
    url: str,
    equal: Mapping[str, Any] | None = None,
    where: Sequence[str] = (),
    values: Sequence[Any] = (),
) -> Json:
    """One page of the objects of `kind` whose fields equal what `equal` says, where that is given."""
    conditions = [*where]
    bound = [*values]
    for name, wanted in (equal or {}).items():
        if wanted is not None:
            conditions.append(equals(name))
            bound.append(wanted)
    for bound_name, at in part(call.params, "created").items():
        conditions.append(f"created {BOUNDS[bound_name]} ?")
        bound.append(at)
    newest = _cursor(world, call, kind, conditions, bound)
    return _cut(world, call, kind, url, conditions, bound, newest=newest)


def _cut(world: World, call: Call, kind: str, url: str, where: list[str], values: list[Any], *, newest: bool) -> Json:
    limit = call.params.get("limit") or 10
    found = world.store.select(kind, where, values, newest=newest, limit=limit + 1)
    items = found[:limit]
    if not newest:
        items.reverse()
    return {"object": "list", "data": items, "has_more": len(found) > limit, "url": url}


def _cursor(world: World, call: Call, kind: str, where: list[str], values: list[Any]) -> bool:
    after, before = call.params.get("starting_after"), call.params.get("ending_before")
    if after and before:
        raise invalid("You cannot parameterize both starting_after and ending_before.")
    for param, cursor, sign in (("starting_after", after, "<"), ("ending_before", before, ">")):
        if cursor:
            seq = world.store.seq_of(kind, cursor)
            if seq is None:
                raise missing(kind, cursor, param=param)
            where.append(f"seq {sign} ?")
            values.append(seq)
    return not before


def whole(items: list[Json], url: str) -> Json:
    """A list that fits on one page."""
    return {"object": "list", "data": items, "has_more": False, "url": url}
