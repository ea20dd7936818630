"""Mandates: a customer's word to their bank that it may be debited."""

from supporters.sandbox import debits
from supporters.sandbox.calls import Call, Operation, get
from supporters.sandbox.due import schedule
from supporters.sandbox.errors import Json
from supporters.sandbox.store import Due
from supporters.sandbox.world import World


def mandate_for(world: World, method: Json) -> Json | None:
    """The payment method's mandate, made now if it has none; None for a card, which needs none."""
    scheme = method["type"]
    if scheme not in debits.SCHEMES:
        return None
    if method.get("_mandate"):
        return world.get("mandate", method["_mandate"])
    reference = world.token(16).upper()
    details: Json = {"reference": reference, "url": f"{world.config.base_url}/c/mandate/{reference}"}
    if scheme == "bacs_debit":
        name = world.config.publisher
        details.update(
            display_name=name, network_status="pending", revocation_reason=None, service_user_number="424242"
        )
    mandate: Json = {
        "id": world.new_id("mandate"),
        "object": "mandate",
        "customer_acceptance": {
            "accepted_at": world.now(),
            "online": {"ip_address": "203.0.113.7", "user_agent": "Mozilla/5.0 (sandbox)"},
            "type": "online",
        },
        "livemode": False,
        "multi_use": {},
        "payment_method": method["id"],
        "payment_method_details": {scheme: details, "type": scheme},
        "status": "pending" if scheme == "bacs_debit" else "active",
        "type": "multi_use",
    }
    world.add(mandate)
    world.change(method, {"_mandate": mandate["id"]})
    if scheme == "bacs_debit":
        answer = debits.ACCOUNTS[method["_account"]].mandate
        wait = world.config.settle_delay_seconds if answer == "refused" else world.config.mandate_delay_seconds
        schedule(world, world.now() + wait, "mandate", mandate["id"], {"answer": answer})
    return mandate


def answer_mandate(world: World, due: Due) -> None:
    """The customer's bank has taken a mandate, or refused it."""
    mandate = world.get("mandate", due.id)
    if mandate["status"] == "pending":
        accepted = due.note["answer"] == "accepted"
        _set(world, mandate, "active" if accepted else "inactive", due.note["answer"], None)


def end_mandate(world: World, mandate: Json, reason: str = "debit_not_authorized") -> Json:
    """The account can no longer be debited: the bank says why. Nothing happens to a mandate that has ended before."""
    if mandate["status"] == "inactive":
        return mandate
    return _set(world, mandate, "inactive", "revoked", reason)


def _set(world: World, mandate: Json, status: str, network_status: str, reason: str | None) -> Json:
    details: Json = mandate["payment_method_details"]
    if "bacs_debit" in details:
        told = {"network_status": network_status, "revocation_reason": reason}
        details = {**details, "bacs_debit": {**details["bacs_debit"], **told}}
    return world.change(mandate, {"status": status, "payment_method_details": details}, "mandate.updated")


def get_mandate(world: World, call: Call) -> Json:
    """GET /v1/mandates/{id}."""
    return world.get("mandate", call.path["id"], param="mandate")


OPERATIONS: tuple[Operation, ...] = (get("/v1/mandates/{id}", get_mandate),)
