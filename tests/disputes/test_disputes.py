"""Money that banks take back: disputes and warnings, from Stripe's news to books, desk and supporter."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from disputes.conftest import ZONE, BankJourney
from supporters.audit.record import record
from supporters.discrepancies.models import Discrepancy, DiscrepancyState
from supporters.donations.disputes import UNPAID_AFTER
from supporters.donations.models import Dispute, DisputeState, Donation, DonationState, RefundReason
from supporters.donations.reverse import refundable, request_refund
from supporters.kit.clock import local_date
from supporters.kit.errors import Conflict
from supporters.kit.money import Money
from supporters.receipts.models import Receipt
from supporters.reports.sources import By, source_tables
from supporters.sandbox.disputes import accept, decide, escalate, open_dispute
from supporters.sandbox.fraud import warn

OPEN, RESOLVED = DiscrepancyState.OPEN, DiscrepancyState.RESOLVED


async def test_dispute_moves_money_at_once_and_asks_a_person_until_the_banks_own_day(both: BankJourney) -> None:
    donation_id, charge = await both.give()
    before = await both.balances()

    dispute = both.act(open_dispute, charge)
    await both.news()

    after = await both.balances()
    fee = after["5020"]
    assert after == {**before, "1160": 2500, "5020": fee, "1100": before["1100"] - 2500 - fee}
    [task] = await both.rows(Discrepancy)
    assert (task.code, task.state, task.donation_id) == ("DISPUTE_OPENED", OPEN, donation_id)
    [row] = await both.rows(Dispute)
    assert (row.state, row.stripe_dispute_id) == (DisputeState.NEEDS_ANSWER, dispute["id"])
    assert task.due_on == local_date(row.due_at, ZONE)
    assert row.due_at.timestamp() == dispute["evidence_details"]["due_by"]
    assert await both.broken() == []


async def test_disputed_donation_cannot_be_refunded_as_well(bank: BankJourney) -> None:
    donation_id, charge = await bank.give()
    bank.act(open_dispute, charge, amount=2000)
    await bank.news()

    async with bank.db.unit_of_work() as session:
        left = await refundable(session, donation_id)
        with pytest.raises(Conflict, match="bank"):
            await request_refund(
                session,
                donation_id,
                amount=Money(2500, "GBP"),
                reason=RefundReason.OTHER,
                note_text=None,
                actor_id="01K",
                ids=bank.ids,
                now=bank.clock.now(),
            )

    assert left == Money(500, "GBP")


async def test_lost_dispute_is_written_off_and_its_receipt_counts_no_more(both: BankJourney) -> None:
    donation_id, charge = await both.give()
    dispute = both.act(open_dispute, charge)
    await both.news()

    both.act(decide, dispute, "lost")
    await both.news()
    await both.news()

    after = await both.balances()
    assert "1160" not in after
    assert after["4095"] == 2500
    donation = await both.donation(donation_id)
    assert (donation.state, donation.returned_minor, donation.refunded_minor) == (DonationState.PAID, 2500, 0)
    [receipt] = await both.rows(Receipt)
    assert receipt.voided_at
    assert await both.letters() == ["receipt", "payment_returned"]
    assert await both.tasks() == {"DISPUTE_OPENED": RESOLVED}
    both.clock.advance(timedelta(days=2))
    assert await both.broken() == []


async def appealed(bank: BankJourney) -> str:
    """A dispute was lost, and won after an appeal; returns its donation's id."""
    donation_id, charge = await bank.give()
    dispute = bank.act(open_dispute, charge)
    bank.act(decide, dispute, "lost")
    await bank.news()
    bank.clock.advance(timedelta(minutes=1))
    bank.act(lambda world: world.change(dispute, {"status": "under_review"}))
    bank.act(decide, dispute, "won")
    return donation_id


