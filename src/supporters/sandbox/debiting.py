"""A debit on its way: asked for today, answered days later, and taken back by the bank later still."""

from supporters.sandbox import debits, mandates
from supporters.sandbox.balance import new_line
from supporters.sandbox.charges import doc_url, fail_intent, failed_outcome, new_charge, schedule_settlement
from supporters.sandbox.disputes import open_dispute
from supporters.sandbox.due import schedule
from supporters.sandbox.errors import ApiError, Json, invalid
from supporters.sandbox.store import Due
from supporters.sandbox.world import Post, World, shown


def begin(world: World, intent: Json, method: Json, refusal: str | None = None) -> Json:
    """The bank has been asked: the intent is `processing` until it answers. `refusal` is what it will say, if no.

    Raises: ApiError when the currency is not the scheme's, or the mandate has ended.
    """
    scheme: str = method["type"]
    if debits.SCHEMES[scheme] != intent["currency"]:
        message = f"The currency provided ({intent['currency']}) is invalid for the payment method type {scheme}."
        raise invalid(message, code="payment_intent_invalid_currency", param="currency")
    mandate = mandates.mandate_for(world, method)
    assert mandate
    if mandate["status"] == "inactive":
        raise _without_mandate(world, intent, method)
    charge = new_charge(world, intent, method, mandate=mandate["id"])
    charge.update(status="pending", paid=False)
    account = debits.ACCOUNTS[method["_account"]]
    world.add(charge, "charge.pending")
    if world.config.debits_count_at_once:
        schedule_settlement(world, charge)
    wait = world.config.debit_delay_seconds if account.is_slow else world.config.settle_delay_seconds
    note = {**world.post.note(), "ends": refusal or account.ends}
    schedule(world, world.now() + wait, "debit", charge["id"], note)
    types: list[str] = intent["payment_method_types"]
    changes: Json = {
        "status": "processing",
        "latest_charge": charge["id"],
        "payment_method": method["id"],
        "payment_method_types": types if scheme in types else [*types, scheme],
        "next_action": None,
        "last_payment_error": None,
    }
    return world.change(intent, changes, "payment_intent.processing")


def _without_mandate(world: World, intent: Json, method: Json) -> ApiError:
    code = "payment_intent_mandate_invalid"
    message = "The provided mandate is invalid and can not be used for the payment intent."
    problem: Json = {"code": code, "doc_url": doc_url(code), "message": message}
    fail_intent(world, intent, {**problem, "payment_method": shown(method), "type": "invalid_request_error"})
    return ApiError(400, message, code=code, keeps_effects=True, extra={"payment_intent": shown(intent)})


def finish_debit(world: World, due: Due) -> None:
    """The bank has answered a debit, if nobody has answered for it."""
    charge = world.get("charge", due.id)
    if charge["status"] != "pending":
        return
    with world.sending(Post(due.note["delay_seconds"], due.note["copies"])):
        if due.note["ends"] in debits.MESSAGES:
            fail(world, charge, due.note["ends"])
            return
        succeed(world, charge)
        if due.note["ends"] == "returns":
            give_back(world, charge)


def succeed(world: World, charge: Json) -> None:
    """The debit has succeeded: charge and intent are paid. Raises: ApiError unless it is pending."""
    _require_pending(charge)
    world.change(charge, {"status": "succeeded", "paid": True}, "charge.succeeded")
    if not charge["balance_transaction"]:
        schedule_settlement(world, charge)
    intent = world.get("payment_intent", charge["payment_intent"])
    world.change(intent, {"status": "succeeded", "amount_received": charge["amount"]}, "payment_intent.succeeded")


def fail(world: World, charge: Json, code: str) -> None:
    """The debit has failed: money that was counted is taken off again, and the intent wants another method.

    Raises: ApiError unless it is pending.
    """
    _require_pending(charge)
    method = world.get("payment_method", charge["payment_method"])
    changes: Json = {
        "status": "failed",
        "paid": False,
        "failure_code": code,
        "failure_message": debits.MESSAGES[code],
        "outcome": failed_outcome(charge, code),
    }
    if charge["balance_transaction"]:
        changes["failure_balance_transaction"] = _uncount(world, charge)["id"]
    world.change(charge, changes, "charge.failed")
    problem: Json = {
        "charge": charge["id"],
        "code": code,
        "doc_url": doc_url(code),
        "message": debits.MESSAGES[code],
        "payment_method": shown(method),
        "type": "card_error",
    }
    fail_intent(world, world.get("payment_intent", charge["payment_intent"]), problem)
    _end_mandate(world, method, code)


def _uncount(world: World, charge: Json) -> Json:
    counted = world.get("balance_transaction", charge["balance_transaction"])
    source = {**charge, "description": f"REFUND FOR FAILED PAYMENT ({charge['description'] or charge['id']})"}
    return new_line(
        world,
        "payment_failure_refund",
        source,
        category="charge_failure",
        amount=-charge["amount"],
        fee=-sum(part["amount"] for part in counted["fee_details"] if part["type"] == "stripe_fee"),
        available_on=counted["available_on"],
    )


def give_back(world: World, charge: Json, code: str = "debit_not_authorized") -> Json:
    """The bank has taken a debit back after its success: a dispute that is lost as it begins. Gives the dispute.

    Raises: ApiError unless the debit has succeeded and is undisputed.
    """
    if charge["_account"] is None or charge["status"] != "succeeded":
        raise invalid("Only a bank debit that has succeeded can be returned.", param="charge")
    reason = {"account_closed": "incorrect_account_details", "insufficient_funds": "insufficient_funds"}.get(
        code, "debit_not_authorized"
    )
    dispute = open_dispute(world, charge, reason=reason, is_final=True)
    _end_mandate(world, world.get("payment_method", charge["payment_method"]), code)
    return dispute


def _end_mandate(world: World, method: Json, code: str) -> None:
    if code in debits.ENDS_MANDATE and method.get("_mandate"):
        mandates.end_mandate(world, world.get("mandate", method["_mandate"]), code)


def _require_pending(charge: Json) -> None:
    if charge["_account"] is None or charge["status"] != "pending":
        message = f"Charge {charge['id']} is no bank debit that waits for its bank."
        raise invalid(message, param="charge")
