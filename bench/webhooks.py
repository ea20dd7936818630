"""How fast webhooks are taken in: verified, stored durably, answered after the commit.

    .venv/bin/python bench/webhooks.py --database postgresql --seconds 10

The floor is the least code that does the same durable work: a bare ASGI function with an HMAC and one INSERT. Both are
driven in turns in the same run, over 16 kept-alive connections on loopback, every event new.
"""

import argparse
import asyncio
import hashlib
import hmac
import os
import statistics
import time
from functools import partial
from typing import Any

from common import SECRET, Load, cpu_seconds, database, machine, postgres_pids, serving, webhook_request


def product() -> Any:
    """The product's own application: all doors, guards and headers, no background work."""
    from supporters.app import create_app
    from supporters.settings import read_settings

    return create_app(read_settings(), with_worker=False)


def floor() -> Any:
    """Bare ASGI: one HMAC, one INSERT, nothing else."""
    return _FloorPostgres() if os.environ["BENCH_URL"].startswith("postgresql") else _FloorSqlite()


INSERT = """INSERT INTO inbox_event (source, stripe_event_id, livemode, type, occurred_at, received_at, payload, via, state,
run_at, attempts) VALUES ('stripe', {0}, false, 'charge.succeeded', {1}, {1}, {2}, 'webhook', 'received', {1}, 0)
ON CONFLICT DO NOTHING"""


class _Floor:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        header = dict(scope["headers"])[b"stripe-signature"].decode()
        at, _, signature = header.removeprefix("t=").partition(",v1=")
        made = hmac.new(SECRET.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
        assert hmac.compare_digest(made, signature)
        start = body.index(b'"id": "') + 7
        await self.store(body[start : body.index(b'"', start)].decode(), body)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def store(self, event_id: str, body: bytes) -> None:
        raise NotImplementedError


class _FloorPostgres(_Floor):
    def __init__(self) -> None:
        self._pool: Any = None

    async def store(self, event_id: str, body: bytes) -> None:
        import asyncpg

        if self._pool is None:
            address = os.environ["BENCH_URL"].replace("+asyncpg", "")
            self._pool = asyncio.ensure_future(_opened(asyncpg.create_pool(address, min_size=1, max_size=8)))
        pool = await self._pool
        await pool.execute(INSERT.format("$1", "now()", "$2"), event_id, body)


async def _opened(pool: Any) -> Any:
    return await pool


class _FloorSqlite(_Floor):
    def __init__(self) -> None:
        import sqlite3

        self._connection = sqlite3.connect(os.environ["BENCH_URL"].removeprefix("sqlite:///"), isolation_level=None)
        self._connection.executescript("PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")

    async def store(self, event_id: str, body: bytes) -> None:
        self._connection.execute(INSERT.format("?", "datetime('now')", "?"), (event_id, body))


def settings_env(url: str) -> dict[str, str]:
    """What the product is told."""
    return {
        "SUPPORTERS_DATABASE_URL": url,
        "SUPPORTERS_SECRET_KEY": "bench-secret-key-of-more-than-32-characters",
        "SUPPORTERS_STRIPE_SECRET_KEY": "sk_test_sandbox",
        "SUPPORTERS_STRIPE_WEBHOOK_SECRET": SECRET,
        "SUPPORTERS_STRIPE_API_BASE": "http://127.0.0.1:9",  # nobody answers there: Stripe is down, and it must not matter
        "BENCH_URL": url,
    }


def measure(target: str, url: str, *, processes: int, connections: int, seconds: float, run: str) -> dict[str, float]:
    """One run against fresh processes."""
    with serving(f"webhooks:{target}", processes=processes, env=settings_env(url)) as (port, pids):
        _wait(port)
        asyncio.run(Load(port, connections=connections, make=partial(webhook_request, run=f"w{run}")).go(1.0))
        pids = [*pids, *postgres_pids()]
        before = cpu_seconds(pids)
        load = Load(port, connections=connections, make=partial(webhook_request, run=run))
        asyncio.run(load.go(seconds))
        used = cpu_seconds(pids) - before
    count = len(load.latencies)
    return {
        "rate": count / load.seconds,
        "cpu_ms": used / count * 1000,
        "p50": load.percentile(0.5),
        "p99": load.percentile(0.99),
    }


def _wait(port: int) -> None:
    async def once() -> None:
        await Load(port, connections=2, make=partial(webhook_request, run=f"x{time.time_ns()}")).go(0.05)

    deadline = time.monotonic() + 20
    while True:
        try:
            asyncio.run(once())
        except (OSError, asyncio.IncompleteReadError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=["postgresql", "sqlite"], default="postgresql")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--processes", type=int, default=0, help="default: 2 on PostgreSQL, 1 on SQLite")
    told = parser.parse_args()
    processes = told.processes or (2 if told.database == "postgresql" else 1)
    print(machine())
    print(f"{told.database}, durable; {processes} processes, {told.connections} connections, {told.seconds:g} s a run")
    results: dict[str, list[dict[str, float]]] = {"floor": [], "product": []}
    with database(told.database) as url:
        for number in range(told.rounds):
            for target, found in results.items():
                found.append(
                    measure(
                        target,
                        url,
                        processes=processes,
                        connections=told.connections,
                        seconds=told.seconds,
                        run=f"{target[0]}{number}",
                    )
                )
    print(f"{'median of ' + str(told.rounds):<14}{'events/s':>10}{'CPU ms/event':>14}{'p50 ms':>9}{'p99 ms':>9}")
    for target, found in results.items():
        middle = {name: statistics.median(one[name] for one in found) for name in found[0]}
        print(f"{target:<14}{middle['rate']:>10.0f}{middle['cpu_ms']:>14.3f}{middle['p50']:>9.1f}{middle['p99']:>9.1f}")


if __name__ == "__main__":
    main()
