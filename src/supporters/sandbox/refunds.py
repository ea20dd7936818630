"""Refunds: money on its way back to a card or a bank account."""

from supporters.sandbox import cards, debits
from supporters.sandbox.balance import new_line
from supporters.sandbox.calls import Call, Operation, get, listing, post
from supporters.sandbox.customers import merged
from supporters.sandbox.due import schedule
from supporters.sandbox.errors import Json, invalid, malformed
from supporters.sandbox.lists import page
from supporters.sandbox.money import display
from supporters.sandbox.params import Choice, Fields, Flag, Metadata, NotYet, Span, Text, Whole
from supporters.sandbox.store import Due, equals
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
    _refuse_disputed(world, charge)
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
    if charge["status"] != "succeeded":
        message = f"Charge {charge['id']} is {charge['status']} and cannot be refunded."
        raise invalid(message, code="charge_not_refundable")
    return charge


def _refuse_disputed(world: World, charge: Json) -> None:
    for dispute in world.store.select("dispute", (equals("charge"),), (charge["id"],), newest=True, limit=1):
        if not dispute["is_charge_refundable"] and dispute["status"] != "won":
            message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
            raise invalid(message, code="charge_disputed")


def _refund(world: World, charge: Json, amount: int, params: Json) -> Json:
    account = debits.ACCOUNTS.get(charge["_account"] or "")
    ends = "succeeds" if account else cards.CARDS[charge["_card"]].refund
    refund: Json = {
        "id": world.new_id("pyr" if account else "re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": world.now(),
        "currency": charge["currency"],
        "destination_details": _destination(account),
        "metadata": params.get("metadata") or {},
        "payment_intent": charge["payment_intent"],
        "reason": params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending" if account or ends == "waits" else "succeeded",
        "transfer_reversal": None,
    }
    is_short = _is_short(world)
    if is_short:
        refund.update(status="pending", pending_reason="insufficient_funds")
    else:
        refund["balance_transaction"] = _line_of(world, refund, charge)["id"]
    world.add(refund)
    returned = charge["amount_refunded"] + amount
    changes = {"amount_refunded": returned, "refunded": returned == charge["amount"]}
    world.change(charge, changes, "charge.refunded")
    world.emit("refund.created", refund)
    if is_short:
        return refund
    is_slow = account and account.is_slow
    wait = world.config.debit_delay_seconds if is_slow else world.config.settle_delay_seconds
    schedule(world, world.now() + wait, "refund", refund["id"], {**world.post.note(), "ends": ends})
    return refund


def _line_of(world: World, refund: Json, charge: Json) -> Json:
    note = {**refund, "description": f"REFUND FOR CHARGE ({charge['description'] or charge['id']})"}
    kind = "payment_refund" if charge["_account"] else "refund"
    return new_line(world, kind, note, category="refund", amount=-refund["amount"])


def starve(world: World, count: int) -> None:
    """The next `count` refunds wait because there is not enough in the balance."""
    world.store.set("short_refunds", count)


def _is_short(world: World) -> bool:
    left: int = world.store.setting("short_refunds", 0)
    if left:
        world.store.set("short_refunds", left - 1)
    return left > 0


def pay(world: World, refund: Json) -> Json:
    """A refund that waited for money has left. Raises: ApiError for one that does not wait."""
    if refund.pop("pending_reason", None) != "insufficient_funds":
        raise invalid(f"Refund {refund['id']} does not wait for money.", param="refund")
    line = _line_of(world, refund, world.get("charge", refund["charge"]))
    changes: Json = {"status": "succeeded", "balance_transaction": line["id"]}
    world.change(refund, changes, "refund.updated")
    world.emit("charge.refund.updated", refund)
    return refund


def _destination(account: debits.Account | None) -> Json:
    if account is None:
        card = {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"}
        return {"card": card, "type": "card"}
    kind = "eu_bank_transfer" if account.scheme == "sepa_debit" else "gb_bank_transfer"
    return {kind: {"reference": None, "reference_status": "pending"}, "type": kind}


def finish_refund(world: World, due: Due) -> None:
    """The giver's bank has answered a refund: it has arrived, or it has failed and its money is back."""
    refund = world.get("refund", due.id)
    if refund["status"] == "failed":
        return
    with world.sending(Post(due.note["delay_seconds"], due.note["copies"])):
        if due.note["ends"] == "fails":
            fail(world, refund)
            return
        if refund["status"] == "pending" and world.get("charge", refund["charge"])["disputed"]:
            fail(world, refund, "charge_for_pending_refund_disputed")
            return
        kind: str = refund["destination_details"]["type"]
        reference: Json = {**refund["destination_details"][kind], "reference_status": "available"}
        reference["reference"] = "".join(str(ord(letter) % 10) for letter in refund["id"][3:26])
        details: Json = {kind: reference, "type": kind}
        world.change(refund, {"status": "succeeded", "destination_details": details}, "refund.updated")


def fail(world: World, refund: Json, reason: str = "expired_or_canceled_card") -> None:
    """The refund has failed, even after it seemed to have succeeded; its money is back. Raises: ApiError if it had."""
    if refund["status"] == "failed":
        raise invalid(f"Refund {refund['id']} has failed before.", param="refund")
    if refund["balance_transaction"] is None:
        raise invalid(f"Refund {refund['id']} has not left yet, so nothing can come back.", param="refund")
    note = {**refund, "description": "REFUND FAILURE"}
    line = new_line(world, "refund_failure", note, amount=refund["amount"])
    charge = world.get("charge", refund["charge"])
    returned = charge["amount_refunded"] - refund["amount"]
    world.change(charge, {"amount_refunded": returned, "refunded": False}, "charge.updated")
    changes: Json = {
        "status": "failed",
        "failure_reason": reason,
        "failure_balance_transaction": line["id"],
    }
    world.change(refund, changes, "refund.updated")
    world.emit("charge.refund.updated", refund)
    world.emit("refund.failed", refund)


def get_refund(world: World, call: Call) -> Json:
    """GET /v1/refunds/{id}."""
    return world.get("refund", call.path["id"])


def update_refund(world: World, call: Call) -> Json:
    """POST /v1/refunds/{id}."""
    refund = world.get("refund", call.path["id"])
    changes: Json = {"metadata": merged(refund["metadata"], call.params.get("metadata", {}))}
    world.change(refund, changes, "refund.updated")
    world.emit("charge.refund.updated", refund)
    return refund


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
