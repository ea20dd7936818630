"""Customers and their payment methods."""

from typing import Any

from supporters.sandbox import cards, debits, subscriptions
from supporters.sandbox.calls import Call, Operation, delete, get, listing, post
from supporters.sandbox.errors import ApiError, Json, invalid
from supporters.sandbox.lists import page
from supporters.sandbox.params import (
    ADDRESS,
    BILLING,
    SHIPPING,
    Anything,
    Choice,
    Fields,
    Flag,
    ListOf,
    Metadata,
    NotYet,
    Span,
    Text,
    Whole,
    part,
)
from supporters.sandbox.store import equals
from supporters.sandbox.world import World

NO_ADDRESS: Json = {"city": None, "country": None, "line1": None, "line2": None, "postal_code": None, "state": None}

CUSTOMER = Fields(
    address=ADDRESS,
    balance=Whole(),
    business_name=Text(150),
    cash_balance=NotYet(),
    description=Text(),
    email=Text(512),
    individual_name=Text(150),
    invoice_prefix=Text(),
    invoice_settings=Fields(
        default_payment_method=Text(), custom_fields=NotYet(), footer=Text(), rendering_options=NotYet()
    ),
    metadata=Metadata(),
    name=Text(256),
    next_invoice_sequence=NotYet(),
    payment_method=Text(),
    phone=Text(),
    preferred_locales=ListOf(Text()),
    shipping=SHIPPING,
    source=NotYet(),
    tax=NotYet(),
    tax_exempt=Choice("none", "exempt", "reverse"),
    tax_id_data=NotYet(),
    test_clock=Text(),
    validate=Flag(),
)
PLAIN = ("address", "balance", "description", "email", "name", "phone", "preferred_locales", "shipping", "tax_exempt")


def new_customer(world: World, params: Json) -> Json:
    """A customer is on file and in the news."""
    customer: Json = {
        "id": world.new_id("cus", 14),
        "object": "customer",
        "address": params.get("address") and {**NO_ADDRESS, **params["address"]},
        "balance": params.get("balance", 0),
        "created": world.now(),
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": params.get("description"),
        "email": params.get("email"),
        "invoice_prefix": params.get("invoice_prefix") or world.token(8).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": params.get("metadata") or {},
        "name": params.get("name"),
        "next_invoice_sequence": 1,
        "phone": params.get("phone"),
        "preferred_locales": params.get("preferred_locales") or [],
        "shipping": params.get("shipping"),
        "tax_exempt": params.get("tax_exempt", "none"),
        "test_clock": params.get("test_clock"),
    }
    return world.add(customer, "customer.created")


def create_customer(world: World, call: Call) -> Json:
    """POST /v1/customers."""
    if call.params.get("test_clock"):
        world.get("test_helpers.test_clock", call.params["test_clock"], param="test_clock")
    customer = new_customer(world, call.params)
    if call.params.get("payment_method"):
        method = find_method(world, call.params["payment_method"])
        refuse_unsound(method)
        attach(world, method, customer)
    return _set_default(world, customer, call.params)


def update_customer(world: World, call: Call) -> Json:
    """POST /v1/customers/{id}."""
    customer = world.get("customer", call.path["id"])
    changes: Json = {key: call.params[key] for key in PLAIN if key in call.params}
    if "metadata" in call.params:
        changes["metadata"] = merged(customer["metadata"], call.params["metadata"])
    if any(customer[key] != value for key, value in changes.items()):
        world.change(customer, changes, "customer.updated")
    return _set_default(world, customer, call.params)


def _set_default(world: World, customer: Json, params: Json) -> Json:
    wanted = part(params, "invoice_settings").get("default_payment_method")
    if not wanted:
        return customer
    method = _own_method(world, customer, wanted)
    settings = {**customer["invoice_settings"], "default_payment_method": method["id"]}
    return world.change(customer, {"invoice_settings": settings}, "customer.updated")


def _own_method(world: World, customer: Json, wanted: str) -> Json:
    if cards.named(wanted):
        alias = world.store.select(
            "payment_method",
            (equals("customer"), "json_extract(json, '$._card') = ?"),
            (customer["id"], cards.named(wanted)),
            newest=True,
            limit=1,
        )
        if alias:
            return alias[0]
    method = find_method(world, wanted)
    if method["customer"] != customer["id"]:
        message = "The customer does not have a payment method with that ID. Attach it to the customer first."
        raise invalid(message, code="resource_missing", param="invoice_settings[default_payment_method]")
    return method


