"""What may be said of a subscription."""

from supporters.sandbox.catalogue import RECURRING, inline_price
from supporters.sandbox.errors import Json, invalid, malformed, not_done
from supporters.sandbox.params import (
    Anything,
    Choice,
    Currency,
    Fields,
    Flag,
    Kind,
    ListOf,
    Metadata,
    NotYet,
    Text,
    Tree,
    Whole,
)
from supporters.sandbox.world import World


class Moment(Kind):
    """Epoch seconds, one of a few words, or nothing."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def read(self, value: "Tree | str", name: str) -> object:
        """The number, the word, or None for an empty value."""
        if value == "" or value in self.words:
            return value or None
        return Whole(0).read(value, name)


class Anchor(Kind):
    """`now` or `unchanged`; since endive a hash that says so in `type`."""

    def read(self, value: "Tree | str", name: str) -> object:
        """The word."""
        word = value if isinstance(value, str) else value.get("type")
        if word not in ("now", "unchanged"):
            raise malformed(f"Invalid {name}: must be one of now, unchanged", param=name)
        return word


PRICE_DATA = Fields(
    currency=Currency(),
    product=Text(),
    recurring=RECURRING,
    unit_amount=Whole(0),
    tax_behavior=Text(),
    unit_amount_decimal=NotYet(),
    required=("currency", "product", "recurring"),
)
ITEM = {
    "price": Text(),
    "price_data": PRICE_DATA,
    "quantity": Whole(1),
    "metadata": Metadata(),
    "billing_thresholds": NotYet(),
    "discounts": NotYet(),
    "tax_rates": NotYet(),
}
DETAILS = Fields(
    comment=Text(),
    feedback=Choice(
        "customer_service", "low_quality", "missing_features", "other", "switched_service", "too_complex",
        "too_expensive", "unused",
    ),
)  # fmt: skip
MISSING = Choice("cancel", "create_invoice", "pause")
TRIAL_SETTINGS = Fields(
    end_behavior=Fields(missing_payment_method=MISSING, required=("missing_payment_method",)),
    required=("end_behavior",),
)
BOTH = {
    "automatic_tax": Fields(enabled=Choice("false", not_yet=("true",))),
    "cancel_at": Moment(),
    "cancel_at_period_end": Flag(),
    "collection_method": Choice("charge_automatically", not_yet=("send_invoice",)),
    "default_payment_method": Text(),
    "description": Text(500),
    "metadata": Metadata(),
    "off_session": Flag(),
    "payment_behavior": Choice(
        "allow_incomplete", "default_incomplete", "error_if_incomplete", not_yet=("pending_if_incomplete",)
    ),
    "payment_settings": Fields(
        save_default_payment_method=Choice("off", "on_subscription"),
        payment_method_types=ListOf(Text()),
        payment_method_options=Anything(),
    ),
    "proration_behavior": Choice("always_invoice", "create_prorations", "none"),
    "trial_end": Moment("now"),
    "trial_settings": TRIAL_SETTINGS,
    **{name: NotYet() for name in (
        "add_invoice_items", "application_fee_percent", "billing_thresholds", "days_until_due", "default_source",
        "default_tax_rates", "discounts", "invoice_settings", "on_behalf_of", "pending_invoice_item_interval",
        "transfer_data", "trial_from_plan", "billing_schedules", "customer_account",
    )},
}  # fmt: skip
CREATE = Fields(
    BOTH,
    customer=Text(),
    items=ListOf(Fields(ITEM)),
    billing_cycle_anchor=Whole(0),
    billing_mode=Fields(type=Choice("flexible", "classic"), flexible=Anything(), required=("type",)),
    currency=Currency(),
    trial_period_days=Whole(1, 730),
    backdate_start_date=NotYet(),
    billing_cycle_anchor_config=NotYet(),
    required=("customer", "items"),
)
UPDATE = Fields(
    BOTH,
    items=ListOf(Fields(ITEM, id=Text(), deleted=NotYet(), clear_usage=NotYet())),
    billing_cycle_anchor=Anchor(),
    cancellation_details=DETAILS,
    pause_collection=Fields(
        behavior=Choice("keep_as_draft", "mark_uncollectible", "void"), resumes_at=Whole(0), required=("behavior",)
    ),
    proration_date=NotYet(),
)


def price_of(world: World, line: Json, param: str) -> tuple[Json, Json]:
    """The recurring price of a line, and its product. Raises: ApiError."""
    if bool(line.get("price")) == bool(line.get("price_data")):
        raise malformed(f"You must specify either `price` or `price_data` for {param}.", param=f"{param}[price]")
    if line.get("price_data"):
        price, product = inline_price(world, line["price_data"], f"{param}[price_data]")
    else:
        price = world.get("price", line["price"], param=f"{param}[price]")
        product = world.get("product", price["product"])
        if not price["active"]:
            raise invalid(f"The price specified is inactive: {price['id']}.", param=f"{param}[price]")
    if not price["recurring"]:
        message = (
            "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`."
        )
        raise invalid(message, param=f"{param}[price]")
    return price, product


def check_alike(prices: list[Json]) -> None:
    """Prices of one subscription share their currency and how often they are due. Raises: ApiError."""
    if any(price["currency"] != prices[0]["currency"] for price in prices):
        raise invalid("All prices on a subscription must have the same currency.", param="items")
    if any(price["recurring"] != prices[0]["recurring"] for price in prices):
        raise not_done("subscriptions whose prices have several intervals", param="items")


def first_payment_later(world: World, params: Json, param: str) -> Json:
    """When the first full payment is due, if that is not at once: `trial_end` or `billing_cycle_anchor`, checked."""
    trial, anchor = params.get("trial_end"), params.get("billing_cycle_anchor")
    if params.get("trial_period_days"):
        trial = world.now() + params["trial_period_days"] * 86_400
    if trial == "now":
        trial = None
    for name, at in (("trial_end", trial), ("billing_cycle_anchor", anchor)):
        if at is not None and at <= world.now():
            raise invalid(f"`{name}` must be in the future.", param=f"{param}{name}")
    if anchor and not trial and params.get("proration_behavior") != "none":
        raise not_done("billing_cycle_anchor without proration_behavior=none", param=f"{param}billing_cycle_anchor")
    return {"trial_end": trial, "billing_cycle_anchor": None if trial else anchor}
