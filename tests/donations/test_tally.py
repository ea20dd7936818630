"""What the database keeps of each day is what its donations add up to: whoever wrote, in which order, at the same time."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from books import NOW, donation_id, donation_row, found
from databases import Databases
from supporters.checks import run_checks
from supporters.donations import tally
from supporters.donations.desk_sums import DonationSums, sum_rows
from supporters.donations.filters import DonationFilter
from supporters.donations.models import Donation, DonationState, DonationTally
from supporters.kit.db import Database
from supporters.kit.migrate import migrate
from supporters.paths import data_dir

FIRST = datetime(2026, 3, 27, tzinfo=UTC)  # two days later the clocks of Europe go forward
ROWS, DAYS = 60, 5
ZONES = ("UTC", "Europe/London", "Asia/Kathmandu", "America/St_Johns")
STATES = {
    "": set(DonationState),
    "received": {"paid"},
    "paid": {"paid"},
    "processing": {"processing"},
    "not_paid": {"started", "expired"},
}


def some_row(number: int, random: Random) -> dict[str, Any]:
    """A donation in any state, often at the edge of a day."""
    day = FIRST + timedelta(days=random.randrange(DAYS))
    begun = day + random.choice([timedelta(0), -timedelta.resolution, timedelta(minutes=random.randrange(24 * 60))])
    state = random.choice(["paid", "paid", "paid", "started", "processing", "expired"])
    paid = {"paid_at": begun + timedelta(minutes=random.randrange(300)) if state == "paid" else None, "state": state}
    return paid | {
        "created_at": begun,
        "currency": random.choice(["GBP", "GBP", "EUR"]),
        "amount_minor": random.choice([300, random.randrange(300, 5000)]),
        "refunded_minor": random.choice([0, 0, 100, 300]),
        "returned_minor": random.choice([0, 0, 200]),
        "fee_minor": random.choice([None, 0, 35]),
    }


def expected(rows: Iterable[dict[str, Any]], view: DonationFilter, zone: str) -> list[tuple[Any, ...]]:
    """The sums of the view, added up here: currency, paid, fees, refunded, taken back, not paid."""
    shown = [
        row
        for row in rows
        if row["state"] in STATES[view.state]
        and (view.state != "paid" or row["amount_minor"] > row["refunded_minor"] + row["returned_minor"])
        and (view.since or date.min)
        <= (row["paid_at"] or row["created_at"]).astimezone(ZoneInfo(zone)).date()
        <= (view.until or date.max)
    ]
    found: list[tuple[Any, ...]] = []
    for currency in sorted({row["currency"] for row in shown}):
        mine = [row for row in shown if row["currency"] == currency]
        paid = [row for row in mine if row["state"] == "paid"]
        sums = [sum(row[name] or 0 for row in paid) for name in ("amount_minor", "refunded_minor", "returned_minor")]
        counts = [sum(row[name] > 0 for row in paid) for name in ("refunded_minor", "returned_minor")]
        fees = [row["fee_minor"] for row in paid]
        known = (sum(each or 0 for each in fees), fees.count(None))
        found.append((currency, len(paid), *sums, *counts, *known, len(mine) - len(paid)))
    return found


def told(sums: DonationSums) -> tuple[Any, ...]:
    minors = (sums.paid.minor, sums.refunded.minor, sums.taken_back.minor)
    counts = (sums.refunded_count, sums.taken_back_count)
    return (
        sums.currency,
        sums.paid_count,
        *minors,
        *counts,
        sums.fees.minor,
        sums.fees_unknown_count,
        sums.unpaid_count,
    )


async def hold(session: AsyncSession) -> bool:
    return "sums_kept" not in [each.name for each in await run_checks(session, now=NOW)]


@pytest.mark.parametrize("seed", [1, 2])
async def test_sums_are_those_of_the_donations_whatever_happened_to_them(seed: int, db: Database) -> None:
    random = Random(seed)
    rows = {number: donation_row(number, **some_row(number, random)) for number in range(ROWS)}
    async with db.unit_of_work() as session:
        await found(session)
        await session.execute(insert(Donation), list(rows.values()))
    for number in random.sample(range(ROWS), 30):
        async with db.unit_of_work() as session:
            rows[number] |= some_row(number, random)
            await session.execute(update(Donation).where(Donation.id == donation_id(number)).values(rows[number]))
    gone = random.sample(range(ROWS), 15)
    async with db.unit_of_work() as session:
        await session.execute(delete(Donation).where(Donation.id.in_([donation_id(number) for number in gone])))
        left = [row for number, row in rows.items() if number not in gone]
        await session.execute(update(Donation).where(Donation.state == "paid").values(fee_minor=70))
        for row in left:
            row["fee_minor"] = 70 if row["state"] == "paid" else row["fee_minor"]

    edges = [None, *(FIRST.date() + timedelta(days=each) for each in (-1, 0, 2, 3, DAYS))]
    async with db.reading() as session:
        assert await hold(session)
        for _ in range(40):
            zone, state = random.choice(ZONES), random.choice(list(STATES))
            view = DonationFilter(state=state, since=random.choice(edges), until=random.choice(edges))
            sums = await sum_rows(session, view, currency="GBP", zone=zone)

            wanted = expected(left, view, zone) or [("GBP", *[0] * 9)]
            assert [told(each) for each in sums] == wanted, (view, zone)


async def test_who_writes_at_the_same_time_does_not_wait_and_is_folded_when_done(databases: Databases) -> None:
    async with databases.fresh("postgresql") as db:
        async with db.unit_of_work() as session:
            await found(session)
        async with db.unit_of_work() as slow:
            await slow.execute(insert(Donation), [donation_row(1)])
            async with db.unit_of_work() as quick:  # of the same day: would wait five seconds, and fail
                await quick.execute(insert(Donation), [donation_row(2), donation_row(3)])
            async with db.unit_of_work() as night:
                assert await tally.fold_some(night) == 1
            async with db.reading() as reader:
                assert await hold(reader)
            await slow.execute(update(Donation).values(amount_minor=2600))

        async with db.unit_of_work() as night:
            assert await tally.fold_some(night) == 1
            assert await tally.fold_some(night) == 0

        async with db.reading() as session:
            (kept,) = (await session.scalars(select(DonationTally))).all()
            assert await hold(session)
    assert (kept.slot, kept.donations, kept.amount_minor) == (tally.FOLDED, 3, 7800)


async def test_a_writer_whose_sums_are_being_folded_waits_for_that_and_loses_nothing(databases: Databases) -> None:
    async with databases.fresh("postgresql") as db, db.engine.connect() as connection:  # its sums are one slot's
        async with AsyncSession(connection) as session:
            await found(session)
            await session.execute(insert(Donation), [donation_row(1)])
            await session.commit()
            async with db.unit_of_work() as night:
                assert await tally.fold_some(night) == 1
                writing = asyncio.create_task(session.execute(insert(Donation), [donation_row(2)]))
                await asyncio.sleep(0.05)
                assert not writing.done()
            await writing
            await session.commit()

        async with db.reading() as reader:
            assert await reader.scalar(select(func.count()).select_from(DonationTally)) == 2
            assert await hold(reader)


async def test_a_long_time_is_folded_in_small_parts(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "AT_ONCE", 40)
    async with databases.fresh("postgresql") as db:
        async with db.unit_of_work() as session:
            await found(session)
        for part in range(2):  # by two connections, the same days
            paid = [NOW - timedelta(days=number) for number in range(100)]
            rows = [donation_row(100 * part + n, paid_at=day, created_at=day) for n, day in enumerate(paid)]
            async with db.engine.connect() as other, AsyncSession(other) as session:
                await session.execute(insert(Donation), rows)
                if part:
                    async with db.unit_of_work() as first:
                        await first.execute(insert(Donation), [donation_row(999)])
                await session.commit()

        await tally.fold_tally(db)

        async with db.reading() as session:
            kept = (await session.scalars(select(DonationTally))).all()
            assert await hold(session)
    assert {row.slot for row in kept} == {tally.FOLDED}
    assert sum(row.donations for row in kept) == 201


async def test_the_migration_adds_up_what_is_there_and_holds_the_triggers_of_the_code(db: Database) -> None:
    kind = "sqlite" if db.is_sqlite else "postgresql"
    await migrate(db, "0030_called")
    async with db.unit_of_work() as session:
        await found(session)
        await session.execute(insert(Donation), [donation_row(1), donation_row(2, state="started", paid_at=None)])

    await migrate(db)

    async with db.reading() as session:
        assert await hold(session)
        assert await session.scalar(select(func.sum(DonationTally.donations))) == 2
    (written,) = (data_dir("migrations") / "versions").glob("*_donations_keep_tally.py")
    for statement in (*tally.create_statements(kind), *tally.drop_statements(kind), tally.fill_statement(kind)):
        assert f'"{statement}"' in written.read_text(encoding="utf-8")
