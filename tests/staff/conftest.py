"""The whole product on SQLite, and letters to members of staff as verbs about them want them."""

from collections.abc import AsyncIterator

import pytest

from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.settings import Settings
from supporters.staff.letters import StaffLetters
from whole import Mailbag, Whole, running


@pytest.fixture
def staff_letters(settings: Settings, ids: Ids) -> StaffLetters:
    return StaffLetters(settings, ids)


@pytest.fixture
async def site(sqlite_db: Database, clock: FixedClock, settings: Settings, mailbag: Mailbag) -> AsyncIterator[Whole]:
    async with running(sqlite_db, clock, Ids(clock), settings, mailbag) as product:
        yield product
