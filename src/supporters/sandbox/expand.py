"""`expand[]`: ids in an answer become the objects that they name."""

from typing import Any

from supporters.sandbox.balance import with_status
from supporters.sandbox.checkout_api import line_items
from supporters.sandbox.errors import Json, invalid
from supporters.sandbox.invoices_api import payments_list, secret_of
from supporters.sandbox.lists import whole
from supporters.sandbox.store import equals
from supporters.sandbox.world import World

DEEPEST = 4
KINDS: dict[str, tuple[str, ...]] = {
    "balance_transaction": ("balance_transaction",),
    "charge": ("charge",),
    "customer": ("customer", "deleted_customer"),
    "default_payment_method": ("payment_method",),
    "dispute": ("dispute",),
    "failure_balance_transaction": ("balance_transaction",),
    "invoice": ("invoice",),
    "latest_charge": ("charge",),
    "latest_invoice": ("invoice",),
    "payment_intent": ("payment_intent",),
    "payment_method": ("payment_method",),
    "pending_setup_intent": ("setup_intent",),
    "price": ("price",),
    "product": ("product", "deleted_product"),
    "mandate": ("mandate",),
    "setup_intent": ("setup_intent",),
    "source": ("charge", "refund", "dispute", "payout", "topup"),
    "subscription": ("subscription",),
    "test_clock": ("test_helpers.test_clock",),
}
LISTS = {("charge", "refunds"), ("checkout.session", "line_items"), ("invoice", "payments")}


def expand(world: World, document: Json, paths: list[str]) -> Json:
    """`document` with every id named by `paths` replaced by its object. Raises: ApiError for a path without end."""
    for path in paths:
        steps = path.split(".")
        if len(steps) > DEEPEST:
            raise invalid(f"You cannot expand more than {DEEPEST} levels of a property: {path}.", param="expand")
        _expand(world, document, steps, path)
    return document


def _expand(world: World, node: Json, steps: list[str], path: str) -> None:
    name, rest = steps[0], steps[1:]
    if name == "data" and node.get("object") == "list":
        for item in node["data"]:
            if rest:
                _expand(world, item, rest, path)
        return
    below = _below(world, node, name, path)
    node[name] = below
    if rest and isinstance(below, dict):
        _expand(world, below, rest, path)  # pyright: ignore[reportUnknownArgumentType] - a JSON object
    elif rest and below is not None:
        raise _not_expandable(path)


def _below(world: World, node: Json, name: str, path: str) -> Any:
    if (node.get("object"), name) in LISTS:
        return node[name] if isinstance(node.get(name), dict) else _list_of(world, node, name)
    if (node.get("object"), name) == ("invoice", "confirmation_secret"):
        return secret_of(world, node)
    if name not in node:
        raise _not_expandable(path)
    value = node[name]
    if value is None or isinstance(value, dict):
        return value  # pyright: ignore[reportUnknownVariableType] - a JSON value
    for kind in KINDS.get(name, ()):
        found = world.store.find(kind, value)
        if found:
            return with_status(world, found) if kind == "balance_transaction" else found
    raise _not_expandable(path)


def _list_of(world: World, node: Json, name: str) -> Json:
    if name == "line_items":
        return line_items(node)
    if name == "payments":
        return payments_list(world, node)
    condition = (equals("charge"),)
    refunds = world.store.select("refund", condition, (node["id"],), newest=True, limit=10)
    return whole(refunds, f"/v1/charges/{node['id']}/refunds")


def _not_expandable(path: str) -> Exception:
    return invalid(f"This property cannot be expanded ({path}).", param="expand")
