"""How fast the report of sources is over many donations, beside the least SQL that reads the same rows.

    .venv/bin/python bench/sources.py --database postgresql --donations 100000

Every donation has an origin of its own, a line of Stripe's balance, four ledger entries, and one in twenty a refund. The
floor sums the same donations, their lines and their ledger entries without asking where they came from.
"""

import argparse
import asyncio
import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

from common import database, machine
from sqlalchemy import insert, text

from supporters.appeals.models import Attribution
from supporters.donations.models import Donation
from supporters.kit.db import Database
from supporters.ledger.models import LedgerEntry, LedgerTransaction
from supporters.payments.models import BalanceTransaction
from supporters.reports.sources import By, source_tables

SITE, YEAR, ROUNDS, ARTICLES, MINUTES = "https://paper.example", 2026, 3, 2000, 500_000
PERIOD = "d.state = 'paid' AND d.paid_at >= :start AND d.paid_at < :end"
FLOOR = (
    f"SELECT sum(e.amount_minor) FROM donation d JOIN ledger_entry e ON e.donation_id = d.id WHERE {PERIOD} "
    "AND e.account = '1100'",
    "SELECT sum(b.net_minor), sum(d.amount_minor) FROM donation d "
    f"JOIN balance_transaction b ON b.stripe_payment_intent_id = d.stripe_payment_intent_id WHERE {PERIOD}",
)


def origin_row(number: int, now: datetime) -> dict[str, Any]:
    """A reader of one of the articles."""
    return {
        "id": f"T{number:025d}", "site": SITE, "article_path": f"/2026/article-{number % ARTICLES}", "issue": "2822",
        "placement": "article-foot", "utm": {}, "first_touch": {"via": f"host-{number % 50}.example"}, "is_claimed": True,
        "created_at": now,
    }  # fmt: skip


def entry_rows(number: int, donation_id: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The ledger's transactions and entries of one donation: its charge, and for one in twenty its refund."""
    told = [("settle", {"1100": 2435, "5000": 50, "5040": 15, "4000": -2500})]
    if number % 20 == 0:
        told.append(("refund", {"1100": -2500, "4090": 2500}))
    booked, entries = [], []
    for purpose, amounts in told:
        key = f"{purpose[0].upper()}{number:025d}"
        booked.append({
            "id": key, "source_kind": "bench", "source_id": str(number), "purpose": purpose, "revision": 0,
            "booked_on": date(YEAR, 6, 1), "period": "2026-06", "memo": "", "posted_at": datetime(YEAR, 6, 1, tzinfo=UTC),
        })  # fmt: skip
        for account, minor in amounts.items():
            entries.append({
                "id": f"{key[:-5]}{account}{key[-5:]}"[-26:], "transaction_id": key, "account": account, "currency": "GBP",
                "amount_minor": minor, "donation_id": donation_id,
            })  # fmt: skip
    return booked, [{**each, "id": f"{each['account']}{each['transaction_id'][0]}{number:021d}"} for each in entries]


async def fill(db: Database, count: int) -> None:
    """`count` paid and settled donations over the year."""
    import books

    async with db.unit_of_work() as session:
        await books.found(session)
        await session.execute(text("UPDATE appeal SET slug = 'general'"))
    for start in range(0, count, 5000):
        numbers = range(start, min(start + 5000, count))
        async with db.unit_of_work() as session:
            paid_at = {
                number: datetime(YEAR, 1, 1, tzinfo=UTC) + timedelta(minutes=number * MINUTES // count)
                for number in numbers
            }
            await session.execute(insert(Attribution), [origin_row(each, paid_at[each]) for each in numbers])
            donations = [
                books.donation_row(each, attribution_id=f"T{each:025d}", paid_at=paid_at[each]) for each in numbers
            ]
            await session.execute(insert(Donation), donations)
            pairs = [entry_rows(each, books.donation_id(each)) for each in numbers]
            await session.execute(insert(LedgerEntry), [row for _booked, entries in pairs for row in entries])
            lines = [books.line_row(each, posted_at=paid_at[each]) for each in numbers]
            lines += [books.refund_line_row(each, 2500, posted_at=paid_at[each]) for each in numbers if each % 20 == 0]
            await session.execute(insert(BalanceTransaction), lines)
            await session.execute(insert(LedgerTransaction), [row for booked, _entries in pairs for row in booked])
    async with db.engine.begin() as connection:
        await connection.execute(text("ANALYZE"))


async def measure(db: Database, count: int) -> None:
    """Prints the best of some rounds for each way to put the money together, over the year and over one month."""
    for name, until in (("year", date(YEAR, 12, 31)), ("month", date(YEAR, 1, 31))):
        for by in By:
            best = min([await _report(db, by, until, count) for _round in range(ROUNDS)])
            print(f"{name:6} by {by:10} {best * 1000:7.0f} ms")
        print(f"{name:6} floor         {min([await _floor(db, until) for _round in range(ROUNDS)]) * 1000:7.0f} ms")


async def _report(db: Database, by: By, until: date, count: int) -> float:
    started = time.perf_counter()
    async with db.reading() as session:
        tables = await source_tables(
            session,
            by=by,
            since=date(YEAR, 1, 1),
            until=until,
            zone="UTC",
            main_site=SITE,
            currency="GBP",
        )
    seconds = time.perf_counter() - started
    assert tables[0].is_proved
    assert tables[0].total.donations == count or until.month == 1
    return seconds


async def _floor(db: Database, until: date) -> float:
    started = time.perf_counter()
    async with db.reading() as session:
        span = {"start": datetime(YEAR, 1, 1, tzinfo=UTC), "end": datetime.combine(until, datetime.max.time(), UTC)}
        if db.is_sqlite:
            span = {name: at.strftime("%Y-%m-%d %H:%M:%S.%f") for name, at in span.items()}
        for query in FLOOR:
            (await session.execute(text(query), span)).all()
    return time.perf_counter() - started


async def run(url: str, count: int) -> None:
    db = Database(url)
    await fill(db, count)
    await measure(db, count)
    await db.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=["postgresql", "sqlite"], default="postgresql")
    parser.add_argument("--donations", type=int, default=10_000)
    told = parser.parse_args()
    print(machine())
    print(f"{told.database}; {told.donations} donations of one year")
    with database(told.database) as url:
        asyncio.run(run(url, told.donations))


if __name__ == "__main__":
    main()
