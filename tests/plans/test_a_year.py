"""What a plan does by itself: it starts, renews, fails, is paid again, and ends, and its supporter hears of it."""

from plans.conftest import PlanJourney
from supporters.donations.models import Donation, Frequency
from supporters.plans.models import Instalment, PlanState
from supporters.receipts.models import Receipt


async def test_first_payment_makes_plan_donation_receipt_and_two_letters(journey: PlanJourney) -> None:
    plan = await journey.begin()

    assert (plan.state, plan.amount_minor, plan.frequency) == (PlanState.ACTIVE, 1000, "monthly")
    assert plan.next_at is not None
    assert (plan.method, plan.method_last4, plan.stripe_item_id is not None) == ("card", "4242", True)
    [donation] = await journey.rows(Donation)
    assert (donation.state, donation.supporter_id) == ("paid", plan.supporter_id)
    assert donation.stripe_payment_intent_id
    assert donation.stripe_charge_id
    assert sorted(await journey.letters()) == ["plan_started", "receipt"]
    assert set(await journey.states()) == {"handled"}


async def test_renewal_makes_one_donation_and_one_receipt_a_month(journey: PlanJourney) -> None:
    plan = await journey.begin()

    for _ in range(3):
        await journey.pass_time(days=31, hours=2)

    donations = await journey.rows(Donation)
    assert [row.state for row in donations] == ["paid"] * 4
    assert len({row.stripe_payment_intent_id for row in donations}) == 4
    assert {row.attribution_id for row in donations} == {plan.attribution_id}
    assert len(await journey.rows(Receipt)) == 4
    assert len(await journey.rows(Instalment)) == 4
    assert await journey.history() == ["started", "renewed", "renewed", "renewed"]
    assert set(await journey.states()) == {"handled"}


async def test_yearly_plan_is_announced_two_weeks_before_and_only_once(journey: PlanJourney) -> None:
    await journey.begin(frequency=Frequency.YEARLY)
    await journey.pass_time(days=345)
    await journey.tend()
    assert "plan_yearly" not in await journey.letters()

    await journey.pass_time(days=8)
    await journey.tend()
    await journey.tend()

    assert (await journey.letters()).count("plan_yearly") == 1
