"""Products and prices."""

from supporters.sandbox.calls import Call, Operation, delete, get, listing, post
from supporters.sandbox.customers import merged
from supporters.sandbox.errors import Json, invalid, malformed
from supporters.sandbox.lists import page
from supporters.sandbox.params import Choice, Currency, Fields, Flag, ListOf, Metadata, NotYet, Span, Text, Whole
from supporters.sandbox.world import World

PRODUCT = {
    "active": Flag(),
    "description": Text(),
    "images": ListOf(Text()),
    "metadata": Metadata(),
    "name": Text(),
    "statement_descriptor": Text(22),
    "tax_code": Text(),
    "unit_label": Text(12),
    "url": Text(),
    "default_price_data": NotYet(),
    "marketing_features": NotYet(),
    "package_dimensions": NotYet(),
    "shippable": Flag(),
}
PRODUCT_DATA = Fields(
    name=Text(),
    description=Text(),
    images=ListOf(Text()),
    metadata=Metadata(),
    tax_code=Text(),
    unit_label=Text(),
    required=("name",),
)
RECURRING = Fields(
    interval=Choice("day", "week", "month", "year"),
    interval_count=Whole(1, 36),
    usage_type=Choice("licensed", not_yet=("metered",)),
    meter=NotYet(),
    trial_period_days=NotYet(),
    required=("interval",),
)
PRICE_DATA = Fields(
    currency=Currency(),
    unit_amount=Whole(0),
    unit_amount_decimal=NotYet(),
    product=Text(),
    product_data=PRODUCT_DATA,
    recurring=RECURRING,
    tax_behavior=Text(),
    required=("currency",),
)


def new_product(world: World, params: Json, *, event: bool) -> Json:
    """A product is on file; inline ones stay out of the news."""
    product: Json = {
        "id": params.get("id") or world.new_id("prod", 14),
        "object": "product",
        "active": params.get("active", event),
        "created": world.now(),
        "default_price": None,
        "description": params.get("description"),
        "images": params.get("images") or [],
        "livemode": False,
        "marketing_features": [],
        "metadata": params.get("metadata") or {},
        "name": params["name"],
        "package_dimensions": None,
        "shippable": params.get("shippable"),
        "statement_descriptor": params.get("statement_descriptor"),
        "tax_code": params.get("tax_code"),
        "unit_label": params.get("unit_label"),
        "updated": world.now(),
        "url": params.get("url"),
    }
    return world.add(product, "product.created" if event else None)


def new_price(world: World, params: Json, product_id: str, *, event: bool) -> Json:
    """A price is on file; inline ones are not active and stay out of the news."""
    recurring: Json | None = params.get("recurring")
    price: Json = {
        "id": world.new_id("price"),
        "object": "price",
        "active": params.get("active", event),
        "billing_scheme": "per_unit",
        "created": world.now(),
        "currency": params["currency"],
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": params.get("lookup_key"),
        "metadata": params.get("metadata") or {},
        "nickname": params.get("nickname"),
        "product": product_id,
        "recurring": recurring and {"interval_count": 1, "meter": None, "usage_type": "licensed", **recurring},
        "tax_behavior": params.get("tax_behavior", "unspecified"),
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring" if recurring else "one_time",
        "unit_amount": params["unit_amount"],
        "unit_amount_decimal": str(params["unit_amount"]),
    }
    return world.add(price, "price.created" if event else None)


def inline_price(world: World, data: Json, param: str) -> tuple[Json, Json]:
    """The price and the product of a line's `price_data`."""
    if bool(data.get("product")) == bool(data.get("product_data")):
        message = f"You must specify either `product` or `product_data` for {param}."
        raise malformed(message, code="parameter_missing", param=f"{param}[product_data]")
    if "unit_amount" not in data:
        message = f"Missing required param: {param}[unit_amount]."
        raise malformed(message, code="parameter_missing", param=f"{param}[unit_amount]")
    if data.get("product"):
        product = world.get("product", data["product"], param=f"{param}[product]")
    else:
        product = new_product(world, data["product_data"], event=False)
    return new_price(world, data, product["id"], event=False), product


