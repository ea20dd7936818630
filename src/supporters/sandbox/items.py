"""Invoice items: amounts that wait for a customer's next invoice."""

from supporters.sandbox.calls import Call, Operation, delete, get, listing, post
from supporters.sandbox.catalogue import inline_price
from supporters.sandbox.customers import merged
from supporters.sandbox.errors import Json, invalid, malformed
from supporters.sandbox.invoices import line_list, new_line, pricing
from supporters.sandbox.lists import page
from supporters.sandbox.params import Currency, Fields, Flag, Metadata, NotYet, Span, Text, Whole
from supporters.sandbox.store import equals
from supporters.sandbox.world import World


def create_item(world: World, call: Call) -> Json:
    """POST /v1/invoiceitems."""
    params = call.params
    customer = world.get("customer", params["customer"], param="customer")
    price, amount = _price_of(world, params)
    invoice = world.get("invoice", params["invoice"], param="invoice") if params.get("invoice") else None
    if invoice and invoice["status"] != "draft":
        raise invalid("This invoice is no longer editable.", code="invoice_not_editable", param="invoice")
    now, quantity = world.now(), params.get("quantity", 1)
    item: Json = {
        "id": world.new_id("ii"),
        "object": "invoiceitem",
        "amount": amount,
        "currency": price["currency"] if price else params.get("currency", world.config.currency),
        "customer": customer["id"],
        "customer_account": None,
        "date": now,
        "description": params.get("description"),
        "discountable": params.get("discountable", amount > 0),
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": params.get("metadata") or {},
        "net_amount": amount,
        "parent": None,
        "period": {"end": now, "start": now},
        "pricing": pricing(price) if price else None,
        "proration": False,
        "quantity": quantity,
        "quantity_decimal": str(quantity),
        "tax_rates": [],
        "test_clock": customer["test_clock"],
    }
    world.add(item, "invoiceitem.created")
    if invoice:
        add_lines(world, invoice, [_line(world, item)])
        world.change(item, {"invoice": invoice["id"]})
    return item


def _price_of(world: World, params: Json) -> tuple[Json | None, int]:
    if params.get("price_data"):
        price, _ = inline_price(world, params["price_data"], "price_data")
    elif params.get("pricing"):
        price = world.get("price", params["pricing"]["price"], param="pricing[price]")
    elif "amount" in params:
        return None, params["amount"]
    else:
        message = "One of the following params should be provided for this request: amount or pricing or price_data."
        raise malformed(message, code="parameter_missing", param="amount")
    return price, price["unit_amount"] * params.get("quantity", 1)


def add_lines(world: World, invoice: Json, lines: list[Json]) -> None:
    """A draft says those lines as well."""
    every = [*invoice["lines"]["data"], *lines]
    total = sum(line["amount"] for line in every)
    changes: Json = {"lines": line_list(invoice["id"], every), "currency": every[0]["currency"]}
    sums = ("amount_due", "amount_remaining", "subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax")
    world.change(invoice, {**changes, **dict.fromkeys(sums, total)})


def pending(world: World, customer: Json) -> list[Json]:
    """The customer's invoice items that wait for an invoice, oldest first."""
    where = (equals("customer"), "json_extract(json, '$.invoice') is null")
    return world.store.select("invoiceitem", where, (customer["id"],), newest=False, limit=100)


def pending_lines(world: World, customer: Json) -> list[Json]:
    """The lines that those make."""
    return [_line(world, item) for item in pending(world, customer)]


def take_pending(world: World, customer: Json, invoice: Json) -> None:
    """The customer's waiting items stand on that invoice."""
    for item in pending(world, customer):
        world.change(item, {"invoice": invoice["id"]})


def _line(world: World, item: Json) -> Json:
    period = (item["period"]["start"], item["period"]["end"])
    line = new_line(world, item["amount"], item["currency"], item["description"], period)
    details: Json = {
        "invoice_item": item["id"],
        "proration": False,
        "proration_details": {"credited_items": None},
        "subscription": None,
    }
    parent: Json = {"invoice_item_details": details, "subscription_item_details": None, "type": "invoice_item_details"}
    return {**line, "parent": parent, "pricing": item["pricing"], "quantity": item["quantity"]}


def get_item(world: World, call: Call) -> Json:
    """GET /v1/invoiceitems/{id}."""
    return world.get("invoiceitem", call.path["id"])


def update_item(world: World, call: Call) -> Json:
    """POST /v1/invoiceitems/{id}, while it waits."""
    item = world.get("invoiceitem", call.path["id"])
    if item["invoice"]:
        raise invalid("You cannot modify an invoice item that is attached to an invoice.", code="invoice_not_editable")
    changes: Json = {name: call.params[name] for name in ("amount", "description") if name in call.params}
    if "amount" in changes:
        changes["net_amount"] = changes["amount"]
    if "metadata" in call.params:
        changes["metadata"] = merged(item["metadata"], call.params["metadata"])
    return world.change(item, changes)


def delete_item(world: World, call: Call) -> Json:
    """DELETE /v1/invoiceitems/{id}, while it waits."""
    item = world.get("invoiceitem", call.path["id"])
    if item["invoice"]:
        raise invalid("You cannot delete an invoice item that is attached to an invoice.", code="invoice_not_editable")
    world.emit("invoiceitem.deleted", item)
    gone: Json = {"id": item["id"], "object": "invoiceitem", "deleted": True}
    world.store.retire(item["id"], "deleted_invoiceitem", gone)
    return gone


def list_items(world: World, call: Call) -> Json:
    """GET /v1/invoiceitems."""
    equal = {name: call.params.get(name) for name in ("customer", "invoice")}
    waits = call.params.get("pending")
    where = () if waits is None else (f"json_extract(json, '$.invoice') is {'' if waits else 'not '}null",)
    return page(world, call, "invoiceitem", "/v1/invoiceitems", equal, where)


PRICE_DATA = Fields(
    currency=Currency(),
    product=Text(),
    unit_amount=Whole(),
    tax_behavior=Text(),
    unit_amount_decimal=NotYet(),
    required=("currency", "product"),
)
UPDATE = {"amount": Whole(), "description": Text(), "metadata": Metadata(), "discountable": Flag()}
CREATE = Fields(
    UPDATE,
    currency=Currency(),
    customer=Text(),
    invoice=Text(),
    price_data=PRICE_DATA,
    pricing=Fields(price=Text(), required=("price",)),
    quantity=Whole(1),
    subscription=NotYet(),
    discounts=NotYet(),
    period=NotYet(),
    tax_behavior=NotYet(),
    tax_code=NotYet(),
    tax_rates=NotYet(),
    unit_amount_decimal=NotYet(),
    required=("customer",),
)
OPERATIONS: tuple[Operation, ...] = (
    post("/v1/invoiceitems", create_item, CREATE),
    listing("/v1/invoiceitems", list_items, customer=Text(), invoice=Text(), pending=Flag(), created=Span()),
    get("/v1/invoiceitems/{id}", get_item),
    post("/v1/invoiceitems/{id}", update_item, Fields(UPDATE)),
    delete("/v1/invoiceitems/{id}", delete_item),
)
