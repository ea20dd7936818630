"""How fast the inbox is applied: state, supporter, receipt, letter, all committed. One worker.

    .venv/bin/python bench/apply.py --database postgresql --donations 2000

For each donation the inbox holds what Stripe sends for it: six events, of which three say something new. The floor is the
least SQL that stores the same rows (event handled, donation paid, receipt, letter), many in one transaction.
"""

import argparse
import asyncio
import json
import time
from typing import Any

import common
from common import database, machine
from sqlalchemy import func, insert, select, text

from supporters import events
from supporters.appeals.actions import ensure_general
from supporters.appeals.models import Appeal, Attribution
from supporters.donations.models import Checkout, Donation, DonationState, Frequency, Kind
from supporters.guard.limits import Limits
from supporters.kit.clock import SystemClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.kit.signing import Signer
from supporters.mail.models import Letter
from supporters.payments import inbox
from supporters.payments.models import InboxEvent
from supporters.payments.wire import read_event
from supporters.receipts.models import Receipt
from supporters.settings import read_settings

ENV = {
    "SUPPORTERS_SECRET_KEY": "bench-secret-key-of-more-than-32-characters",
    "SUPPORTERS_STRIPE_SECRET_KEY": "sk_test_sandbox",
    "SUPPORTERS_STRIPE_WEBHOOK_SECRET": "whsec_bench",
}
COPIES = ("receipt_copy", "letter_copy")
SETTLED = {"balance_transaction": "txn_1"}


def stripe_events(number: int) -> list[bytes]:
    """What Stripe sends for one donation, in its usual order."""
    intent = {"id": f"pi_{number}", "object": "payment_intent", "status": "succeeded"}
    charge = json.loads(common.event_body(number))["data"]["object"] | {
        "id": f"ch_{number}",
        "payment_intent": f"pi_{number}",
    }
    session = {
        "id": f"cs_test_{number}",
        "object": "checkout.session",
        "status": "complete",
        "payment_status": "paid",
        "livemode": False,
        "amount_total": 2500,
        "currency": "gbp",
        "payment_intent": f"pi_{number}",
        "expires_at": 1795340162,
    }
    told = [
        ("payment_intent.created", intent),
        ("charge.succeeded", charge | {"balance_transaction": None}),
        ("payment_intent.succeeded", intent),
        ("checkout.session.completed", session),
        ("charge.updated", charge | SETTLED),
        ("customer.updated", {"id": f"cus_{number}", "object": "customer"}),
    ]
    return [_event(f"evt_{number}_{place}", kind, thing) for place, (kind, thing) in enumerate(told)]


def _event(event_id: str, kind: str, thing: dict[str, Any]) -> bytes:
    made = {
        "id": event_id,
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": int(time.time()),
        "data": {"object": thing},
        "livemode": False,
        "type": kind,
    }
    return json.dumps(made).encode()


async def fill(db: Database, count: int, *, ids: Ids, first: int = 0) -> None:
    """`count` attempts with an open page each, numbered from `first`, and all that Stripe says about them."""
    now = SystemClock().now()
    async with db.unit_of_work() as session:
        await ensure_general(session, currency="GBP", ids=ids, now=now)
    async with db.unit_of_work() as session:
        appeal = (await session.scalars(select(Appeal))).one()
        origin = ids.ulid()
        await session.execute(insert(Attribution).values(id=origin, utm={}, is_claimed=True, created_at=now))
        donations = [_attempt(number, appeal, origin, ids=ids, now=now) for number in range(first, first + count)]
        await session.execute(insert(Donation), donations)
        pages = [_page(first + place, row, ids=ids) for place, row in enumerate(donations)]
        await session.execute(insert(Checkout), pages)
    for start in range(first, first + count, 30):
        bodies = [body for number in range(start, min(start + 30, first + count)) for body in stripe_events(number)]
        rows = [inbox.row_of(read_event(body), via=inbox.WEBHOOK, now=now) for body in bodies]
        await db.accept(inbox.accept_statement(is_sqlite=db.is_sqlite), rows)


