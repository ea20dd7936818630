"""An account on both databases, and the whole product with somebody who does the books."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from banker import Banker
from banking import NUMBER, Bank

from databases import Databases
from paper import SETTINGS_ENV
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.settings import Settings, read_settings
from whole import Mailbag, running


@pytest.fixture
async def bank(db: Database, settings: Settings, ids: Ids, clock: FixedClock) -> Bank:
    made = Bank(db, settings, ids, clock)
    await made.open(number=NUMBER)
    return made


@pytest.fixture
async def one_bank(sqlite_db: Database, settings: Settings, ids: Ids, clock: FixedClock) -> Bank:
    """On one database: for what Python alone decides."""
    made = Bank(sqlite_db, settings, ids, clock)
    await made.open(number=NUMBER)
    return made


async def open_banker(db: Database, clock: FixedClock, settings: Settings, mailbag: Mailbag) -> AsyncIterator[Banker]:
    async with running(db, clock, Ids(clock), settings, mailbag) as product:
        desk = await product.staff("finance")
        banker = Banker(product, desk, "")
        added = await banker.add(name="Unity", number=NUMBER)
        banker.path = added.headers["location"]
        yield banker
        await desk.aclose()


@pytest.fixture
async def banker(sqlite_db: Database, clock: FixedClock, settings: Settings, mailbag: Mailbag) -> AsyncIterator[Banker]:
    async for each in open_banker(sqlite_db, clock, settings, mailbag):
        yield each


@pytest.fixture
async def banker_on_both(
    db: Database, clock: FixedClock, settings: Settings, mailbag: Mailbag
) -> AsyncIterator[Banker]:
    async for each in open_banker(db, clock, settings, mailbag):
        yield each


@pytest.fixture(scope="module")
async def one_product(databases: Databases) -> AsyncIterator[Banker]:
    clock, bag = FixedClock(datetime(2026, 11, 22, 9, 36, tzinfo=UTC)), Mailbag()
    bag.start()
    async with databases.fresh("sqlite") as db:
        async for each in open_banker(db, clock, read_settings(SETTINGS_ENV), bag):
            yield each
    bag.stop()


@pytest.fixture
def shared(one_product: Banker) -> Banker:
    """One product for tests that leave nothing behind which another of them would notice."""
    return Banker(one_product.site, one_product.desk, one_product.path)