def merged(now: Json, asked: Json | None) -> Json:
    """Metadata after an update: empty values remove their keys, an empty hash removes all."""
    if asked is None:
        return {}
    return {key: value for key, value in {**now, **asked}.items() if value}


def get_customer(world: World, call: Call) -> Json:
    """GET /v1/customers/{id}; a deleted one says so and no more."""
    gone = world.store.find("deleted_customer", call.path["id"])
    return gone or world.get("customer", call.path["id"])


def delete_customer(world: World, call: Call) -> Json:
    """DELETE /v1/customers/{id}."""
    customer = world.get("customer", call.path["id"])
    subscriptions.end_all_of(world, customer)
    world.emit("customer.deleted", customer)
    gone: Json = {"id": customer["id"], "object": "customer", "deleted": True}
    world.store.retire(customer["id"], "deleted_customer", gone)
    return gone


def list_customers(world: World, call: Call) -> Json:
    """GET /v1/customers."""
    equal = {name: call.params.get(name) for name in ("email", "test_clock")}
    return page(world, call, "customer", "/v1/customers", equal)


# payment methods

METHOD = Fields(
    type=Choice("card", "bacs_debit", "sepa_debit", not_yet=("us_bank_account", "link", "paypal")),
    billing_details=BILLING,
    bacs_debit=Fields(sort_code=Text(), account_number=Text(), required=("account_number",)),
    sepa_debit=Fields(iban=Text(), required=("iban",)),
    card=Fields(token=Text(), number=Text(), exp_month=Whole(1, 12), exp_year=Whole(), cvc=Text(), networks=Anything()),
    metadata=Metadata(),
    allow_redisplay=Choice("always", "limited", "unspecified"),
    customer=NotYet(),
    payment_method=NotYet(),
    required=("type",),
)


def new_method(world: World, name: str, *, billing: Json | None = None, metadata: Json | None = None) -> Json:
    """A payment method of that test card or test bank account is on file."""
    address = (billing or {}).get("address")
    details: Json = {"address": NO_ADDRESS, "email": None, "name": None, "phone": None, "tax_id": None}
    details.update({key: value for key, value in (billing or {}).items() if key != "address"})
    details["address"] = {**NO_ADDRESS, **(address or {})}
    method: Json = {
        "id": world.new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": details,
        "created": world.now(),
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": metadata or {},
        "_card": None,
    }
    if name in debits.ACCOUNTS:
        account = debits.ACCOUNTS[name]
        method.update({"type": account.scheme, account.scheme: debits.account_object(account), "_account": name})
    else:
        card = cards.card_object(cards.CARDS[name], world.clock.now().year + 4)
        method.update(type="card", card=card, _card=name)
    return world.add(method)


def find_method(world: World, wanted: str, *, param: str = "payment_method") -> Json:
    """The payment method of that id; an alias such as `pm_card_visa` makes a new one."""
    alias = cards.named(wanted) or debits.named(wanted)
    if alias:
        return new_method(world, alias)
    return world.get("payment_method", wanted, param=param)


def create_method(world: World, call: Call) -> Json:
    """POST /v1/payment_methods."""
    billing, metadata = call.params.get("billing_details"), call.params.get("metadata")
    name = _card_asked(call) if call.params["type"] == "card" else _account_asked(call)
    return new_method(world, name, billing=billing, metadata=metadata)


def _card_asked(call: Call) -> str:
    card: Json = part(call.params, "card")
    name = cards.named(card["token"]) if card.get("token") else cards.numbered(card.get("number") or "4242424242424242")
    if not name:
        param = "card[token]" if card.get("token") else "card[number]"
        raise invalid("No such test card.", code="resource_missing", param=param)
    return name


def _account_asked(call: Call) -> str:
    scheme: str = call.params["type"]
    field = "account_number" if scheme == "bacs_debit" else "iban"
    number = part(call.params, scheme).get(field)
    name = debits.numbered(scheme, number) if number else None
    if not name:
        message = "No such test bank account: take one of those that Stripe lists for tests."
        raise invalid(message, code="bank_account_unusable", param=f"{scheme}[{field}]")
    return name


