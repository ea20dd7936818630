"""Both senders' stand-ins, a house with its first list, and the hands to use them with."""

from collections.abc import AsyncIterator, Sequence

import pytest
from connecting import Exchange
from stand_ins import ListmonkStandIn, MailchimpStandIn, StandIn

from joining import Lists
from supporters.connectors.models import SenderKind
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.newsletters.lists import ensure_first_list
from supporters.settings import Settings
from whole import Mailbag, Whole, running

KINDS: Sequence[SenderKind] = tuple(SenderKind)


@pytest.fixture
async def lists(db: Database, clock: FixedClock, ids: Ids, settings: Settings) -> Lists:
    async with db.unit_of_work() as session:
        await ensure_first_list(session, settings=settings, ids=ids, now=clock.now())
    return Lists(db, clock, ids, settings)


async def make(lists: Lists, kind: SenderKind) -> Exchange:
    stand_in: StandIn = ListmonkStandIn(lists.clock) if kind is SenderKind.LISTMONK else MailchimpStandIn(lists.clock)
    exchange = Exchange(lists, kind, stand_in)
    await exchange.connect()
    return exchange


@pytest.fixture(params=KINDS)
async def exchange(request: pytest.FixtureRequest, lists: Lists) -> Exchange:
    """A connection, with each kind of sender in turn."""
    return await make(lists, request.param)


@pytest.fixture
async def listmonk(lists: Lists) -> Exchange:
    return await make(lists, SenderKind.LISTMONK)


@pytest.fixture
async def mailchimp(lists: Lists) -> Exchange:
    return await make(lists, SenderKind.MAILCHIMP)


@pytest.fixture
async def site(sqlite_db: Database, clock: FixedClock, settings: Settings, mailbag: Mailbag) -> AsyncIterator[Whole]:
    async with running(sqlite_db, clock, Ids(clock), settings, mailbag) as product:
        yield product
