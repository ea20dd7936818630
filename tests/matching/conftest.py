"""The whole product with one account, whose payouts and bank lines are put there as rows."""

from collections.abc import AsyncIterator

import pytest
from matcher import Matcher

import arrivals
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.settings import Settings
from whole import Mailbag, running


@pytest.fixture
async def matcher(
    sqlite_db: Database, clock: FixedClock, settings: Settings, mailbag: Mailbag
) -> AsyncIterator[Matcher]:
    async with running(sqlite_db, clock, Ids(clock), settings, mailbag) as product:
        async with product.db.unit_of_work() as session:
            await arrivals.found_bank(session)
        desk = await product.staff("finance")
        yield Matcher(product, desk)
        await desk.aclose()
