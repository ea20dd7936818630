"""GET /give: size in all, time until ready, rate beside a bare handler that renders a template of that size, memory.

.venv/bin/python bench/give_page.py --seconds 6
"""

import argparse
import asyncio
import gzip
import os
import re
import statistics
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from common import Load, cpu_seconds, database, free_port, machine, resident_mb, serving
from webhooks import settings_env

GET = b"GET /give HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/html\r\n\r\n"


def product() -> Any:
    """The product's own application: all doors, guards and headers, no background work."""
    from supporters.app import web_only

    return web_only()


def floor() -> Any:
    """A bare ASGI handler that renders a template of the page's size: the least that a page can cost."""
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(loader=FileSystemLoader(os.environ["BENCH_FOLDER"]), autoescape=True, auto_reload=False)
    template = environment.get_template("floor.html")
    amounts = [5, 10, 25, 50]

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = template.render(publisher="The Weekly Lamp", amounts=amounts, token="t" * 80).encode()
        headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def write_floor(page: str, folder: Path) -> None:
    """The page as served becomes a template: its text as it is, with loops and values as the page has them."""
    escaped = page.replace("{", "{{ '{' }}")
    loop = "{% for amount in amounts %}<b>{{ amount }}</b>{{ publisher }}{{ token }}{% endfor %}"
    (folder / "floor.html").write_text(escaped.replace("</main>", f"{loop}</main>"))


def fetch(url: str) -> tuple[bytes, int]:
    """The body, and how much goes over the wire to a browser that takes gzip."""
    request = urllib.request.Request(url, headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        sent = answer.read()
        packed = answer.headers.get("content-encoding") == "gzip"
    return (gzip.decompress(sent) if packed else sent), len(sent)


def until_served(url: str) -> None:
    """Returns with the first answer."""
    deadline = time.monotonic() + 20
    while True:
        try:
            fetch(url)
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def say_weight(base: str) -> str:
    """Prints what the page transfers in all; gives the page."""
    page, sent = fetch(f"{base}/give")
    text = page.decode()
    parts = sorted(set(re.findall(r'(?:href|src)="(/assets/[^"]+)"', text)))
    total = sent + sum(fetch(base + part)[1] for part in parts)
    print(f"transfers {total:,} bytes in all: page {sent:,}, {len(parts)} more files, {text.count('<script')} scripts")
    return text


async def seed(url: str) -> None:
    """The general appeal is there, as after every start."""
    from supporters.appeals.actions import ensure_general
    from supporters.kit.clock import SystemClock
    from supporters.kit.db import Database
    from supporters.kit.ids import Ids

    db = Database(url)
    async with db.unit_of_work() as session:
        await ensure_general(session, currency="GBP", ids=Ids(), now=SystemClock().now())
    await db.close()


def measure(port: int, pids: list[int], seconds: float) -> tuple[float, float, float, float]:
    """Rate, CPU ms each, p50 and p99 in ms."""
    before = cpu_seconds(pids)
    load = Load(port, connections=16, make=lambda _number: GET)
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
        env = {**settings_env(url), "BENCH_FOLDER": name, "SUPPORTERS_DATA_DIR": name}
        env["SUPPORTERS_BASE_URL"] = f"http://127.0.0.1:{free_port()}"
        started = time.perf_counter()
        with serving("give_page:product", processes=1, env=env) as (port, pids):
            until_served(f"http://127.0.0.1:{port}/give")
            print(f"first page {time.perf_counter() - started:.2f} s after the process was started")
            write_floor(say_weight(f"http://127.0.0.1:{port}"), Path(name))
            with serving("give_page:floor", processes=1, env=env) as (floor_port, floor_pids):
                until_served(f"http://127.0.0.1:{floor_port}/give")
                runs = [
                    (measure(port, pids, told.seconds), measure(floor_port, floor_pids, told.seconds))
                    for _ in range(told.rounds)
                ]
            print(f"memory after the load: {resident_mb(pids):.0f} MB")
    print(f"{'median of ' + str(told.rounds):<14}{'pages/s':>10}{'CPU ms/page':>14}{'p50 ms':>9}{'p99 ms':>9}")
    for which, target in enumerate(("product", "floor")):
        middle = [statistics.median(run[which][part] for run in runs) for part in range(4)]
        print(f"{target:<14}{middle[0]:>10.0f}{middle[1]:>14.3f}{middle[2]:>9.1f}{middle[3]:>9.1f}")
    ratio = statistics.median(run[0][0] / run[1][0] for run in runs)
    print(f"rate of the product / rate of the floor: {ratio:.2f}")


if __name__ == "__main__":
    main()
