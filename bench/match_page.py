"""The desk's pages of matching with a year in the database: server time of each whole page.

    .venv/bin/python bench/match_page.py --database postgresql

10,000 bank lines, of which 200 are open; 260 payouts, of which 20 have not been found in the bank; 50,000 lines of Stripe's
balance. Some open lines are certain, some likely, merged or split, most are unknown credits. Ends with 1 above the bar.
"""

import argparse
import asyncio
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any

import desk_plans
import httpx
from common import database, machine
from desk_plans import EMAIL, ENV, PASSWORD, measure
from sqlalchemy import insert, text

from supporters.app import create_app
from supporters.kit.clock import SystemClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.payments.models import BalanceTransaction
from supporters.reconciliation.automatic import match_certain
from supporters.reconciliation.models import MatchRule
from supporters.settings import read_settings
from supporters.staff.actions import add_staff

LIMIT_MS, AT_ONCE = 50, 1_000
LINES, OPEN, PAYOUTS, LATE, BALANCE_LINES = 10_000, 200, 260, 20, 50_000
BEGUN = date(2026, 1, 2)
Row = dict[str, Any]


def payout_of(number: int) -> Row:
    """A payout of a working day; the last ones are on their way, and Stripe gives no reference for half of those."""
    import arrivals

    on = BEGUN + timedelta(days=number * 7 // 5)
    is_late = number >= PAYOUTS - LATE
    trace = None if is_late and number % 2 else arrivals.trace_of(number)
    return arrivals.payout_row(number, arrival_on=on, amount_minor=50_000 + number * 137, trace_id=trace)


def line_of(number: int) -> Row:
    """First the lines of payouts that were found, then those that stay open, then everything that was set aside."""
    import arrivals

    found, left = PAYOUTS - LATE, PAYOUTS - LATE + OPEN
    if number < found:
        payout = payout_of(number)
        return arrivals.bank_line_row(number, booked_on=payout["arrival_on"], amount_minor=payout["amount_minor"])
    if number < left:
        return open_line(number, number - found)
    aside = {"state": "set_aside", "state_note": None, "is_kept_whole": False, "counterparty": "", "text": ""}
    on = BEGUN + timedelta(days=number % 360)
    return arrivals.bank_line_row(number, booked_on=on, amount_minor=-1_000 - number, **aside)


def open_line(number: int, place: int) -> Row:
    """Of the lines that stay open, twelve are late payouts, four come two and two in one, the rest nobody knows."""
    import arrivals

    late = PAYOUTS - LATE + place
    if place < LATE - 4:
        payout, words = payout_of(late), {"text": "STRIPE PAYOUT"}
        return arrivals.bank_line_row(
            number, booked_on=payout["arrival_on"], amount_minor=payout["amount_minor"], **words
        )
    if place < LATE - 2:
        one, other = payout_of(late), payout_of(late + 2)
        both, words = one["amount_minor"] + other["amount_minor"], {"text": "STRIPE PAYOUT"}
        return arrivals.bank_line_row(number, booked_on=other["arrival_on"], amount_minor=both, **words)
    giver = {"counterparty": f"READER {place}", "text": f"FASTER PAYMENT {place} thank you"}
    on = BEGUN + timedelta(days=place * 9 // 5)
    return arrivals.bank_line_row(number, booked_on=on, amount_minor=1_000 + place % 37 * 500, **giver)


async def fill(db: Database) -> None:
    """A year of it, and somebody to look at it."""
    import arrivals
    import books

    now = SystemClock().now()
    async with db.unit_of_work() as session:
        await add_staff(session, EMAIL, "Bench", "finance", PASSWORD, ids=Ids(), now=now)
        await arrivals.found_bank(session)
        await arrivals.arrive(session, [payout_of(number) for number in range(PAYOUTS)], [])
        rule = {"id": "7" * 26, "kind": "alias", "words": "STRIPE PAYMENTS UK LTD", "target": "", "state": "proposed"}
        session.add(MatchRule(**rule, learnt_from=3, made_at=now))
    for first in range(0, LINES, AT_ONCE):
        async with db.unit_of_work() as session:
            await arrivals.arrive(session, [], [line_of(number) for number in range(first, first + AT_ONCE)])
    for first in range(0, BALANCE_LINES, AT_ONCE):
        async with db.unit_of_work() as session:
            rows = [books.line_row(number, posted_at=now) for number in range(first, first + AT_ONCE)]
            await session.execute(insert(BalanceTransaction), rows)
    async with db.unit_of_work() as session:
        matched = await match_certain(session, ids=Ids(), now=datetime.now(UTC))
    print(f"{matched} lines matched by the house")
    await db.keep_statistics()  # as every night
    if not db.is_sqlite:
        async with db.engine.connect() as connection:
            alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await alone.execute(text("VACUUM (ANALYZE)"))


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
        first, unknown = PAYOUTS - LATE, PAYOUTS - LATE + OPEN - 1
        pages = (
            "/desk/you", "/desk/match", "/desk/match?page=4", "/desk/match?q=reader", "/desk/match?from=2026-06-01",
            f"/desk/match/{arrivals.bank_line_id(first)}", f"/desk/match/{arrivals.bank_line_id(unknown)}",
            f"/desk/match/{arrivals.bank_line_id(3)}", "/desk/match/certain", "/desk/match/history", "/desk/match/rules",
        )  # fmt: skip
        slow = [path for path in pages if await measure(client, path)]
    await db.close()
    if slow:
        sys.exit(f"above {LIMIT_MS} ms: {', '.join(slow)}")


def main() -> None:
    """Runs it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="postgresql")
    asked = parser.parse_args()
    held = f"{LINES} bank lines, {OPEN} open, {PAYOUTS} payouts, {BALANCE_LINES} lines of Stripe's balance"
    print(f"{machine()}, {asked.database}, {held}")
    with database(asked.database) as url:
        asyncio.run(run(url))


if __name__ == "__main__":
    main()
