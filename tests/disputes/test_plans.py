"""What disputes and returned debits do to the plan that the payment was of."""

from datetime import timedelta

from disputes.conftest import BankJourney
from supporters.donations.models import Donation
from supporters.plans.disputed import SOON
from supporters.plans.models import Actor, Plan, PlanChange, PlanState, StopReason
from supporters.receipts.models import Receipt
from supporters.sandbox import debiting
from supporters.sandbox.disputes import decide, open_dispute
from supporters.sandbox.errors import Json

DAYS = timedelta(days=7)


async def charge_of(bank: BankJourney) -> Json:
    """The charge of the plan's first payment."""
    [donation] = await bank.rows(Donation)
    intent = bank.object("payment_intent", donation.stripe_payment_intent_id)
    return bank.object("charge", intent["latest_charge"])


async def test_dispute_pauses_the_plan_and_a_lost_one_stops_it(both: BankJourney) -> None:
    plan = await both.begin()
    dispute = both.act(open_dispute, await charge_of(both))
    await both.news()
    paused = await both.plan(plan.id)

    both.act(decide, dispute, "lost")
    await both.news()

    stopping = await both.plan(plan.id)
    assert paused.state == PlanState.PAUSED
    assert stopping.stops_at or stopping.state == PlanState.STOPPED
    assert stopping.stop_reason == StopReason.DISPUTE
    assert {row.actor for row in await both.rows(PlanChange)} == {Actor.HOUSE}
    history = await both.history()
    assert {"dispute_needs_answer", "dispute_lost", "paused", "asked_to_stop"} <= set(history)
    assert (await both.balances())["4095"] == 1000


async def test_dispute_lost_before_the_pause_was_asked_for_only_stops(bank: BankJourney) -> None:
    await bank.begin()
    dispute = bank.act(open_dispute, await charge_of(bank))
    bank.act(decide, dispute, "lost")

    await bank.news()
    bank.clock.advance(SOON)
    await bank.news()

    assert [row.kind for row in await bank.rows(PlanChange)] == ["stop"]


async def test_won_dispute_lets_nothing_go_on_by_itself(bank: BankJourney) -> None:
    plan = await bank.begin()
    dispute = bank.act(open_dispute, await charge_of(bank))
    await bank.news()

    bank.act(decide, dispute, "won")
    await bank.news()

    assert (await bank.plan(plan.id)).state == PlanState.PAUSED
    assert [row.kind for row in await bank.rows(PlanChange)] == ["pause"]


async def test_inquiry_leaves_the_plan_alone(bank: BankJourney) -> None:
    plan = await bank.begin()

    bank.act(open_dispute, await charge_of(bank), is_inquiry=True)
    await bank.news()

    assert (await bank.plan(plan.id)).state == PlanState.ACTIVE
    assert await bank.rows(PlanChange) == []


async def test_yearly_plan_that_cannot_be_paused_says_so_in_its_history(bank: BankJourney) -> None:
    plan = await bank.begin(frequency="yearly")

    bank.act(open_dispute, await charge_of(bank))
    await bank.news()

    assert (await bank.plan(plan.id)).state == PlanState.ACTIVE
    assert "dispute_no_pause" in await bank.history()
    assert (await bank.tasks())["DISPUTE_OPENED"] == "open"


async def test_returned_debit_reverses_the_payment_and_one_for_want_of_money_keeps_the_plan(bank: BankJourney) -> None:
    plan = await bank.begin("debit")
    bank.clock.advance(DAYS)
    await bank.news()

    bank.act(debiting.give_back, await charge_of(bank), "insufficient_funds")
    await bank.news()

    [receipt] = await bank.rows(Receipt)
    assert receipt.voided_at
    assert (await bank.plan(plan.id)).state == PlanState.ACTIVE
    assert "payment_returned" in await bank.letters()
    assert (await bank.balances())["4010"] == -1000
    assert (await bank.balances())["4095"] == 1000
    assert await bank.rows(PlanChange) == []


async def test_debit_that_its_owner_never_allowed_stops_the_plan(bank: BankJourney) -> None:
    await bank.begin("debit")
    bank.clock.advance(DAYS)
    await bank.news()

    bank.act(debiting.give_back, await charge_of(bank))
    await bank.news()

    [plan] = await bank.rows(Plan)
    assert plan.stop_reason == StopReason.DISPUTE
    assert [row.kind for row in await bank.rows(PlanChange)] == ["stop"]
