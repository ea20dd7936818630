"""Invoices and money: each open one has a payment intent, what becomes of that becomes of the invoice."""

from supporters.sandbox import charging, intents, subscriptions
from supporters.sandbox.due import schedule
from supporters.sandbox.errors import Json
from supporters.sandbox.invoices import finalize, write_off
from supporters.sandbox.store import Due, equals
from supporters.sandbox.world import World

DAY = 86_400
DESCRIPTIONS = {"subscription_create": "Subscription creation", "subscription_cycle": "Subscription update"}


def finalize_due(world: World, due: Due) -> None:
    """A draft's hour is over: it is finalised and its payment tried."""
    invoice = world.store.find("invoice", due.id)
    if invoice is None or invoice["status"] != "draft" or not invoice["auto_advance"]:
        return
    final = finalize(world, invoice)
    if final["collection_method"] == "send_invoice" and final["amount_due"]:
        intent_for(world, final)
        world.emit("invoice.sent", final)
    else:
        collect(world, final)


def retry_due(world: World, due: Due) -> None:
    """The next try of a payment that failed."""
    invoice = world.store.find("invoice", due.id)
    if invoice and invoice["status"] == "open" and invoice["auto_advance"]:
        collect(world, invoice)


def collect(world: World, invoice: Json, *, method: Json | None = None) -> Json:
    """The invoice's payment has been tried; gives the invoice as it stands then."""
    if not invoice["amount_due"]:
        return mark_paid(world, invoice)
    found = method or method_for(world, invoice)
    intent = intent_for(world, invoice)
    if found is None:
        _fail(world, invoice, needs_action=False, is_automatic=True)
    elif intent["status"] not in ("succeeded", "processing", "canceled"):
        intent["_automatic"] = True
        charging.collect_again(world, intent, found)
    return world.get("invoice", invoice["id"])


def method_for(world: World, invoice: Json) -> Json | None:
    """The payment method that the invoice is to be paid with: its own, its subscription's, its customer's."""
    plan = world.store.find("subscription", invoice["_subscription"]) if invoice["_subscription"] else None
    named = (invoice["default_payment_method"], plan["default_payment_method"] if plan else None)
    return _first_own(world, world.get("customer", invoice["customer"]), named)


def method_of(world: World, plan: Json) -> Json | None:
    """The payment method that the subscription would be paid with: its own, its customer's."""
    return _first_own(world, world.get("customer", plan["customer"]), (plan["default_payment_method"],))


def _first_own(world: World, customer: Json, named: tuple[str | None, ...]) -> Json | None:
    settings: Json = customer["invoice_settings"]
    usual: str | None = settings["default_payment_method"]
    for wanted in (*named, usual):
        method = world.store.find("payment_method", wanted) if wanted else None
        if method and method["customer"] == customer["id"]:
            return method
    return None


def intent_for(world: World, invoice: Json) -> Json:
    """The invoice's payment intent; an invoice without one has one from now on."""
    if invoice["_payment_intent"]:
        return world.get("payment_intent", invoice["_payment_intent"])
    reason = invoice["billing_reason"]
    params: Json = {
        "amount": invoice["amount_due"],
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "description": DESCRIPTIONS.get(reason, f"Payment for Invoice {invoice['number']}"),
        "setup_future_usage": "off_session" if reason == "subscription_create" else None,
        "_invoice": invoice["id"],
    }
    intent = charging.new_intent(world, params)
    link(world, invoice, intent)
    return intent


def link(world: World, invoice: Json, intent: Json) -> None:
    """The payment intent pays for the invoice."""
    world.change(invoice, {"_payment_intent": intent["id"]})
    payment: Json = {
        "id": world.new_id("inpay"),
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": invoice["amount_due"],
        "created": world.now(),
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
        "_payment_intent": intent["id"],
    }
    world.add(payment)


def payments_of(world: World, invoice: Json) -> list[Json]:
    """The invoice's payments, newest first."""
    return world.store.select("invoice_payment", (equals("invoice"),), (invoice["id"],), newest=True, limit=10)


# what becomes of the payment


def follow(world: World, intent: Json) -> None:
    """The payment of an invoice has changed, and its invoice and subscription with it."""
    invoice = world.store.find("invoice", intent["_invoice"]) if intent.get("_invoice") else None
    if invoice is None or invoice["status"] not in ("open", "uncollectible"):
        return
    status = intent["status"]
    if status == "succeeded":
        keep_method(world, invoice, intent)
        mark_paid(world, invoice)
    elif status == "processing":
        keep_method(world, invoice, intent)
        attempts = invoice["attempt_count"] + 1
        changes: Json = {"attempted": True, "attempt_count": attempts, "next_payment_attempt": None}
        world.change(invoice, {**changes, "_counted": True}, "invoice.updated")
        subscriptions.paid(world, invoice)
    else:
        needs_action = status == "requires_action"
        is_automatic = bool(intent.get("_automatic")) or not invoice["attempt_count"]
        if needs_action:  # what its payer answers is no try of ours
            world.change(intent, {"_automatic": False})
        _fail(world, invoice, needs_action=needs_action, is_automatic=is_automatic)


