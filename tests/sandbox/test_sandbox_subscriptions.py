"""Subscriptions, invoices, setup intents and test clocks through the API, by the unmodified SDK."""

from typing import Any

import pytest
import stripe

from planning import begun, customer_with, day, later, price, types
from stripe_in_process import StripeWorld


async def made(world: StripeWorld, customer: Any = None, **more: Any) -> Any:
    """A subscription made through the API."""
    customer = customer or await customer_with(world)
    params = {"customer": customer.id, "items": [{"price": (await price(world)).id}], **more}
    return await world.stripe.v1.subscriptions.create_async(params)


async def test_subscription_by_the_api_is_paid_at_once_with_the_customers_card(world: StripeWorld) -> None:
    plan = await made(world, expand=["latest_invoice.payments"])

    assert (plan.status, plan.latest_invoice.status) == ("active", "paid")
    assert [payment.status for payment in plan.latest_invoice.payments.data] == ["paid"]
    listed = await world.stripe.v1.subscriptions.list_async({"customer": plan.customer, "status": "active"})
    assert [one.id for one in listed.data] == [plan.id]


async def test_incomplete_subscription_is_completed_by_its_payment_or_runs_out(world: StripeWorld) -> None:
    told = {"payment_behavior": "default_incomplete", "expand": ["latest_invoice.confirmation_secret"]}
    settings = {"save_default_payment_method": "on_subscription"}
    pays, waits = await made(world, payment_settings=settings, **told), await made(world, **told)
    secret = pays.latest_invoice.confirmation_secret.client_secret
    assert pays.status == "incomplete"

    await world.stripe.v1.payment_intents.confirm_async(
        secret.partition("_secret")[0], {"payment_method": "pm_card_visa", "return_url": "https://example.org/back"}
    )
    await later(world, hours=24)

    paid = await world.stripe.v1.subscriptions.retrieve_async(pays.id)
    assert (paid.status, bool(paid.default_payment_method)) == ("active", True)
    expired = await world.stripe.v1.subscriptions.retrieve_async(waits.id, {"expand": ["latest_invoice"]})
    assert (expired.status, expired.latest_invoice.status) == ("incomplete_expired", "void")
    assert world.hooks.types.count("payment_intent.canceled") == 1


async def test_refused_first_payment_leaves_it_incomplete_or_leaves_nothing(world: StripeWorld) -> None:
    customer = await customer_with(world, "pm_card_chargeCustomerFail")

    kept = await made(world, customer)
    with pytest.raises(stripe.CardError) as caught:
        await made(world, customer, payment_behavior="error_if_incomplete")

    assert kept.status == "incomplete"
    assert caught.value.code == "card_declined"
    assert len(world.sandbox.objects("subscription")) == 1


async def test_new_amount_counts_from_the_next_period_and_costs_nothing_now(world: StripeWorld) -> None:
    plan = await begun(world)
    item = plan["items"].data[0]
    data = {"currency": "gbp", "product": item.price.product, "unit_amount": 1500, "recurring": {"interval": "month"}}
    items = [{"id": item.id, "price_data": data}]

    with pytest.raises(stripe.InvalidRequestError, match="proration"):
        await world.stripe.v1.subscriptions.update_async(plan.id, {"items": items})
    changed = await world.stripe.v1.subscriptions.update_async(plan.id, {"items": items, "proration_behavior": "none"})

    after = changed["items"].data[0]
    assert (after.id, after.price.unit_amount) == (item.id, 1500)
    assert after.current_period_end == item.current_period_end
    assert len(world.sandbox.objects("invoice")) == 1
    preview = await world.stripe.v1.invoices.create_preview_async({"subscription": plan.id})
    assert (preview.total, preview.lines.data[0].period.start) == (1500, item.current_period_end)
    await later(world, days=32)
    assert [one["total"] for one in world.sandbox.objects("invoice")] == [1000, 1500]


async def test_new_day_puts_the_next_payment_off_and_keeps_to_it(world: StripeWorld) -> None:
    plan = await begun(world)
    wanted = plan.created + 45 * 86_400

    moved = await world.stripe.v1.subscriptions.update_async(
        plan.id, {"trial_end": wanted, "proration_behavior": "none"}
    )
    events = await later(world, days=80)

    assert (moved.status, moved.billing_cycle_anchor) == ("trialing", wanted)
    paid = [event["created"] for event in events if event["type"] == "invoice.paid"]
    assert [day(at)[8:] for at in paid] == [day(wanted + 3600)[8:]] * 2


async def test_cycle_that_begins_anew_is_paid_at_once(world: StripeWorld) -> None:
    plan = await begun(world)
    await later(world, days=10)

    anew = await world.stripe.v1.subscriptions.update_async(
        plan.id, {"billing_cycle_anchor": {"type": "now"}, "proration_behavior": "none", "expand": ["latest_invoice"]}
    )

    assert anew.latest_invoice.billing_reason == "subscription_update"
    assert (anew.latest_invoice.status, anew.latest_invoice.total) == ("paid", 1000)
    assert anew["items"].data[0].current_period_start == anew.billing_cycle_anchor


