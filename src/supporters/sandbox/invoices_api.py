"""Invoices and what pays them, as the API offers them."""

from typing import Any

from supporters.sandbox import charging, invoices
from supporters.sandbox.calls import Call, Operation, delete, get, listing, post
from supporters.sandbox.customers import find_method, merged
from supporters.sandbox.errors import ApiError, Json, invalid
from supporters.sandbox.invoices import draw_up, finalize, finalize_later
from supporters.sandbox.invoices_pay import call_off_payment, collect, intent_for, mark_paid, method_for
from supporters.sandbox.items import pending_lines, take_pending
from supporters.sandbox.lists import page, whole
from supporters.sandbox.params import (
    Anything,
    Choice,
    Currency,
    Fields,
    Flag,
    Metadata,
    NotYet,
    Span,
    Text,
    Whole,
    part,
)
from supporters.sandbox.store import equals
from supporters.sandbox.subscriptions import end
from supporters.sandbox.subscriptions_renew import preview
from supporters.sandbox.world import World, shown

STATUSES = ("draft", "open", "paid", "uncollectible", "void")


def create_invoice(world: World, call: Call) -> Json:
    """POST /v1/invoices: a draft; it takes the customer's waiting items when asked to."""
    params = call.params
    customer = world.get("customer", params["customer"], param="customer")
    takes = params.get("pending_invoice_items_behavior") == "include"
    lines = pending_lines(world, customer) if takes else []
    invoice = draw_up(world, customer, reason="manual", lines=lines)
    named = ("auto_advance", "default_payment_method", "description", "footer", "metadata", "statement_descriptor")
    invoice.update({name: params[name] for name in named if params.get(name) is not None})
    invoice["currency"] = lines[0]["currency"] if lines else params.get("currency", world.config.currency)
    invoice.update(_due(world, params))
    if invoice["auto_advance"]:
        finalize_later(world, invoice)
    world.add(invoice, "invoice.created")
    if takes:
        take_pending(world, customer, invoice)
    return invoice


def _due(world: World, params: Json) -> Json:
    """How the invoice is collected, and by when it is to be paid if it is sent. Raises: ApiError."""
    if params.get("collection_method") != "send_invoice":
        if params.get("days_until_due") is not None or params.get("due_date"):
            raise invalid("You can only set a due date if `collection_method` is `send_invoice`.", param="due_date")
        return {}
    if (params.get("days_until_due") is None) == (params.get("due_date") is None):
        message = (
            "You must set exactly one of `days_until_due` and `due_date` if `collection_method` is `send_invoice`."
        )
        raise invalid(message, param="days_until_due")
    at: int = params["due_date"] if params.get("due_date") else world.now() + params["days_until_due"] * 86_400
    return {"collection_method": "send_invoice", "due_date": at}


def update_invoice(world: World, call: Call) -> Json:
    """POST /v1/invoices/{id}."""
    invoice = world.get("invoice", call.path["id"])
    params = dict(call.params)
    late = {"metadata", "auto_advance", "default_payment_method", "expand", "description"}
    if invoice["status"] != "draft" and set(params) - late:
        raise invalid("Finalized invoices can't be updated in this way.", code="invoice_not_editable")
    changes: Json = {name: value for name, value in params.items() if name not in ("metadata", "expand")}
    if "metadata" in params:
        changes["metadata"] = merged(invoice["metadata"], params["metadata"])
    if changes.get("auto_advance") is False:
        world.store.call_off(invoice["id"], "finalize")
    if changes.get("auto_advance") and invoice["status"] == "draft" and not invoice["auto_advance"]:
        finalize_later(world, invoice)
    return world.change(invoice, changes, "invoice.updated")


def finalize_invoice(world: World, call: Call) -> Json:
    """POST /v1/invoices/{id}/finalize."""
    invoice = finalize(world, world.get("invoice", call.path["id"]))
    if call.params.get("auto_advance") is not None:
        world.change(invoice, {"auto_advance": call.params["auto_advance"]})
    if not invoice["amount_due"]:
        return mark_paid(world, invoice)
    if invoice["auto_advance"] and invoice["collection_method"] != "send_invoice":
        return collect(world, invoice)
    intent_for(world, invoice)
    return invoice


