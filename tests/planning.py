"""Plans made through the sandbox, as the product and as a careful stranger would make them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from stripe_in_process import StripeWorld, session_params

MONTHLY = {"interval": "month"}


def plan_session(amount: int = 1000, recurring: Any = MONTHLY, currency: str = "gbp", **more: Any) -> Any:
    """What the product says to have a plan begun in Checkout."""
    params = session_params()
    for name in ("submit_type", "payment_intent_data"):
        del params[name]
    product = {"name": "Monthly donation"}
    price = {"currency": currency, "unit_amount": amount, "product_data": product, "recurring": recurring}
    told = {"mode": "subscription", "line_items": [{"price_data": price, "quantity": 1}]}
    return {**params, **told, "subscription_data": {"metadata": {"plan": "01JPLAN"}}, **more}


async def begun(world: StripeWorld, outcome: Any = "pay", **more: Any) -> Any:
    """The subscription of a session that was paid with that outcome."""
    session = await world.stripe.v1.checkout.sessions.create_async(plan_session(**more))
    await world.sandbox.pay(session.id, outcome)
    paid = await world.stripe.v1.checkout.sessions.retrieve_async(session.id)
    return await world.stripe.v1.subscriptions.retrieve_async(paid.subscription)


async def customer_with(world: StripeWorld, card: str = "pm_card_visa", **more: Any) -> Any:
    """A customer whose default payment method is that card."""
    params = {"email": "ada.brook@example.org", "payment_method": card, **more}
    return await world.stripe.v1.customers.create_async(
        {**params, "invoice_settings": {"default_payment_method": card}}
    )


async def price(world: StripeWorld, amount: int = 1000, recurring: Any = MONTHLY) -> Any:
    """A listed price."""
    params = {"currency": "gbp", "unit_amount": amount, "recurring": recurring, "product_data": {"name": "Membership"}}
    return await world.stripe.v1.prices.create_async(params)


async def later(world: StripeWorld, **by: Any) -> list[Any]:
    """What is told while so much time passes; what waited before has been told by then."""
    await world.sandbox.deliver_due(at_once=8)
    start = len(world.hooks.taken)
    await world.sandbox.advance(timedelta(**by))
    for _ in range(20):
        if not await world.sandbox.deliver_due(at_once=8):
            break
    return world.hooks.taken[start:]


def types(events: list[Any]) -> list[str]:
    """What the events are called."""
    return [event["type"] for event in events]


def day(at: int) -> str:
    """Epoch seconds as a date and an hour."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")
