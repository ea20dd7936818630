"""GET /me with many plans in the database: server time of the whole page, beside the sign-in page, which asks for no rows.

    .venv/bin/python bench/me.py --database postgresql --plans 10000

Every supporter has one plan with twelve payments and receipts. Each request is another supporter's, with a session of theirs.
"""

import argparse
import asyncio
import statistics
import sys
import time
from datetime import timedelta
from typing import Any

import httpx
from common import database, machine
from sqlalchemy import insert, select, text

from supporters.app import create_app
from supporters.appeals.actions import ensure_general
from supporters.appeals.models import Appeal, Attribution
from supporters.donations.models import Donation
from supporters.kit.clock import SystemClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.people.models import EmailAddress, Supporter
from supporters.people.sessions import open_session
from supporters.plans.models import Instalment, Plan
from supporters.receipts.models import Receipt
from supporters.settings import read_settings

ENV = {
    "SUPPORTERS_SECRET_KEY": "bench-secret-key-of-more-than-32-characters",
    "SUPPORTERS_STRIPE_SECRET_KEY": "sk_test_sandbox",
    "SUPPORTERS_STRIPE_WEBHOOK_SECRET": "whsec_bench",
}
PAYMENTS, AT_ONCE, REQUESTS, LIMIT_MS = 12, 500, 300, 100


def rows_of(number: int, shared: dict[str, Any]) -> dict[Any, list[dict[str, Any]]]:
    """One supporter with a plan and its payments, by table."""
    now = shared["created_at"]
    person, plan = f"S{number:025d}", f"P{number:025d}"
    mine = shared | {"supporter_id": person}
    given = [_donation(number, month, mine, now - timedelta(days=30 * month)) for month in range(PAYMENTS)]
    address = {"id": person, "supporter_id": person, "created_at": now}
    email = f"reader{number}@example.org"
    promise = mine | {
        "id": plan, "reference": f"P-{number:08d}", "first_donation_id": given[-1]["id"], "tax_code": "txcd_00000000",
        "method": "card", "method_last4": "4242", "is_updated_by_network": False, "state": "active", "receipts": "each",
        "stripe_subscription_id": f"sub_{number}", "started_at": given[-1]["paid_at"], "next_at": now, "tries": 0,
        "needs_action": False, "revision": 1,
    }  # fmt: skip
    return {
        Supporter: [{"id": person, "name": f"Reader {number}", "created_at": now}],
        EmailAddress: [address | {"address": email, "normalised": email}],
        Donation: given,
        Plan: [promise],
        Instalment: [
            {"donation_id": each["id"], "plan_id": plan, "stripe_invoice_id": f"in_{each['id']}", "created_at": now}
            for each in given
        ],
        Receipt: [_receipt(number * PAYMENTS + month + 1, each) for month, each in enumerate(given)],
    }


def _donation(number: int, month: int, shared: dict[str, Any], paid_at: Any) -> dict[str, Any]:
    key = f"{number:020d}{month:05d}"
    return shared | {
        "id": f"D{key}", "reference": f"D{number:08d}{month:02d}", "attempt_id": f"A{key}", "content_digest": "0" * 64,
        "revision": 1, "state": "paid", "refunded_minor": 0, "email": f"reader{number}@example.org", "name": "Reader",
        "wants_newsletter": False, "is_suspicious": False, "card_last4": "4242", "paid_at": paid_at,
    }  # fmt: skip


def _receipt(sequence: int, donation: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"R{donation['id'][1:]}", "donation_id": donation["id"], "year": 2026, "sequence": sequence,
        "number": f"R-2026-{sequence:07d}", "email": donation["email"], "name": "Reader", "amount_minor": 1000,
        "currency": "GBP", "issued_at": donation["paid_at"],
    }  # fmt: skip


