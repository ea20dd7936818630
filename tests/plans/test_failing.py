"""Payments that do not come: what the plan shows, what its supporter reads, and how it ends."""

from typing import Any

import pytest

from plans.conftest import PlanJourney
from supporters.donations.models import Donation
from supporters.mail.models import Letter
from supporters.plans.models import Plan, PlanState


async def give_card(journey: PlanJourney, plan: Plan, card: str) -> None:
    """From now on the plan is paid with this card."""
    client = journey.world.stripe.v1
    method = await client.payment_methods.attach_async(card, {"customer": plan.stripe_customer_id or ""})
    await client.subscriptions.update_async(plan.stripe_subscription_id or "", {"default_payment_method": method.id})
    await journey.hear()


async def failing(journey: PlanJourney, card: str = "pm_card_chargeCustomerFail") -> Plan:
    """A plan whose first renewal has failed."""
    plan = await journey.begin()
    await give_card(journey, plan, card)
    await journey.pass_time(days=31, hours=2)
    return await journey.plan(plan.id)


async def test_refused_renewal_shows_why_and_when_it_is_tried_again_and_is_told_once(journey: PlanJourney) -> None:
    plan = await failing(journey)

    assert (plan.state, plan.failure_code, plan.tries) == (PlanState.FAILING, "generic_decline", 1)
    assert plan.next_try_at
    assert plan.next_try_at > journey.clock.now()
    assert (await journey.letters()).count("plan_failed") == 1
    assert len(await journey.rows(Donation)) == 1


async def test_later_try_that_is_paid_mends_the_plan_and_makes_one_donation(journey: PlanJourney) -> None:
    plan = await failing(journey)
    await give_card(journey, plan, "pm_card_visa")

    await journey.pass_time(days=4)

    plan = await journey.plan(plan.id)
    assert (plan.state, plan.failed_invoice_id, plan.failure_code, plan.tries) == (PlanState.ACTIVE, None, None, 0)
    assert [row.state for row in await journey.rows(Donation)] == ["paid", "paid"]
    assert await journey.history() == ["started", "failed", "renewed"]
    assert set(await journey.states()) == {"handled"}


async def test_last_try_that_fails_ends_the_plan_with_one_letter_and_a_way_back(journey: PlanJourney) -> None:
    plan = await failing(journey)

    for _ in range(6):
        await journey.pass_time(days=5)

    plan = await journey.plan(plan.id)
    assert (plan.state, plan.stop_reason) == (PlanState.STOPPED, "payments_failed")
    assert (plan.failed_invoice_id, plan.next_at) == (None, None)
    letters = await journey.letters()
    assert (letters.count("plan_failed"), letters.count("plan_ended")) == (3, 1)
    [ended] = [row for row in await journey.rows(Letter) if row.kind == "plan_ended"]
    assert ended.context["url"].endswith("/give?frequency=monthly&amount=10")


async def test_bank_that_wants_a_yes_gets_a_letter_with_stripes_page(journey: PlanJourney) -> None:
    plan = await failing(journey, "pm_card_authenticationRequired")

    assert (plan.state, plan.needs_action) == (PlanState.FAILING, True)
    [letter] = [row for row in await journey.rows(Letter) if row.kind == "plan_confirm"]
    assert letter.context["url"] == plan.action_url
    assert "plan_failed" not in await journey.letters()


@pytest.mark.parametrize(
    ("outcome", "state", "donation"),
    [("debit", PlanState.ACTIVE, "paid"), ("debit-fails", PlanState.STARTING, "expired")],
)
async def test_plan_by_debit_starts_when_the_bank_has_paid(
    journey: PlanJourney, outcome: Any, state: str, donation: str
) -> None:
    plan = await journey.begin(outcome)
    assert (plan.state, plan.method) == (PlanState.STARTING, "bacs_debit")
    assert "plan_started" not in await journey.letters()

    await journey.pass_time(days=5)

    assert (await journey.plan(plan.id)).state == state
    assert [row.state for row in await journey.rows(Donation)] == [donation]
    letters = await journey.letters()
    assert letters.count("plan_started") == letters.count("receipt") == int(outcome == "debit")
    assert letters.count("plan_failed") == int(outcome == "debit-fails")
