"""What the desk adds up of donations: the same on both engines, and no more than was asked for."""

from datetime import date, timedelta

import pytest
from sqlalchemy import insert, select, text, update

from books import NOW, donation_id, donation_row, found
from promises import add_plan
from supporters.donations import desk_queries
from supporters.donations.desk_queries import list_rows, look_up_givers
from supporters.donations.desk_sums import sum_rows
from supporters.donations.desk_today import days
from supporters.donations.fees import keep_fees
from supporters.donations.filters import DonationFilter
from supporters.donations.models import Donation
from supporters.kit.db import Database
from supporters.kit.money import Money

FOO = DonationFilter(words="foo", sees_people=True)


async def give(db: Database, *rows: dict[str, object]) -> None:
    async with db.unit_of_work() as session:
        await found(session)
        await session.execute(insert(Donation), [donation_row(number, **row) for number, row in enumerate(rows, 1)])


async def test_days_are_added_up_in_their_own_currency_and_round_sums_are_read(db: Database) -> None:
    before = {"paid_at": NOW - timedelta(days=1)}
    await give(
        db,
        {"amount_minor": 1_000_000},
        {"currency": "EUR"},
        before,
        {"frequency": "yearly", "is_renewal": True} | before,
    )

    async with db.reading() as session:
        told = await days(session, since=date(2026, 11, 20), until=NOW.date(), currency="GBP", zone="Europe/London")

    assert [each.amount.minor for each in told] == [0, 5000, 1_000_000]


@pytest.mark.parametrize("most", [500, 1])
async def test_a_search_finds_addresses_and_names_and_nobody_who_shares_them(
    db: Database, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(desk_queries, "MOST_GIVERS", most)  # with 1 there are too many, and every donation is looked at
    people = [("x@a.example", "Foo Reed"), ("y@foo.example", "Bar"), ("x@a.example", "Bar"), ("z@a.example", "FOO")]
    await give(db, *({"email": email, "name": name} for email, name in people))

    async with db.reading() as session:
        view = await look_up_givers(session, FOO)
        page = await list_rows(session, view, currency="GBP", zone="UTC")
        (sums,) = await sum_rows(session, view, currency="GBP", zone="UTC")

    assert (view.givers is None) == (most == 1)
    assert [row.id for row in page.rows] == [donation_id(number) for number in (4, 2, 1)]
    assert (sums.paid, sums.paid_count) == (Money(7500, "GBP"), 3)


async def test_fees_are_kept_of_the_donations_own_currency_and_are_unknown_until_then(db: Database) -> None:
    async with db.unit_of_work() as session:
        await found(session)
        await add_plan(session, 1, [NOW, NOW, NOW], settled=2)
        mine = [donation_id(100 + nth) for nth in range(3)]
        await session.execute(update(Donation).where(Donation.id == mine[1]).values(currency="EUR"))

        await keep_fees(session, mine)

        kept = (await session.scalars(select(Donation.fee_minor).order_by(Donation.id))).all()
        sums = await sum_rows(session, DonationFilter(), currency="GBP", zone="UTC")
    assert kept == [35, None, None]
    assert [(each.fees, each.fees_unknown_count) for each in sums] == [(Money(0, "EUR"), 1), (Money(35, "GBP"), 1)]


async def test_the_database_knows_how_its_tables_are_filled(db: Database) -> None:
    await give(db, *({"amount_minor": 100 + number} for number in range(450)))  # more than the sample

    await db.keep_statistics()

    if db.is_sqlite:
        known = text("SELECT stat FROM sqlite_stat1 WHERE idx = 'ix_donation_sums'")
        async with db.reading() as session:
            assert str(await session.scalar(known)).startswith("450 450 450 450 450 ")