def pay_invoice(world: World, call: Call) -> Json:
    """POST /v1/invoices/{id}/pay. Raises: ApiError (402) when the bank refuses."""
    invoice = world.get("invoice", call.path["id"])
    if invoice["status"] == "draft":
        invoice = finalize(world, invoice)
    if invoice["status"] == "paid":
        raise invalid("Invoice is already paid", code="invoice_already_paid")
    if invoice["status"] not in ("open", "uncollectible"):
        raise invalid("This invoice can no longer be paid.", code="invoice_not_editable")
    if call.params.get("paid_out_of_band"):
        return mark_paid(world, invoice, outside=True)
    if not invoice["amount_due"]:
        return mark_paid(world, invoice)
    return pay_now(world, invoice, _method(world, invoice, call.params), off_session=True)


def _method(world: World, invoice: Json, params: Json) -> Json:
    wanted = params.get("payment_method")
    method = find_method(world, wanted) if wanted else method_for(world, invoice)
    if method is None:
        message = "There is no default_payment_method set on this Customer or Invoice. Please set one and try again."
        raise invalid(message, code="resource_missing")
    return method


def pay_now(world: World, invoice: Json, method: Json, *, off_session: bool) -> Json:
    """The invoice's payment has been tried with that method. Raises: ApiError (402) when it was not paid."""
    intent = intent_for(world, invoice)
    intent["_automatic"] = False
    if not off_session:
        charging.attempt(world, intent, method)
        return world.get("invoice", invoice["id"])
    taken = charging.collect_again(world, intent, method)
    if taken.status in ("failed", "requires_action"):
        text = taken.message or "The payment requires authentication: confirm its PaymentIntent on session."
        code = taken.code or "invoice_payment_intent_requires_action"
        extra: Json = {"payment_intent": shown(intent)}
        if taken.decline_code:
            extra["decline_code"] = taken.decline_code
        raise ApiError(402, text, kind="card_error", code=code, keeps_effects=True, extra=extra)
    return world.get("invoice", invoice["id"])


def send_invoice(world: World, call: Call) -> Json:
    """POST /v1/invoices/{id}/send: the invoice is final and its customer has been told of it."""
    invoice = world.get("invoice", call.path["id"])
    if invoice["status"] == "draft":
        invoice = finalize(world, invoice)
        intent_for(world, invoice)
    if invoice["status"] != "open" or invoice["collection_method"] != "send_invoice":
        raise invalid("You can only send open invoices whose `collection_method` is `send_invoice`.")
    world.emit("invoice.sent", invoice)
    return invoice


def void_invoice(world: World, call: Call) -> Json:
    """POST /v1/invoices/{id}/void."""
    invoice = invoices.void(world, world.get("invoice", call.path["id"]))
    call_off_payment(world, invoice)
    plan = world.store.find("subscription", invoice["_subscription"]) if invoice["_subscription"] else None
    if plan and plan["status"] == "incomplete":
        end(world, plan, reason="cancellation_requested")
    return invoice


def mark_uncollectible(world: World, call: Call) -> Json:
    """POST /v1/invoices/{id}/mark_uncollectible."""
    return invoices.write_off(world, world.get("invoice", call.path["id"]))


def delete_invoice(world: World, call: Call) -> Json:
    """DELETE /v1/invoices/{id}: a draft that belongs to no subscription."""
    invoice = world.get("invoice", call.path["id"])
    if invoice["status"] != "draft" or invoice["_subscription"]:
        raise invalid("You can only delete draft invoices that belong to no subscription.", code="invoice_not_editable")
    world.emit("invoice.deleted", invoice)
    gone: Json = {"id": invoice["id"], "object": "invoice", "deleted": True}
    world.store.retire(invoice["id"], "deleted_invoice", gone)
    return gone


def get_invoice(world: World, call: Call) -> Json:
    """GET /v1/invoices/{id}."""
    return world.get("invoice", call.path["id"])


def list_invoices(world: World, call: Call) -> Json:
    """GET /v1/invoices."""
    equal: dict[str, Any] = {name: call.params.get(name) for name in ("customer", "subscription", "status")}
    return page(world, call, "invoice", "/v1/invoices", equal)


