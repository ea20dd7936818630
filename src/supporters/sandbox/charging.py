"""A payment, from the ask to the bank's answer: payment intents change here, and charges are made here."""

from supporters.sandbox import cards
from supporters.sandbox.balance import descriptor_of
from supporters.sandbox.errors import ApiError, Json, invalid
from supporters.sandbox.world import World, shown


def new_intent(world: World, params: Json) -> Json:
    """A payment intent is on file, without a payment method that has been tried."""
    intent_id = world.new_id("pi")
    intent: Json = {
        "id": intent_id,
        "object": "payment_intent",
        "amount": params["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": params.get("automatic_payment_methods"),
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": params.get("capture_method") or "automatic_async",
        "client_secret": f"{intent_id}_secret_{world.token(25)}",
        "confirmation_method": params.get("confirmation_method") or "automatic",
        "created": world.now(),
        "currency": params["currency"],
        "customer": params.get("customer"),
        "customer_account": None,
        "description": params.get("description"),
        "excluded_payment_method_types": params.get("excluded_payment_method_types"),
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": params.get("metadata") or {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": params.get("payment_method"),
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {"installments": None, "network": None, "request_three_d_secure": "automatic"}
        },
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": params.get("receipt_email"),
        "review": None,
        "setup_future_usage": params.get("setup_future_usage"),
        "shipping": params.get("shipping"),
        "statement_descriptor": params.get("statement_descriptor"),
        "statement_descriptor_suffix": params.get("statement_descriptor_suffix"),
        "status": "requires_confirmation" if params.get("payment_method") else "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }
    return world.add(intent, "payment_intent.created")


def attempt(
    world: World, intent: Json, method: Json, *, return_url: str | None = None, off_session: bool = False
) -> Json:
    """The bank has been asked: the intent is paid, waits for proof, or has failed.

    Raises: ApiError (402, `card_error`) when the bank refuses; what happened stays.
    """
    card = cards.CARDS[method["_card"]]
    if card.asks and off_session:
        raise refuse(world, intent, method, "authentication_required", "authentication_required")
    if card.asks:
        return ask_for_proof(world, intent, method, return_url)
    return ask_bank(world, intent, method, proved=False)


def ask_for_proof(world: World, intent: Json, method: Json, return_url: str | None) -> Json:
    """The intent waits until the card holder has proved who they are."""
    address = f"{world.config.base_url}/c/proof/{intent['id']}"
    action: Json = {"redirect_to_url": {"return_url": return_url, "url": address}, "type": "redirect_to_url"}
    changes: Json = {"status": "requires_action", "next_action": action, "payment_method": method["id"]}
    return world.change(intent, {**changes, "last_payment_error": None}, "payment_intent.requires_action")


def answer_proof(world: World, intent: Json, *, passed: bool) -> Json:
    """The proof was given or given up. Raises: ApiError when the bank then refuses, or no proof was given."""
    method = world.get("payment_method", intent["payment_method"])
    if passed:
        return ask_bank(world, intent, method, proved=True)
    message = (
        "We are unable to authenticate your payment method. Please choose a different payment method and try again."
    )
    problem: Json = {
        "code": "payment_intent_authentication_failure",
        "doc_url": "https://stripe.com/docs/error-codes/payment-intent-authentication-failure",
        "message": message,
        "payment_method": shown(method),
        "type": "invalid_request_error",
    }
    fail_intent(world, intent, problem)
    code = "payment_intent_authentication_failure"
    raise ApiError(402, message, code=code, keeps_effects=True, extra={"payment_intent": shown(intent)})


def ask_bank(world: World, intent: Json, method: Json, *, proved: bool) -> Json:
    """A charge is made and the intent paid. Raises: ApiError (402) when the bank refuses."""
    card = cards.CARDS[method["_card"]]
    if card.refuses:
        raise refuse(world, intent, method, *card.refuses)
    captured = intent["capture_method"] != "manual"
    charge = new_charge(world, intent, method, proved=proved, captured=captured)
    world.add(charge, "charge.succeeded")
    changes: Json = {
        "latest_charge": charge["id"],
        "payment_method": method["id"],
        "next_action": None,
        "last_payment_error": None,
    }
    if captured:
        schedule_settlement(world, charge)
        changes.update(status="succeeded", amount_received=charge["amount"])
        return world.change(intent, changes, "payment_intent.succeeded")
    changes.update(status="requires_capture", amount_capturable=charge["amount"])
    return world.change(intent, changes, "payment_intent.amount_capturable_updated")


def schedule_settlement(world: World, charge: Json) -> None:
    """The charge reaches the balance after the settlement delay."""
    note = {**world.post.note(), "available_at_once": cards.CARDS[charge["_card"]].available_at_once}
    world.store.schedule(world.now() + world.config.settle_delay_seconds, "settle", charge["id"], note)


def refuse(world: World, intent: Json, method: Json, code: str, decline_code: str | None) -> ApiError:
    """The bank said no: a failed charge is on file and the intent wants another payment method."""
    message = _refusal_text(code, decline_code)
    charge = new_charge(world, intent, method, proved=False, captured=False)
    charge.update(status="failed", paid=False, failure_code=code, failure_message=message)
    charge["outcome"] = {
        **charge["outcome"],
        "network_status": "declined_by_network",
        "reason": decline_code or code,
        "seller_message": "The bank did not return any further details with this decline.",
        "type": "issuer_declined",
    }
    charge["payment_method_details"]["card"]["authorization_code"] = None
    world.add(charge, "charge.failed")
    problem: Json = {
        "charge": charge["id"],
        "code": code,
        "doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}",
        "message": message,
        "payment_method": shown(method),
        "type": "card_error",
    }
    if decline_code:
        problem["decline_code"] = decline_code
    intent["latest_charge"] = charge["id"]
    fail_intent(world, intent, problem)
    extra = {key: problem[key] for key in ("charge", "decline_code", "payment_method") if key in problem}
    extra["payment_intent"] = shown(intent)
    return ApiError(402, message, kind="card_error", code=code, keeps_effects=True, extra=extra)


def _refusal_text(code: str, decline_code: str | None) -> str:
    if code == "authentication_required":
        return "Your card was declined. This transaction requires authentication."
    return cards.message_of(code, decline_code)


def fail_intent(world: World, intent: Json, problem: Json) -> None:
    """The intent wants another payment method, and says why."""
    changes: Json = {"status": "requires_payment_method", "last_payment_error": problem}
    world.change(intent, {**changes, "payment_method": None, "next_action": None}, "payment_intent.payment_failed")


def new_charge(world: World, intent: Json, method: Json, *, proved: bool, captured: bool) -> Json:
    """A charge that the bank let through, not yet on file."""
    charge_id = world.new_id("ch")
    amount: int = intent["amount"]
    return {
        "id": charge_id,
        "object": "charge",
        "amount": amount,
        "amount_captured": amount if captured else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": descriptor_of(world.config.publisher, intent["statement_descriptor_suffix"]),
        "captured": captured,
        "created": world.now(),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "on_behalf_of": None,
        "outcome": {
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": "normal",
            "risk_score": 12,
            "seller_message": "Payment complete.",
            "type": "authorized",
        },
        "paid": True,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": cards.charge_details(method, amount=amount, proved=proved),
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": f"{world.config.base_url}/c/receipt/{charge_id}",
        "refunded": False,
        "review": None,
        "shipping": intent["shipping"],
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "succeeded",
        "transfer_data": None,
        "transfer_group": None,
        "_card": method["_card"],
    }


def capture(world: World, intent: Json, amount: int | None) -> Json:
    """An authorised amount, or a part of it, is taken; the rest is let go."""
    wanted = intent["amount_capturable"] if amount is None else amount
    if not 0 < wanted <= intent["amount_capturable"]:
        message = "The amount to capture must be greater than 0 and no more than the amount capturable."
        raise invalid(message, code="amount_too_large", param="amount_to_capture")
    charge = world.get("charge", intent["latest_charge"])
    world.change(charge, {"captured": True, "amount_captured": wanted}, "charge.captured")
    schedule_settlement(world, charge)
    changes: Json = {"status": "succeeded", "amount_received": wanted, "amount_capturable": 0}
    return world.change(intent, changes, "payment_intent.succeeded")
