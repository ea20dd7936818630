"""Bank lines matched with payouts and posted: lines a second, on both databases, and the same again with nothing to do.

    .venv/bin/python bench/match.py --database postgresql --lines 100000

Nine of ten lines carry Stripe's reference of their payout, one in ten of those with a space in it; the rest are only the
right amount, and are left to people. Ends with 1 below the bar of 10,000 lines a second.
"""

import argparse
import asyncio
import os
import sys
import time
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from common import TICKS, database, machine, postgres_pids, resident_mb
from sqlalchemy import func, select

from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.ledger.models import LedgerEntry
from supporters.reconciliation.automatic import match_certain

BAR, AT_ONCE = 10_000, 2_000
BEGUN = date(2026, 1, 1)
NOW = datetime(2026, 12, 31, tzinfo=UTC)


def payout_of(number: int) -> dict[str, Any]:
    """One payout that has arrived."""
    import arrivals

    on = BEGUN + timedelta(days=number % 360)
    return arrivals.payout_row(number, arrival_on=on, amount_minor=1_000 + number % 50_021)


def line_of(number: int) -> dict[str, Any]:
    """The line of that payout, as a bank may write it."""
    import arrivals

    trace, payout = arrivals.trace_of(number), payout_of(number)
    written = "" if number % 10 == 3 else f"{trace[:5]} {trace[5:]}" if number % 10 == 7 else trace
    on = payout["arrival_on"] + timedelta(days=number % 3)
    return arrivals.bank_line_row(
        number, booked_on=on, amount_minor=payout["amount_minor"], text=f"STRIPE {written} WEEKLY"
    )


async def fill(db: Database, lines: int) -> None:
    """So many payouts, and a statement that shows each."""
    import arrivals

    async with db.unit_of_work() as session:
        await arrivals.found_bank(session)
        for first in range(0, lines, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, lines))
            await arrivals.arrive(session, [payout_of(each) for each in numbers], [line_of(each) for each in numbers])
    await db.keep_statistics()


def processor_seconds() -> float:
    """What this process and the database have used."""
    ticks = 0
    for pid in postgres_pids():
        with suppress(FileNotFoundError):
            ticks += sum(int(each) for each in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15])
    return time.process_time() + ticks / TICKS


async def run(url: str, lines: int) -> bool:
    """Fills, matches, matches again; says whether it was fast enough."""
    db, ids = Database(url), Ids()
    await fill(db, lines)
    idle = resident_mb([os.getpid()])
    begun, worked = time.perf_counter(), processor_seconds()
    async with db.unit_of_work() as session:
        found = await match_certain(session, ids=ids, now=NOW)
    took, worked = time.perf_counter() - begun, processor_seconds() - worked
    begun = time.perf_counter()
    async with db.unit_of_work() as session:
        again = await match_certain(session, ids=ids, now=NOW)
    idle_run = time.perf_counter() - begun
    async with db.reading() as session:
        total = await session.scalar(select(func.sum(LedgerEntry.amount_minor)))
        entries = await session.scalar(select(func.count()).select_from(LedgerEntry))
    await db.close()
    rate, grown = lines / took, resident_mb([os.getpid()]) - idle
    print(f"{lines:,} lines, {found:,} certain, matched and posted in {took:.2f} s, {worked:.2f} s of the processor:")
    print(f"{rate:,.0f} lines a second (bar {BAR:,}); grown by {grown:.0f} MB")
    print(f"again with nothing new: {again} in {idle_run:.2f} s; {entries:,} entries, sum {total}")
    assert (found, again, total, entries) == (lines - lines // 10, 0, 0, 2 * found), "wrong"
    return rate >= BAR


def main() -> None:
    """Runs it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="postgresql")
    parser.add_argument("--lines", type=int, default=100_000)
    asked = parser.parse_args()
    print(f"{machine()}, {asked.database}")
    with database(asked.database) as url:
        if not asyncio.run(run(url, asked.lines)):
            sys.exit(f"below {BAR:,} lines a second")


if __name__ == "__main__":
    main()
