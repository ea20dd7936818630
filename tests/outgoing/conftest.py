"""Receivers in the same process, reached through the house's own way outside."""

from collections.abc import AsyncIterator

import pytest
from sending_hands import Hands

from machines import Receiver, outside
from supporters.jobs.backstage import Backstage
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.kit.sealing import Sealer
from supporters.outgoing.actions import PURPOSE
from supporters.settings import Settings
from whole import Mailbag, Whole, running


@pytest.fixture
def crm() -> Receiver:
    return Receiver()


@pytest.fixture
def other() -> Receiver:
    return Receiver()


@pytest.fixture
def hands(db: Database, clock: FixedClock, ids: Ids, settings: Settings, crm: Receiver, other: Receiver) -> Hands:
    way = outside(crm_test=crm, other_test=other)
    backstage = Backstage(settings=settings, ids=ids, clock=clock, outside=way)
    return Hands(db, backstage, Sealer(settings.secret_key, PURPOSE))


@pytest.fixture
async def site(sqlite_db: Database, clock: FixedClock, settings: Settings, mailbag: Mailbag) -> AsyncIterator[Whole]:
    async with running(sqlite_db, clock, Ids(clock), settings, mailbag) as product:
        yield product


@pytest.fixture
async def both(db: Database, clock: FixedClock, settings: Settings, mailbag: Mailbag) -> AsyncIterator[Whole]:
    """The whole product, on each engine in turn."""
    async with running(db, clock, Ids(clock), settings, mailbag) as product:
        yield product
