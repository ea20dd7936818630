"""What disputes and returned debits do to the plan that the payment was of."""

from datetime import timedelta

from disputes.conftest import BankJourney
from plans.test_failing import give_card
from supporters.donations.models import Donation
from supporters.mail.models import Letter
from supporters.plans.after_win import ANSWER_WITHIN, answer_by
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


async def win(bank: BankJourney, **begin: str) -> Plan:
    """A plan that was held for a dispute, which is won."""
    plan = await bank.begin(**begin)
    dispute = bank.act(open_dispute, await charge_of(bank))
    await bank.news()
    bank.act(decide, dispute, "won")
    await bank.news()
    return await bank.plan(plan.id)


async def test_won_dispute_takes_nothing_and_asks_the_supporter_once(both: BankJourney) -> None:
    plan = await win(both)

    await both.pass_time(days=32)
    await both.news()

    async with both.db.reading() as session:
        ends_on = await answer_by(session, await both.plan(plan.id))
    assert (plan.state, plan.paused_until) == (PlanState.PAUSED, None)
    assert (await both.plan(plan.id)).state == PlanState.PAUSED
    assert [row.kind for row in await both.rows(PlanChange)] == ["hold"]
    assert [row.state for row in await both.rows(Donation)] == ["paid"]
    assert (await both.letters()).count("plan_may_go_on") == 1
    assert ends_on is not None
    assert ends_on > both.clock.now()


async def test_supporter_lets_the_plan_go_on_after_a_won_dispute(bank: BankJourney) -> None:
    plan = await win(bank)

    await bank.want(plan.id, ChangeKind.GO_ON)
    await bank.pass_time(days=32)

    assert (await bank.plan(plan.id)).state == PlanState.ACTIVE
    assert [row.actor for row in await bank.rows(PlanChange)] == [Actor.HOUSE, Actor.SUPPORTER]
    assert [row.state for row in await bank.rows(Donation)] == ["paid", "paid"]


async def test_held_plan_whose_supporter_says_nothing_ends_and_says_why(both: BankJourney) -> None:
    plan = await win(both)
    both.clock.advance(ANSWER_WITHIN - timedelta(days=1))
    await both.news()
    await both.tend()
    await both.news()
    before = await both.plan(plan.id)

    both.clock.advance(timedelta(days=1))
    for _round in range(2):
        await both.tend()
        await both.news()

    after = await both.plan(plan.id)
    rows = sorted(await both.rows(Letter), key=lambda row: row.queued_at)  # a table has no order of its own
    letters = [row.context for row in rows if row.kind == "plan_changed"]
    assert (before.state, before.stops_at) == (PlanState.PAUSED, None)
    assert after.stops_at or after.state == PlanState.STOPPED
    assert after.stop_reason == StopReason.UNANSWERED
    assert [row.kind for row in await both.rows(PlanChange)] == ["hold", "stop"]
    assert letters[-1]["letter_subject"] == "Your monthly donation is stopped"
    assert "heard nothing" in letters[-1]["then"]
    await both.pass_time(days=40)
    assert (await both.plan(plan.id)).state == PlanState.STOPPED
    assert len(await both.rows(Donation)) == 1
    assert "plan_stopped" not in await both.letters()


async def test_second_dispute_keeps_the_plan_from_ending_and_asks_again_when_it_is_won(bank: BankJourney) -> None:
    plan = await bank.begin()
    await bank.pass_time(days=31, hours=2)
    one, other = bank.objects("charge")
    first = bank.act(open_dispute, one)
    await bank.news()
    bank.act(decide, first, "won")
    await bank.pass_time(days=30)
    await bank.news()
    second = bank.act(open_dispute, other)
    bank.act(lambda world: world.change(second, {"status": "under_review"}, "charge.dispute.updated"))
    await bank.news()
    bank.clock.advance(timedelta(days=31))
    await bank.tend()
    await bank.news()
    while_open = await bank.plan(plan.id)

    bank.act(decide, second, "won")
    await bank.news()
    await bank.tend()
    await bank.news()

    again = await bank.plan(plan.id)
    assert (while_open.stops_at, again.stops_at, again.state) == (None, None, PlanState.PAUSED)
    assert [row.kind for row in await bank.rows(PlanChange)] == ["hold"]
    assert (await bank.letters()).count("plan_may_go_on") == 2


async def test_held_plan_takes_nothing_however_long_the_bank_thinks(bank: BankJourney) -> None:
    await bank.begin()
    dispute = bank.act(open_dispute, await charge_of(bank))
    bank.act(lambda world: world.change(dispute, {"status": "under_review"}, "charge.dispute.updated"))
    await bank.news()

    for _ in range(5):
        await bank.pass_time(days=31)

    assert len(await bank.rows(Donation)) == 1
    assert [row.state for row in await bank.rows(Plan)] == [PlanState.PAUSED]


async def test_held_plan_that_staff_let_go_on_is_not_held_again_by_the_same_dispute(bank: BankJourney) -> None:
    plan = await bank.begin()
    dispute = bank.act(open_dispute, await charge_of(bank))
    await bank.news()
    await bank.want(plan.id, ChangeKind.GO_ON, Actor.STAFF)

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


async def test_pause_of_the_supporter_counts_again_when_they_let_the_plan_go_on(bank: BankJourney) -> None:
    plan = await bank.begin()
    await bank.want(plan.id, ChangeKind.PAUSE, months=3)
    until = (await bank.plan(plan.id)).paused_until
    dispute = bank.act(open_dispute, await charge_of(bank))
    await bank.news()
    held = await bank.plan(plan.id)

    bank.act(decide, dispute, "won")
    await bank.news()
    await bank.want(plan.id, ChangeKind.GO_ON)

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
    [letter] = [row for row in await bank.rows(Letter) if row.kind == "payment_returned"]
    assert (letter.context["plan_is"], letter.context["plan_next_at"] is not None) == ("going_on", True)
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


async def test_ended_mandate_is_told_in_the_one_letter_about_the_debit_that_came_back(bank: BankJourney) -> None:
    await bank.begin("debit")
    bank.clock.advance(DAYS)
    await bank.news()
    before = await bank.letters()

    bank.act(debiting.give_back, await charge_of(bank))
    await bank.news()
    await bank.pass_time(hours=1)

    [letter] = [row for row in await bank.rows(Letter) if row.kind == "payment_returned"]
    assert "mandate_ended" in await bank.history()
    assert (await bank.letters())[len(before) :] == ["payment_returned"]
    assert (letter.context["plan_is"], letter.context["plan_frequency"]) == ("stopped", "monthly")
    assert letter.context["plan_url"].endswith("/give?frequency=monthly&amount=10")
