"""Invoices: drawn up, finalised, voided, written off. What pays them stands in `invoices_pay`."""

from supporters.sandbox.due import schedule
from supporters.sandbox.errors import Json, invalid
from supporters.sandbox.world import World

HOUR = 3_600
NO_TRANSITIONS: Json = {"finalized_at": None, "marked_uncollectible_at": None, "paid_at": None, "voided_at": None}
NOTHING: Json = {
    "account_country": None,
    "account_name": None,
    "account_tax_ids": None,
    "amount_overpaid": 0,
    "amount_paid": 0,
    "amount_paid_off_stripe": 0,
    "amount_shipping": 0,
    "application": None,
    "attempt_count": 0,
    "attempted": False,
    "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None, "provider": None, "status": None},
    "automatically_finalizes_at": None,
    "collection_method": "charge_automatically",
    "custom_fields": None,
    "customer_account": None,
    "customer_tax_ids": [],
    "default_payment_method": None,
    "default_source": None,
    "default_tax_rates": [],
    "description": None,
    "discounts": [],
    "due_date": None,
    "effective_at": None,
    "ending_balance": None,
    "footer": None,
    "from_invoice": None,
    "hosted_invoice_url": None,
    "invoice_pdf": None,
    "issuer": {"type": "self"},
    "last_finalization_error": None,
    "latest_revision": None,
    "livemode": False,
    "next_payment_attempt": None,
    "number": None,
    "on_behalf_of": None,
    "parent": None,
    "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
    "post_payment_credit_notes_amount": 0,
    "pre_payment_credit_notes_amount": 0,
    "receipt_number": None,
    "rendering": None,
    "shipping_cost": None,
    "shipping_details": None,
    "starting_balance": 0,
    "statement_descriptor": None,
    "status": "draft",
    "total_discount_amounts": [],
    "total_pretax_credit_amounts": [],
    "total_taxes": [],
    "webhooks_delivered_at": None,
}
"""An invoice of which nothing has become yet."""


def draw_up(
    world: World,
    customer: Json,
    *,
    reason: str,
    lines: list[Json],
    plan: Json | None = None,
    period: tuple[int, int] | None = None,
) -> Json:
    """An invoice for those lines, not yet on file. `plan` is the subscription that it is for."""
    invoice_id = world.new_id("in")
    total = sum(line["amount"] for line in lines)
    start, end = period or (world.now(), world.now())
    invoice: Json = {
        **NOTHING,
        "id": invoice_id,
        "object": "invoice",
        "account_country": world.config.country,
        "account_name": world.config.publisher,
        "amount_due": total,
        "amount_remaining": total,
        "auto_advance": plan is not None,
        "billing_reason": reason,
        "created": world.now(),
        "currency": lines[0]["currency"] if lines else world.config.currency,
        "customer": customer["id"],
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": customer["shipping"],
        "customer_tax_exempt": customer["tax_exempt"],
        "lines": line_list(invoice_id, lines),
        "metadata": {},
        "period_end": end,
        "period_start": start,
        "status_transitions": dict(NO_TRANSITIONS),
        "subtotal": total,
        "subtotal_excluding_tax": total,
        "test_clock": customer["test_clock"],
        "total": total,
        "total_excluding_tax": total,
        "_payment_intent": None,
        "_subscription": None,
    }
    if plan:
        told: Json = {"metadata": plan["metadata"], "subscription": plan["id"]}
        invoice["parent"] = {"quote_details": None, "subscription_details": told, "type": "subscription_details"}
        invoice["_subscription"] = plan["id"]
    return invoice


def line_list(invoice_id: str, lines: list[Json]) -> Json:
    """The invoice's lines as a list."""
    for line in lines:
        line["invoice"] = invoice_id
    return {"object": "list", "data": lines, "has_more": False, "url": f"/v1/invoices/{invoice_id}/lines"}


def plan_lines(world: World, plan: Json, start: int, end: int, *, free: bool = False) -> list[Json]:
    """One line for each item of the subscription, for that period; free ones cost nothing (a trial)."""
    return [plan_line(world, plan, item, start, end, free=free) for item in plan["items"]["data"]]


