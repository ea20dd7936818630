"""GET /p/v1/article-foot.json: rate beside a bare handler of the same bytes, p99 at 32 connections, rebuilds in a stampede.

.venv/bin/python bench/prompt_files.py --seconds 4
"""

import argparse
import asyncio
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

from common import Load, cpu_seconds, database, free_port, machine, serving
from give_page import fetch, until_served
from webhooks import settings_env

PATH = "/p/v1/article-foot.json"
GET = f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n\r\n".encode()
CONNECTIONS = 32


def product() -> Any:
    """The product's own application: all doors, guards and headers, no background work."""
    from supporters.app import web_only

    return web_only()


def floor() -> Any:
    """A bare ASGI handler that sends the same bytes with the headers that a cache needs: the least that it can cost."""
    body = Path(os.environ["BENCH_BODY"]).read_bytes()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"content-encoding", b"gzip"),
        (b"etag", b'"0123456789"'),
        (b"cache-control", b"public, max-age=60, stale-while-revalidate=600"),
    ]

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


async def seed(url: str) -> None:
    """The general appeal and the usual places are published."""
    from supporters.appeals.actions import ensure_general
    from supporters.kit.clock import SystemClock
    from supporters.kit.db import Database
    from supporters.kit.ids import Ids
    from supporters.prompts.placements import ensure_placements
    from supporters.settings import read_settings
    from supporters.web.common.publishing import publish_all

    db, ids, now = Database(url), Ids(), SystemClock().now()
    async with db.unit_of_work() as session:
        await ensure_general(session, currency="GBP", ids=ids, now=now)
        await ensure_placements(session, now=now)
        await publish_all(session, settings=read_settings(settings_env(url)), ids=ids, now=now)
    await db.close()


async def rebuilds(url: str) -> int:
    """How often the database is asked when 500 ask at once, just after a change."""
    from supporters.kit.clock import SystemClock
    from supporters.kit.db import Database
    from supporters.prompts.files import published_prompt
    from supporters.web.common.cache import Cached

    db, asked = Database(url), 0

    async def load(placement: str) -> Any:
        nonlocal asked
        asked += 1
        async with db.reading() as session:
            return await published_prompt(session, placement)

    cache = Cached(load, SystemClock())
    await cache.get("article-foot")
    cache.forget()
    asked = 0
    await asyncio.gather(*(cache.get("article-foot") for _ in range(500)))
    await db.close()
    return asked


def measure(port: int, pids: list[int], seconds: float) -> tuple[float, float, float, float]:
    """Rate, CPU ms each, p50 and p99 in ms."""
    before = cpu_seconds(pids)
    load = Load(port, connections=CONNECTIONS, make=lambda _number: GET)
    asyncio.run(load.go(seconds))
    used = (cpu_seconds(pids) - before) * 1000 / len(load.latencies)
    return load.rate, used, load.percentile(0.5), load.percentile(0.99)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    print(machine())
    with database("sqlite") as url, tempfile.TemporaryDirectory() as name:
        asyncio.run(seed(url))
        body = Path(name) / "body"
        env = {**settings_env(url), "BENCH_BODY": str(body), "SUPPORTERS_DATA_DIR": name}
        env["SUPPORTERS_BASE_URL"] = f"http://127.0.0.1:{free_port()}"
        with serving("prompt_files:product", processes=1, env=env) as (port, pids):
            until_served(f"http://127.0.0.1:{port}{PATH}")
            plain, sent = fetch(f"http://127.0.0.1:{port}{PATH}")
            body.write_bytes(b"x" * sent)
            print(f"{PATH}: {len(plain):,} bytes, {sent:,} as gzip")
            with serving("prompt_files:floor", processes=1, env=env) as (floor_port, floor_pids):
                until_connected(floor_port)
                runs = [
                    (measure(port, pids, told.seconds), measure(floor_port, floor_pids, told.seconds))
                    for _ in range(told.rounds)
                ]
        stampede = asyncio.run(rebuilds(url))
    print(f"{'median of ' + str(told.rounds):<14}{'files/s':>10}{'CPU ms/file':>14}{'p50 ms':>9}{'p99 ms':>9}")
    for which, target in enumerate(("product", "floor")):
        middle = [statistics.median(run[which][part] for run in runs) for part in range(4)]
        print(f"{target:<14}{middle[0]:>10.0f}{middle[1]:>14.3f}{middle[2]:>9.1f}{middle[3]:>9.1f}")
    ratio = statistics.median(run[0][0] / run[1][0] for run in runs)
    print(f"rate of the product / rate of the floor: {ratio:.2f}")
    print(f"database reads when 500 ask at once after a change: {stampede}")


def until_connected(port: int) -> None:
    """Returns once the floor takes connections; what it sends is no real gzip, so it is not read here."""
    import socket
    import time

    for _ in range(400):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return


if __name__ == "__main__":
    main()
