"""A real Chromium, looking at the whole product over a real socket."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from lifetime import WAYS, Lifetime, Way, living
from playwright.async_api import Browser
from walking import Demo, shared_demo

from supporters.demo.pages import with_demo_pages
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.settings import Settings
from whole import Mailbag, Whole, running


@pytest.fixture(scope="session")
def folder_of_run(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """What all processes of this test run share."""
    folder = tmp_path_factory.getbasetemp()
    shared = (folder.parent if hasattr(request.config, "workerinput") else folder) / "demo"
    shared.mkdir(exist_ok=True)
    return shared


@pytest.fixture(scope="session")
async def demo(folder_of_run: Path) -> AsyncIterator[Demo]:
    """One running demo for every journey of every process: they walk it as readers of their own."""
    async with shared_demo(folder_of_run) as demo:
        yield demo


@pytest.fixture(params=WAYS)
async def life(
    request: pytest.FixtureRequest,
    sqlite_db: Database,
    clock: FixedClock,
    settings: Settings,
    mailbag: Mailbag,
    chromium: Browser,
) -> AsyncIterator[Lifetime]:
    """A product of its own with its clock in hand, in each way of using a browser."""
    way: Way = request.param
    async with living(sqlite_db, clock, settings, mailbag, chromium, way) as life:
        yield life


@pytest.fixture
def stop_serving() -> asyncio.Event:
    """Once it is set, nothing listens at `served` any more."""
    return asyncio.Event()


@pytest.fixture
async def served(
    sqlite_db: Database,
    clock: FixedClock,
    settings: Settings,
    mailbag: Mailbag,
    tmp_path: Path,
    stop_serving: asyncio.Event,
) -> AsyncIterator[Whole]:
    """The product with the demo's mailbox in front, at `served.settings.base_url`."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        here = replace(settings, base_url=address)
        async with running(sqlite_db, clock, Ids(clock), here, mailbag) as whole:
            (tmp_path / "mailbox").mkdir()
            pages = with_demo_pages(whole.app, settings=here, mailbox=tmp_path / "mailbox")
            taken.listen(100)
            async with serving(pages, taken, stop=stop_serving):
                yield whole


@asynccontextmanager
async def serving(app: Any, listening: socket.socket, *, stop: asyncio.Event) -> AsyncIterator[None]:
    """`app` answers on the socket, until it is told to stop."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:  # noqa: ASYNC110 - the server offers no event
        await asyncio.sleep(0.02)

    async def end() -> None:
        await stop.wait()
        server.should_exit = True
        await task

    ending = asyncio.create_task(end())
    try:
        yield
    finally:
        stop.set()
        await ending
