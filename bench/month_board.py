"""The board of months and what hangs on it with a year in the database: server time of each whole page.

    .venv/bin/python bench/month_board.py --database postgresql

100,000 lines of Stripe's balance in 400 payouts, posted and seen in the bank; 10,000 more bank lines; 24,000 donations of
2,000 plans. The bar is the board's; a month and a payout are measured beside it. Ends with 1 above the bar.
"""

import argparse
import asyncio
import sys

import desk_plans
import httpx
import three_way
from common import database, machine
from desk_plans import EMAIL, ENV, PASSWORD, measure
from match_page import line_of

from supporters.app import create_app
from supporters.kit.clock import SystemClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.reconciliation.automatic import match_certain
from supporters.settings import read_settings

LIMIT_MS, AT_ONCE = 100, 1_000
LINES, PLANS, PAYMENTS = 100_000, 2_000, 12
BANK_LINES = range(1_000, 11_000)  # of no payout: those before them are the payouts' own


async def fill(db: Database) -> None:
    """A year of it, and somebody to look at it."""
    import arrivals

    await three_way.fill(db, LINES)
    for first in BANK_LINES[::AT_ONCE]:
        async with db.unit_of_work() as session:
            await arrivals.arrive(session, [], [line_of(number) for number in range(first, first + AT_ONCE)])
    async with db.unit_of_work() as session:
        matched = await match_certain(session, ids=Ids(), now=SystemClock().now())
    print(f"{matched} payouts found in the bank")
    await desk_plans.fill(db, PLANS, PAYMENTS)


async def run(url: str) -> None:
    """Fills, measures, prints; fails above the required figure."""
    import arrivals
    from whole import hidden_fields

    settings = read_settings({**ENV, "SUPPORTERS_DATABASE_URL": url})
    db = Database(url)
    await fill(db)
    desk_plans.LIMIT_MS = LIMIT_MS
    app = create_app(settings, with_worker=False)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url=settings.base_url, headers={"sec-fetch-site": "same-origin"}
    ) as client:
        fields = hidden_fields((await client.get("/desk/sign-in")).text)
        signed = await client.post("/desk/sign-in", data={**fields, "email": EMAIL, "password": PASSWORD})
        assert signed.status_code == 303, signed.status_code
        is_slow = await measure(client, "/desk/months")
        beside = ("/desk/you", "/desk/payouts", f"/desk/payouts/{arrivals.payout_id(17)}", "/desk/months/2026-01")
        for path in beside:
            await measure(client, path, has_bar=False)
    await db.close()
    if is_slow:
        sys.exit(f"above {LIMIT_MS} ms")


def main() -> None:
    """Runs it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="postgresql")
    asked = parser.parse_args()
    print(f"{machine()}, {asked.database}, {LINES} lines of Stripe's balance, {PLANS * PAYMENTS} donations")
    with database(asked.database) as url:
        asyncio.run(run(url))


if __name__ == "__main__":
    main()
