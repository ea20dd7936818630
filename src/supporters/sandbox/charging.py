"""A payment, from the ask to the bank's answer: payment intents change here, and charges are made here."""

from dataclasses import dataclass
from typing import Literal

from supporters.sandbox import cards, debiting, debits
from supporters.sandbox.charges import doc_url, fail_intent, failed_outcome, new_charge, schedule_settlement
from supporters.sandbox.due import schedule
from supporters.sandbox.errors import ApiError, Json, invalid
from supporters.sandbox.world import World, shown


@dataclass(frozen=True)
class Taken:
    """What became of an attempt that nobody sits in front of."""

    status: Literal["paid", "processing", "requires_action", "failed"]
    intent: Json
    code: str | None = None
    decline_code: str | None = None
    message: str | None = None


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
        **{note: value for note, value in params.items() if note.startswith("_")},
    }
    return world.add(intent, "payment_intent.created")


def collect(world: World, params: Json, method: Json) -> Taken:
    """Money is asked for off-session, for a new intent of `params`; names in it with an underscore are notes that the
    intent and its charges keep. A refusal is an answer, not an error.
    """
    return collect_again(world, new_intent(world, {**params, "payment_method": method["id"]}), method)


def collect_again(world: World, intent: Json, method: Json) -> Taken:
    """The same once more for an intent that has failed."""
    card = cards.CARDS.get(method["_card"] or "")
    try:
        if card and card.asks and card.asks_off_session:
            ask_for_proof(world, intent, method, None)
        else:
            attempt(world, intent, method, off_session=True)
    except ApiError as error:
        problem: Json = intent["last_payment_error"] or {"code": error.code, "message": error.message}
        return Taken("failed", intent, problem["code"], problem.get("decline_code"), problem["message"])
    outcomes: dict[str, Literal["paid", "processing", "requires_action", "failed"]] = {
        "succeeded": "paid",
        "processing": "processing",
        "requires_action": "requires_action",
    }
    return Taken(outcomes.get(intent["status"], "failed"), intent)


def attempt(
    world: World, intent: Json, method: Json, *, return_url: str | None = None, off_session: bool = False
) -> Json:
    """The bank has been asked: the intent is paid, waits for proof, or has failed.

    Raises: ApiError (402, `card_error`) when the bank refuses; what happened stays.
    """
    if method["type"] in debits.SCHEMES:
        return debiting.begin(world, intent, method, _ordered_refusal(world, method))
    card = cards.CARDS[method["_card"]]
    if off_session and not card.asks_off_session:
        return ask_bank(world, intent, method, proved=False)
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
        "doc_url": doc_url("payment_intent_authentication_failure"),
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
    ordered = _ordered_refusal(world, method)
    if ordered:
        raise refuse(world, intent, method, *cards.refusal_for(ordered))
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
        _schedule_trouble(world, charge, card)
        changes.update(status="succeeded", amount_received=charge["amount"])
        return world.change(intent, changes, "payment_intent.succeeded")
    changes.update(status="requires_capture", amount_capturable=charge["amount"])
    return world.change(intent, changes, "payment_intent.amount_capturable_updated")


def _schedule_trouble(world: World, charge: Json, card: cards.Card) -> None:
    """What a card's habits bring about once it has paid: a warning, an inquiry, a dispute."""
    if not card.trouble:
        return
    at, note = world.now() + world.config.settle_delay_seconds, world.post.note()
    if card.trouble == "warning":
        schedule(world, at, "warning", charge["id"], note)
        return
    is_inquiry = card.trouble == "inquiry"
    reason = "product_not_received" if card.trouble == "not_received" else "fraudulent"
    schedule(world, at, "dispute", charge["id"], {**note, "reason": reason, "is_inquiry": is_inquiry})


def decline_next(world: World, code: str, count: int = 1) -> None:
    """The next `count` charges are refused with that decline or failure code, whatever card or account pays."""
    ordered: list[Json] = world.store.setting("declines", [])
    world.store.set("declines", [*ordered, {"code": code, "count": count}])


def _ordered_refusal(world: World, method: Json) -> str | None:
    ordered: list[Json] = world.store.setting("declines", [])
    if not ordered:
        return None
    ordered[0]["count"] -= 1
    world.store.set("declines", [one for one in ordered if one["count"] > 0])
    code: str = ordered[0]["code"]
    if method["type"] == "card":
        return code
    return code if code in debits.MESSAGES else "generic_could_not_process"


def refuse(world: World, intent: Json, method: Json, code: str, decline_code: str | None) -> ApiError:
    """The bank said no: a failed charge is on file and the intent wants another payment method."""
    message = _refusal_text(code, decline_code)
    charge = new_charge(world, intent, method, captured=False)
    charge.update(status="failed", paid=False, failure_code=code, failure_message=message)
    charge["outcome"] = failed_outcome(charge, decline_code or code)
    charge["payment_method_details"]["card"]["authorization_code"] = None
    world.add(charge, "charge.failed")
    problem: Json = {
        "charge": charge["id"],
        "code": code,
        "doc_url": doc_url(code),
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
