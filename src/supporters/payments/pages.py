"""What a hosted payment page is asked to be: requests in our words, and what is sent to Stripe for them. Pure.

Source: docs.stripe.com/api/checkout/sessions/create, read 2026-11-22.
"""

from datetime import datetime
from typing import Any

import msgspec

from supporters.kit.money import Money


class CheckoutRequest(msgspec.Struct, frozen=True):
    """What a payment page is asked to take, and where it leads back to."""

    donation_id: str
    amount: Money
    product_name: str
    email: str
    success_url: str
    cancel_url: str
    expires_at: datetime
    locale: str = "auto"
    interval: str = ""  # month, year; empty for one payment
    saves_method: bool = False  # of one payment: the card may be used again, if its giver asks for it
    excluded_methods: tuple[str, ...] = ()


class SetupRequest(msgspec.Struct, frozen=True):
    """What a page is asked to take on which a supporter gives another card or bank account."""

    customer_id: str
    currency: str
    change_id: str
    success_url: str
    cancel_url: str
    locale: str = "auto"


def checkout_params(request: CheckoutRequest) -> dict[str, Any]:
    """What Stripe is sent to open a payment page."""
    metadata = {"donation": request.donation_id}
    price: dict[str, Any] = {
        "currency": request.amount.currency.lower(),
        "unit_amount": request.amount.minor,
        "product_data": {"name": request.product_name},
    }
    asked: dict[str, Any] = {
        "ui_mode": "hosted_page",
        "line_items": [{"quantity": 1, "price_data": price}],
        "customer_email": request.email,
        "success_url": request.success_url,
        "cancel_url": request.cancel_url,
        "expires_at": int(request.expires_at.timestamp()),
        "metadata": metadata,
        "locale": stripe_locale(request.locale),
    }
    if request.excluded_methods:
        asked["excluded_payment_method_types"] = list(request.excluded_methods)
    if request.interval:
        price["recurring"] = {"interval": request.interval}
        asked |= {"mode": "subscription", "subscription_data": {"metadata": metadata}}
    else:
        asked |= {"mode": "payment", "submit_type": "donate", "adaptive_pricing": {"enabled": False}}
        asked["payment_intent_data"] = {"metadata": metadata} | _saving(request)
        asked |= {"customer_creation": "always"} if request.saves_method else {}
    return asked


def _saving(request: CheckoutRequest) -> dict[str, str]:
    return {"setup_future_usage": "off_session"} if request.saves_method else {}


def setup_params(request: SetupRequest) -> dict[str, Any]:
    """What Stripe is sent to open a page on which another card or bank account is given."""
    return {
        "mode": "setup",
        "ui_mode": "hosted_page",
        "currency": request.currency.lower(),
        "customer": request.customer_id,
        "success_url": request.success_url,
        "cancel_url": request.cancel_url,
        "metadata": {"change": request.change_id},
        "locale": stripe_locale(request.locale),
    }


_CHECKOUT_LANGUAGES = """
bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hr hu id it ja ko lt lv ms mt nb nl pl pt pt-BR ro ru sk sl sv
th tr vi zh zh-HK zh-TW
"""
_CHECKOUT_LOCALES = frozenset(_CHECKOUT_LANGUAGES.split())


def stripe_locale(locale: str) -> str:
    """The nearest language that Stripe's page speaks: `en_GB` is `en-GB`, `de_AT` is `de`, others the browser's own."""
    tag = locale.replace("_", "-")
    language = tag.partition("-")[0]
    if tag in _CHECKOUT_LOCALES:
        return tag
    return language if language in _CHECKOUT_LOCALES else "auto"
