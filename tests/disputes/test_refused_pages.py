"""A page that began a regular donation which we had not asked for: it is ended at Stripe, and its money is a task."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from disputes.conftest import BankJourney
from supporters.discrepancies.models import Discrepancy
from supporters.donations.models import Checkout, Donation, DonationState
from supporters.mail.models import Letter
from supporters.plans.models import Plan


async def refused(bank: BankJourney, outcome: Any = "pay", **differing: object) -> str:
    """A page for £10 a month was completed of which our row says something else; returns Stripe's id of what it began."""
    page = await bank.open_plan()
    async with bank.db.unit_of_work() as session:
        await session.execute(update(Checkout).values(**(differing or {"amount_minor": 9900})))
    await bank.world.sandbox.pay(page, outcome)
    return bank.world.sandbox.session(page)["subscription"]


async def open_tasks(bank: BankJourney) -> list[tuple[str, int | None]]:
    """Payment (or page) and sum of each open task."""
    return [(row.subject, row.amount_minor) for row in await bank.rows(Discrepancy) if row.state == "open"]


async def assert_ended(bank: BankJourney, subscription_id: str) -> None:
    """Nothing is taken any more, nobody was thanked, and no message of Stripe's is left over."""
    assert bank.object("subscription", subscription_id)["status"] == "canceled"
    assert await bank.rows(Plan) == []
    assert await bank.rows(Letter) == []
    assert set(await bank.states()) <= {"handled", "not_ours"}


@pytest.mark.parametrize("differing", [{"amount_minor": 9900}, {"currency": "EUR"}])
async def test_mismatched_page_is_ended_and_its_payment_is_one_task(
    bank: BankJourney, differing: dict[str, object]
) -> None:
    subscription_id = await refused(bank, **differing)

    await bank.news()
    await bank.pass_time(days=40)

    await assert_ended(bank, subscription_id)
    [charge] = bank.objects("charge")
    assert await open_tasks(bank) == [(charge["payment_intent"], 1000)]
    assert [row.state for row in await bank.rows(Donation)] == [DonationState.STARTED]
    assert (await bank.balances())["2000"] == -1000
    assert await bank.broken() == []


async def test_stripe_away_ends_it_later_and_the_task_of_the_page_stays_until_then(bank: BankJourney) -> None:
    subscription_id = await refused(bank)
    bank.world.sandbox.fail_next("500", method="DELETE", path="/v1/subscriptions", effect="done")
    await bank.hear()
    before = len(await open_tasks(bank))

    await bank.pass_time(minutes=3)

    await assert_ended(bank, subscription_id)
    assert (before, len(await open_tasks(bank))) == (2, 1)
    assert len(bank.world.sandbox.events("customer.subscription.deleted")) == 1


@pytest.mark.parametrize("differing", [{"amount_minor": 9900}, {"revision": 0}])
async def test_debit_that_its_bank_pays_days_after_is_a_task_then(
    bank: BankJourney, differing: dict[str, object]
) -> None:
    subscription_id = await refused(bank, "debit", **differing)
    await bank.news()
    before = bank.object("subscription", subscription_id)["status"], await open_tasks(bank)

    bank.clock.advance(timedelta(days=7))
    await bank.news()

    await assert_ended(bank, subscription_id)
    [charge] = bank.objects("charge")
    assert before == ("canceled", [])
    assert await open_tasks(bank) == [(charge["payment_intent"], 1000)]