async def test_dispute_won_on_appeal_brings_money_and_receipt_back_and_says_so(both: BankJourney) -> None:
    donation_id = await appealed(both)

    await both.news()
    await both.news()

    [receipt] = await both.rows(Receipt)
    assert receipt.voided_at is None
    assert (await both.donation(donation_id)).returned_minor == 0
    assert await both.letters() == ["receipt", "payment_returned", "payment_kept"]
    assert {"1160", "4095"} & set(await both.balances()) == set()
    assert await both.broken() == []


async def test_receipt_that_a_person_voided_meanwhile_stays_void(bank: BankJourney) -> None:
    await appealed(bank)
    [receipt] = await bank.rows(Receipt)
    async with bank.db.unit_of_work() as session:
        await record(
            session,
            actor_kind="staff",
            actor_id=bank.ids.ulid(),
            action="receipt.void",
            record_kind="receipt",
            record_id=receipt.id,
            detail={},
            now=bank.clock.now(),
        )

    await bank.news()

    [receipt] = await bank.rows(Receipt)
    assert receipt.voided_at
    assert await bank.letters() == ["receipt", "payment_returned"]


async def test_won_dispute_brings_everything_back_but_its_fee(both: BankJourney) -> None:
    donation_id, charge = await both.give()
    before = await both.balances()
    dispute = both.act(open_dispute, charge)
    await both.news()

    both.act(decide, dispute, "won")
    await both.news()

    after = await both.balances()
    fee = after.pop("5020")
    assert after == {**before, "1100": before["1100"] - fee}
    assert (await both.donation(donation_id)).returned_minor == 0
    assert await both.letters() == ["receipt"]
    assert await both.tasks() == {"DISPUTE_OPENED": RESOLVED}
    assert await both.broken() == []


async def test_part_that_does_not_come_back_of_a_won_dispute_is_written_off(bank: BankJourney) -> None:
    _, charge = await bank.give()
    dispute = bank.act(open_dispute, charge)
    await bank.news()

    bank.act(decide, dispute, "won", returned=2000)
    await bank.news()

    after = await bank.balances()
    assert "1160" not in after
    assert after["4095"] == 500
    assert await bank.broken() == []


async def test_part_that_is_lost_leaves_the_receipt_and_the_letter_names_the_part(bank: BankJourney) -> None:
    donation_id, charge = await bank.give()
    dispute = bank.act(open_dispute, charge, amount=1000)
    await bank.news()

    bank.act(decide, dispute, "lost")
    await bank.news()

    assert (await bank.balances())["4095"] == 1000
    assert (await bank.donation(donation_id)).returned_minor == 1000
    [receipt] = await bank.rows(Receipt)
    assert receipt.voided_at is None
    assert await bank.letters() == ["receipt", "payment_returned"]
    assert await bank.broken() == []


@pytest.mark.parametrize("seed", range(2))
async def test_news_of_a_dispute_ends_alike_in_any_order(bank: BankJourney, seed: int) -> None:
    donation_id, page = await bank.open_page()
    await bank.world.sandbox.pay(page)
    await bank.settle()
    intent = bank.object("payment_intent", bank.world.sandbox.session(page)["payment_intent"])
    dispute = bank.act(open_dispute, bank.object("charge", intent["latest_charge"]), is_inquiry=True)
    await bank.settle()
    bank.act(escalate, dispute)
    await bank.settle()
    bank.act(decide, dispute, "lost")
    await bank.settle()

    await bank.bring_one_by_one(seed)
    await bank.apply()
    await bank.news()

    [row] = await bank.rows(Dispute)
    assert row.state == DisputeState.LOST
    assert (await bank.donation(donation_id)).returned_minor == 2500
    assert (await bank.balances())["4095"] == 2500
    tasks = await bank.tasks()
    assert tasks["DISPUTE_OPENED"] == RESOLVED
    assert OPEN not in tasks.values()
    assert sorted(await bank.letters()) == ["payment_returned", "receipt"]
    assert await bank.broken() == []


