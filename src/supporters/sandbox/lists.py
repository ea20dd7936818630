"""Stripe's lists: newest first, a page at a time, by cursor."""

from collections.abc import Mapping, Sequence
from typing import Any

from supporters.sandbox.calls import Call
from supporters.sandbox.errors import Json, invalid, missing
from supporters.sandbox.params import part
from supporters.sandbox.store import LINKS, equals
from supporters.sandbox.world import World

BOUNDS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
BY_TIME = frozenset(["balance_transaction", "dispute", "payout", "refund", "topup"])
"""Kinds that live by the sandbox's own clock alone and may be many: their lists go by time, so that a window of it is
found at once. Others, and lists of what belongs to one object, go by the order of making, which test clocks do not
disturb."""


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
    by_time = kind in BY_TIME and not any((equal or {}).get(name) for name in LINKS)
    span = dict(part(call.params, "created"))
    newest = _cursor(world, call, kind, span if by_time else None, conditions, bound)
    for bound_name, at in span.items():
        conditions.append(f"created {BOUNDS[bound_name]} ?")
        bound.append(at)
    limit = call.params.get("limit") or 10
    found = world.store.select(kind, conditions, bound, newest=newest, limit=limit + 1, by_time=by_time)
    items = found[:limit]
    if not newest:
        items.reverse()
    return {"object": "list", "data": items, "has_more": len(found) > limit, "url": url}


def _cursor(
    world: World, call: Call, kind: str, span: dict[str, int] | None, where: list[str], values: list[Any]
) -> bool:
    after, before = call.params.get("starting_after"), call.params.get("ending_before")
    if after and before:
        raise invalid("You cannot parameterize both starting_after and ending_before.")
    for param, cursor, sign in (("starting_after", after, "<"), ("ending_before", before, ">")):
        if cursor:
            place = world.store.place_of(kind, cursor)
            if place is None:
                raise missing(kind, cursor, param=param)
            if span is not None:
                where.append(f"(created, seq) {sign} (?, ?)")
                values.extend(place)
                _leave_out(span, place[0], sign)
            else:
                where.append(f"seq {sign} ?")
                values.append(place[1])
    return not before


def _leave_out(span: dict[str, int], at: int, sign: str) -> None:
    """A bound that the cursor lies within says nothing more: without it the index is entered at the cursor."""
    for name in ("lt", "lte") if sign == "<" else ("gt", "gte"):
        is_within = name in span and (at <= span[name] if sign == "<" else at >= span[name])
        if is_within and (name.endswith("e") or at != span[name]):
            del span[name]


def whole(items: list[Json], url: str) -> Json:
    """A list that fits on one page."""
    return {"object": "list", "data": items, "has_more": False, "url": url}
