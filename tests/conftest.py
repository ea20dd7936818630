"""Fixtures that every test may use: clock, ids, databases of both kinds, settings."""

import asyncio
import gc
import inspect
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import uvloop
from playwright.async_api import Browser

from chromium import started_chromium
from databases import Databases
from paper import SETTINGS_ENV
from postgres import Postgres, running_postgres
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids, SeededRandom
from supporters.settings import Settings, read_settings
from whole import Mailbag

START = datetime(2026, 11, 22, 9, 36, tzinfo=UTC)
KINDS = ("sqlite", "postgresql")
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None


LONGEST = ("test_volume.py", "test_kill.py", "test_plans_for_a_year.py", "test_demo.py", "test_stripe_cli.py")


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that the house runs on; it also takes a tenth off the tests' time."""
    return {"uvloop": uvloop.new_event_loop}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-way", action="store_true", help="browser journeys: each in every way and on every site")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest journeys begin first, some in each process, so that none is left with them at the end.

    What a module names as `LONG` waits for `make e2e`: there each journey is walked in every way.
    """
    if not config.getoption("--every-way"):
        left = [item for item in items if item.name in getattr(getattr(item, "module", None), "LONG", ())]
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]
    lone = [item.nodeid for item in items if isinstance(item, pytest.Function) and has_a_loop_of_its_own(item)]
    if lone:
        raise pytest.UsageError(f"write `async def`, as all whose fixtures are: {', '.join(lone)}")
    items[:] = spread(items, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


def has_a_loop_of_its_own(test: pytest.Function) -> bool:
    """A plain test with fixtures that are coroutines: for its loop all that stands for the whole run would be made anew."""
    if inspect.iscoroutinefunction(inspect.unwrap(test.obj)):
        return False
    wanted = [each for found in test._fixtureinfo.name2fixturedefs.values() for each in found]
    return any(inspect.iscoroutinefunction(each.func) or inspect.isasyncgenfunction(each.func) for each in wanted)


def spread(items: list[pytest.Item], processes: int) -> list[pytest.Item]:
    """The tests in as many stretches of one length as there are processes to walk them, the longest ahead in each."""
    last = len(LONGEST)
    rank = {name: place for place, name in enumerate(LONGEST)}
    is_long = {item: item.path.name in rank or item.path.parent.name == "browser" for item in items}
    long = sorted((item for item in items if is_long[item]), key=lambda item: rank.get(item.path.name, last))
    short = [item for item in items if not is_long[item]]
    found: list[pytest.Item] = []
    for number in range(processes):
        mine = long[number::processes]
        room = max(0, (len(items) - len(found)) // (processes - number) - len(mine))
        found += mine + short[:room]
        short = short[room:]
    return found


gc.disable()  # until all tests are found: nothing of what is loaded for them is rubbish


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """What is loaded by now stays to the end: looking through it again and again for rubbish was a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests proved with programs that are not ours is said at the end: they `record_property("proof", ...)`.

    So is what was left to another target: nothing is left out in silence.
    """
    if not terminalreporter.config.getoption("--every-way"):
        terminalreporter.write_line("Browser journeys: a part of their ways; each in every way by `make e2e`")
    for report in terminalreporter.getreports("passed"):
        for name, said in report.user_properties:
            if name == "proof":
                terminalreporter.write_line(str(said))


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(START)


@pytest.fixture
def ids(clock: FixedClock) -> Ids:
    return Ids(clock, SeededRandom(2822))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
async def databases(postgres: Postgres) -> AsyncIterator[Databases]:
    """In memory where the machine offers that: a test needs no disk that survives a power cut."""
    with tempfile.TemporaryDirectory(prefix="supporters", dir=MEMORY) as folder:
        made = Databases(Path(folder), postgres)
        yield made
        await made.close()


@pytest.fixture(params=KINDS)
async def db(request: pytest.FixtureRequest, databases: Databases) -> AsyncIterator[Database]:
    """An empty migrated database; the test runs once on each engine."""
    async with databases.fresh(request.param) as database:
        yield database


@pytest.fixture
async def sqlite_db(databases: Databases) -> AsyncIterator[Database]:
    """An empty migrated SQLite database, for what does not depend on the engine."""
    async with databases.fresh("sqlite") as database:
        yield database


@pytest.fixture(scope="session")
async def one_chromium() -> AsyncIterator[Browser]:
    """One browser for every test of this process: starting one costs more than most tests."""
    async with started_chromium() as browser:
        yield browser


@pytest.fixture
async def chromium(one_chromium: Browser) -> AsyncIterator[Browser]:
    """The browser, without anything open. What a test leaves open, failed or not, is closed."""
    yield one_chromium
    for left in one_chromium.contexts:
        await left.close()


@pytest.fixture
def settings() -> Settings:
    return read_settings(SETTINGS_ENV)


@pytest.fixture(scope="session")
def mail_server() -> Iterator[Mailbag]:
    """One for every test of this process: starting and stopping it took longer than what most of them send."""
    bag = Mailbag()
    bag.start()
    yield bag
    bag.stop()


@pytest.fixture
def mailbag(mail_server: Mailbag) -> Mailbag:
    """A mail server that keeps what it is given."""
    mail_server.letters, mail_server.answer = [], None
    return mail_server
