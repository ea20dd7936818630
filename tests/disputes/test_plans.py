"""What disputes and returned debits do to the plan that the payment was of."""

from datetime import timedelta

from disputes.conftest import BankJourney
from plans.test_failing import give_card
from supporters.donations.models import Donation
from supporters.plans.disputed import SOON
from supporters.plans.models import Actor, ChangeKind, Plan, PlanChange, PlanState, StopReason
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


async def test_dispute_holds_the_plan_and_a_lost_one_stops_it(both: BankJourney) -> None:
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
    assert {"dispute_needs_answer", "dispute_lost", "held", "asked_to_stop"} <= set(history)
    assert (await both.balances())["4095"] == 1000


async def test_dispute_lost_before_the_hold_was_asked_for_only_stops(bank: BankJourney) -> None:
    await bank.begin()
    dispute = bank.act(open_dispute, await charge_of(bank))
    bank.act(decide, dispute, "lost")

    await bank.news()
    bank.clock.advance(SOON)
    await bank.news()

    assert [row.kind for row in await bank.rows(PlanChange)] == ["stop"]


async def test_won_dispute_lets_a_held_plan_go_on_and_says_so_once(both: BankJourney) -> None:
    plan = await both.begin()
    dispute = both.act(open_dispute, await charge_of(both))
    await both.news()
    held = await both.plan(plan.id)

    both.act(decide, dispute, "won")
    await both.news()
    await both.pass_time(days=32)

    assert (held.state, held.paused_until) == (PlanState.PAUSED, None)
    assert (await both.plan(plan.id)).state == PlanState.ACTIVE
    assert [row.kind for row in await both.rows(PlanChange)] == ["hold", "go_on"]
    assert [row.state for row in await both.rows(Donation)] == ["paid", "paid"]
    assert (await both.letters()).count("plan_changed") == 2


async def test_held_plan_takes_nothing_however_long_the_bank_thinks(bank: BankJourney) -> None:
    await bank.begin()
    dispute = bank.act(open_dispute, await charge_of(bank))
    bank.act(lambda world: world.change(dispute, {"status": "under_review"}, "charge.dispute.updated"))
    await bank.news()

    for _ in range(5):
        await bank.pass_time(days=31)

    assert len(await bank.rows(Donation)) == 1
    assert [row.state for row in await bank.rows(Plan)] == [PlanState.PAUSED]


async def test_held_plan_that_its_supporter_lets_go_on_is_not_held_again_by_the_same_dispute(bank: BankJourney) -> None:
    plan = await bank.begin()
    dispute = bank.act(open_dispute, await charge_of(bank))
    await bank.news()
    await bank.want(plan.id, ChangeKind.GO_ON)

    bank.act(lambda world: world.change(dispute, {"status": "under_review"}, "charge.dispute.updated"))
    await bank.news()

    assert (await bank.plan(plan.id)).state == PlanState.ACTIVE
    assert [row.kind for row in await bank.rows(PlanChange)] == ["hold", "go_on"]


async def test_won_dispute_lets_nothing_go_on_that_its_supporter_has_stopped(bank: BankJourney) -> None:
    plan = await bank.begin()
    dispute = bank.act(open_dispute, await charge_of(bank))
    await bank.news()
    await bank.want(plan.id, ChangeKind.STOP)

    bank.act(decide, dispute, "won")
    await bank.news()

    assert (await bank.plan(plan.id)).stop_reason == StopReason.SUPPORTER
    assert [row.kind for row in await bank.rows(PlanChange)] == ["hold", "stop"]


async def test_pause_of_the_supporter_counts_again_after_a_won_dispute(bank: BankJourney) -> None:
    plan = await bank.begin()
    await bank.want(plan.id, ChangeKind.PAUSE, months=3)
    until = (await bank.plan(plan.id)).paused_until
    dispute = bank.act(open_dispute, await charge_of(bank))
    await bank.news()
    held = await bank.plan(plan.id)

    bank.act(decide, dispute, "won")
    await bank.news()

    again = await bank.plan(plan.id)
    assert (held.state, held.paused_until) == (PlanState.PAUSED, None)
    assert until
    assert (again.state, again.paused_until) == (PlanState.PAUSED, until)


async def test_inquiry_leaves_the_plan_alone(bank: BankJourney) -> None:
    plan = await bank.begin()

    bank.act(open_dispute, await charge_of(bank), is_inquiry=True)
    await bank.news()

    assert (await bank.plan(plan.id)).state == PlanState.ACTIVE
    assert await bank.rows(PlanChange) == []


async def test_yearly_plan_is_held_too(bank: BankJourney) -> None:
    plan = await bank.begin(frequency="yearly")

    bank.act(open_dispute, await charge_of(bank))
    await bank.news()

    assert (await bank.plan(plan.id)).state == PlanState.PAUSED
    assert "held" in await bank.history()
    assert (await bank.tasks())["DISPUTE_OPENED"] == "open"


async def test_failing_plan_is_held_and_its_open_bill_is_not_asked_for_any_more(bank: BankJourney) -> None:
    plan = await bank.begin()
    charge = await charge_of(bank)
    await give_card(bank, plan, "pm_card_chargeCustomerFail")
    await bank.pass_time(days=31, hours=2)
    failing = await bank.plan(plan.id)

    bank.act(open_dispute, charge)
    await bank.news()
    await give_card(bank, plan, "pm_card_visa")
    await bank.pass_time(days=20)

    held = await bank.plan(plan.id)
    assert failing.state == PlanState.FAILING
    assert (held.state, held.failed_invoice_id) == (PlanState.PAUSED, None)
    assert len(await bank.rows(Donation)) == 1
    assert [bill["status"] for bill in bank.objects("invoice")].count("void") == 1


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
