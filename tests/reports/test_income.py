"""Income by month and by the article that began it, held against the ledger."""

from datetime import UTC, date, datetime
from typing import Any
from unittest.mock import patch

from sqlalchemy import insert

import books
from promises import add_plan, book, settle, settled_rows
from supporters.appeals.models import Attribution
from supporters.donations.models import Donation
from supporters.kit.db import Database
from supporters.reports.income import ArticleIncome, Income, income_by_article, income_by_month
from supporters.reports.months import last_months

MONTHS = last_months(date(2026, 11, 22), 2)
SITE = "https://paper.example"


def at(month: int, day: int = 5) -> datetime:
    return datetime(2026, month, day, 12, tzinfo=UTC)


async def by_month(db: Database) -> Income:
    """Read twice: payments whose books say just what they say are counted from the index, or everything is added up."""
    async with db.reading() as session:
        (found,) = await income_by_month(session, months=MONTHS, zone="Europe/London", currency="GBP")
        with patch("supporters.reports.regular.MOST_ODD", -1):
            assert [found] == await income_by_month(session, months=MONTHS, zone="Europe/London", currency="GBP")
    return found


async def by_article(db: Database, month: date = MONTHS[-1]) -> list[ArticleIncome]:
    async with db.reading() as session:
        return await income_by_article(session, month=month, zone="UTC", main_site=f"{SITE}/", currency="GBP")


def once(number: int, paid_at: datetime | None, **changes: Any) -> dict[str, Any]:
    return books.donation_row(number, paid_at=paid_at, **changes)


async def test_one_off_first_payments_and_renewals_stand_apart_in_each_month(db: Database) -> None:
    async with db.unit_of_work() as session:
        await books.found(session)
        await add_plan(session, 1, [at(10), at(11)])
        await add_plan(session, 2, [at(11)], amount_minor=500)
        await session.execute(insert(Donation), [once(9001, at(11)), once(9002, None, state="started")])

    found = await by_month(db)

    november, october = found.months
    assert (november.once_minor, november.first_minor, november.renewal_minor) == (2500, 500, 1000)
    assert (november.donations, november.given_minor) == (3, 4000)
    assert (october.once_minor, october.first_minor, october.renewal_minor) == (0, 1000, 0)
    assert found.total.given_minor == 5000
    assert (november.settled_recurring_minor, november.books_recurring_minor, november.fee_minor) == (1500, 1500, 70)
    assert november.is_proved


async def test_a_ledger_that_holds_something_else_is_seen_in_its_month(db: Database) -> None:
    async with db.unit_of_work() as session:
        await books.found(session)
        await add_plan(session, 1, [at(10), at(11)], settled=1)
        await settle(session, 1, 1, account="4000")

    found = await by_month(db)

    assert [each.is_proved for each in found.months] == [False, True]


async def test_what_was_returned_and_taken_back_comes_off_the_month_of_its_payment(db: Database) -> None:
    async with db.unit_of_work() as session:
        await books.found(session)
        await add_plan(session, 1, [at(10)])
        _line, transaction, entries = settled_rows(1, 0)
        given_back = {"4090": 300, "4095": 200, "1100": -500}
        shared = {**entries[0], "transaction_id": "R" * 26}
        taken = [
            {**shared, "id": f"{name:>026}", "account": name, "amount_minor": sum_} for name, sum_ in given_back.items()
        ]
        await book(session, {**transaction, "id": "R" * 26, "purpose": "refund"}, taken)

    october = (await by_month(db)).months[1]

    assert (october.given_minor, october.returned_minor, october.fee_minor, october.net_minor) == (1000, 500, 35, 465)


async def test_a_renewal_is_credited_to_the_article_that_began_its_plan(db: Database) -> None:
    origin = {"id": "O" * 26, "article_path": "/2822/the-river", "utm": {}, "is_claimed": True, "created_at": at(6)}
    async with db.unit_of_work() as session:
        await books.found(session)
        await session.execute(insert(Attribution).values(**origin))
        await add_plan(session, 1, [at(6), at(10), at(11)], attribution_id="O" * 26, amount_minor=1500)
        await add_plan(session, 2, [at(11)])

    november = await by_article(db)
    june = await by_article(db, date(2026, 6, 1))

    river, other = november
    assert (river.site, river.path, river.renewal_minor, river.first_minor) == (SITE, "/2822/the-river", 1500, 0)
    assert (other.site, other.path, other.first_minor, other.plans) == (None, None, 1000, 1)
    assert [(each.first_minor, each.renewal_minor, each.plans) for each in june] == [(1500, 0, 1)]
