"""The foot of an article beside the same article without it: bytes, requests, script time, blocking, heap, layout shift.

Twice: while the page loads, when the script only waits, and while its reader comes to the foot, when it does its work.
Between the article with and without stands the one with the form and without the script: what it takes is the browser's
own price for showing the fields. The floor is the same form with an element that does only what no such element can do
without (waits, reads its storage, takes a shadow with one sheet, asks for the file): the browser's price for the means.
Script, task and blocking times are the main thread's own time, so a busy machine says
little of them, though it disturbs the slowing down. Beside the figures stand the bars; what is above one is marked.

.venv/bin/python bench/embed.py --runs 5 --shifts 10
.venv/bin/python bench/embed.py --runs 2 --shifts 1 --site plain
"""

import argparse
import asyncio
import gzip
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import brotli
from common import ROOT, database, free_port, machine
from give_page import fetch, until_served
from playwright.async_api import Browser, Page
from webhooks import settings_env

PATHS = {
    "pelican": "/the-crew-that-keeps-the-river-open.html",
    "plain": "/tide-tables-written-by-hand.html",
    "strict": "/",
}
SCRIPT = re.compile(r'<script type="module"[^>]*></script>')
FLOOR_SCRIPT = '<script type="module" async src="/floor.js"></script>'
EVERYTHING = re.compile(rf"<supporter-prompt\b.*?</supporter-prompt>|{SCRIPT.pattern}", re.DOTALL)
SLOW_DOWNS = (1, 4)
ADDED, BY_SCRIPT = "added in all", "added by the script"
# What a page load may add at the greatest slow-down, and what the script may weigh. The fields' share of blocking is the
# browser's: the same form without any script has it, too.
BARS = {"script": 15.0, "heap": 0.3, "moved": 0.0}
BLOCKED_BAR = 0.0
BY_FLOOR = "added by the floor's script"
FLOOR = """
customElements.define("supporter-prompt", class extends HTMLElement {
  connectedCallback() {
    new IntersectionObserver(([entry], eye) => {
      if (!entry.isIntersecting) return;
      JSON.parse(localStorage.supporters || "{}"), eye.disconnect();
      const sheet = new CSSStyleSheet(), root = this.attachShadow({mode: "open"});
      sheet.replaceSync(":host{display:flow-root}"), root.adoptedStyleSheets = [sheet];
      root.append(document.createElement("slot"));
      fetch(this.dataset.file).then(answer => answer.json());
    }, {rootMargin: "50%"}).observe(this);
  }
});
"""
PACKED_BAR = 2_500
LATE_SECONDS = 0.3
STEP_PX, STEP_MS = 300, 80  # somebody who scrolls quickly
SETTLE_MS = 350  # longer than the published file may be late
LONG_MS = 50  # what a task takes beyond this is blocking time
WATCH = """
window.seen = {moved: 0};
new PerformanceObserver(list => {
  for (const each of list.getEntries()) if (!each.hadRecentInput) window.seen.moved += each.value;
}).observe({type: "layout-shift", buffered: true});
"""


class Seen(NamedTuple):
    """One stretch of a visit. Times in milliseconds of the page's main thread, by its own clock; heap in MB."""

    requests: int
    script: float
    task: float
    blocked: float
    heap: float
    moved: float


class Stand(NamedTuple):
    """One article at its four addresses: without the snippet, without its script, with the floor's script, as it is."""

    site: str
    bare: str
    form: str
    floor: str
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
    """The three sites as they are, with the floor's script, without any, without the snippet; each on a port of its own."""
    from supporters.demo.examples import NAMES, Examples, Origins
    from supporters.demo.processes import server_of, until_answers
    from supporters.demo.sites import StaticSite, origin_at

    ports = [free_port() for _ in range(12)]
    examples = Examples(folder, Origins(give, *(origin_at(port) for port in ports[:3])))
    examples.prepare()
    assert await examples.renew(), "the sites show no words"
    servers = []
    for number, name in enumerate(NAMES):
        full = examples.roots[name]
        policy = examples.policy() if name == "strict" else ""
        here, floor, form, bare = (origin_at(ports[number + more]) for more in (0, 3, 6, 9))
        roots = (
            full,
            without(SCRIPT, full, folder / f"floor-{name}", there=floor, here=here, instead=FLOOR_SCRIPT),
            without(SCRIPT, full, folder / f"form-{name}", there=form, here=here),
            without(EVERYTHING, full, folder / f"bare-{name}", there=bare, here=here),
        )
        (roots[1] / "floor.js").write_text(FLOOR, encoding="utf-8")
        for port, root in zip(ports[number::3], roots, strict=True):
            allowed = policy.replace("script-src", "script-src 'self'") if root == roots[1] else policy
            servers.append(server_of(StaticSite(lambda root=root: root, policy=allowed), port=port))
    serving = [asyncio.create_task(server.serve()) for server in servers]
    for port in ports:
        await until_answers(port)
    try:
        yield [
            Stand(name, *(origin_at(ports[number + more]) + PATHS[name] for more in (9, 6, 3, 0)))
            for number, name in enumerate(NAMES)
        ]
    finally:
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*serving)


