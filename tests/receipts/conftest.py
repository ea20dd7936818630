"""A house for every test that asks for one."""

from collections.abc import AsyncIterator

import pytest

from giving import House, open_house
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.settings import Settings


@pytest.fixture
async def house(db: Database, settings: Settings, clock: FixedClock, ids: Ids) -> AsyncIterator[House]:
    async with open_house(db, settings, clock, ids) as made:
        yield made