def get_method(world: World, call: Call) -> Json:
    """GET /v1/payment_methods/{id}."""
    return world.get("payment_method", call.path["id"])


def update_method(world: World, call: Call) -> Json:
    """POST /v1/payment_methods/{id}."""
    method = world.get("payment_method", call.path["id"])
    changes: Json = {}
    if "metadata" in call.params:
        changes["metadata"] = merged(method["metadata"], call.params["metadata"])
    if call.params.get("billing_details"):
        changes["billing_details"] = {**method["billing_details"], **call.params["billing_details"]}
    return world.change(method, changes, "payment_method.updated" if method["customer"] else None)


def attach(world: World, method: Json, customer: Json) -> Json:
    """The payment method belongs to the customer. Raises: ApiError."""
    if method["customer"] not in (None, customer["id"]):
        message = "The payment method you provided has already been attached to a customer."
        raise invalid(message, param="payment_method")
    changes: Json = {"customer": customer["id"]}
    world.change(method, changes)
    world.emit("payment_method.attached", method)
    return method


def renew_card(world: World, method: Json) -> Json:
    """The card's network has given its new expiry date: the old card goes on."""
    card = {**method["card"], "exp_year": method["card"]["exp_year"] + 4}
    return world.change(method, {"card": card}, "payment_method.automatically_updated")


def attach_method(world: World, call: Call) -> Json:
    """POST /v1/payment_methods/{id}/attach."""
    customer = world.get("customer", call.params["customer"], param="customer")
    method = find_method(world, call.path["id"])
    refuse_unsound(method)
    return attach(world, method, customer)


def refuse_unsound(method: Json) -> None:
    """A card that its bank refuses cannot be kept; one that fails only when charged can. Raises: ApiError (402)."""
    card = cards.CARDS.get(method["_card"] or "")
    if card and card.refuses and not card.asks and method["_card"] != "chargeCustomerFail":
        code, decline_code = card.refuses
        extra = {"decline_code": decline_code} if decline_code else {}
        raise ApiError(402, cards.message_of(code, decline_code), kind="card_error", code=code, extra=extra)


def detach_method(world: World, call: Call) -> Json:
    """POST /v1/payment_methods/{id}/detach."""
    method = world.get("payment_method", call.path["id"])
    if not method["customer"]:
        message = "The payment method you provided is not attached to a customer so detachment is impossible."
        raise invalid(message)
    return world.change(method, {"customer": None}, "payment_method.detached")


def list_methods(world: World, call: Call) -> Json:
    """GET /v1/payment_methods and GET /v1/customers/{id}/payment_methods."""
    owner: Any = call.path.get("id") or call.params.get("customer")
    if owner:
        world.get("customer", owner, param="customer")
    url = f"/v1/customers/{owner}/payment_methods" if "id" in call.path else "/v1/payment_methods"
    equal = {"customer": owner, "type": call.params.get("type")}
    where = () if owner else ("customer is not null",)
    return page(world, call, "payment_method", url, equal, where)


OPERATIONS: tuple[Operation, ...] = (
    post("/v1/customers", create_customer, CUSTOMER),
    listing("/v1/customers", list_customers, email=Text(), created=Span(), test_clock=Text()),
    get("/v1/customers/{id}", get_customer),
    post("/v1/customers/{id}", update_customer, CUSTOMER),
    delete("/v1/customers/{id}", delete_customer),
    listing("/v1/customers/{id}/payment_methods", list_methods, type=Text(), allow_redisplay=Text()),
    post("/v1/payment_methods", create_method, METHOD),
    listing("/v1/payment_methods", list_methods, customer=Text(), type=Text(), allow_redisplay=Text()),
    get("/v1/payment_methods/{id}", get_method),
    post("/v1/payment_methods/{id}", update_method, Fields(metadata=Metadata(), billing_details=BILLING)),
    post("/v1/payment_methods/{id}/attach", attach_method, Fields(customer=Text(), required=("customer",))),
    post("/v1/payment_methods/{id}/detach", detach_method),
)