def without(what: re.Pattern[str], full: Path, copy: Path, *, here: str, there: str, instead: str = "") -> Path:
    """A copy of the site whose pages hold nothing of the kind, or this instead, and name their own address."""
    import shutil

    shutil.copytree(full, copy)
    for page in copy.rglob("*.html"):
        text = what.sub(instead, page.read_text(encoding="utf-8"))
        page.write_text(text.replace(here, there), encoding="utf-8")
    return copy


async def visit(
    browser: Browser, address: str, *, slow_down: int, width: int = 412, late: bool = False
) -> tuple[Seen, Seen]:
    """One reader opens the article, and then reads to its end; each of the two with a moment to settle."""
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
    end = await _trace(tools)
    await page.goto(address)
    await page.mouse.move(100, 300)
    await page.wait_for_timeout(SETTLE_MS)
    loaded = await _measure(page, tools, asked)
    opening = await end()
    end = await _trace(tools)
    height = await page.evaluate("document.documentElement.scrollHeight")
    for distance in [*[STEP_PX] * math.ceil(height / STEP_PX), -700, 700]:
        await page.mouse.wheel(0, distance)
        await page.wait_for_timeout(STEP_MS)
    await page.wait_for_timeout(SETTLE_MS)
    read = await _measure(page, tools, asked)
    reading = await end()
    await context.close()
    threads = main_threads(opening, address)
    coming = Seen(*(after - before for after, before in zip(read, loaded, strict=True)))
    return loaded._replace(blocked=blocking(opening, threads)), coming._replace(blocked=blocking(reading, threads))


async def _trace(tools: Any) -> Callable[[], Awaitable[list[Any]]]:
    """The browser writes its tasks down from now, until what this gives is called: that gives them."""
    events: list[Any] = []
    ended = asyncio.Event()

    def note(told: Any) -> None:
        events.extend(told["value"])

    def finish(_told: Any) -> None:
        ended.set()

    async def end() -> list[Any]:
        await tools.send("Tracing.end")
        await ended.wait()
        tools.remove_listener("Tracing.dataCollected", note)
        tools.remove_listener("Tracing.tracingComplete", finish)
        return events

    tools.on("Tracing.dataCollected", note)
    tools.on("Tracing.tracingComplete", finish)
    categories = ["devtools.timeline", "disabled-by-default-devtools.timeline"]
    config = {"includedCategories": categories, "excludedCategories": ["*"]}
    await tools.send("Tracing.start", {"traceConfig": config, "transferMode": "ReportEvents"})
    return end


def main_threads(events: list[Any], address: str) -> set[tuple[int, int]]:
    """The page's main thread: the one that parses the HTML of this address."""
    parsing = (each for each in events if each["name"] == "ParseHTML")
    return {(each["pid"], each["tid"]) for each in parsing if each["args"].get("beginData", {}).get("url") == address}


def blocking(events: list[Any], threads: set[tuple[int, int]]) -> float:
    """Milliseconds beyond fifty of each task on these threads."""
    tasks = [each for each in events if each["name"] == "RunTask" and (each["pid"], each["tid"]) in threads]
    assert tasks, "no task was seen"
    blocked, until = 0.0, 0.0
    for task in sorted(tasks, key=lambda each: (each["ts"], -each.get("dur", 0))):
        if task["ts"] >= until:  # not one inside another
            blocked += max(0.0, task.get("tdur", 0) / 1000 - LONG_MS)
            until = task["ts"] + task.get("dur", 0)
    return blocked


