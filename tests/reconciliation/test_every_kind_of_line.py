"""Every kind of line that Stripe's balance can have, through the whole product: its place in the books, to the penny."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from supporters.discrepancies.codes import Code
from supporters.discrepancies.models import Discrepancy
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.ledger.models import BooksVerdict, LedgerEntry
from supporters.reconciliation.postings import RECIPES
from supporters.settings import Settings
from whole import Mailbag, Whole, running


@pytest.fixture
def mailbag() -> Iterator[Mailbag]:
    bag = Mailbag()
    bag.start()
    yield bag
    bag.stop()


@pytest.fixture
async def site(sqlite_db: Database, clock: FixedClock, settings: Settings, mailbag: Mailbag) -> AsyncIterator[Whole]:
    async with running(sqlite_db, clock, Ids(clock), settings, mailbag) as product:
        yield product


async def control(site: Whole, action: str, **told: Any) -> None:
    answer = await site.bank.post(f"/_control/{action}", json=told)
    assert answer.status_code == 200, answer.text


async def balances(site: Whole) -> dict[str, int]:
    async with site.db.reading() as session:
        entry = LedgerEntry
        rows = await session.execute(select(entry.account, func.sum(entry.amount_minor)).group_by(entry.account))
        return {account: int(total) for account, total in rows if total}


async def work(site: Whole) -> None:
    """A day has passed, and every timer has run."""
    site.clock.advance(timedelta(days=1, minutes=1))
    await site.worker.tick()
    await site.settle()


async def test_lines_of_every_kind_have_their_place_or_wait_in_suspense_and_the_books_hold(site: Whole) -> None:
    await site.pay(await site.give(amount="250"))
    await site.settle()
    await control(site, "charge-fee", amount=200, service="radar", tax=40)
    await control(site, "hold-reserve", amount=500, is_told_twice=True)
    await control(site, "release-reserve", amount=200, is_told_twice=True)
    await control(site, "hold-reserve", amount=50, who="network")
    await control(site, "line", type="contribution", amount=-30)
    await control(site, "line", type="climate_order_purchase", amount=-20)
    await control(site, "line", type="stripe_fee", category="network_cost", amount=-5)
    asked = {"amount": "700", "currency": "gbp", "description": "before a big refund", "statement_descriptor": "Lamp"}
    key = {"authorization": f"Bearer {site.settings.stripe_secret_key}"}
    topup = (await site.bank.post("/v1/topups", data=asked, headers=key)).json()
    await control(site, "succeed-topup", topup=topup["id"])
    await control(site, "line", type="payout_minimum_balance_hold", amount=-100)

    await work(site)

    found = await balances(site)
    fee = found["5000"] - 5
    assert found == {
        "1100": 25_000 - fee - 240 - 500 + 200 - 50 - 30 - 20 - 5 + 700 - 100,
        "1110": 500 - 200 + 50 + 100,
        "1150": -700,
        "4000": -25_000,
        "5000": fee + 5,
        "5010": 200,
        "5040": 40,
        "5050": 50,
    }
    await site.books_hold()
    async with site.db.reading() as session:
        assert (await session.scalars(select(BooksVerdict.broken))).all()[-1:] == [[]]
    await what_nobody_knows_waits_in_suspense(site)


async def what_nobody_knows_waits_in_suspense(site: Whole) -> None:
    """And a person hears of each."""
    before = await balances(site)
    unknown = [category for category, recipe in RECIPES.items() if recipe.gross.value == "2000"]
    for amount, category in enumerate([*unknown, "something_of_2031"], start=100):
        await control(site, "line", type="adjustment", category=category, amount=amount)

    await work(site)

    total = sum(range(100, 100 + len(unknown) + 1))
    assert await balances(site) == {**before, "1100": before["1100"] + total, "2000": -total}
    await site.books_hold()
    async with site.db.reading() as session:
        found = (await session.scalars(select(Discrepancy).where(Discrepancy.code == Code.UNKNOWN_CATEGORY))).all()
    assert sorted(str(row.detail["category"]) for row in found) == sorted([*unknown, "something_of_2031"])
