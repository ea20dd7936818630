"""What the product relies on in Stripe for plans, said so that the sandbox and Stripe's own test mode can be asked."""

import asyncio
from typing import Any

import pytest
import stripe

RECURRING = {"interval": "month"}


def plan_params(target: Any, **more: Any) -> Any:
    """What the product says to have a plan begun in Checkout."""
    product = {"name": "Monthly donation"}
    price = {"currency": "gbp", "unit_amount": 1000, "product_data": product, "recurring": RECURRING}
    return {
        "mode": "subscription",
        "ui_mode": "hosted_page",
        "line_items": [{"price_data": price, "quantity": 1}],
        "success_url": "https://example.org/thanks?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://example.org/give",
        "customer_email": "ada.brook@example.org",
        "subscription_data": {"metadata": {"plan": "contract"}},
        "expires_at": target.now() + 35 * 60,
        **more,
    }


async def clocked(target: Any, card: str = "pm_card_visa") -> tuple[Any, Any]:
    """A test clock and a subscription of 10 pounds a month that lives by it."""
    stripe_v1 = target.client.v1
    clock = await stripe_v1.test_helpers.test_clocks.create_async({"frozen_time": target.now(), "name": "contract"})
    customer = await stripe_v1.customers.create_async(
        {
            "test_clock": clock.id,
            "email": "ada.brook@example.org",
            "payment_method": card,
            "invoice_settings": {"default_payment_method": card},
        }
    )
    price = await stripe_v1.prices.create_async(
        {"currency": "gbp", "unit_amount": 1000, "recurring": RECURRING, "product_data": {"name": "Monthly donation"}}
    )
    params = {"customer": customer.id, "items": [{"price": price.id}], "expand": ["latest_invoice"]}
    return clock, await stripe_v1.subscriptions.create_async(params)


async def advance(target: Any, clock: Any, to: int) -> None:
    """The clock has arrived at `to`."""
    clocks = target.client.v1.test_helpers.test_clocks
    await clocks.advance_async(clock.id, {"frozen_time": to})
    for _ in range(120):
        if (await clocks.retrieve_async(clock.id)).status == "ready":
            return
        await asyncio.sleep(2 if target.is_real else 0)
    raise AssertionError("the test clock did not arrive")


async def test_session_for_a_plan_starts_without_a_plan(target: Any) -> None:
    session = await target.client.v1.checkout.sessions.create_async(plan_params(target))

    assert (session.mode, session.status, session.payment_status) == ("subscription", "open", "unpaid")
    assert (session.amount_total, session.subscription, session.invoice) == (1000, None, None)


async def test_setup_session_needs_a_currency_and_takes_no_lines(target: Any) -> None:
    told = {"mode": "setup", "success_url": "https://example.org/me"}

    session = await target.client.v1.checkout.sessions.create_async({**told, "currency": "gbp"})
    for wrong in (told, {**told, "currency": "gbp", "line_items": plan_params(target)["line_items"]}):
        with pytest.raises(stripe.InvalidRequestError):
            await target.client.v1.checkout.sessions.create_async(wrong)

    assert (session.payment_status, session.amount_total) == ("no_payment_required", None)
    assert session.setup_intent


async def test_subscription_renews_on_its_day_and_keeps_its_period_on_the_item(target: Any) -> None:
    clock, plan = await clocked(target)
    first = plan["items"].data[0]
    assert (plan.status, plan.latest_invoice.status) == ("active", "paid")
    assert plan.latest_invoice.parent.subscription_details.subscription == plan.id

    await advance(target, clock, first.current_period_end + 2 * 3600)

    again = await target.client.v1.subscriptions.retrieve_async(plan.id, {"expand": ["latest_invoice.payments"]})
    assert again["items"].data[0].current_period_start == first.current_period_end
    assert (again.latest_invoice.billing_reason, again.latest_invoice.status) == ("subscription_cycle", "paid")
    assert again.latest_invoice.payments.data[0].status == "paid"
    await target.client.v1.test_helpers.test_clocks.delete_async(clock.id)


async def test_failed_renewal_is_overdue_and_says_when_it_is_tried_again(target: Any) -> None:
    clock, plan = await clocked(target)
    method = await target.client.v1.payment_methods.attach_async(
        "pm_card_chargeCustomerFail", {"customer": plan.customer}
    )
    settings = {"invoice_settings": {"default_payment_method": method.id}}
    await target.client.v1.customers.update_async(plan.customer, settings)

    await advance(target, clock, plan["items"].data[0].current_period_end + 2 * 3600)

    after = await target.client.v1.subscriptions.retrieve_async(plan.id, {"expand": ["latest_invoice"]})
    assert (after.status, after.latest_invoice.status, after.latest_invoice.attempt_count) == ("past_due", "open", 1)
    assert after.latest_invoice.next_payment_attempt > clock.frozen_time
    await target.client.v1.test_helpers.test_clocks.delete_async(clock.id)


async def test_amount_and_end_change_without_money_moving(target: Any) -> None:
    clock, plan = await clocked(target)
    item = plan["items"].data[0]
    data = {"currency": "gbp", "product": item.price.product, "unit_amount": 1500, "recurring": RECURRING}

    changed = await target.client.v1.subscriptions.update_async(
        plan.id, {"items": [{"id": item.id, "price_data": data}], "proration_behavior": "none"}
    )
    leaving = await target.client.v1.subscriptions.update_async(plan.id, {"cancel_at_period_end": True})

    assert changed["items"].data[0].price.unit_amount == 1500
    assert changed.latest_invoice == plan.latest_invoice.id
    assert (leaving.status, leaving.cancel_at) == ("active", item.current_period_end)
    await target.client.v1.test_helpers.test_clocks.delete_async(clock.id)