async def fill(db: Database, count: int, *, ids: Ids) -> None:
    """`count` supporters with a plan each."""
    now = SystemClock().now()
    async with db.unit_of_work() as session:
        await ensure_general(session, currency="GBP", ids=ids, now=now)
        appeal = (await session.scalars(select(Appeal))).one()
        await session.execute(insert(Attribution).values(id="T" * 26, utm={}, is_claimed=True, created_at=now))
    shared = {
        "fund_id": appeal.fund_id, "appeal_id": appeal.id, "attribution_id": "T" * 26, "livemode": False, "locale": "en_GB",
        "currency": "GBP", "frequency": "monthly", "amount_minor": 1000, "kind": "donation", "created_at": now,
        "updated_at": now,
    }  # fmt: skip
    for first in range(0, count, AT_ONCE):
        async with db.unit_of_work() as session:
            batch = [rows_of(number, shared) for number in range(first, min(first + AT_ONCE, count))]
            for table in batch[0]:
                await session.execute(insert(table), [row for each in batch for row in each[table]])
    await db.keep_statistics()  # as every night
    if not db.is_sqlite:
        async with db.engine.connect() as connection:
            alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await alone.execute(text("VACUUM (ANALYZE)"))  # as PostgreSQL does by itself


async def sign_in(db: Database, numbers: list[int], *, ids: Ids) -> list[str]:
    """The token of a session for each of these supporters."""
    async with db.unit_of_work() as session:
        return [
            await open_session(
                session, supporter_id=f"S{each:025d}", address_id=f"S{each:025d}", ids=ids, now=SystemClock().now()
            )
            for each in numbers
        ]


async def measure(app: Any, base_url: str, path: str, tokens: list[str]) -> list[tuple[float, float]]:
    """Milliseconds of each request, of the wall and of the processor, one after the other, through the application."""
    took: list[tuple[float, float]] = []
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=base_url) as client:
        for token in tokens:
            begun, worked = time.perf_counter(), time.process_time()
            answer = await client.get(path, headers={"cookie": f"me={token}"} if token else {})
            took.append(((time.perf_counter() - begun) * 1000, (time.process_time() - worked) * 1000))
            assert answer.status_code == 200, answer.status_code
    return took[len(took) // 10 :]  # the first compile templates and open connections


def told(name: str, took: list[tuple[float, float]]) -> float:
    """One line of figures. Returns the processor's p99: other work on the machine does not show in it."""
    p99 = 0.0
    for what, several in (("wall", [each[0] for each in took]), ("processor", [each[1] for each in took])):
        p99 = sorted(several)[len(several) * 99 // 100]
        print(f"{name:9} {what:9} median {statistics.median(several):6.1f} ms   p99 {p99:6.1f} ms   bar {LIMIT_MS} ms")
    return p99


async def run(url: str, plans: int) -> None:
    """Fills, measures, prints; fails above the required figure: the wall's median, and the processor's p99."""
    ids = Ids()
    settings = read_settings({**ENV, "SUPPORTERS_DATABASE_URL": url})
    db = Database(url)
    await fill(db, plans, ids=ids)
    tokens = await sign_in(db, [number * 37 % plans for number in range(min(REQUESTS, plans))], ids=ids)
    app = create_app(settings, with_worker=False)
    floor = await measure(app, settings.base_url, "/sign-in", [""] * len(tokens))
    took = await measure(app, settings.base_url, "/me", tokens)
    await db.close()
    told("/sign-in", floor)
    slowest = max(told("/me", took), statistics.median(each[0] for each in took))
    if slowest > LIMIT_MS:
        sys.exit(f"above {LIMIT_MS} ms")


def main() -> None:
    """Runs it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="postgresql")
    parser.add_argument("--plans", type=int, default=10_000)
    asked = parser.parse_args()
    print(f"{machine()}, {asked.database}, {asked.plans} plans with {PAYMENTS} payments each")
    with database(asked.database) as url:
        asyncio.run(run(url, asked.plans))


if __name__ == "__main__":
    main()
