"""The whole product with one more list, and a member of staff who brings files to it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from importing import Importer

from databases import Databases
from paper import SETTINGS_ENV
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.newsletters.lists import ListForm, create_list
from supporters.settings import Settings, read_settings
from whole import Mailbag, running


async def open_site(db: Database, clock: FixedClock, settings: Settings, mailbag: Mailbag) -> AsyncIterator[Importer]:
    async with running(db, clock, Ids(clock), settings, mailbag) as product:
        form = ListForm(
            slug="culture",
            name="Culture on Friday",
            how_often="Every Friday",
            sender_name="The Weekly Lamp",
            wording="Send me Culture on Friday",
        )
        async with db.unit_of_work() as session:
            await create_list(session, form, ids=product.ids, now=clock.now())
        desk = await product.staff("support")
        yield Importer(product, desk)
        await desk.aclose()


@pytest.fixture
async def importer(
    sqlite_db: Database, clock: FixedClock, settings: Settings, mailbag: Mailbag
) -> AsyncIterator[Importer]:
    async for each in open_site(sqlite_db, clock, settings, mailbag):
        yield each


@pytest.fixture
async def importer_on_both(
    db: Database, clock: FixedClock, settings: Settings, mailbag: Mailbag
) -> AsyncIterator[Importer]:
    async for each in open_site(db, clock, settings, mailbag):
        yield each


@pytest.fixture(scope="module")
async def shared(databases: Databases) -> AsyncIterator[Importer]:
    """One product for tests that leave nothing behind which another of them would notice."""
    clock, bag = FixedClock(datetime(2026, 11, 22, 9, 36, tzinfo=UTC)), Mailbag()
    bag.start()
    async with databases.fresh("sqlite") as db:
        async for each in open_site(db, clock, read_settings(SETTINGS_ENV), bag):
            yield each
    bag.stop()
