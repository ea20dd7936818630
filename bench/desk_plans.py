"""The desk's pages about plans with many of them in the database: server time of each whole page.

    .venv/bin/python bench/desk_plans.py --database postgresql --plans 10000 --payments 3

Every supporter has one plan; every payment is settled and in the ledger; some plans fail, pause or have stopped.
"""

import argparse
import asyncio
import statistics
import time
from datetime import datetime, timedelta
from typing import Any

import httpx
from common import database, machine
from sqlalchemy import insert, text

from supporters.app import create_app
from supporters.donations.models import Donation
from supporters.kit.clock import SystemClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.ledger.models import LedgerEntry, LedgerTransaction
from supporters.payments.models import BalanceTransaction
from supporters.people.models import EmailAddress, Supporter
from supporters.plans.models import Instalment, Plan
from supporters.settings import read_settings
from supporters.staff.actions import add_staff

ENV = {
    "SUPPORTERS_SECRET_KEY": "bench-secret-key-of-more-than-32-characters",
    "SUPPORTERS_STRIPE_SECRET_KEY": "sk_test_sandbox",
    "SUPPORTERS_STRIPE_WEBHOOK_SECRET": "whsec_bench",
}
EMAIL, PASSWORD = "bench@paper.example", "a long enough password"
AT_ONCE, ROUNDS, LIMIT_MS, A_MONTH = 500, 12, 100, timedelta(days=30)


def state_of(number: int, now: datetime) -> dict[str, Any]:
    """Nine of ten plans are active."""
    failed = {"failed_invoice_id": f"in_f{number}", "failed_at": now, "failure_code": "insufficient_funds", "tries": 1}
    stopped = {"state": "stopped", "stopped_at": now, "stop_reason": "supporter"}
    paused = {"state": "paused", "paused_until": now + A_MONTH}
    return {0: {"state": "failing", **failed}, 1: stopped, 2: paused}.get(number % 30, {})


def rows_of(number: int, payments: int, now: datetime) -> list[tuple[Any, list[dict[str, Any]]]]:
    """One supporter with a plan and its payments, by table, in the order in which they can be stored."""
    import promises

    person, email = f"S{number:025d}", f"reader{number}@example.org"
    begun = now - A_MONTH * (payments - 1) - timedelta(hours=number % 600)
    paid = [
        promises.payment_row(number, nth, begun + A_MONTH * nth) | {"supporter_id": person} for nth in range(payments)
    ]
    settled = [promises.settled_rows(number, nth) for nth in range(payments)]
    promise = promises.plan_row(number, supporter_id=person, started_at=begun, next_at=now + A_MONTH)
    owned = {"id": person, "supporter_id": person, "address": email, "normalised": email, "created_at": now}
    return [
        (Supporter, [{"id": person, "name": f"Reader {number}", "created_at": now}]),
        (EmailAddress, [owned]),
        (Donation, paid),
        (Plan, [promise | state_of(number, now)]),
        (Instalment, [promises.instalment_row(number, nth) for nth in range(payments)]),
        (BalanceTransaction, [line for line, _booked, _entries in settled]),
        (LedgerEntry, [entry for _line, _booked, entries in settled for entry in entries]),
        (LedgerTransaction, [booked for _line, booked, _entries in settled]),
    ]


async def fill(db: Database, plans: int, payments: int) -> None:
    """So many plans with so many payments each, and somebody to look at them."""
    import books

    now = SystemClock().now()
    async with db.unit_of_work() as session:
        await books.found(session)
        await add_staff(session, EMAIL, "Bench", "support", PASSWORD, ids=Ids(), now=now)
    for first in range(1, plans + 1, AT_ONCE):
        batch = [rows_of(number, payments, now) for number in range(first, min(first + AT_ONCE, plans + 1))]
        async with db.unit_of_work() as session:
            for place, (table, _rows) in enumerate(batch[0]):
                await session.execute(insert(table), [row for each in batch for row in each[place][1]])
        print(f"\r{min(first + AT_ONCE - 1, plans)} plans", end="", flush=True)
    print()
    async with db.engine.begin() as connection:
        await connection.execute(text("ANALYZE"))


async def measure(client: httpx.AsyncClient, path: str) -> float:
    """The median of some requests in milliseconds of the processor, one after the other. Prints it, and that of the wall.

    Other work on the machine does not show in the processor's time; with PostgreSQL, the wall's is what counts.
    """
    took: list[tuple[float, float]] = []
    for _round in range(ROUNDS):
        begun, worked = time.perf_counter(), time.process_time()
        answer = await client.get(path)
        took.append(((time.process_time() - worked) * 1000, (time.perf_counter() - begun) * 1000))
        assert answer.status_code == 200, (path, answer.status_code)
    processor, wall = (statistics.median(each[place] for each in took[2:]) for place in (0, 1))
    print(f"{path:44} processor {processor:6.1f} ms   wall {wall:6.1f} ms")
    return processor


async def run(url: str, plans: int, payments: int) -> None:
    """Fills, measures, prints; fails above the required figure."""
    import promises
    from whole import hidden_fields

    settings = read_settings({**ENV, "SUPPORTERS_DATABASE_URL": url})
    db = Database(url)
    await fill(db, plans, payments)
    app = create_app(settings, with_worker=False)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url=settings.base_url, headers={"sec-fetch-site": "same-origin"}
    ) as client:
        fields = hidden_fields((await client.get("/desk/sign-in")).text)
        signed = await client.post("/desk/sign-in", data={**fields, "email": EMAIL, "password": PASSWORD})
        assert signed.status_code == 303, signed.status_code
        pages = ("/desk/you", "/desk/plans", "/desk/plans?q=reader42", f"/desk/plans/{promises.plan_id(plans // 2)}",
                 "/desk/failed-payments", "/desk/base", "/desk/income", "/desk")  # fmt: skip
        slow = [path for path in pages if await measure(client, path) > LIMIT_MS]
    await db.close()
    assert not slow, f"above {LIMIT_MS} ms: {', '.join(slow)}"


def main() -> None:
    """Runs it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="postgresql")
    parser.add_argument("--plans", type=int, default=10_000)
    parser.add_argument("--payments", type=int, default=3)
    asked = parser.parse_args()
    print(f"{machine()}, {asked.database}, {asked.plans} plans with {asked.payments} payments each")
    with database(asked.database) as url:
        asyncio.run(run(url, asked.plans, asked.payments))


if __name__ == "__main__":
    main()