async def _measure(page: Page, tools: Any, asked: list[str]) -> Seen:
    told = {each["name"]: each["value"] for each in (await tools.send("Performance.getMetrics"))["metrics"]}
    watched = await page.evaluate("window.seen")
    await tools.send("HeapProfiler.collectGarbage")
    after = {each["name"]: each["value"] for each in (await tools.send("Performance.getMetrics"))["metrics"]}
    return Seen(
        requests=len(asked),
        script=told["ScriptDuration"] * 1000,
        task=told["TaskDuration"] * 1000,
        blocked=0.0,
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
    files = {"optional script, kept for ever": "prompt.js", "published file, kept a minute": "article-foot.json"}
    for label, path in files.items():
        line = sizes(fetch(f"{give}/p/v1/{path}")[0])
        print(f"{label:<34}" + "".join(f"{number:>9,}" for number in line))
    print(f"{'required script':<34}{0:>9}{0:>9}{0:>9}")
    packed = sizes(fetch(f"{give}/p/v1/prompt.js")[0])[2]
    print(f"{'bar of the optional script':<34}{PACKED_BAR:>27,}{mark(packed > PACKED_BAR)}")


def middle(runs: list[Seen]) -> Seen:
    """The median of each figure."""
    return Seen._make(statistics.median(values) for values in zip(*runs, strict=True))


async def say_loads(browser: Browser, places: list[Stand], *, runs: int) -> None:
    """Prints each article's figures beside those of the same article without the snippet; runs alternate."""
    for place in places:
        for slow_down in SLOW_DOWNS:
            names = ("without", "form, no script", "form, floor's script", "with")
            seen: dict[str, list[tuple[Seen, Seen]]] = {name: [] for name in names}
            await visit(browser, place.full, slow_down=slow_down)  # warms the browser up
            for _ in range(runs):
                for kept, address in zip(seen.values(), place[1:], strict=True):
                    kept.append(await visit(browser, address, slow_down=slow_down))
            scripts: dict[str, float] = dict.fromkeys((ADDED, BY_FLOOR, BY_SCRIPT), 0.0)
            for stretch, words in enumerate(("the page loads", "coming to the foot")):
                bare, form, floor, full = (middle([both[stretch] for both in kept]) for kept in seen.values())
                lines = dict(zip(seen, (bare, form, floor, full), strict=True))
                lines |= {
                    "added by the fields": beyond(form, bare),
                    BY_FLOOR: beyond(floor, form),
                    BY_SCRIPT: beyond(full, form),
                }
                lines[ADDED] = beyond(full, bare)
                say_lines(f"{place.site}, {slow_down}x slower, {words}", lines)
                scripts = {label: script + lines[label].script for label, script in scripts.items()}
                if slow_down == max(SLOW_DOWNS):
                    say_bars(lines)
            for label, script in scripts.items():
                bar = f"  bar {BARS['script']:.1f}{mark(script > BARS['script'])}"
                has_bar = label == ADDED and slow_down == max(SLOW_DOWNS)
                print(f"{'  both together, ' + label:<50}{script:>10.1f}{bar if has_bar else ''}")


def beyond(more: Seen, less: Seen) -> Seen:
    """What the one takes more than the other."""
    return Seen(*(a - b for a, b in zip(more, less, strict=True)))


def say_lines(title: str, lines: dict[str, Seen]) -> None:
    """Prints a table of what was seen."""
    print(f"\n{title:<40}" + "".join(f"{name:>10}" for name in Seen._fields))
    for label, line in lines.items():
        figures = f"{line.requests:>10.0f}{line.script:>10.1f}{line.task:>10.1f}{line.blocked:>10.1f}"
        print(f"{'  ' + label:<40}{figures}{line.heap:>10.2f}{line.moved:>10.4f}")


def say_bars(lines: dict[str, Seen]) -> None:
    """Prints what may be added, and which figures are above it."""
    over = [name for name, bar in BARS.items() if getattr(lines[ADDED], name) > bar]
    over += ["blocked"] if lines[BY_SCRIPT].blocked > BLOCKED_BAR else []
    bars = f"{'':>10}{BARS['script']:>10.1f}{'':>10}{BLOCKED_BAR:>10.1f}{BARS['heap']:>10.2f}{BARS['moved']:>10.4f}"
    print(f"{'  bar (blocked: by the script)':<40}{bars}{mark(bool(over), *over)}")


def mark(is_over: bool, *names: str) -> str:
    """What stands behind a figure that is above its bar."""
    return f"  ABOVE: {', '.join(names)}" if is_over and names else "  ABOVE" if is_over else ""


async def say_shifts(browser: Browser, places: list[Stand], *, runs: int) -> None:
    """Prints the largest layout shift of so many visits, with the published file 300 ms late."""
    print(f"\nlargest layout shift of {runs} visits, published file 300 ms late; bar {BARS['moved']:.4f}")
    for place in places:
        for width in (390, 1280):
            visits = [await visit(browser, place.full, slow_down=1, width=width, late=True) for _ in range(runs)]
            most = max(loaded.moved + coming.moved for loaded, coming in visits)
            print(f"{place.site + ', ' + str(width) + ' px':<36}{most:>12.4f}{mark(most > BARS['moved'])}")


async def measure(give: str, folder: Path, *, runs: int, shifts: int, site: str | None) -> None:
    from chromium import started_chromium

    async with stands(give, folder) as stood, started_chromium() as browser:
        places = [place for place in stood if site in (None, place.site)]
        await asyncio.to_thread(say_bytes, give, places)
        await say_loads(browser, places, runs=runs)
        await say_shifts(browser, places, runs=shifts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--shifts", type=int, default=10)
    parser.add_argument("--site", choices=list(PATHS), help="only this one")
    told = parser.parse_args()
    print(machine())
    with database("sqlite") as url, tempfile.TemporaryDirectory() as name, service(url, name) as give:
        asyncio.run(measure(give, Path(name) / "sites", runs=told.runs, shifts=told.shifts, site=told.site))


if __name__ == "__main__":
    main()
