"""A long statement brought, looked at and taken in the desk: seconds of each step, memory, and how long others wait.

    .venv/bin/python bench/statement.py --database postgresql --lines 100000

The product in a process of its own, its background work with it, as `supporters serve` runs it. Somebody else asks for
/healthz and for a page of the desk all the while, one request after the other: the longest of these is what the house
is held up. The file is brought twice: the second time every line is here already. Ends with 1 above the bars.
"""

import argparse
import asyncio
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import httpx
from common import ROOT, TICKS, database, machine, resident_mb, serving
from desk_plans import EMAIL, ENV, PASSWORD

from statements import some_lines, write
from supporters.kit.clock import SystemClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.staff.actions import add_staff

MOST_SECONDS, MOST_HELD_UP, MOST_MB = 60, 2.0, 600
FORMS = ("csv", "camt.08")
PATIENT = {"SUPPORTERS_LARGEST_STATEMENT_MB": "50"}  # as much as can be set
PAUSE, MOST_OF_CAMT = 0.2, 80_000  # so many make 45 MB
BEGUN = date(2025, 11, 1)


def product() -> Any:
    """The whole product with its background work."""
    import logging

    import structlog

    from supporters.app import create_app
    from supporters.settings import read_settings

    app = create_app(read_settings())
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))  # no Stripe: it says so
    return app


