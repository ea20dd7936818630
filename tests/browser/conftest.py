"""A real Chromium, looking at the whole product over a real socket."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.async_api import Browser, async_playwright

from supporters.demo.pages import with_demo_pages
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.settings import Settings
from whole import Mailbag, Whole, running

CHROMIUM = next((str(path) for path in [Path("/usr/bin/chromium")] if path.exists()), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-sync"]


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as player:
        browser = await player.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
def mailbag() -> Iterator[Mailbag]:
    bag = Mailbag()
    bag.start()
    yield bag
    bag.stop()


@pytest.fixture
async def served(
    sqlite_db: Database, clock: FixedClock, settings: Settings, mailbag: Mailbag, tmp_path: Path
) -> AsyncIterator[Whole]:
    """The product with the demo's pages in front, at `served.settings.base_url`."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        here = replace(settings, base_url=address, site_url=f"{address}/paper")
        async with running(sqlite_db, clock, Ids(clock), here, mailbag) as whole:
            (tmp_path / "mailbox").mkdir()
            pages = with_demo_pages(whole.app, settings=here, mailbox=tmp_path / "mailbox")
            taken.listen(100)
            async with serving(pages, taken):
                yield whole


@asynccontextmanager
async def serving(app: Any, listening: socket.socket) -> AsyncIterator[None]:
    """`app` answers on the socket."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:  # noqa: ASYNC110 - the server offers no event
        await asyncio.sleep(0.02)
    try:
        yield
    finally:
        server.should_exit = True
        await task
