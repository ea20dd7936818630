"""What may be said when a Checkout Session is made."""

import re
from urllib.parse import urlsplit

from supporters.sandbox.calls import Call
from supporters.sandbox.catalogue import PRICE_DATA
from supporters.sandbox.debits import SCHEMES
from supporters.sandbox.errors import Json, invalid, malformed, not_done
from supporters.sandbox.intents import refuse_method_types
from supporters.sandbox.params import (
    SHIPPING,
    Anything,
    Choice,
    Currency,
    Fields,
    Flag,
    ListOf,
    Metadata,
    NotYet,
    Text,
    Whole,
    part,
    unknown_parameters,
)
from supporters.sandbox.subscriptions_params import TRIAL_SETTINGS
from supporters.sandbox.world import World

MINUTE = 60
DAHLIA = "2026-03-25"
NEW_UI_MODES = ("hosted_page", "embedded_page", "elements", "form")
OLD_UI_MODES = ("hosted", "embedded", "custom")

ON_FLAG = Fields(enabled=Flag(), required=("enabled",))
MESSAGE = Fields(message=Text(1200), required=("message",))
CREATE = Fields(
    {name: NotYet() for name in (
        "after_expiration", "allow_promotion_codes", "branding_settings", "consent_collection",
        "custom_fields", "customer_account", "customer_update", "discounts", "integration_identifier",
        "invoice_creation", "managed_payments", "name_collection", "optional_items", "payment_method_configuration",
        "payment_method_data", "permissions", "saved_payment_method_options",
        "shipping_address_collection", "shipping_options", "tax_id_collection", "wallet_options",
    )},
    adaptive_pricing=Fields(enabled=Flag()),
    allowed_payment_method_types=ListOf(Text()),
    automatic_tax=Fields(enabled=Choice("false", not_yet=("true",))),
    billing_address_collection=Choice("auto", "required"),
    cancel_url=Text(),
    client_reference_id=Text(200),
    custom_text=Fields(after_submit=MESSAGE, submit=MESSAGE),
    currency=Currency(),
    customer=Text(),
    customer_creation=Choice("always", "if_required"),
    customer_email=Text(800),
    excluded_payment_method_types=ListOf(Text()),
    expires_at=Whole(),
    line_items=ListOf(
        Fields(
            price=Text(),
            price_data=PRICE_DATA,
            quantity=Whole(1),
            adjustable_quantity=NotYet(),
            dynamic_tax_rates=NotYet(),
            metadata=NotYet(),
            tax_rates=NotYet(),
        )
    ),
    locale=Text(),
    metadata=Metadata(),
    mode=Choice("payment", "setup", "subscription"),
    origin_context=Choice("mobile_app", "web"),
    payment_intent_data=Fields(
        capture_method=Choice("automatic", "automatic_async", not_yet=("manual",)),
        description=Text(1000),
        metadata=Metadata(),
        receipt_email=Text(),
        setup_future_usage=Choice("off_session", "on_session"),
        shipping=SHIPPING,
        statement_descriptor=Text(22),
        statement_descriptor_suffix=Text(22),
        application_fee_amount=NotYet(),
        on_behalf_of=NotYet(),
        transfer_data=NotYet(),
        transfer_group=NotYet(),
    ),
    payment_method_collection=Choice("always", "if_required"),
    payment_method_options=Anything(),
    payment_method_types=ListOf(Text()),
    phone_number_collection=ON_FLAG,
    redirect_on_completion=Choice("always", "if_required", "never"),
    return_url=Text(),
    setup_intent_data=Fields(description=Text(1000), metadata=Metadata(), on_behalf_of=NotYet()),
    subscription_data=Fields(
        {name: NotYet() for name in (
            "application_fee_percent", "billing_cycle_anchor_config", "default_tax_rates", "invoice_settings",
            "on_behalf_of", "pending_invoice_item_interval", "transfer_data",
        )},
        billing_cycle_anchor=Whole(0),
        billing_mode=Anything(),
        description=Text(500),
        metadata=Metadata(),
        proration_behavior=Choice("create_prorations", "none"),
        trial_end=Whole(0),
        trial_period_days=Whole(1, 730),
        trial_settings=TRIAL_SETTINGS,
    ),
    submit_type=Choice("auto", "book", "donate", "pay", "subscribe"),
    success_url=Text(),
    ui_mode=Choice(*NEW_UI_MODES, *OLD_UI_MODES),
)  # fmt: skip