class Others:
    """Somebody else, who asks for two pages all the while."""

    def __init__(self, base: str, cookies: httpx.Cookies, pids: list[int]) -> None:
        self._client = httpx.Client(
            base_url=base, cookies=cookies, headers={"sec-fetch-site": "same-origin"}, timeout=120
        )
        self._pids, self._stop = pids, threading.Event()
        self.longest = {"/healthz": 0.0, "/desk/bank": 0.0}
        self.most_mb, self.refused = 0.0, 0

    def busy(self) -> float:
        """Seconds of the processor that the product has used, with those processes that have ended."""
        ticks = 0
        for pid in self._pids:
            with suppress(FileNotFoundError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += sum(int(each) for each in fields[11:15])
        return ticks / TICKS

    @contextmanager
    def asking(self) -> Iterator[None]:
        """They ask as long as this lasts."""
        self.longest = dict.fromkeys(self.longest, 0.0)
        self.most_mb, self.refused = 0.0, 0
        self._stop.clear()
        threads = [threading.Thread(target=self._ask, args=(path,)) for path in self.longest]
        for each in threads:
            each.start()
        try:
            yield
        finally:
            self._stop.set()
            for each in threads:
                each.join()

    def _ask(self, path: str) -> None:
        while not self._stop.is_set():
            begun = time.perf_counter()
            answer = self._client.get(path)
            self.longest[path] = max(self.longest[path], time.perf_counter() - begun)
            self.refused += answer.status_code != 200
            self.most_mb = max(self.most_mb, resident_mb(self._pids))
            time.sleep(PAUSE)


class Desk:
    """A member of staff with a browser, and what each of their steps took."""

    def __init__(self, client: httpx.AsyncClient, others: Others) -> None:
        self.client, self.others, self.is_within = client, others, True

    async def step(self, name: str, work: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
        """The step is done while others ask, and told."""
        with self.others.asking():
            begun, busy = time.perf_counter(), self.others.busy()
            answer = await work()
            took, busy = time.perf_counter() - begun, self.others.busy() - busy
        health, page = self.others.longest.values()
        within = took <= MOST_SECONDS and max(health, page) <= MOST_HELD_UP and self.others.most_mb <= MOST_MB
        self.is_within = self.is_within and within and not self.others.refused
        print(
            f"  {name:<28}{took:7.2f} s, {busy:5.1f} of the processor   others wait {health:5.2f} s, {page:5.2f} s for a page"
            f"   {self.others.most_mb:4.0f} MB   {'pass' if within else 'FAIL'}"
            + (f"   {self.others.refused} of theirs FAILED" if self.others.refused else ""),
            flush=True,
        )
        return answer


async def prepare(url: str) -> None:
    """Somebody who does the books."""
    db = Database(url)
    async with db.unit_of_work() as session:
        await add_staff(session, EMAIL, "Bench", "finance", PASSWORD, ids=Ids(), now=SystemClock().now())
    await db.close()


async def run(base: str, pids: list[int], lines: int, forms: list[str]) -> bool:
    """Every form into an account of its own; says whether all was within the bars."""
    headers = {"sec-fetch-site": "same-origin"}
    from whole import hidden_fields

    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=300) as client:
        fields = hidden_fields((await client.get("/desk/sign-in")).text)
        signed = await client.post("/desk/sign-in", data={**fields, "email": EMAIL, "password": PASSWORD})
        assert signed.status_code == 303, signed.status_code
        others = Others(base, client.cookies, pids)
        desk = Desk(client, others)
        print(f"idle: {resident_mb(pids):.0f} MB")
        with others.asking():
            await asyncio.sleep(3)
        print(f"nobody brings anything: others wait {', '.join(f'{each:.2f} s' for each in others.longest.values())}")
        for form in forms:
            count = min(lines, MOST_OF_CAMT) if form.startswith("camt") else lines
            content = write(form, some_lines(Random(5), count, start=BEGUN, days=360), opening=1)
            print(f"{form}, {len(content) / 1e6:.1f} MB, {count:,} lines")
            account = await client.post("/desk/bank", data={**await seal(client), "name": form, "currency": "GBP"})
            for time_ in ("", ", again"):
                await bring(desk, account.headers["location"], form, content, time_)
    return desk.is_within


async def seal(client: httpx.AsyncClient) -> dict[str, str]:
    """What every form of this browser carries."""
    from whole import hidden_fields

    return {"seal": hidden_fields((await client.get("/desk/bank")).text)["seal"]}


async def bring(desk: Desk, path: str, form: str, content: bytes, again: str) -> None:
    """One file from its choice to its end."""
    sys.path.append(str(ROOT / "tests" / "bank"))
    from banker import chosen

    from whole import hidden_fields

    client, sealed = desk.client, await seal(desk.client)
    sent = await desk.step(
        "brought and read" + again,
        lambda: client.post(f"{path}/files", data=sealed, files={"file": (f"year.{form}", content)}),
    )
    assert sent.status_code == 303, sent.text[-3000:]
    file = sent.headers["location"]
    page = await desk.step("its page" + again, lambda: settled(client, file))
    if page.status_code == 303:
        columns = page.headers["location"]
        form_of = chosen((await client.get(columns)).text)
        said = await desk.step("its columns said" + again, lambda: client.post(columns, data=form_of))
        assert said.status_code == 303, said.text[-3000:]
        page = await desk.step("its check" + again, lambda: settled(client, file))
    fields = hidden_fields(page.text)
    taken = await desk.step("taken" + again, lambda: client.post(f"{file}/take", data=fields))
    assert (taken.status_code, taken.headers.get("location")) == (303, file), taken.text[-3000:]
    done = await desk.step("what came of it" + again, lambda: settled(client, file))
    assert "Its lines are here" in done.text, done.text[-3000:]


async def settled(client: httpx.AsyncClient, path: str) -> httpx.Response:
    """The page, as soon as nothing is under way any more. Looks as often as it asks browsers to, but for the first time."""
    while True:
        page = await client.get(path)
        if "refresh" not in page.headers:
            return page
        await asyncio.sleep(float(page.headers["refresh"]))


def main() -> None:
    """Runs it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="postgresql")
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--forms", nargs="*", default=FORMS)
    asked = parser.parse_args()
    print(f"{machine()}, {asked.database}")
    with database(asked.database) as url, tempfile.TemporaryDirectory(prefix="bench") as folder:
        asyncio.run(prepare(url))
        env = {**ENV, "SUPPORTERS_DATABASE_URL": url, "SUPPORTERS_DATA_DIR": folder, **PATIENT}
        with serving("statement:product", processes=1, env=env, with_worker=True) as (port, pids):
            base = f"http://127.0.0.1:{port}"
            until_served(base)
            is_within = asyncio.run(run(base, pids, asked.lines, asked.forms))
    if not is_within:
        sys.exit("above the bars")


def until_served(base: str) -> None:
    """The product answers."""
    for _try in range(600):
        try:
            if httpx.get(f"{base}/healthz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError("nobody answers")


if __name__ == "__main__":
    main()
