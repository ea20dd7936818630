"""The foot of an article beside the same article without it: bytes, requests, script time, blocking, heap, layout shift.

.venv/bin/python bench/embed.py --runs 5 --shifts 10
"""

import argparse
import asyncio
import gzip
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import brotli
from common import ROOT, database, free_port, machine
from give_page import fetch, until_served
from playwright.async_api import Browser, Page, async_playwright
from webhooks import settings_env

CHROMIUM = next((path for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(path).exists()), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-extensions"]
PATHS = {
    "pelican": "/the-crew-that-keeps-the-river-open.html",
    "plain": "/tide-tables-written-by-hand.html",
    "strict": "/",
}
BLOCK = re.compile(r"<supporter-prompt\b.*?</supporter-prompt>", re.DOTALL)
SCRIPT = re.compile(r'<script type="module"[^>]*></script>')
SLOW_DOWNS = (1, 4)
LATE_SECONDS = 0.3
WATCH = """
window.seen = {moved: 0, blocked: 0};
new PerformanceObserver(list => {
  for (const each of list.getEntries()) if (!each.hadRecentInput) window.seen.moved += each.value;
}).observe({type: "layout-shift", buffered: true});
new PerformanceObserver(list => {
  for (const each of list.getEntries()) window.seen.blocked += Math.max(0, each.duration - 50);
}).observe({type: "longtask", buffered: true});
"""


class Seen(NamedTuple):
    """One load of an article. Times in milliseconds of the page's main thread, heap in MB."""

    requests: int
    script: float
    task: float
    blocked: float
    heap: float
    moved: float


class Stand(NamedTuple):
    """One article at its two addresses."""

    site: str
    bare: str
    full: str


async def seed(url: str) -> None:
    """The general appeal, the daily email and the published files are there, as after every start."""
    from supporters.kit.db import Database
    from supporters.mail.transport import SmtpTransport
    from supporters.payments.gateway import Gateway
    from supporters.settings import read_settings
    from supporters.worker import Tools, prepare

    settings = read_settings({**os.environ, "SUPPORTERS_DATABASE_URL": url})
    gateway = Gateway(settings.stripe_secret_key, api_base=settings.stripe_api_base)
    tools = Tools(settings=settings, db=Database(url), gateway=gateway, transport=SmtpTransport("smtp://127.0.0.1:1"))
    await prepare(tools)
    await tools.close()


@contextmanager
def service(url: str, folder: str) -> Iterator[str]:
    """The product on one uvicorn process; gives its address."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    env = {**settings_env(url), "SUPPORTERS_BASE_URL": base, "SUPPORTERS_DATA_DIR": folder}
    os.environ.update(env)
    asyncio.run(seed(url))
    command = [sys.executable, "-m", "uvicorn", "give_page:product", "--factory", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--no-access-log", "--log-level", "warning", "--lifespan", "off"]
    paths = os.pathsep.join([str(ROOT / "bench"), str(ROOT / "src"), str(ROOT / "tests")])
    running = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": paths})
    try:
        until_served(f"{base}/p/v1/article-foot.json")
        yield base
    finally:
        running.terminate()
        running.wait(15)


@asynccontextmanager
async def stands(give: str, folder: Path) -> AsyncIterator[list[Stand]]:
    """The three sites as they are, and once more with every trace of the snippet taken out; each on a port of its own."""
    from supporters.demo.examples import NAMES, Examples, Origins
    from supporters.demo.processes import server_of, until_answers
    from supporters.demo.sites import StaticSite, origin_at

    ports = [free_port() for _ in range(6)]
    examples = Examples(folder, Origins(give, *(origin_at(port) for port in ports[:3])))
    examples.prepare()
    assert await examples.renew(), "the sites show no words"
    servers = []
    for number, name in enumerate(NAMES):
        full = examples.roots[name]
        policy = examples.policy() if name == "strict" else ""
        bare = without_snippet(
            full, folder / f"bare-{name}", there=origin_at(ports[number + 3]), here=origin_at(ports[number])
        )
        for root, port in ((full, ports[number]), (bare, ports[number + 3])):
            servers.append(server_of(StaticSite(lambda root=root: root, policy=policy), port=port))
    serving = [asyncio.create_task(server.serve()) for server in servers]
    for port in ports:
        await until_answers(port)
    try:
        yield [
            Stand(name, origin_at(ports[number + 3]) + PATHS[name], origin_at(ports[number]) + PATHS[name])
            for number, name in enumerate(NAMES)
        ]
    finally:
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*serving)


def without_snippet(full: Path, bare: Path, *, here: str, there: str) -> Path:
    """A copy of the site whose pages hold neither prompt nor script, and name their own address."""
    import shutil

    shutil.copytree(full, bare)
    for page in bare.rglob("*.html"):
        text = SCRIPT.sub("", BLOCK.sub("", page.read_text(encoding="utf-8")))
        page.write_text(text.replace(here, there), encoding="utf-8")
    return bare


async def load(browser: Browser, address: str, *, slow_down: int, width: int = 412, late: bool = False) -> Seen:
    """One reader opens the article, reads to its end, and waits a moment."""
    context = await browser.new_context(viewport={"width": width, "height": 915})
    page = await context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.add_init_script(WATCH)
    if late:
        await page.route(re.compile(r"/p/v1/.*\.json"), _late)
    tools = await context.new_cdp_session(page)
    await tools.send("Performance.enable", {"timeDomain": "threadTicks"})
    await tools.send("Emulation.setCPUThrottlingRate", {"rate": slow_down})
    await page.goto(address)
    await page.mouse.move(100, 300)
    for distance in (100_000, -700, 100_000):
        await page.mouse.wheel(0, distance)
        await page.wait_for_timeout(150)
    if late:
        await page.wait_for_timeout(300)
    seen = await _measure(page, tools, asked)
    await context.close()
    return seen


async def _measure(page: Page, tools: Any, asked: list[str]) -> Seen:
    told = {each["name"]: each["value"] for each in (await tools.send("Performance.getMetrics"))["metrics"]}
    watched = await page.evaluate("window.seen")
    await tools.send("HeapProfiler.collectGarbage")
    after = {each["name"]: each["value"] for each in (await tools.send("Performance.getMetrics"))["metrics"]}
    return Seen(
        requests=len(asked),
        script=told["ScriptDuration"] * 1000,
        task=told["TaskDuration"] * 1000,
        blocked=watched["blocked"],
        heap=after["JSHeapUsedSize"] / 1e6,
        moved=watched["moved"],
    )


async def _late(route: Any) -> None:
    await asyncio.sleep(LATE_SECONDS)
    await route.continue_()


def sizes(body: bytes) -> tuple[int, int, int]:
    """Raw, gzip, brotli."""
    return len(body), len(gzip.compress(body, 9, mtime=0)), len(brotli.compress(body, quality=11))


def say_bytes(give: str, places: list[Stand]) -> None:
    """Prints what the snippet adds to each article's bytes, and what its two optional files weigh."""
    print(f"\n{'bytes':<34}{'raw':>9}{'gzip':>9}{'brotli':>9}")
    for place in places:
        full, bare = sizes(fetch(place.full)[0]), sizes(fetch(place.bare)[0])
        for label, line in (
            ("without", bare),
            ("with", full),
            ("added", [a - b for a, b in zip(full, bare, strict=True)]),
        ):
            print(f"{place.site + ', page ' + label:<34}" + "".join(f"{number:>9,}" for number in line))
    for label, path in (
        ("optional script, kept for ever", "prompt.js"),
        ("published file, kept a minute", "article-foot.json"),
    ):
        line = sizes(fetch(f"{give}/p/v1/{path}")[0])
        print(f"{label:<34}" + "".join(f"{number:>9,}" for number in line))
    print(f"{'required script':<34}{0:>9}{0:>9}{0:>9}")


def middle(runs: list[Seen]) -> Seen:
    """The median of each figure."""
    return Seen._make(statistics.median(values) for values in zip(*runs, strict=True))


async def say_loads(browser: Browser, places: list[Stand], *, runs: int) -> None:
    """Prints each article's figures beside those of the same article without the snippet; runs alternate."""
    print(f"\n412 px, median of {runs} runs{'':<11}" + "".join(f"{name:>12}" for name in Seen._fields))
    for place in places:
        for slow_down in SLOW_DOWNS:
            bare: list[Seen] = []
            full: list[Seen] = []
            await load(browser, place.full, slow_down=slow_down)  # warms the browser up
            for _ in range(runs):
                bare.append(await load(browser, place.bare, slow_down=slow_down))
                full.append(await load(browser, place.full, slow_down=slow_down))
            added = Seen(*(a - b for a, b in zip(middle(full), middle(bare), strict=True)))
            for label, line in (("without", middle(bare)), ("with", middle(full)), ("added", added)):
                words = f"{place.site}, {slow_down}x slower, {label}"
                print(
                    f"{words:<36}{line.requests:>12.0f}{line.script:>12.1f}{line.task:>12.1f}{line.blocked:>12.1f}",
                    end="",
                )
                print(f"{line.heap:>12.2f}{line.moved:>12.4f}")


async def say_shifts(browser: Browser, places: list[Stand], *, runs: int) -> None:
    """Prints the largest layout shift of so many loads, with the published file 300 ms late."""
    print(f"\nlargest layout shift of {runs} loads, published file 300 ms late")
    for place in places:
        for width in (390, 1280):
            moved = [(await load(browser, place.full, slow_down=1, width=width, late=True)).moved for _ in range(runs)]
            print(f"{place.site + ', ' + str(width) + ' px':<36}{max(moved):>12.4f}")


async def measure(give: str, folder: Path, *, runs: int, shifts: int) -> None:
    async with stands(give, folder) as places, async_playwright() as player:
        browser = await player.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        await asyncio.to_thread(say_bytes, give, places)
        await say_loads(browser, places, runs=runs)
        await say_shifts(browser, places, runs=shifts)
        await browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--shifts", type=int, default=10)
    told = parser.parse_args()
    print(machine())
    with database("sqlite") as url, tempfile.TemporaryDirectory() as name, service(url, name) as give:
        asyncio.run(measure(give, Path(name) / "sites", runs=told.runs, shifts=told.shifts))


if __name__ == "__main__":
    main()