async def test_plan_for_next_month_starts_free_and_without_an_invoice(world: StripeWorld) -> None:
    start = int(world.clock.now().timestamp()) + 20 * 86_400

    plan = await made(world, billing_cycle_anchor=start, proration_behavior="none")
    await later(world, days=20, hours=2)

    assert (plan.status, plan.latest_invoice, plan["items"].data[0].current_period_end) == ("active", None, start)
    assert [one["status"] for one in world.sandbox.objects("invoice")] == ["paid"]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"trial_end": 1_600_000_000, "proration_behavior": "none"}, "trial_end"),
        ({"pause_collection": {"behavior": "void", "resumes_at": 1}}, "pause_collection[resumes_at]"),
        ({"cancel_at": 1}, "cancel_at"),
        ({"items": [{"id": "si_none", "quantity": 2}]}, "items[0][id]"),
        ({"default_payment_method": "pm_none"}, "default_payment_method"),
    ],
)
async def test_change_that_makes_no_sense_is_refused_and_changes_nothing(
    world: StripeWorld, change: Any, param: str
) -> None:
    plan = await begun(world)

    with pytest.raises(stripe.InvalidRequestError) as caught:
        await world.stripe.v1.subscriptions.update_async(plan.id, change)

    assert caught.value.param == param
    assert (await world.stripe.v1.subscriptions.retrieve_async(plan.id)).to_dict() == plan.to_dict()


async def test_ended_subscription_can_neither_end_nor_be_paid_for_again(world: StripeWorld) -> None:
    plan = await begun(world)
    await world.stripe.v1.subscriptions.cancel_async(plan.id)

    for again in (
        world.stripe.v1.subscriptions.cancel_async(plan.id),
        world.stripe.v1.subscriptions.update_async(plan.id, {"cancel_at_period_end": True}),
        world.stripe.v1.invoices.create_preview_async({"subscription": plan.id}),
        world.stripe.v1.invoices.pay_async(plan.latest_invoice),
    ):
        with pytest.raises(stripe.InvalidRequestError):
            await again
    assert (await world.stripe.v1.subscriptions.list_async()).data == []


async def test_customer_who_is_deleted_pays_nothing_more(world: StripeWorld) -> None:
    plan = await begun(world)

    await world.stripe.v1.customers.delete_async(plan.customer)
    await later(world, days=40)

    assert (await world.stripe.v1.subscriptions.retrieve_async(plan.id)).status == "canceled"
    assert len(world.sandbox.objects("charge")) == 1


async def test_invoice_by_hand_is_drawn_up_finalised_and_paid(world: StripeWorld) -> None:
    customer = await customer_with(world)
    item = {"customer": customer.id, "amount": 700, "currency": "gbp", "description": "Tote bag"}
    await world.stripe.v1.invoice_items.create_async(item)

    draft = await world.stripe.v1.invoices.create_async(
        {"customer": customer.id, "pending_invoice_items_behavior": "include"}
    )
    final = await world.stripe.v1.invoices.finalize_invoice_async(draft.id)
    paid = await world.stripe.v1.invoices.pay_async(draft.id)

    assert [(one.status, one.amount_due, one.amount_paid) for one in (draft, final, paid)] == [
        ("draft", 700, 0),
        ("open", 700, 0),
        ("paid", 700, 700),
    ]
    payments = await world.stripe.v1.invoice_payments.list_async({"invoice": paid.id})
    assert [payment.status for payment in payments.data] == ["paid"]
    with pytest.raises(stripe.InvalidRequestError):
        await world.stripe.v1.invoices.void_invoice_async(paid.id)


async def test_voided_and_uncollectible_invoices_are_told(world: StripeWorld) -> None:
    customer = await customer_with(world)
    for end in (world.stripe.v1.invoices.void_invoice_async, world.stripe.v1.invoices.mark_uncollectible_async):
        await world.stripe.v1.invoice_items.create_async({"customer": customer.id, "amount": 700, "currency": "gbp"})
        draft = await world.stripe.v1.invoices.create_async(
            {"customer": customer.id, "pending_invoice_items_behavior": "include"}
        )
        await world.stripe.v1.invoices.finalize_invoice_async(draft.id)
        await end(draft.id)
    await world.sandbox.deliver_due()

    assert [one["status"] for one in world.sandbox.objects("invoice")] == ["void", "uncollectible"]
    assert {"invoice.voided", "invoice.marked_uncollectible", "payment_intent.canceled"} <= set(world.hooks.types)


async def test_setup_intent_keeps_a_card_that_later_pays(world: StripeWorld) -> None:
    customer = await world.stripe.v1.customers.create_async({"email": "ada.brook@example.org"})
    told = {"customer": customer.id, "payment_method": "pm_card_visa", "confirm": True}

    kept = await world.stripe.v1.setup_intents.create_async({**told, "return_url": "https://example.org/back"})
    with pytest.raises(stripe.CardError):
        await world.stripe.v1.setup_intents.create_async({**told, "payment_method": "pm_card_chargeDeclined"})
    waits = await world.stripe.v1.setup_intents.create_async({"customer": customer.id})
    gone = await world.stripe.v1.setup_intents.cancel_async(waits.id)
    plan = await made(world, customer, default_payment_method=kept.payment_method)

    assert (kept.status, gone.status, plan.status) == ("succeeded", "canceled", "active")