def check_create(world: World, call: Call) -> Json:
    """The parameters of a new session, once they make sense together. Raises: ApiError."""
    params = call.params
    refuse_method_types(call)
    if "allowed_payment_method_types" in params and not call.version.endswith(".endive"):
        raise unknown_parameters(["allowed_payment_method_types"])
    _check_ui_mode(params.get("ui_mode", "hosted_page"), call.version)
    if "mode" not in params:
        raise malformed("Missing required param: mode.", code="parameter_missing", param="mode")
    _check_mode(params)
    for number, line in enumerate(params.get("line_items") or ()):
        if bool(line.get("price")) == bool(line.get("price_data")):
            message = "You must specify either `price` or `price_data`."
            raise malformed(message, code="parameter_missing", param=f"line_items[{number}][price]")
    _check_urls(params)
    _check_customer(world, params)
    _check_expiry(world, params)
    _check_descriptor(params)
    if any(kind not in ("card", *SCHEMES) for kind in params.get("payment_method_types") or ()):
        raise not_done("payment methods other than cards and bank debits", param="payment_method_types")
    return params


OWN_PARTS = {
    "payment": ("payment_intent_data",),
    "setup": ("setup_intent_data",),
    "subscription": ("subscription_data",),
}


def _check_mode(params: Json) -> None:
    """Each mode has parts of its own, and a session that only keeps a payment method has no lines."""
    mode: str = params["mode"]
    for other, names in OWN_PARTS.items():
        for name in names:
            if other != mode and name in params:
                raise invalid(f"You can not pass `{name}` in `{mode}` mode.", param=name)
    if mode == "setup":
        if params.get("line_items"):
            raise invalid("You can not pass `line_items` in `setup` mode.", param="line_items")
        if not params.get("currency") and not params.get("payment_method_types"):
            message = "Missing required param: currency."
            raise malformed(message, code="parameter_missing", param="currency")
    elif not params.get("line_items"):
        message = f"You must specify `line_items` in `{mode}` mode."
        raise malformed(message, code="parameter_missing", param="line_items")
    if mode == "subscription" and params.get("customer_creation"):
        raise invalid("`customer_creation` can only be used in `payment` and `setup` mode.", param="customer_creation")
    if mode != "payment" and params.get("submit_type") not in (None, "auto", "subscribe"):
        message = "`submit_type` can only be used in `payment` mode."
        raise invalid(message, param="submit_type")


def _check_ui_mode(mode: str, version: str) -> None:
    is_new = version >= DAHLIA
    legal = NEW_UI_MODES if is_new else OLD_UI_MODES
    if mode not in legal and not (mode == "hosted_page" and not is_new):
        raise malformed(f"Invalid ui_mode: must be one of {', '.join(legal)}", param="ui_mode")
    if mode not in ("hosted_page", "hosted"):
        raise not_done(f"ui_mode={mode}", param="ui_mode")


def _check_urls(params: Json) -> None:
    if not params.get("success_url"):
        message = "Missing required param: success_url."
        raise malformed(message, code="parameter_missing", param="success_url")
    for name in ("success_url", "cancel_url"):
        address: str | None = params.get(name)
        if address and (urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).netloc):
            raise invalid("Not a valid URL", code="url_invalid", param=name)
    for name in ("return_url", "redirect_on_completion"):
        if params.get(name):
            raise invalid(f"`{name}` can't be used when `ui_mode` is `hosted_page`.", param=name)


def _check_customer(world: World, params: Json) -> None:
    email = params.get("customer_email")
    if params.get("customer"):
        if email:
            raise invalid("You may only specify one of these parameters: customer, customer_email.", param="customer")
        if params.get("customer_creation"):
            raise invalid("You may only specify one of these parameters: customer, customer_creation.")
        world.get("customer", params["customer"], param="customer")
    if email and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
        raise invalid(f"Invalid email address: {email}", code="email_invalid", param="customer_email")


def _check_expiry(world: World, params: Json) -> None:
    at = params.get("expires_at")
    if at is None:
        return
    if at < world.now() + 30 * MINUTE:
        message = "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation."
        raise invalid(message, param="expires_at")
    if at > world.now() + 24 * 60 * MINUTE:
        message = "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation."
        raise invalid(message, param="expires_at")


def _check_descriptor(params: Json) -> None:
    data: Json = part(params, "payment_intent_data")
    suffix = data.get("statement_descriptor_suffix")
    if suffix and (set(suffix) & set("<>\\'\"*") or not re.search("[A-Za-z]", suffix)):
        message = "The statement descriptor suffix must contain a letter and none of the characters < > \\ ' \" *."
        raise invalid(message, param="payment_intent_data[statement_descriptor_suffix]")