async def test_inquiry_moves_no_money_and_its_task_goes_when_the_bank_is_content(bank: BankJourney) -> None:
    donation_id, charge = await bank.give()
    before = await bank.balances()
    dispute = bank.act(open_dispute, charge, is_inquiry=True)
    await bank.news()
    asked = await bank.tasks()

    bank.act(accept, dispute)
    await bank.news()

    assert asked == {"DISPUTE_INQUIRY": OPEN}
    assert await bank.tasks() == {"DISPUTE_INQUIRY": RESOLVED}
    assert await bank.balances() == before
    assert (await bank.donation(donation_id)).returned_minor == 0


async def test_won_money_that_does_not_come_back_is_a_task_after_ten_days(bank: BankJourney) -> None:
    _, charge = await bank.give()
    dispute = bank.act(open_dispute, charge)
    bank.act(lambda world: world.change(dispute, {"status": "under_review"}, "charge.dispute.updated"))
    await bank.news()
    async with bank.db.unit_of_work() as session:
        await session.execute(update(Dispute).values(state=DisputeState.WON, closed_at=bank.clock.now()))
        await session.execute(update(Donation).values(returned_minor=0))
    bank.clock.advance(UNPAID_AFTER - timedelta(minutes=1))
    await bank.news()
    early = await bank.tasks()

    bank.clock.advance(timedelta(minutes=1))
    await bank.news()

    assert "DISPUTE_UNPAID" not in early
    assert (await bank.tasks())["DISPUTE_UNPAID"] == OPEN
    assert (await bank.balances())["1160"] == 2500


async def test_refund_and_dispute_of_the_same_money_are_put_before_a_person(bank: BankJourney) -> None:
    donation_id, charge = await bank.give()
    async with bank.db.unit_of_work() as session:
        await session.execute(update(Donation).where(Donation.id == donation_id).values(refunded_minor=1000))

    bank.act(open_dispute, charge)
    await bank.news()

    [task] = [row for row in await bank.rows(Discrepancy) if row.code == "DISPUTE_AND_REFUND"]
    assert (task.amount_minor, task.donation_id) == (1000, donation_id)


async def test_warning_of_fraud_is_one_task_and_is_closed_once_a_refund_is_no_use(bank: BankJourney) -> None:
    donation_id, charge = await bank.give()

    warning = bank.act(warn, charge)
    await bank.news()
    await bank.news()
    [task] = await bank.rows(Discrepancy)
    bank.act(lambda world: world.change(warning, {"actionable": False}, "radar.early_fraud_warning.updated"))
    await bank.news()

    assert (task.code, task.donation_id, task.amount_minor) == ("FRAUD_WARNING", donation_id, 2500)
    assert await bank.tasks() == {"FRAUD_WARNING": RESOLVED}


async def test_dispute_of_a_shops_payment_is_no_task_and_its_money_stays_the_shops(bank: BankJourney) -> None:
    session = await bank.world.donate()
    await bank.world.sandbox.pay(session.id)
    await bank.settle()
    intent = bank.object("payment_intent", bank.world.sandbox.session(session.id)["payment_intent"])
    bank.act(open_dispute, bank.object("charge", intent["latest_charge"]))

    await bank.news()
    bank.clock.advance(timedelta(minutes=3))
    await bank.sweep()
    await bank.news()

    assert await bank.rows(Dispute) == []
    assert await bank.tasks() == {}
    assert set(await bank.balances()) == {"1100", "2010"}
    assert await bank.broken() == []


async def test_what_banks_took_back_counts_as_returned_where_money_comes_from(bank: BankJourney) -> None:
    _, charge = await bank.give()
    dispute = bank.act(open_dispute, charge)
    await bank.news()
    bank.act(decide, dispute, "lost")
    await bank.news()
    today = local_date(bank.clock.now(), ZONE)

    async with bank.db.reading() as session:
        [table] = await source_tables(
            session,
            by=By.APPEAL,
            since=today - timedelta(days=30),
            until=today,
            zone=ZONE,
            main_site="https://weeklylamp.example",
            currency="GBP",
        )

    assert (table.total.given_minor, table.total.returned_minor, table.total.unsettled_minor) == (2500, 2500, 0)
    assert table.total.net_minor < 0
    assert table.is_proved