def _attempt(number: int, appeal: Appeal, origin: str, *, ids: Ids, now: Any) -> dict[str, Any]:
    made = {
        "id": ids.ulid(),
        "reference": ids.reference("D"),
        "attempt_id": ids.ulid(),
        "content_digest": "0" * 64,
        "revision": 1,
        "kind": Kind.DONATION,
        "frequency": Frequency.ONCE,
        "state": DonationState.STARTED,
        "amount_minor": 2500,
        "refunded_minor": 0,
        "currency": "GBP",
        "fund_id": appeal.fund_id,
        "appeal_id": appeal.id,
        "attribution_id": origin,
        "email": f"reader{number}@example.org",
        "name": "Ben Okafor",
        "wants_newsletter": False,
        "is_suspicious": False,
        "locale": "en_GB",
        "livemode": False,
        "created_at": now,
        "updated_at": now,
    }
    return made | ({"network_digest": "0" * 43} if "network_digest" in Donation.__table__.columns else {})


def _page(number: int, donation: dict[str, Any], *, ids: Ids) -> dict[str, Any]:
    return {
        "id": ids.ulid(),
        "donation_id": donation["id"],
        "revision": 1,
        "amount_minor": 2500,
        "currency": "GBP",
        "idempotency_key": f"v1:checkout:{donation['id']}:1",
        "stripe_session_id": f"cs_test_{number}",
        "url": "http://127.0.0.1/",
        "is_over": False,
        "expires_at": donation["created_at"],
        "created_at": donation["created_at"],
    }


async def apply_all(db: Database, *, ids: Ids, limit: int) -> tuple[int, float, float]:
    """The inbox is applied to its end; gives events, seconds, and CPU seconds of this process."""
    settings = read_settings(ENV)
    limits = Limits(Signer(settings.secret_key, "limits"))
    context = events.Context(settings, SystemClock(), ids, limits)
    total, started, cpu = 0, time.perf_counter(), time.process_time()
    while count := await events.apply_batch(db, context, limit=limit):
        total += count
    return total, time.perf_counter() - started, time.process_time() - cpu


async def check(db: Database, count: int) -> None:
    """Every donation is paid once. Raises AssertionError."""
    async with db.reading() as session:
        for table in (Receipt, Letter):
            assert await session.scalar(select(func.count()).select_from(table)) == count
        paid = select(func.count()).where(Donation.state == DonationState.PAID, Donation.stripe_charge_id.is_not(None))
        assert await session.scalar(paid) == count
        open_events = select(func.count()).where(InboxEvent.state != "handled")
        assert await session.scalar(open_events) == 0


async def floor(db: Database, count: int, *, per_transaction: int) -> float:
    """Seconds for the least SQL that stores the same: 4 writes for each donation, one for each other event."""
    started = time.perf_counter()
    for start in range(0, count, per_transaction):
        async with db.engine.begin() as connection:
            for number in range(start, min(start + per_transaction, count)):
                for place in range(6):
                    done = "UPDATE inbox_event SET state = 'handled' WHERE source = 'stripe' AND stripe_event_id = :key"
                    await connection.execute(text(done), {"key": f"evt_{number}_{place}"})
                paid = "UPDATE donation SET state = 'processing' WHERE reference = (SELECT :key)"
                await connection.execute(text(paid), {"key": str(number)})
                row = {"key": str(number), "body": "x" * 600}
                for table in COPIES:
                    await connection.execute(text(f"INSERT INTO {table} VALUES (:key, :body)"), row)
    return time.perf_counter() - started


async def run(url: str, told: argparse.Namespace) -> None:
    db = Database(url)
    ids = Ids()
    await fill(db, told.donations, ids=ids)
    total, seconds, cpu = await apply_all(db, ids=ids, limit=told.batch)
    await check(db, told.donations)
    async with db.engine.begin() as connection:
        for table in COPIES:
            await connection.execute(text(f"CREATE TABLE {table} (id VARCHAR(30) PRIMARY KEY, body TEXT)"))
    least = await floor(db, told.donations, per_transaction=max(told.batch // 6, 1))
    print(f"product  {total / seconds:8.0f} events/s  {told.donations / seconds:7.0f} donations/s  "
          f"{cpu / total * 1000:.2f} ms CPU of the worker per event")  # fmt: skip
    print(f"floor    {total / least:8.0f} events/s")
    await db.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=["postgresql", "sqlite"], default="postgresql")
    parser.add_argument("--donations", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=100)
    told = parser.parse_args()
    print(machine())
    print(
        f"{told.database}, durable; {told.donations} donations with 6 events each, {told.batch} events a transaction, 1 worker"
    )
    with database(told.database) as url:
        asyncio.run(run(url, told))


if __name__ == "__main__":
    main()
