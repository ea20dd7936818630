"""The small tools that every door shares."""

import asyncio
from datetime import timedelta

import pytest
from httpx import ASGITransport, AsyncClient
from litestar import Litestar, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.models import Fund
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.errors import DatabaseBusy
from supporters.web.common.access import PUBLIC
from supporters.web.common.cache import MOST_KEYS, Cached, Named
from supporters.web.common.network import client_address, parse_networks
from supporters.web.common.session import DEPENDENCIES
from supporters.web.common.shell import EXCEPTION_HANDLERS
from whole import Whole

OURS = parse_networks(["10.0.0.0/8", "2001:db8::1", "192.0.2.7"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.7", None, "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.2.3.4", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1, 10.2.3.4", "198.51.100.1"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, nonsense", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("2001:db8::1", "2001:db8:ffff::9", "2001:db8:ffff::9"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        (None, "198.51.100.1", "0.0.0.0"),
        ("testclient", "198.51.100.1", "0.0.0.0"),
    ],
)
def test_client_is_the_last_hop_that_is_not_ours(peer: str | None, forwarded: str | None, client: str) -> None:
    assert client_address(peer, forwarded, OURS) == client


class Source:
    """Something slow to load from, that counts and can be busy."""

    def __init__(self) -> None:
        self.loads = 0
        self.is_busy = False

    async def load(self, key: str) -> str:
        self.loads += 1
        await asyncio.sleep(0.01)
        if self.is_busy:
            raise DatabaseBusy("busy")
        return f"{key} {self.loads}"


async def test_many_readers_at_once_load_a_value_once(clock: FixedClock) -> None:
    source = Source()
    cached = Cached(source.load, clock)

    values = await asyncio.gather(*(cached.get("a") for _ in range(50)))

    assert set(values) == {"a 1"}
    assert source.loads == 1


async def test_value_is_loaded_again_after_five_seconds(clock: FixedClock) -> None:
    cached = Cached(Source().load, clock)
    first = await cached.get("a")
    clock.advance(timedelta(seconds=4.9))
    kept = await cached.get("a")
    clock.advance(timedelta(seconds=0.1))

    fresh = await cached.get("a")

    assert (first, kept, fresh) == ("a 1", "a 1", "a 2")


async def test_last_known_value_bridges_a_busy_database_for_five_minutes(clock: FixedClock) -> None:
    source = Source()
    cached = Cached(source.load, clock)
    await cached.get("a")
    source.is_busy = True
    clock.advance(timedelta(minutes=4))

    assert await cached.get("a") == "a 1"
    clock.advance(timedelta(minutes=2))
    with pytest.raises(DatabaseBusy):
        await cached.get("a")
    with pytest.raises(DatabaseBusy):
        await cached.get("never seen")


async def test_what_was_marked_old_is_loaded_again_and_bridges_a_busy_database(clock: FixedClock) -> None:
    source = Source()
    cached = Cached(source.load, clock)
    first = await cached.get("a")
    cached.forget()
    source.is_busy = True
    bridged = await cached.get("a")
    source.is_busy = False

    fresh = await cached.get("a")

    assert (first, bridged, fresh) == ("a 1", "a 1", "a 3")


async def test_value_whose_loading_began_before_a_change_is_not_kept(clock: FixedClock) -> None:
    cached = Cached(Source().load, clock)
    begun = asyncio.create_task(cached.get("a"))
    await asyncio.sleep(0.005)

    cached.forget()

    assert (await begun, await cached.get("a")) == ("a 1", "a 2")


async def test_keys_that_nobody_asks_for_give_way_to_those_in_use(clock: FixedClock) -> None:
    loads: list[str] = []

    async def load(key: str) -> str:
        loads.append(key)
        return key

    cached = Cached(load, clock)
    for number in range(2 * MOST_KEYS):
        await cached.get(f"invented {number}")
        await cached.get("in use")

    assert loads.count("in use") == 1
    assert len(cached._kept) == MOST_KEYS


async def test_names_that_cannot_be_read_are_asked_for_once_a_second(clock: FixedClock) -> None:
    asked, is_busy = 0, True

    async def names() -> list[str]:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        if is_busy:
            raise DatabaseBusy("busy")
        return ["a"]

    named = Named(names, Source().load, clock)
    answers = await asyncio.gather(*(named.get("a") for _ in range(20)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {DatabaseBusy}
    with pytest.raises(DatabaseBusy):
        await named.get("a")
    assert asked == 1
    is_busy = False
    clock.advance(timedelta(seconds=1))

    assert (await named.get("a"), await named.get("b")) == ("a 1", None)
    assert asked == 2


async def test_waiting_reader_who_goes_away_takes_nobody_with_him(clock: FixedClock) -> None:
    cached = Cached(Source().load, clock)
    leaving = asyncio.create_task(cached.get("a"))
    staying = asyncio.create_task(cached.get("a"))
    await asyncio.sleep(0)

    leaving.cancel()

    assert await staying == "a 1"


def fund(ident: str, code: str) -> dict[str, str]:
    return {"id": ident * 26, "code": code, "name": code}


@post("/funds/{outcome:str}", opt={"access": PUBLIC, "cross_site": True}, status_code=201)
async def add_fund(session: NamedDependency[AsyncSession], outcome: FromPath[str]) -> str:
    """Stores a fund, and then does what it is told."""
    await session.execute(insert(Fund).values(**fund("A", "first")))
    if outcome == "fails":
        raise RuntimeError("after the write")
    if outcome == "commit-fails":
        session.add(Fund(**fund("A", "first")))  # found out only when it is committed
    return "stored"


@pytest.mark.parametrize(
    ("outcome", "status", "stored"), [("works", 201, 1), ("fails", 500, 0), ("commit-fails", 500, 0)]
)
async def test_request_is_one_transaction_and_a_failing_commit_is_no_success(
    site: Whole, outcome: str, status: int, stored: int
) -> None:
    small = Litestar(
        [add_fund],
        dependencies=DEPENDENCIES,
        exception_handlers=dict(EXCEPTION_HANDLERS),
        state=State({"house": site.app.state.house}),
        openapi_config=None,
        logging_config=None,
    )
    async with AsyncClient(transport=ASGITransport(app=small), base_url="http://127.0.0.1") as client:
        answer = await client.post(f"/funds/{outcome}")

    assert answer.status_code == status
    assert await count_of(site.db) == stored


async def count_of(db: Database) -> int:
    async with db.reading() as session:
        return await session.scalar(select(func.count()).select_from(Fund).where(Fund.code == "first")) or 0
