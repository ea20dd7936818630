"""The board of months and what hangs on it with a year in the database: server time of each whole page.

    .venv/bin/python bench/month_board.py --database postgresql --keep /var/tmp/bench

100,000 lines of Stripe's balance in 400 payouts, posted and seen in the bank; 10,000 more bank lines; 24,000 donations of
2,000 plans. The bar is the board's; what hangs on it is measured beside it. With `--keep` the database is filled once.
Ends with 1 above the bar.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

import desk_plans
import three_way
from common import desk_client, keep_house, machine
from desk_plans import EMAIL, ENV, PASSWORD, measure
from kept import shelf
from match_page import line_of

from supporters.kit.clock import SystemClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.reconciliation.automatic import match_certain

LIMIT_MS, AT_ONCE = 100, 1_000
LINES, PLANS, PAYMENTS = 100_000, 2_000, 12
BANK_LINES = range(1_000, 11_000)  # of no payout: those before them are the payouts' own


async def fill(db: Database, lines: int) -> None:
    """A year of it, and somebody to look at it."""
    import arrivals

    await three_way.fill(db, lines)
    for first in BANK_LINES[::AT_ONCE]:
        async with db.unit_of_work() as session:
            await arrivals.arrive(session, [], [line_of(number) for number in range(first, first + AT_ONCE)])
    await keep_house(db)  # the database looks at every pair of rows where it does not know how many there are
    async with db.unit_of_work() as session:
        matched = await match_certain(session, ids=Ids(), now=SystemClock().now())
    print(f"{matched} payouts found in the bank", flush=True)
    await desk_plans.fill(db, PLANS, PAYMENTS)


async def run(url: str) -> bool:
    """Measures, prints; says whether the board is within its bar."""
    import arrivals

    desk_plans.LIMIT_MS = LIMIT_MS
    async with desk_client(url, env=ENV, email=EMAIL, password=PASSWORD) as client:
        is_slow = await measure(client, "/desk/months")
        beside = ("/desk/you", "/desk/payouts", f"/desk/payouts/{arrivals.payout_id(17)}", "/desk/months/2026-01")
        for path in beside:
            await measure(client, path, has_bar=False)
    return not is_slow


def main() -> None:
    """Runs it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="postgresql")
    parser.add_argument("--keep", type=Path, help="a folder for the filled database")
    asked = parser.parse_args()
    print(
        f"{machine()}, {asked.database}, {LINES:,} lines of Stripe's balance, {PLANS * PAYMENTS:,} donations",
        flush=True,
    )
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL may run as another user
        with shelf(asked.database, asked.keep or Path(folder), "month_board", fill) as kept, kept.copy(LINES) as url:
            is_within = asyncio.run(run(url))
    if not is_within:
        sys.exit(f"above {LIMIT_MS} ms")


if __name__ == "__main__":
    main()
