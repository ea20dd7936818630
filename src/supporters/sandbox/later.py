"""What a checkout session tells when its bank debit ends, days after the giver has left the page."""

from supporters.sandbox.errors import Json
from supporters.sandbox.store import equals
from supporters.sandbox.world import World


def debit_succeeded(world: World, intent: Json) -> None:
    """The session that waited for the payment is paid."""
    session = _waiting(world, intent)
    if session:
        world.change(session, {"payment_status": "paid"})
        world.emit("checkout.session.async_payment_succeeded", session)


def debit_failed(world: World, intent: Json) -> None:
    """The session that waited for the payment tells that it will not come."""
    session = _waiting(world, intent)
    if session:
        world.emit("checkout.session.async_payment_failed", session)


def _waiting(world: World, intent: Json) -> Json | None:
    if intent["payment_method_types"] == ["card"]:
        return None
    found = world.store.select("checkout.session", (equals("payment_intent"),), (intent["id"],), newest=True, limit=1)
    is_waiting = found and (found[0]["status"], found[0]["payment_status"]) == ("complete", "unpaid")
    return found[0] if is_waiting else None