def list_lines(world: World, call: Call) -> Json:
    """GET /v1/invoices/{id}/lines."""
    return world.get("invoice", call.path["id"])["lines"]


def create_preview(world: World, call: Call) -> Json:
    """POST /v1/invoices/create_preview: the next invoice of a subscription."""
    wanted = call.params.get("subscription")
    if not wanted:
        own = (equals("customer"), "json_extract(json, '$.status') in ('active', 'trialing', 'past_due')")
        found = world.store.select("subscription", own, (call.params.get("customer"),), newest=True, limit=1)
        wanted = found[0]["id"] if found else None
    plan = world.get("subscription", wanted, param="subscription")
    if plan["cancel_at_period_end"] or plan["status"] not in ("active", "trialing", "past_due"):
        raise invalid("No upcoming invoices for this subscription.", code="invoice_upcoming_none")
    return preview(world, plan)


def get_payment(world: World, call: Call) -> Json:
    """GET /v1/invoice_payments/{id}."""
    return world.get("invoice_payment", call.path["id"])


def list_payments(world: World, call: Call) -> Json:
    """GET /v1/invoice_payments."""
    equal: dict[str, Any] = {name: call.params.get(name) for name in ("invoice", "status")}
    equal["payment_intent"] = part(call.params, "payment").get("payment_intent")
    return page(world, call, "invoice_payment", "/v1/invoice_payments", equal)


def payments_list(world: World, invoice: Json) -> Json:
    """The invoice's payments as a list."""
    found = world.store.select("invoice_payment", (equals("invoice"),), (invoice["id"],), newest=True, limit=10)
    return whole(found, f"/v1/invoice_payments?invoice={invoice['id']}")


def secret_of(world: World, invoice: Json) -> Json | None:
    """What a page needs to have the invoice's payment confirmed, while it can be."""
    if invoice["status"] != "open" or not invoice["_payment_intent"]:
        return None
    intent = world.get("payment_intent", invoice["_payment_intent"])
    return {"client_secret": intent["client_secret"], "type": "payment_intent"}


UPDATE = {
    "auto_advance": Flag(),
    "default_payment_method": Text(),
    "description": Text(),
    "footer": Text(),
    "metadata": Metadata(),
    "statement_descriptor": Text(22),
}
CREATE = Fields(
    UPDATE,
    collection_method=Choice("charge_automatically", "send_invoice"),
    currency=Currency(),
    customer=Text(),
    pending_invoice_items_behavior=Choice("exclude", "include"),
    subscription=NotYet(),
    days_until_due=Whole(0, 365),
    due_date=Whole(0),
    required=("customer",),
)
PAY = Fields(
    payment_method=Text(), off_session=Flag(), paid_out_of_band=Flag(), forgive=Flag(), mandate=Text(), source=NotYet()
)
OPERATIONS: tuple[Operation, ...] = (
    post("/v1/invoices", create_invoice, CREATE),
    listing(
        "/v1/invoices",
        list_invoices,
        customer=Text(),
        subscription=Text(),
        status=Choice(*STATUSES),
        collection_method=Text(),
        created=Span(),
        due_date=NotYet(),
    ),
    post(
        "/v1/invoices/create_preview",
        create_preview,
        Fields(customer=Text(), subscription=Text(), subscription_details=NotYet(), preview_mode=Anything()),
    ),
    get("/v1/invoices/{id}", get_invoice),
    post("/v1/invoices/{id}", update_invoice, Fields(UPDATE)),
    delete("/v1/invoices/{id}", delete_invoice),
    listing("/v1/invoices/{id}/lines", list_lines),
    post("/v1/invoices/{id}/finalize", finalize_invoice, Fields(auto_advance=Flag())),
    post("/v1/invoices/{id}/pay", pay_invoice, PAY),
    post("/v1/invoices/{id}/send", send_invoice),
    post("/v1/invoices/{id}/void", void_invoice),
    post("/v1/invoices/{id}/mark_uncollectible", mark_uncollectible),
    listing(
        "/v1/invoice_payments",
        list_payments,
        invoice=Text(),
        status=Text(),
        created=Span(),
        payment=Fields(type=Text(), payment_intent=Text(), payment_record=Text(), required=("type",)),
    ),
    get("/v1/invoice_payments/{id}", get_payment),
)