async def test_card_renewed_by_its_network_is_told(world: StripeWorld) -> None:
    plan = await begun(world)

    world.sandbox.update_card(plan.default_payment_method)
    await world.sandbox.deliver_due()

    told = world.hooks.taken[-1]
    assert told["type"] == "payment_method.automatically_updated"
    before = told["data"]["previous_attributes"]["card"]["exp_year"]
    assert told["data"]["object"]["card"]["exp_year"] == before + 4


async def test_test_clock_takes_its_customer_through_time_and_nobody_else(world: StripeWorld) -> None:
    frozen = int(world.clock.now().timestamp())
    clock = await world.stripe.v1.test_helpers.test_clocks.create_async({"frozen_time": frozen, "name": "renewal"})
    clocked = await made(world, await customer_with(world, test_clock=clock.id))
    other = await made(world)
    end = clocked["items"].data[0].current_period_end

    answer = await world.stripe.v1.test_helpers.test_clocks.advance_async(clock.id, {"frozen_time": end + 7200})
    await world.sandbox.deliver_due()

    assert answer.status == "advancing"
    after = await world.stripe.v1.test_helpers.test_clocks.retrieve_async(clock.id)
    assert (after.status, after.frozen_time) == ("ready", end + 7200)
    renewed = await world.stripe.v1.subscriptions.retrieve_async(clocked.id, {"expand": ["latest_invoice"]})
    assert (renewed.latest_invoice.created, renewed.latest_invoice.status) == (end, "paid")
    assert renewed.latest_invoice.status_transitions.paid_at == end + 3600
    still = await world.stripe.v1.subscriptions.retrieve_async(other.id)
    assert still["items"].data[0].current_period_end == other["items"].data[0].current_period_end
    assert "test_helpers.test_clock.ready" in world.hooks.types
    found = await world.stripe.v1.subscriptions.list_async({"test_clock": clock.id})
    assert [one.id for one in found.data] == [clocked.id]


async def test_test_clock_goes_forward_two_intervals_at_most_and_takes_its_customers_with_it(
    world: StripeWorld,
) -> None:
    frozen = int(world.clock.now().timestamp())
    clock = await world.stripe.v1.test_helpers.test_clocks.create_async({"frozen_time": frozen})
    customer = await customer_with(world, test_clock=clock.id)
    await made(world, customer)

    for wrong in (frozen, frozen + 63 * 86_400):
        with pytest.raises(stripe.InvalidRequestError, match="frozen"):
            await world.stripe.v1.test_helpers.test_clocks.advance_async(clock.id, {"frozen_time": wrong})
    gone = await world.stripe.v1.test_helpers.test_clocks.delete_async(clock.id)

    assert gone.deleted
    assert (await world.stripe.v1.customers.retrieve_async(customer.id)).deleted
    await later(world, days=40)
    assert len(world.sandbox.objects("invoice")) == 1


async def test_trial_that_ends_now_is_paid_an_hour_later(world: StripeWorld) -> None:
    plan = await made(world, trial_period_days=30)
    assert plan.status == "trialing"

    ended = await world.stripe.v1.subscriptions.update_async(plan.id, {"trial_end": "now"})
    events = await later(world, hours=2)

    assert (ended.status, ended.billing_cycle_anchor) == ("active", plan.created)
    assert types(events).count("invoice.paid") == 1
    assert [one["total"] for one in world.sandbox.objects("invoice")] == [0, 1000]


async def test_last_days_of_a_trial_are_announced(world: StripeWorld) -> None:
    plan = await made(world, trial_period_days=10)

    events = await later(world, days=9)

    [told] = [event for event in events if event["type"] == "customer.subscription.trial_will_end"]
    assert told["created"] == plan.trial_end - 3 * 86_400


async def test_card_that_its_bank_refuses_cannot_be_kept(world: StripeWorld) -> None:
    customer = await world.stripe.v1.customers.create_async({"email": "ada.brook@example.org"})

    with pytest.raises(stripe.CardError) as caught:
        await world.stripe.v1.payment_methods.attach_async("pm_card_chargeDeclined", {"customer": customer.id})

    assert caught.value.code == "card_declined"
    assert world.sandbox.objects("payment_method") == []


async def test_second_interval_on_one_subscription_and_one_time_prices_are_refused(world: StripeWorld) -> None:
    customer = await customer_with(world)
    yearly, once = (
        await price(world, recurring={"interval": "year"}),
        await world.stripe.v1.prices.create_async(
            {"currency": "gbp", "unit_amount": 500, "product_data": {"name": "Mug"}}
        ),
    )

    for other in (yearly.id, once.id):
        with pytest.raises(stripe.InvalidRequestError):
            await made(world, customer, items=[{"price": (await price(world)).id}, {"price": other}])
    assert world.sandbox.objects("subscription") == []
