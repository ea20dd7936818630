"""What the sandbox does because Stripe's own fixtures ask for it: trials without a card, invoices that are sent."""

from datetime import timedelta
from typing import Any

import pytest
import stripe

from planning import later, price, types
from stripe_in_process import StripeWorld


async def tried(world: StripeWorld, behaviour: str) -> Any:
    """A subscription in the trial of a customer without a card."""
    customer = await world.stripe.v1.customers.create_async({"email": "ada.brook@example.org"})
    listed = await price(world)
    ending: Any = {"end_behavior": {"missing_payment_method": behaviour}}
    params: Any = {"customer": customer.id, "items": [{"price": listed.id}], "trial_period_days": 5}
    return await world.stripe.v1.subscriptions.create_async({**params, "trial_settings": ending})


@pytest.mark.parametrize(
    ("behaviour", "status", "event"),
    [
        ("pause", "paused", "customer.subscription.paused"),
        ("cancel", "canceled", "customer.subscription.deleted"),
        ("create_invoice", "past_due", "invoice.payment_failed"),
    ],
)
async def test_trial_without_a_card_ends_as_was_set(
    world: StripeWorld, behaviour: str, status: str, event: str
) -> None:
    plan = await tried(world, behaviour)
    assert plan.trial_settings.end_behavior.missing_payment_method == behaviour

    events = await later(world, days=6)

    assert (await world.stripe.v1.subscriptions.retrieve_async(plan.id)).status == status
    assert event in types(events)
    assert ("invoice.created" in types(events)) == (behaviour == "create_invoice")


async def test_trial_with_a_card_goes_on_whatever_was_set_for_one_without(world: StripeWorld) -> None:
    plan = await tried(world, "pause")
    method = await world.stripe.v1.payment_methods.attach_async("pm_card_visa", {"customer": plan.customer})
    await world.stripe.v1.subscriptions.update_async(plan.id, {"default_payment_method": method.id})

    events = await later(world, days=6)

    assert (await world.stripe.v1.subscriptions.retrieve_async(plan.id)).status == "active"
    assert "invoice.paid" in types(events)


async def test_paused_subscription_resumes_once_its_new_invoice_is_paid(world: StripeWorld) -> None:
    plan = await tried(world, "pause")
    await later(world, days=6)
    subscriptions = world.stripe.v1.subscriptions

    still = await subscriptions.resume_async(plan.id, {"billing_cycle_anchor": "now"})
    assert still.status == "paused"
    method = await world.stripe.v1.payment_methods.attach_async("pm_card_visa", {"customer": plan.customer})
    await world.stripe.v1.invoices.pay_async(still.latest_invoice, {"payment_method": method.id})
    resumed = await subscriptions.retrieve_async(plan.id)
    renewed = await later(world, days=32)

    assert resumed.status == "active"
    assert resumed["items"].data[0].current_period_start == resumed.billing_cycle_anchor
    assert types(world.hooks.taken).count("customer.subscription.resumed") == 1
    assert types(renewed).count("invoice.created") == 1
    with pytest.raises(stripe.InvalidRequestError, match="is not paused"):
        await subscriptions.resume_async(plan.id)


async def owed(world: StripeWorld, **params: Any) -> Any:
    """A draft invoice over ten pounds for a customer with a card."""
    card: Any = {"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}
    customer = await world.stripe.v1.customers.create_async(card)
    item: Any = {"customer": customer.id, "amount": 1000, "currency": "gbp"}
    await world.stripe.v1.invoice_items.create_async(item)
    include: Any = {"customer": customer.id, "pending_invoice_items_behavior": "include"}
    return await world.stripe.v1.invoices.create_async({**include, **params})


async def test_invoice_that_is_sent_waits_for_its_payer_whose_card_is_left_alone(world: StripeWorld) -> None:
    invoice = await owed(world, collection_method="send_invoice", days_until_due=7)

    sent = await world.stripe.v1.invoices.send_invoice_async(invoice.id)
    events = await later(world, days=10)

    assert (sent.status, sent.collection_method, sent.due_date - sent.created) == ("open", "send_invoice", 7 * 86_400)
    assert types(world.hooks.taken).count("invoice.sent") == 1
    assert not [kind for kind in types(events) if kind.startswith(("charge.", "invoice.paid"))]
    assert (await world.stripe.v1.invoices.retrieve_async(invoice.id)).status == "open"


async def test_invoice_that_is_to_be_sent_by_itself_is_sent_after_its_hour(world: StripeWorld) -> None:
    at = int((world.clock.now() + timedelta(days=3)).timestamp())
    await owed(world, collection_method="send_invoice", due_date=at, auto_advance=True)

    events = await later(world, hours=2)

    assert "invoice.sent" in types(events)
    assert not [kind for kind in types(events) if kind.startswith(("charge.", "invoice.paid"))]


@pytest.mark.parametrize(
    "params",
    [
        {"collection_method": "send_invoice"},
        {"collection_method": "send_invoice", "days_until_due": 7, "due_date": 1_900_000_000},
        {"days_until_due": 7},
    ],
)
async def test_due_date_that_makes_no_sense_is_refused(world: StripeWorld, params: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        await owed(world, **params)


async def test_invoice_that_is_charged_is_not_sent(world: StripeWorld) -> None:
    invoice = await owed(world)

    with pytest.raises(stripe.InvalidRequestError, match="send_invoice"):
        await world.stripe.v1.invoices.send_invoice_async(invoice.id)

    assert (await world.stripe.v1.invoices.retrieve_async(invoice.id)).status == "draft"