def create_product(world: World, call: Call) -> Json:
    """POST /v1/products."""
    if call.params.get("id") and world.store.find("product", call.params["id"]):
        raise invalid("Product already exists.", code="resource_already_exists", param="id")
    return new_product(world, call.params, event=True)


def update_product(world: World, call: Call) -> Json:
    """POST /v1/products/{id}."""
    product = world.get("product", call.path["id"])
    changes: Json = {key: value for key, value in call.params.items() if key in product and key != "metadata"}
    if "metadata" in call.params:
        changes["metadata"] = merged(product["metadata"], call.params["metadata"])
    return world.change(product, {**changes, "updated": world.now()}, "product.updated")


def get_product(world: World, call: Call) -> Json:
    """GET /v1/products/{id}."""
    return world.get("product", call.path["id"])


def list_products(world: World, call: Call) -> Json:
    """GET /v1/products."""
    return page(world, call, "product", "/v1/products", {"active": call.params.get("active")})


def delete_product(world: World, call: Call) -> Json:
    """DELETE /v1/products/{id}; one with prices stays."""
    product = world.get("product", call.path["id"])
    if world.store.select("price", ("json_extract(json, '$.product') = ?",), (product["id"],), newest=True, limit=1):
        raise invalid("This product cannot be deleted because it has one or more user-created prices.")
    world.emit("product.deleted", product)
    gone: Json = {"id": product["id"], "object": "product", "deleted": True}
    world.store.retire(product["id"], "deleted_product", gone)
    return gone


def create_price(world: World, call: Call) -> Json:
    """POST /v1/prices."""
    params = call.params
    if "unit_amount" not in params:
        raise malformed("Missing required param: unit_amount.", code="parameter_missing", param="unit_amount")
    if params.get("product_data"):
        product = new_product(world, {"active": True, **params["product_data"]}, event=True)
    elif params.get("product"):
        product = world.get("product", params["product"], param="product")
    else:
        raise malformed("Missing required param: product.", code="parameter_missing", param="product")
    return new_price(world, params, product["id"], event=True)


def update_price(world: World, call: Call) -> Json:
    """POST /v1/prices/{id}."""
    price = world.get("price", call.path["id"])
    changes: Json = {key: value for key, value in call.params.items() if key in price and key != "metadata"}
    if "metadata" in call.params:
        changes["metadata"] = merged(price["metadata"], call.params["metadata"])
    return world.change(price, changes, "price.updated")


def get_price(world: World, call: Call) -> Json:
    """GET /v1/prices/{id}."""
    return world.get("price", call.path["id"])


def list_prices(world: World, call: Call) -> Json:
    """GET /v1/prices."""
    equal = {name: call.params.get(name) for name in ("active", "currency", "product", "type")}
    return page(world, call, "price", "/v1/prices", equal)


PRICE_UPDATE = {
    "active": Flag(),
    "lookup_key": Text(),
    "metadata": Metadata(),
    "nickname": Text(),
    "tax_behavior": Text(),
}
OPERATIONS: tuple[Operation, ...] = (
    post("/v1/products", create_product, Fields({**PRODUCT, "id": Text()}, required=("name",))),
    listing("/v1/products", list_products, active=Flag(), created=Span()),
    get("/v1/products/{id}", get_product),
    post("/v1/products/{id}", update_product, Fields(PRODUCT)),
    delete("/v1/products/{id}", delete_product),
    post(
        "/v1/prices",
        create_price,
        Fields(
            {**PRICE_UPDATE, **PRICE_DATA.fields},
            product_data=Fields({**PRODUCT_DATA.fields, "id": Text(), "active": Flag()}, required=("name",)),
            required=("currency",),
        ),
    ),
    listing("/v1/prices", list_prices, active=Flag(), created=Span(), currency=Text(), product=Text(), type=Text()),
    get("/v1/prices/{id}", get_price),
    post("/v1/prices/{id}", update_price, Fields(PRICE_UPDATE)),
)
