"""Lines of Stripe's balance, ledger, payouts and bank lines laid beside each other: seconds, memory, and what is found.

    .venv/bin/python bench/three_way.py --database postgresql --lines 1000000

250 lines a payout. Planted: every 997th payout lacks a line, every 499th a ledger posting, every 251st its bank line. The
time is that of matching the bank lines and of the three ways together; the second run has nothing new. Ends with 1 above
the bars.
"""

import argparse
import asyncio
import os
import sys
import time
from datetime import date, timedelta

from common import database, machine, resident_mb
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.clock import SystemClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.reconciliation.automatic import match_certain
from supporters.reconciliation.three_way import ThreeWay, three_way

IN_PAYOUT, AT_ONCE = 250, 50_000
LACKS_LINE, LACKS_POSTING, LACKS_BANK = 997, 499, 251
SECONDS_PER_MILLION, AGAIN_SECONDS, MOST_MB = 10, 1, 60
BEGUN = date(2026, 1, 1)

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
    at, day = (
        ("TIMESTAMPTZ '2026-01-02 10:00Z'", "DATE '2026-01-02'")
        if kind == "postgresql"
        else ("'2026-01-02 10:00:00'", "'2026-01-02'")
    )
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
        f"SELECT {posted}, 'balance_transaction', {txn}, 'settle', 0, {day}, '2026-01', 'charge', {at} FROM {numbers} "
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
        print(f"\r{low + AT_ONCE:,} lines", end="", flush=True)
    print()
    payouts = [(number, BEGUN + timedelta(days=number % 330), net_of(number)) for number in range(lines // IN_PAYOUT)]
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
    if not db.is_sqlite:
        async with db.engine.connect() as connection:
            alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await alone.execute(text("VACUUM (ANALYZE)"))  # as PostgreSQL does by itself


async def match(session: AsyncSession) -> ThreeWay:
    """Everything: bank lines with payouts, then all sides beside each other."""
    await match_certain(session, ids=Ids(), now=SystemClock().now())
    return await three_way(session, since=BEGUN, until=date(2027, 1, 1), due=date(2026, 12, 31))


async def run(url: str, lines: int) -> bool:
    """Fills, matches twice, prints; says whether it is within the bars."""
    db = Database(url)
    await fill(db, lines)
    idle = resident_mb([os.getpid()])
    took: list[float] = []
    for _time in range(2):
        begun = time.perf_counter()
        async with db.unit_of_work() as session:
            found = await match(session)
        took.append(time.perf_counter() - begun)
    await db.close()
    grown, payouts = resident_mb([os.getpid()]) - idle, range(lines // IN_PAYOUT)
    planted = {
        number
        for number in payouts
        if number % LACKS_LINE == 5 or number % LACKS_POSTING == 3 or number % LACKS_BANK == 7
    }
    print(
        f"{found.lines:,} lines in {found.payouts:,} payouts: {found.agreeing:,} agree, {found.payouts - found.agreeing:,} do not"
    )
    print(f"planted {len(planted):,}; paid out {found.paid_out}, in the bank {found.in_bank}")
    print(f"first time {took[0]:.2f} s, again with nothing new {took[1]:.2f} s; grown by {grown:.0f} MB")
    assert (found.payouts, found.payouts - found.agreeing) == (len(payouts), len(planted)), "not what was planted"
    is_quick = took[0] <= SECONDS_PER_MILLION * max(lines / 1e6, 0.1) and (lines > 100_000 or took[1] <= AGAIN_SECONDS)
    return is_quick and grown <= MOST_MB


def main() -> None:
    """Runs it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="postgresql")
    parser.add_argument("--lines", type=int, default=1_000_000)
    asked = parser.parse_args()
    print(f"{machine()}, {asked.database}")
    with database(asked.database) as url:
        if not asyncio.run(run(url, asked.lines)):
            sys.exit("above the bars")


if __name__ == "__main__":
    main()
