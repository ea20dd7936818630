"""Debits: asked for today, answered days later, and taken back by the bank later still."""

from datetime import timedelta
from typing import Any

import pytest

from disputes.conftest import BankJourney
from supporters.donations.models import DonationState
from supporters.payments.models import BalanceTransaction
from supporters.receipts.models import Receipt
from supporters.sandbox import debiting

DAYS = timedelta(days=7)


async def test_debit_is_at_the_bank_until_it_answers_and_is_paid_then(bank: BankJourney) -> None:
    donation_id, _ = await bank.give("debit")
    waiting = (await bank.donation(donation_id)).state
    told = await bank.letters()
    held = await bank.balances()

    bank.clock.advance(DAYS)
    await bank.news()

    assert (waiting, told, held) == (DonationState.PROCESSING, [], {})
    assert (await bank.donation(donation_id)).state == DonationState.PAID
    assert (await bank.balances())["4000"] == -2500
    assert await bank.letters() == ["receipt"]
    assert await bank.broken() == []


async def test_debit_that_the_bank_does_not_pay_is_told_and_leaves_nothing_in_the_books(bank: BankJourney) -> None:
    donation_id, _ = await bank.give("debit-fails")

    bank.clock.advance(DAYS)
    await bank.news()
    await bank.news()

    donation = await bank.donation(donation_id)
    assert (donation.state, donation.returned_minor) == (DonationState.EXPIRED, 0)
    assert await bank.letters() == ["debit_failed"]
    assert await bank.rows(Receipt) == []
    assert await bank.balances() == {}
    assert await bank.broken() == []


async def test_debit_that_comes_back_is_returned_and_nobody_is_asked_to_contest_it(both: BankJourney) -> None:
    donation_id, _ = await both.give("debit-returns")

    both.clock.advance(DAYS)
    await both.news()
    await both.news()

    donation = await both.donation(donation_id)
    assert (donation.state, donation.returned_minor) == (DonationState.PAID, 2500)
    [receipt] = await both.rows(Receipt)
    assert receipt.voided_at
    assert await both.letters() == ["receipt", "payment_returned"]
    assert await both.tasks() == {}
    after = await both.balances()
    assert (after["4000"], after["4095"]) == (-2500, 2500)
    assert "1160" not in after
    assert await both.broken() == []


class TestCountedAtOnce:
    """Some debits are in Stripe's balance before their bank has paid."""

    @pytest.fixture
    def config(self) -> dict[str, Any]:
        return {"debits_count_at_once": True}

    async def test_money_at_the_bank_is_no_income_and_no_failure_of_the_books(self, bank: BankJourney) -> None:
        await bank.give("debit")
        bank.clock.advance(timedelta(hours=25))
        await bank.news()

        waiting = [row.reporting_category for row in await bank.rows(BalanceTransaction) if row.posted_at is None]

        assert waiting == ["charge"]
        assert await bank.balances() == {}
        assert [name for name in await bank.broken() if name != "balance_drift"] == []

    async def test_what_is_paid_is_income_once_the_bank_says_so(self, bank: BankJourney) -> None:
        await bank.give("debit")

        bank.clock.advance(DAYS)
        await bank.news()

        assert (await bank.balances())["4000"] == -2500
        assert await bank.broken() == []

    async def test_what_fails_gives_its_fee_back_and_never_was_income(self, both: BankJourney) -> None:
        donation_id, charge = await both.give("debit")

        both.act(debiting.fail, charge, "insufficient_funds")
        await both.news()
        both.clock.advance(timedelta(days=2))
        await both.news()

        lines = sorted(row.fee_minor for row in await both.rows(BalanceTransaction))
        assert lines[0] == -lines[1] < 0
        assert await both.balances() == {}
        assert (await both.donation(donation_id)).state == DonationState.EXPIRED
        assert await both.letters() == ["debit_failed"]
        assert await both.broken() == []
