"""Charges: one attempt to take money each, and what a refused one leaves on its intent."""

from datetime import UTC, datetime

from supporters.sandbox import cards, debits
from supporters.sandbox.balance import descriptor_of
from supporters.sandbox.due import schedule
from supporters.sandbox.errors import Json
from supporters.sandbox.world import World

DEBIT_AFTER = 3 * 86_400
"""How many seconds after it was asked for a debit leaves the giver's account."""

UNKNOWN = (
    "application", "application_fee", "application_fee_amount", "balance_transaction", "failure_balance_transaction",
    "failure_code", "failure_message", "on_behalf_of", "receipt_number", "review", "source_transfer", "transfer_data",
    "transfer_group",
)  # fmt: skip
"""What a new charge does not know, or never has here."""


def new_charge(
    world: World,
    intent: Json,
    method: Json,
    *,
    proved: bool = False,
    captured: bool = True,
    mandate: str | None = None,
) -> Json:
    """A charge that went through, not yet on file; of a debit, one that does not know yet (`mandate` says which)."""
    is_card = method["type"] == "card"
    charge_id = world.new_id("ch" if is_card else "py")
    amount: int = intent["amount"]
    card = cards.charge_details(method, amount=amount, proved=proved) if is_card else None
    return {
        "id": charge_id,
        "object": "charge",
        **dict.fromkeys(UNKNOWN),
        "amount": amount,
        "amount_captured": amount if captured else 0,
        "amount_refunded": 0,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": descriptor_of(world.config.publisher, intent["statement_descriptor_suffix"]),
        "captured": captured,
        "created": world.now(),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "outcome": _outcome(is_card=is_card),
        "paid": True,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": card or _debit_details(world, method, mandate),
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_url": f"{world.config.base_url}/c/receipt/{charge_id}",
        "refunded": False,
        "shipping": intent["shipping"],
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "succeeded",
        **{note: value for note, value in intent.items() if note.startswith("_")},
        "_card": method["_card"],
        "_account": method.get("_account"),
    }


def _debit_details(world: World, method: Json, mandate: str | None) -> Json:
    day = datetime.fromtimestamp(world.now() + DEBIT_AFTER, UTC).date().isoformat()
    return debits.charge_details(method, mandate=mandate, on=day)


def _outcome(*, is_card: bool) -> Json:
    outcome: Json = {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": "normal" if is_card else "not_assessed",
        "seller_message": "Payment complete.",
        "type": "authorized",
    }
    return {**outcome, "risk_score": 12} if is_card else outcome


def schedule_settlement(world: World, charge: Json) -> None:
    """The charge reaches the balance after the settlement delay."""
    card = cards.CARDS.get(charge["_card"] or "")
    note = {**world.post.note(), "available_at_once": bool(card and card.available_at_once)}
    schedule(world, world.now() + world.config.settle_delay_seconds, "settle", charge["id"], note)


def failed_outcome(charge: Json, reason: str) -> Json:
    """The `outcome` of a charge that the bank refused."""
    return {
        **charge["outcome"],
        "network_status": "declined_by_network",
        "reason": reason,
        "seller_message": "The bank did not return any further details with this decline.",
        "type": "issuer_declined",
    }


def fail_intent(world: World, intent: Json, problem: Json) -> None:
    """The intent wants another payment method, and says why."""
    changes: Json = {"status": "requires_payment_method", "last_payment_error": problem}
    world.change(intent, {**changes, "payment_method": None, "next_action": None}, "payment_intent.payment_failed")


def doc_url(code: str) -> str:
    """Where Stripe explains that error code."""
    return f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
