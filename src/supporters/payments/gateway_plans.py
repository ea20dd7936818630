"""What is asked of Stripe about plans: the half of the gateway that knows subscriptions, bills and saved methods.

Amounts change without proration: a supporter is never charged a part of a month. Source: docs.stripe.com/api/subscriptions,
docs.stripe.com/billing/subscriptions/billing-cycle, docs.stripe.com/billing/subscriptions/pause-payment, read 2026-11-22.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol, TypeVar

import msgspec

from supporters.kit.money import Money
from supporters.payments import translate_plans as translate
from supporters.payments import wire
from supporters.payments import wire_plans as wires
from supporters.payments.facts import Fact, MethodSeen

W = TypeVar("W")

PLAN_PARTS = ("default_payment_method",)  # Stripe expands four levels deep: a bill's payments are asked for apart
MOST_BILLS = 24
BILL_PARTS = ("payments.data.payment.payment_intent",)


class Asking(Protocol):
    """How Stripe is reached."""

    async def get(self, path: str, params: Mapping[str, Any], shape: type[W]) -> W: ...

    async def post(self, path: str, params: Mapping[str, Any], shape: type[W], *, idempotency_key: str) -> W: ...

    async def delete(self, path: str, params: Mapping[str, Any], shape: type[W], *, idempotency_key: str) -> W: ...


class NewPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan to be started on a method that is saved, with its first payment at `first_at`."""

    plan_id: str
    customer_id: str
    payment_method_id: str
    amount: Money
    interval: str  # month, year
    product_name: str
    first_at: datetime