def plan_line(world: World, plan: Json, item: Json, start: int, end: int, *, free: bool) -> Json:
    """The line of one item of a subscription."""
    price: Json = item["price"]
    name: str = plan["_names"][item["id"]]
    details: Json = {
        "invoice_item": None,
        "proration": False,
        "proration_details": {"credited_items": None},
        "subscription": plan["id"],
        "subscription_item": item["id"],
    }
    amount = 0 if free else price["unit_amount"] * item["quantity"]
    text = f"Trial period for {name}" if free else f"{item['quantity']} × {name}"
    line = new_line(world, amount, price["currency"], text, (start, end))
    line["metadata"] = plan["metadata"]
    line["quantity"] = item["quantity"]
    line["parent"] = {
        "invoice_item_details": None,
        "subscription_item_details": details,
        "type": "subscription_item_details",
    }
    line["pricing"] = pricing(price)
    line["subscription"] = plan["id"]
    return line


def new_line(world: World, amount: int, currency: str, description: str | None, period: tuple[int, int]) -> Json:
    """A line of an invoice that names no price yet."""
    return {
        "id": world.new_id("il"),
        "object": "line_item",
        "amount": amount,
        "currency": currency,
        "description": description,
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": {},
        "parent": None,
        "period": {"end": period[1], "start": period[0]},
        "pretax_credit_amounts": [],
        "pricing": None,
        "quantity": 1,
        "quantity_decimal": None,
        "subscription": None,
        "subtotal": amount,
        "taxes": [],
    }


def pricing(price: Json) -> Json:
    """How a line names its price."""
    details: Json = {"price": price["id"], "product": price["product"]}
    return {"price_details": details, "type": "price_details", "unit_amount_decimal": price["unit_amount_decimal"]}


# what becomes of it


def finalize(world: World, invoice: Json) -> Json:
    """The invoice can no longer change and is there to be paid; one over nothing is paid at once."""
    if invoice["status"] != "draft":
        message = "This invoice is already finalized, you can't re-finalize a non-draft invoice."
        raise invalid(message, code="invoice_not_editable")
    now = world.now()
    world.store.call_off(invoice["id"], "finalize")
    customer = world.get("customer", invoice["customer"])
    changes: Json = {
        "status": "open",
        "automatically_finalizes_at": None,
        "effective_at": now,
        "ending_balance": 0,
        "hosted_invoice_url": f"{world.config.base_url}/c/invoice/{invoice['id']}",
        "invoice_pdf": f"{world.config.base_url}/c/invoice/{invoice['id']}",
        "number": f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04}",
        "status_transitions": {**invoice["status_transitions"], "finalized_at": now},
    }
    world.change(customer, {"next_invoice_sequence": customer["next_invoice_sequence"] + 1})
    return world.change(invoice, changes, "invoice.finalized")


def void(world: World, invoice: Json) -> Json:
    """Nobody owes the invoice any longer, as if it had never been."""
    if invoice["status"] not in ("open", "uncollectible"):
        raise invalid("You can only pass in open invoices. This invoice isn't open.")
    return _close(world, invoice, "void", "voided_at", "invoice.voided")


def write_off(world: World, invoice: Json) -> Json:
    """The invoice will not be paid, say the books."""
    if invoice["status"] not in ("open",):
        raise invalid("You can only pass in open invoices. This invoice isn't open.")
    return _close(world, invoice, "uncollectible", "marked_uncollectible_at", "invoice.marked_uncollectible")


def _close(world: World, invoice: Json, status: str, moment: str, event: str) -> Json:
    world.store.call_off(invoice["id"], "retry")
    transitions = {**invoice["status_transitions"], moment: world.now()}
    changes: Json = {"status": status, "status_transitions": transitions}
    changes.update(auto_advance=False, next_payment_attempt=None)
    world.change(invoice, changes, "invoice.updated")
    world.emit(event, invoice)
    return invoice


def leave_alone(world: World, invoice: Json) -> Json:
    """The invoice stays as it is: nothing finalises it, nothing tries to have it paid."""
    world.store.call_off(invoice["id"], "retry")
    world.store.call_off(invoice["id"], "finalize")
    changes: Json = {"auto_advance": False, "next_payment_attempt": None, "automatically_finalizes_at": None}
    return world.change(invoice, changes, "invoice.updated")


def finalize_later(world: World, invoice: Json) -> None:
    """A draft waits an hour for last changes."""
    invoice["automatically_finalizes_at"] = world.now() + HOUR
    schedule(world, world.now() + HOUR, "finalize", invoice["id"])
