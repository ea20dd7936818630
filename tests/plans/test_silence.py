"""News that is missing, comes twice, or is of somebody else's subscriptions."""

from datetime import timedelta

import pytest

from planning import plan_session
from plans.conftest import PlanJourney
from supporters.discrepancies.models import Discrepancy
from supporters.donations.models import Donation
from supporters.payments.models import InboxEvent, Ownership
from supporters.plans.looks import ask_for_look
from supporters.plans.models import Instalment, Plan, PlanState
from supporters.receipts.models import Receipt


async def test_everything_told_twice_changes_nothing(journey: PlanJourney) -> None:
    journey.world.sandbox.set_copies(2)
    plan = await journey.begin()
    await journey.pass_time(days=31, hours=2)

    assert (await journey.plan(plan.id)).state == PlanState.ACTIVE
    assert len(await journey.rows(Donation)) == len(await journey.rows(Instalment)) == 2
    assert len(await journey.rows(Receipt)) == 2
    assert await journey.history() == ["started", "renewed"]


async def test_subscriptions_of_a_shop_are_quietly_not_ours(journey: PlanJourney) -> None:
    shop = await journey.world.stripe.v1.checkout.sessions.create_async(plan_session())
    await journey.world.sandbox.pay(shop.id)
    await journey.hear()
    journey.clock.advance(minutes(3))
    await journey.sweep()
    await journey.hear()
    await journey.pass_time(days=31, hours=2)
    journey.clock.advance(minutes(3))
    await journey.sweep()
    await journey.hear()

    assert await journey.rows(Plan) == []
    assert await journey.rows(Donation) == []
    assert await journey.rows(Discrepancy) == []
    assert {row.owner for row in await journey.rows(Ownership)} == {"not_ours"}
    assert [row.type for row in await journey.rows(InboxEvent) if row.state not in ("not_ours", "handled")] == []


@pytest.mark.parametrize("lost", ["checkout.session.completed", "invoice.paid", "invoice_payment.paid"])
async def test_lost_parent_is_fetched_by_the_sweep(journey: PlanJourney, lost: str) -> None:
    page = await journey.open_plan()
    await journey.world.sandbox.pay(page)
    for event in await journey.take_webhooks():
        if event.type != lost:
            await journey.store(event)
    await journey.apply()

    journey.clock.advance(minutes(3))
    await journey.sweep()
    await journey.hear()

    [plan] = await journey.rows(Plan)
    [donation] = await journey.rows(Donation)
    assert (plan.state, donation.state) == (PlanState.ACTIVE, "paid")
    assert donation.stripe_charge_id
    assert set(await journey.states()) == {"handled"}


async def test_renewal_that_nobody_told_of_is_found_two_days_later(journey: PlanJourney) -> None:
    plan = await journey.begin()
    journey.clock.advance(days(31))
    await journey.take_webhooks()  # and lost
    journey.clock.advance(days(2))
    await journey.take_webhooks()
    assert len(await journey.rows(Donation)) == 1

    await journey.tend()
    journey.clock.advance(minutes(1))
    await journey.run_looks()

    assert len(await journey.rows(Donation)) == 2
    found = (await journey.plan(plan.id)).next_at
    assert found
    assert found > journey.clock.now()


async def test_plan_that_was_ended_at_stripe_says_so_and_its_supporter_hears_of_it(journey: PlanJourney) -> None:
    plan = await journey.begin()

    await journey.world.stripe.v1.subscriptions.cancel_async(plan.stripe_subscription_id or "")
    await journey.hear()

    plan = await journey.plan(plan.id)
    assert (plan.state, plan.stop_reason, plan.next_at) == (PlanState.STOPPED, "at_stripe", None)
    assert (await journey.letters()).count("plan_stopped") == 1


async def test_bill_of_a_shop_without_a_subscription_is_quietly_not_ours(journey: PlanJourney) -> None:
    client = journey.world.stripe.v1
    method = {"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}
    customer = await client.customers.create_async(method)
    await client.invoice_items.create_async({"customer": customer.id, "amount": 500, "currency": "gbp"})
    bill = await client.invoices.create_async(
        {"customer": customer.id, "pending_invoice_items_behavior": "include", "auto_advance": False}
    )
    await client.invoices.pay_async(str(bill.id))
    await journey.hear()
    journey.clock.advance(minutes(3))
    await journey.sweep()
    await journey.hear()

    assert await journey.rows(Plan) == await journey.rows(Donation) == await journey.rows(Discrepancy) == []
    assert set(await journey.states()) <= {"not_ours", "handled"}
    assert {row.owner for row in await journey.rows(Ownership)} == {"not_ours"}


async def test_customer_who_was_deleted_at_stripe_ends_the_plan_and_later_looks_harm_nothing(
    journey: PlanJourney,
) -> None:
    plan = await journey.begin()

    await journey.world.stripe.v1.customers.delete_async(plan.stripe_customer_id or "")
    await journey.hear()
    async with journey.db.unit_of_work() as session:
        await ask_for_look(session, plan.id, ids=journey.ids, now=journey.clock.now())
    await journey.pass_time(days=40)

    plan = await journey.plan(plan.id)
    assert (plan.state, plan.stop_reason) == (PlanState.STOPPED, "at_stripe")
    assert (await journey.letters()).count("plan_stopped") == 1
    assert len(await journey.rows(Donation)) == 1
    assert set(await journey.states()) <= {"not_ours", "handled"}


def minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


def days(count: int) -> timedelta:
    return timedelta(days=count, hours=2)
