"""Refunds: money on its way back to a card."""

from supporters.sandbox import cards
from supporters.sandbox.balance import new_line
from supporters.sandbox.calls import Call, Operation, get, listing, post
from supporters.sandbox.customers import merged
from supporters.sandbox.errors import Json, invalid, malformed
from supporters.sandbox.lists import page
from supporters.sandbox.money import display
from supporters.sandbox.params import Choice, Fields, Flag, Metadata, NotYet, Span, Text, Whole
from supporters.sandbox.store import Due
from supporters.sandbox.world import Post, World

CREATE = Fields(
    amount=Whole(1),
    charge=Text(),
    payment_intent=Text(),
    reason=Choice("duplicate", "fraudulent", "requested_by_customer"),
    metadata=Metadata(),
    currency=NotYet(),
    customer=NotYet(),
    instructions_email=Text(),
    origin=NotYet(),
    refund_application_fee=Flag(),
    reverse_transfer=Flag(),
)


def create_refund(world: World, call: Call) -> Json:
    """POST /v1/refunds."""
    charge = _charge_to_refund(world, call.params)
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount: int = call.params.get("amount") or left
    if left == 0:
        message = f"Charge {charge['id']} has already been refunded."
        raise invalid(message, code="charge_already_refunded")
    if amount > left:
        currency = charge["currency"]
        message = (
            f"Refund amount ({display(amount, currency)}) is greater than "
            f"unrefunded amount on charge ({display(left, currency)})"
        )
        raise invalid(message, param="amount")
    return _refund(world, charge, amount, call.params)


def _charge_to_refund(world: World, params: Json) -> Json:
    if bool(params.get("charge")) == bool(params.get("payment_intent")):
        message = "One of the following params should be provided for this request: payment_intent or charge."
        raise malformed(message, code="parameter_missing", param="payment_intent")
    if params.get("charge"):
        charge = world.get("charge", params["charge"], param="charge")
    else:
        intent = world.get("payment_intent", params["payment_intent"], param="payment_intent")
        if not intent["amount_received"]:
            message = f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
            raise invalid(message, param="payment_intent")
        charge = world.get("charge", intent["latest_charge"])
    if not charge["captured"]:
        raise invalid(f"Charge {charge['id']} has not been captured.", code="charge_not_refundable")
    return charge


def _refund(world: World, charge: Json, amount: int, params: Json) -> Json:
    card = cards.CARDS[charge["_card"]]
    refund: Json = {
        "id": world.new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": world.now(),
        "currency": charge["currency"],
        "destination_details": {
            "card": {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"},
            "type": "card",
        },
        "metadata": params.get("metadata") or {},
        "payment_intent": charge["payment_intent"],
        "reason": params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending" if card.refund == "waits" else "succeeded",
        "transfer_reversal": None,
    }
    note = {**refund, "description": f"REFUND FOR CHARGE ({charge['description'] or charge['id']})"}
    line = new_line(world, "refund", note, amount=-amount, fee=0, available_on=world.now())
    refund["balance_transaction"] = line["id"]
    world.add(refund)
    returned = charge["amount_refunded"] + amount
    changes = {"amount_refunded": returned, "refunded": returned == charge["amount"]}
    world.change(charge, changes, "charge.refunded")
    world.emit("refund.created", refund)
    after = world.now() + world.config.settle_delay_seconds
    world.store.schedule(after, "refund", refund["id"], {**world.post.note(), "ends": card.refund})
    return refund


def finish_refund(world: World, due: Due) -> None:
    """The card's bank has answered a refund: it has arrived, or it has failed and its money is back."""
    refund = world.get("refund", due.id)
    with world.sending(Post(due.note["delay_seconds"], due.note["copies"])):
        if due.note["ends"] == "fails":
            _fail(world, refund)
            return
        reference: Json = {**refund["destination_details"]["card"], "reference_status": "available"}
        reference["reference"] = "".join(str(ord(letter) % 10) for letter in refund["id"][3:26])
        details: Json = {"card": reference, "type": "card"}
        world.change(refund, {"status": "succeeded", "destination_details": details}, "refund.updated")


def _fail(world: World, refund: Json) -> None:
    note = {**refund, "description": "REFUND FAILURE"}
    line = new_line(world, "refund_failure", note, amount=refund["amount"], fee=0, available_on=world.now())
    charge = world.get("charge", refund["charge"])
    returned = charge["amount_refunded"] - refund["amount"]
    world.change(charge, {"amount_refunded": returned, "refunded": False}, "charge.updated")
    changes: Json = {
        "status": "failed",
        "failure_reason": "expired_or_canceled_card",
        "failure_balance_transaction": line["id"],
    }
    world.change(refund, changes, "refund.updated")
    world.emit("refund.failed", refund)


def get_refund(world: World, call: Call) -> Json:
    """GET /v1/refunds/{id}."""
    return world.get("refund", call.path["id"])


def update_refund(world: World, call: Call) -> Json:
    """POST /v1/refunds/{id}."""
    refund = world.get("refund", call.path["id"])
    changes: Json = {"metadata": merged(refund["metadata"], call.params.get("metadata", {}))}
    return world.change(refund, changes, "refund.updated")


def cancel_refund(world: World, call: Call) -> Json:
    """POST /v1/refunds/{id}/cancel; a card's refund cannot be called back."""
    refund = world.get("refund", call.path["id"])
    message = f"Refund {refund['id']} cannot be canceled: only refunds with a status of requires_action can."
    raise invalid(message, code="refund_not_cancelable" if refund["status"] == "pending" else None)


def list_refunds(world: World, call: Call) -> Json:
    """GET /v1/refunds."""
    equal = {name: call.params.get(name) for name in ("charge", "payment_intent")}
    return page(world, call, "refund", "/v1/refunds", equal)


OPERATIONS: tuple[Operation, ...] = (
    post("/v1/refunds", create_refund, CREATE),
    listing("/v1/refunds", list_refunds, charge=Text(), payment_intent=Text(), created=Span()),
    get("/v1/refunds/{id}", get_refund),
    post("/v1/refunds/{id}", update_refund, Fields(metadata=Metadata())),
    post("/v1/refunds/{id}/cancel", cancel_refund),
)
