"""Stripe's test cards: what each says when it is asked for money.

Source: docs.stripe.com/testing, read 22 November 2026. No card number is ever asked for on a page.
"""

from dataclasses import dataclass
from typing import Literal

from supporters.sandbox.errors import Json


@dataclass(frozen=True)
class Card:
    """One test card and its habits. `refuses` is (code, decline code); `asks` that the bank wants proof first.

    `trouble` is what follows a payment: a warning of fraud, an inquiry, a dispute.
    """

    brand: str = "visa"
    last4: str = "4242"
    country: str = "GB"
    funding: str = "credit"
    refuses: tuple[str, str | None] | None = None
    asks: bool = False
    available_at_once: bool = False
    refund: str = "succeeds"
    asks_off_session: bool = True
    trouble: Literal["", "dispute", "inquiry", "not_received", "warning"] = ""


def declining(last4: str, code: str, decline_code: str | None = None) -> Card:
    """A card that the bank refuses."""
    return Card(last4=last4, refuses=(code, decline_code))


CARDS: dict[str, Card] = {
    "visa": Card(),
    "visa_debit": Card(last4="5556", funding="debit"),
    "mastercard": Card(brand="mastercard", last4="4444"),
    "mastercard_debit": Card(brand="mastercard", last4="3222", funding="debit"),
    "amex": Card(brand="amex", last4="8431"),
    "us": Card(country="US"),
    "gb": Card(last4="0000"),
    "bypassPending": Card(last4="0077", country="US", available_at_once=True),
    "threeDSecure2Required": Card(last4="3220", asks=True),
    "threeDSecureRequired": Card(last4="3063", asks=True),
    "authenticationRequired": Card(last4="3184", asks=True),
    "authenticationRequiredChargeDeclinedInsufficientFunds": Card(
        last4="8260", asks=True, refuses=("card_declined", "insufficient_funds")
    ),
    "authenticationRequiredOnSetup": Card(last4="3155", asks=True, asks_off_session=False),
    "createDispute": Card(last4="0259", trouble="dispute"),
    "createDisputeProductNotReceived": Card(last4="2685", trouble="not_received"),
    "createDisputeInquiry": Card(last4="1976", trouble="inquiry"),
    "createIssuerFraudRecord": Card(last4="5423", trouble="warning"),
    "refundFail": Card(last4="5126", refund="fails"),
    "pendingRefund": Card(last4="7726", refund="waits"),
    "chargeCustomerFail": declining("0341", "card_declined", "generic_decline"),
    "chargeDeclined": declining("0002", "card_declined", "generic_decline"),
    "chargeDeclinedInsufficientFunds": declining("9995", "card_declined", "insufficient_funds"),
    "chargeDeclinedLostCard": declining("9987", "card_declined", "lost_card"),
    "chargeDeclinedStolenCard": declining("9979", "card_declined", "stolen_card"),
    "chargeDeclinedFraudulent": declining("0019", "card_declined", "fraudulent"),
    "chargeDeclinedExpiredCard": declining("0069", "expired_card"),
    "chargeDeclinedIncorrectCvc": declining("0127", "incorrect_cvc"),
    "chargeDeclinedProcessingError": declining("0119", "processing_error"),
}
MESSAGES = {
    "card_declined": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
}


def named(alias: str) -> str | None:
    """The name in `CARDS` of an alias such as `pm_card_visa` or `tok_chargeDeclined`, if it is one."""
    for prefix in ("pm_card_", "tok_"):
        if alias.startswith(prefix):
            name = alias.removeprefix(prefix)
            if name.startswith("visa_charge"):
                name = name.removeprefix("visa_")
            return name if name in CARDS else None
    return None


def numbered(number: str) -> str | None:
    """The name in `CARDS` of the test card with that number, known by its last four digits."""
    if not number.isdigit() or not 13 <= len(number) <= 19:
        return None
    return next((name for name, card in CARDS.items() if number.endswith(card.last4)), None)


def message_of(code: str, decline_code: str | None) -> str:
    """What the card holder is told."""
    return MESSAGES.get(decline_code or code) or MESSAGES.get(code) or MESSAGES["card_declined"]


def refusal_for(code: str) -> tuple[str, str | None]:
    """The code and decline code of a refusal that is known by either."""
    if code in ("expired_card", "incorrect_cvc", "processing_error", "authentication_required"):
        return code, "authentication_required" if code == "authentication_required" else None
    return "card_declined", code


def card_object(card: Card, expiry_year: int) -> Json:
    """The `card` part of a payment method."""
    return {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": 12,
        "exp_year": expiry_year,
        "fingerprint": f"Sandbox{card.brand[:4].title()}{card.last4}",
        "funding": card.funding,
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def charge_details(method: Json, *, amount: int, proved: bool) -> Json:
    """The `payment_method_details` of a charge taken from that payment method."""
    card: Json = method["card"]
    secure: Json | None = None
    if proved:
        secure = {
            "authentication_flow": "challenge",
            "electronic_commerce_indicator": "05",
            "exemption_indicator": None,
            "result": "authenticated",
            "result_reason": None,
            "transaction_id": "00000000-0000-4000-8000-000000000000",
            "version": "2.2.0",
        }
    details: Json = {
        "amount_authorized": amount,
        "authorization_code": "123456",
        "brand": card["brand"],
        "checks": card["checks"],
        "country": card["country"],
        "exp_month": card["exp_month"],
        "exp_year": card["exp_year"],
        "extended_authorization": {"status": "disabled"},
        "fingerprint": card["fingerprint"],
        "funding": card["funding"],
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "last4": card["last4"],
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": "104001100100",
        "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
        "regulated_status": "unregulated",
        "three_d_secure": secure,
        "wallet": None,
    }
    return {"card": details, "type": "card"}