def keep_method(world: World, invoice: Json, intent: Json) -> None:
    """A payment method that was used for a first payment belongs to the customer, and to the plan if it asked so."""
    method = world.get("payment_method", intent["payment_method"])
    if method["customer"] is None and intent["setup_future_usage"]:
        world.change(method, {"customer": invoice["customer"]})
        world.emit("payment_method.attached", method)
    plan = world.store.find("subscription", invoice["_subscription"]) if invoice["_subscription"] else None
    if plan and plan["default_payment_method"] is None:
        settings: Json = plan["payment_settings"]
        if settings["save_default_payment_method"] == "on_subscription":
            world.change(plan, {"default_payment_method": method["id"]})


def mark_paid(world: World, invoice: Json, *, outside: bool = False) -> Json:
    """The invoice is paid, and its subscription goes on."""
    world.store.call_off(invoice["id"], "retry")
    now, charged = world.now(), bool(invoice["amount_due"]) and not outside
    attempts = invoice["attempt_count"] + (0 if invoice.get("_counted") or not charged else 1)
    changes: Json = {
        "status": "paid",
        "amount_paid": invoice["amount_due"],
        "amount_remaining": 0,
        "attempted": True,
        "attempt_count": attempts,
        "auto_advance": False,
        "next_payment_attempt": None,
        "status_transitions": {**invoice["status_transitions"], "paid_at": now},
    }
    world.change(invoice, changes, "invoice.updated")
    world.emit("invoice.paid", invoice)
    world.emit("invoice.payment_succeeded", invoice)
    if invoice["_payment_intent"]:
        settle_payment(world, invoice, canceled=outside)
    subscriptions.paid(world, invoice)
    return invoice


def settle_payment(world: World, invoice: Json, *, canceled: bool = False) -> None:
    """The invoice's payment is paid, or called off."""
    for payment in payments_of(world, invoice):
        if payment["status"] == "open":
            moment = "canceled_at" if canceled else "paid_at"
            transitions = {**payment["status_transitions"], moment: world.now()}
            changes: Json = {"status": "canceled" if canceled else "paid", "status_transitions": transitions}
            if not canceled:
                changes["amount_paid"] = payment["amount_requested"]
            world.change(payment, changes, None if canceled else "invoice_payment.paid")


def call_off_payment(world: World, invoice: Json) -> None:
    """Nobody can pay the invoice any longer: its payment intent is cancelled."""
    if not invoice["_payment_intent"]:
        return
    intent = world.get("payment_intent", invoice["_payment_intent"])
    if intent["status"] in intents.UNCONFIRMED:
        intents.cancel(world, intent, "void_invoice")
        settle_payment(world, invoice, canceled=True)


def _fail(world: World, invoice: Json, *, needs_action: bool, is_automatic: bool) -> None:
    """A try has failed. One that the payer made leaves the schedule of tries as it is.

    Source: `attempt_count` at docs.stripe.com/api/invoices/object, read 22 November 2026.
    """
    plan = world.store.find("subscription", invoice["_subscription"]) if invoice["_subscription"] else None
    again: int | None = invoice["next_payment_attempt"]
    changes: Json = {"attempted": True, "_counted": False}
    if is_automatic:
        again = _next_try(world, invoice, plan)
        changes["next_payment_attempt"] = again
        if not invoice.get("_counted"):
            changes["attempt_count"] = invoice["attempt_count"] + 1
    world.change(invoice, changes, "invoice.updated")
    if needs_action:
        world.emit("invoice.payment_action_required", invoice)
    world.emit("invoice.payment_failed", invoice)
    if is_automatic and again:
        world.store.call_off(invoice["id"], "retry")
        schedule(world, again, "retry", invoice["id"])
    if plan is None or plan["status"] in ("incomplete", *subscriptions.ENDED):
        return
    if again or not is_automatic:
        subscriptions.overdue(world, plan)
    elif invoice["auto_advance"]:
        give_up(world, invoice, plan)


def _next_try(world: World, invoice: Json, plan: Json | None) -> int | None:
    """When the payment is tried again, if it is: a first invoice waits for its payer instead."""
    pauses = world.config.retry_days
    done: int = invoice["attempt_count"] - (1 if invoice.get("_counted") else 0)
    waits = plan is not None and plan["status"] in ("incomplete", *subscriptions.ENDED)
    if waits or not invoice["auto_advance"] or done >= len(pauses):
        return None
    return world.now() + pauses[done] * DAY


def give_up(world: World, invoice: Json, plan: Json) -> None:
    """The last try has failed: the subscription ends and the invoice is written off."""
    subscriptions.end(world, plan, reason="payment_failed")
    write_off(world, world.get("invoice", invoice["id"]))
