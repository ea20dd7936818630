"""A house with its first list."""

import pytest

from joining import Lists
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.newsletters.lists import ensure_first_list
from supporters.settings import Settings


@pytest.fixture
async def lists(sqlite_db: Database, clock: FixedClock, ids: Ids, settings: Settings) -> Lists:
    """On SQLite, for what does not depend on the engine."""
    return await _with_first_list(sqlite_db, clock, ids, settings)


@pytest.fixture
async def engines(db: Database, clock: FixedClock, ids: Ids, settings: Settings) -> Lists:
    """On both engines, one after the other."""
    return await _with_first_list(db, clock, ids, settings)


async def _with_first_list(db: Database, clock: FixedClock, ids: Ids, settings: Settings) -> Lists:
    async with db.unit_of_work() as session:
        await ensure_first_list(session, settings=settings, ids=ids, now=clock.now())
    return Lists(db, clock, ids, settings)