class PlanCalls:
    """Every call raises GatewayRefused or GatewayUnavailable; those that change something take the caller's key."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    # ---- looking

    async def plan(self, subscription_id: str) -> list[Fact]:
        """Everything that a subscription, its method and its latest bill say now."""
        seen = await self._subscription(subscription_id)
        facts = translate.facts_of_plan(seen)
        bill = seen.latest_invoice.id if isinstance(seen.latest_invoice, wires.Invoice) else seen.latest_invoice
        return [*facts, *await self.invoice(bill)] if facts and bill else facts

    async def invoice(self, invoice_id: str) -> list[Fact]:
        """Everything that one bill and its payments say now."""
        path = f"/v1/invoices/{safe_id(invoice_id)}"
        seen = await self._asking.get(path, {"expand": list(BILL_PARTS)}, wires.Invoice)
        return translate.facts_of_invoice(seen)

    async def open_bills(self, subscription_id: str) -> list[str]:
        """The bills of a subscription that are neither paid nor closed, the oldest first."""
        asked = {"subscription": subscription_id, "status": "open", "limit": MOST_BILLS}
        page = await self._asking.get("/v1/invoices", asked, wires.InvoicePage)
        return [bill.id for bill in reversed(page.data)]

    async def bills_since(self, subscription_id: str, *, since: datetime) -> list[str]:
        """The bills of a subscription that were drawn up then or later, whatever became of them, the oldest first."""
        asked = {"subscription": subscription_id, "created": {"gte": int(since.timestamp())}, "limit": MOST_BILLS}
        page = await self._asking.get("/v1/invoices", asked, wires.InvoicePage)
        return [bill.id for bill in reversed(page.data)]

    async def invoice_of_payment(self, payment_intent_id: str) -> str | None:
        """The bill that a payment was made for; None when it was made for none."""
        asked = {"payment": {"type": "payment_intent", "payment_intent": payment_intent_id}, "limit": 1}
        page = await self._asking.get("/v1/invoice_payments", asked, wires.InvoicePaymentPage)
        return wire.id_of(page.data[0].invoice) if page.data else None

    async def method(self, payment_method_id: str) -> MethodSeen:
        """How somebody pays."""
        path = f"/v1/payment_methods/{safe_id(payment_method_id)}"
        return translate.method_seen(await self._asking.get(path, {}, wires.PaymentMethod))

    async def method_of_payment(self, payment_intent_id: str) -> MethodSeen | None:
        """What a payment was paid with, and which customer it is saved for; None when Stripe does not say."""
        path = f"/v1/payment_intents/{safe_id(payment_intent_id)}"
        seen = await self._asking.get(path, {"expand": ["payment_method"]}, wires.PaidIntent)
        method = seen.payment_method
        return translate.method_seen(method) if isinstance(method, wires.PaymentMethod) else None

    async def subscription_of(self, customer_id: str) -> str | None:
        """The subscription of a customer who has at most one; None when there is none."""
        asked = {"customer": customer_id, "status": "all", "limit": 1}
        page = await self._asking.get("/v1/subscriptions", asked, wires.SubscriptionPage)
        return page.data[0].id if page.data else None

    async def method_of_setup(self, setup_intent_id: str) -> MethodSeen | None:
        """The method that a finished set-up page has saved; None when it has saved none."""
        path = f"/v1/setup_intents/{safe_id(setup_intent_id)}"
        seen = await self._asking.get(path, {"expand": ["payment_method"]}, wires.SetupIntent)
        is_saved = seen.status == "succeeded" and isinstance(seen.payment_method, wires.PaymentMethod)
        return translate.method_seen(seen.payment_method) if is_saved else None  # pyright: ignore[reportArgumentType]

    # ---- changing

    async def start_plan(self, new: NewPlan, *, product_id: str, idempotency_key: str) -> list[Fact]:
        """A subscription exists whose first payment is taken at `first_at`, and nothing before."""
        price = _price(new.amount, new.interval, product_id)
        asked = {
            "customer": new.customer_id,
            "default_payment_method": new.payment_method_id,
            "items": [{"price_data": price}],
            "trial_end": int(new.first_at.timestamp()),
            "proration_behavior": "none",
            "off_session": True,
            "metadata": {"plan": new.plan_id},
            "expand": list(PLAN_PARTS),
        }
        return await self._changed("/v1/subscriptions", asked, idempotency_key)

    async def product(self, name: str, *, idempotency_key: str) -> str:
        """A product of that name exists, for prices that are made by call; returns its id."""
        made = await self._asking.post("/v1/products", {"name": name}, wires.Product, idempotency_key=idempotency_key)
        return made.id

    async def set_amount(
        self, subscription_id: str, *, item_id: str, amount: Money, interval: str, product_id: str, idempotency_key: str
    ) -> list[Fact]:
        """The next payment and those after it are of this amount."""
        item = {"id": item_id, "price_data": _price(amount, interval, product_id)}
        asked = {"items": [item], "proration_behavior": "none", "expand": list(PLAN_PARTS)}
        return await self._changed(_path(subscription_id), asked, idempotency_key)

    async def set_next_date(self, subscription_id: str, *, next_at: datetime, idempotency_key: str) -> list[Fact]:
        """The next payment is taken at that time, and nothing before; the later ones follow from it."""
        asked = {
            "trial_end": int(next_at.timestamp()),
            "proration_behavior": "none",
            "expand": list(PLAN_PARTS),
        }
        return await self._changed(_path(subscription_id), asked, idempotency_key)

    async def hold(self, subscription_id: str, *, until: datetime | None, idempotency_key: str) -> list[Fact]:
        """Bills that fall due before then (None: before it is released) are void: nothing is taken, or owed later."""
        held: dict[str, Any] = {"behavior": "void"}
        if until:
            held["resumes_at"] = int(until.timestamp())
        asked = {"pause_collection": held, "expand": list(PLAN_PARTS)}
        return await self._changed(_path(subscription_id), asked, idempotency_key)

    async def release(self, subscription_id: str, *, idempotency_key: str) -> list[Fact]:
        """The plan is not held any more."""
        return await self._changed(
            _path(subscription_id), {"pause_collection": "", "expand": list(PLAN_PARTS)}, idempotency_key
        )

    async def stop_at_period_end(self, subscription_id: str, *, stops: bool, idempotency_key: str) -> list[Fact]:
        """Nothing is taken after the period that is paid, or (with `stops` false) the plan goes on after all."""
        asked = {"cancel_at_period_end": stops, "expand": list(PLAN_PARTS)}
        return await self._changed(_path(subscription_id), asked, idempotency_key)

    async def stop_now(self, subscription_id: str, *, idempotency_key: str) -> list[Fact]:
        """The subscription is over. No bill of it is tried again."""
        seen = await self._asking.delete(
            _path(subscription_id), {"expand": list(PLAN_PARTS)}, wires.Subscription, idempotency_key=idempotency_key
        )
        return translate.facts_of_plan(seen)

    async def set_method(self, subscription_id: str, *, payment_method_id: str, idempotency_key: str) -> list[Fact]:
        """The next payment is taken from this card or account."""
        asked = {"default_payment_method": payment_method_id, "expand": list(PLAN_PARTS)}
        return await self._changed(_path(subscription_id), asked, idempotency_key)

    async def pay_invoice(self, invoice_id: str, *, idempotency_key: str) -> list[Fact]:
        """The open bill was tried again just now; the facts say whether it is paid."""
        path = f"/v1/invoices/{safe_id(invoice_id)}/pay"
        asked = {"off_session": True, "expand": list(BILL_PARTS)}
        seen = await self._asking.post(path, asked, wires.Invoice, idempotency_key=idempotency_key)
        return translate.facts_of_invoice(seen)

    async def finalize_invoice(self, invoice_id: str, *, idempotency_key: str) -> list[Fact]:
        """The draft is a bill that can be voided; Stripe asks no bank for it by itself."""
        path = f"/v1/invoices/{safe_id(invoice_id)}/finalize"
        asked = {"auto_advance": False, "expand": list(BILL_PARTS)}
        seen = await self._asking.post(path, asked, wires.Invoice, idempotency_key=idempotency_key)
        return translate.facts_of_invoice(seen)

    async def void_invoice(self, invoice_id: str, *, idempotency_key: str) -> list[Fact]:
        """The open bill is not owed any more."""
        path = f"/v1/invoices/{safe_id(invoice_id)}/void"
        seen = await self._asking.post(
            path, {"expand": list(BILL_PARTS)}, wires.Invoice, idempotency_key=idempotency_key
        )
        return translate.facts_of_invoice(seen)

    async def detach_method(self, payment_method_id: str, *, idempotency_key: str) -> None:
        """Stripe keeps the card or account no longer for us."""
        path = f"/v1/payment_methods/{safe_id(payment_method_id)}/detach"
        await self._asking.post(path, {}, wires.PaymentMethod, idempotency_key=idempotency_key)

    async def _subscription(self, subscription_id: str) -> wires.Subscription:
        return await self._asking.get(_path(subscription_id), {"expand": list(PLAN_PARTS)}, wires.Subscription)

    async def _changed(self, path: str, asked: Mapping[str, Any], key: str) -> list[Fact]:
        seen = await self._asking.post(path, asked, wires.Subscription, idempotency_key=key)
        return translate.facts_of_plan(seen)


def safe_id(stripe_id: str) -> str:
    """The id as a part of an address. Ids come from Stripe; this keeps a forged one from naming another path.

    Raises ValueError.
    """
    if not stripe_id.replace("_", "").isalnum():
        raise ValueError("not an id of Stripe's")
    return stripe_id


def _path(subscription_id: str) -> str:
    return f"/v1/subscriptions/{safe_id(subscription_id)}"


def _price(amount: Money, interval: str, product_id: str) -> dict[str, Any]:
    return {
        "currency": amount.currency.lower(),
        "unit_amount": amount.minor,
        "product": product_id,
        "recurring": {"interval": interval},
    }
