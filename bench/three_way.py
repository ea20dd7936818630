"""Lines of Stripe's balance, ledger, payouts and bank lines laid beside each other: seconds, memory, and what is found.

    .venv/bin/python bench/three_way.py --database postgresql --keep /var/tmp/bench

250 lines a payout. Planted: every 997th payout lacks a line, every 499th a ledger posting, every 251st its bank line. The
time is that of matching the bank lines and of the three ways together, by the clock, in a process of its own for each size;
the second run has nothing new. With `--keep` a database is filled once and copied for every run: a million lines take
minutes. Every figure stands beside its bar, the same on both databases. Ends with 1 above a bar.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import msgspec
from common import machine, peak_mb, resident_mb
from kept import Shelf, elsewhere, shelf
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.clock import SystemClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.reconciliation.automatic import match_certain
from supporters.reconciliation.three_way import ThreeWay, three_way

IN_PAYOUT, AT_ONCE, ROUNDS = 250, 50_000, 3
LACKS_LINE, LACKS_POSTING, LACKS_BANK = 997, 499, 251
DAYS = 330  # of the year, on each of which payouts arrive
SIZES = (10_000, 100_000, 1_000_000)
BEGUN = date(2026, 1, 1)


class Run(msgspec.Struct):
    """What one run took, in seconds and MB."""

    first: float
    again: float
    idle: float
    peak: float
    told: str


# Every value is made of the line's number n; a line belongs to payout n / 250.
NUMBERS = {
    "postgresql": "SELECT g AS n FROM generate_series(CAST(:low AS bigint), CAST(:high AS bigint)) g",
    "sqlite": "WITH RECURSIVE c(n) AS (SELECT :low UNION ALL SELECT n + 1 FROM c WHERE n < :high) SELECT n FROM c",
}
PADDED = {"postgresql": "lpad(CAST({} AS text), {}, '0')", "sqlite": "printf('%0{1}d', {0})"}


def statements(kind: str) -> list[str]:
    """What makes lines and their postings, for numbers from :low to :high."""
    numbers = f"({NUMBERS[kind]}) AS made"

    def padded(value: str, width: int) -> str:
        form = PADDED[kind]
        return form.format(value, width)

    gross, fee, payout = "(500 + n % 7919)", "(20 + n % 97)", f"(n / {IN_PAYOUT})"
    since = f"{payout} % {DAYS}"  # days since the year began, as the payout's own
    if kind == "postgresql":
        day = f"(DATE '2026-01-01' + CAST({since} AS integer))"
        at, month = f"({day} + TIME '10:00') AT TIME ZONE 'UTC'", f"to_char({day}, 'YYYY-MM')"
    else:
        day = f"date('2026-01-01', '+' || ({since}) || ' days')"
        at, month = f"({day} || ' 10:00:00.000000')", f"substr({day}, 1, 7)"
    txn, posted, left_out = (
        f"'txn_' || {padded('n', 16)}",
        f"'0T' || {padded('n', 24)}",
        f"{payout} % {LACKS_LINE} = 5 AND n % {IN_PAYOUT} = 0",
    )
    unposted = f"{payout} % {LACKS_POSTING} = 3 AND n % {IN_PAYOUT} = 1"
    false = "false" if kind == "postgresql" else "0"
    entries = (("A", "1100", f"{gross} - {fee}"), ("B", "5000", fee), ("C", "4000", f"-{gross}"))
    return [
        "INSERT INTO balance_transaction (stripe_balance_transaction_id, livemode, created_at, available_at, status, type, "
        "reporting_category, currency, gross_minor, fee_minor, net_minor, fee_details, stripe_payout_id, mirrored_at, posted_at) "
        f"SELECT {txn}, {false}, {at}, {at}, 'available', 'charge', 'charge', 'GBP', {gross}, {fee}, {gross} - {fee}, '[]', "
        f"CASE WHEN {left_out} THEN NULL ELSE 'po_' || {padded(payout, 20)} END, {at}, {at} FROM {numbers}",
        *(
            "INSERT INTO ledger_entry (id, transaction_id, account, amount_minor, currency) "
            f"SELECT '0{letter}' || {padded('n', 24)}, {posted}, '{account}', {minor}, 'GBP' FROM {numbers} "
            f"WHERE NOT ({unposted})"
            for letter, account, minor in entries
        ),
        "INSERT INTO ledger_transaction (id, source_kind, source_id, purpose, revision, booked_on, period, memo, posted_at) "
        f"SELECT {posted}, 'balance_transaction', {txn}, 'settle', 0, {day}, {month}, 'charge', {at} FROM {numbers} "
        f"WHERE NOT ({unposted})",
    ]


def net_of(payout: int) -> int:
    """What the lines of this payout come to."""
    numbers = range(payout * IN_PAYOUT, (payout + 1) * IN_PAYOUT)
    return sum(500 + n % 7919 - 20 - n % 97 for n in numbers)


async def fill(db: Database, lines: int) -> None:
    """So many lines, posted, in payouts that the bank shows, but for what is planted."""
    import arrivals

    kind = "sqlite" if db.is_sqlite else "postgresql"
    for low in range(0, lines, AT_ONCE):
        async with db.unit_of_work() as session:
            for statement in statements(kind):
                await session.execute(text(statement), {"low": low, "high": min(low + AT_ONCE, lines) - 1})
        print(f"\r{min(low + AT_ONCE, lines):,} lines", end="", flush=True)
    print()
    payouts = [(number, BEGUN + timedelta(days=number % DAYS), net_of(number)) for number in range(lines // IN_PAYOUT)]
    async with db.unit_of_work() as session:
        await arrivals.found_bank(session)
        await arrivals.arrive(
            session,
            [arrivals.payout_row(number, arrival_on=on, amount_minor=net) for number, on, net in payouts],
            [
                arrivals.bank_line_row(number, booked_on=on, amount_minor=net)
                for number, on, net in payouts
                if number % LACKS_BANK != 7
            ],
        )
    await db.keep_statistics()


async def match(session: AsyncSession) -> ThreeWay:
    """Everything: bank lines with payouts, then all sides beside each other."""
    await match_certain(session, ids=Ids(), now=SystemClock().now())
    return await three_way(session, since=BEGUN, until=date(2027, 1, 1), due=date(2026, 12, 31))


def run(url: str, lines: int) -> Run:
    """Matches twice, in this process. What is found is what was planted."""
    return asyncio.run(_run(url, lines))


async def _run(url: str, lines: int) -> Run:
    db, took = Database(url), list[float]()
    async with db.reading() as session:
        await session.execute(text("SELECT 1"))
    idle = resident_mb([os.getpid()])
    peak_mb(anew=True)
    for _time in range(2):
        begun = time.perf_counter()
        async with db.unit_of_work() as session:
            found = await match(session)
        took.append(time.perf_counter() - begun)
    peak = peak_mb()
    await db.close()
    expected = planted(lines)
    assert (found.payouts, found.payouts - found.agreeing) == (lines // IN_PAYOUT, expected), "not what was planted"
    told = (
        f"{found.lines:,} lines in {found.payouts:,} payouts, {found.agreeing:,} agree, {expected:,} do not, as planted"
    )
    return Run(took[0], took[1], idle, peak, told)


def planted(lines: int) -> int:
    """How many payouts do not agree."""
    return sum(
        number % LACKS_LINE == 5 or number % LACKS_POSTING == 3 or number % LACKS_BANK == 7
        for number in range(lines // IN_PAYOUT)
    )


def measure(kept: Shelf, lines: int) -> Run:
    """The median of a few runs, each on a copy of its own and in a process of its own; of a million lines one."""
    runs: list[Run] = []
    for _round in range(ROUNDS if lines < SIZES[-1] else 1):
        with kept.copy(lines) as url:
            runs.append(elsewhere(run, url, lines))
    first, again, idle, peak = (
        statistics.median(getattr(each, name) for each in runs) for name in ("first", "again", "idle", "peak")
    )
    print(runs[0].told)
    print(
        f"{lines:>9,} lines: {first:.2f} s, again with nothing new {again:.2f} s; idle {idle:.0f} MB, most {peak:.0f} MB",
        flush=True,
    )
    return Run(first, again, idle, peak, "")


def held(runs: dict[int, Run]) -> bool:
    """Prints each figure beside its bar, as far as its sizes were run; says whether all are within."""
    small, year, large = (runs.get(size) for size in SIZES)
    bars: list[tuple[str, float, float, str]] = []
    if large:
        bars.append(("1,000,000 lines, end to end", large.first, 10, "s"))
        bars.append(("grown over idle by 1,000,000 lines", large.peak - large.idle, 60, "MB"))
    if large and small:
        bars.append(("memory, 1,000,000 lines over 10,000", large.peak / small.peak, 1.1, "times"))
    if large and year:
        bars.append(("time, 1,000,000 lines over 100,000", large.first / year.first, 12, "times"))
    if year:
        bars.append(("100,000 lines again, nothing new", year.again, 1, "s"))
    for name, figure, bar, unit in bars:
        print(f"{name:<36} {figure:8.2f} {unit:<5}  bar {bar:>4} {unit:<5}  {'pass' if figure <= bar else 'FAIL'}")
    return all(figure <= bar for _name, figure, bar, _unit in bars)


def main() -> None:
    """Runs it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="postgresql")
    parser.add_argument("--lines", type=int, nargs="*", default=SIZES)
    parser.add_argument("--keep", type=Path, help="a folder for the filled databases, some GB")
    asked = parser.parse_args()
    print(f"{machine()}, {asked.database}", flush=True)
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL may run as another user
        with shelf(asked.database, asked.keep or Path(folder), "three_way", fill) as kept:
            is_within = held({lines: measure(kept, lines) for lines in asked.lines})
    if not is_within:
        sys.exit("above the bars")


if __name__ == "__main__":
    main()
