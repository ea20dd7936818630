"""A browser that is shown the prompt on a page of any kind, and the whole product with its places published."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hosting import Content, Host, content_of
from playwright.async_api import Browser

from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.newsletters.lists import ensure_first_list
from supporters.prompts.placements import ensure_placements
from supporters.settings import Settings
from supporters.web.common.publishing import publish_all
from whole import Mailbag, Whole, running


@pytest.fixture
def content(settings: Settings, clock: Any) -> Content:
    return content_of(settings, clock.now())


@pytest.fixture
async def host(chromium: Browser, content: Content) -> AsyncIterator[Host]:
    context = await chromium.new_context(viewport={"width": 390, "height": 800})
    context.set_default_timeout(4_000)
    yield Host(context, content)
    await context.close()


@pytest.fixture
async def site(sqlite_db: Database, clock: FixedClock, settings: Settings, mailbag: Mailbag) -> AsyncIterator[Whole]:
    """The whole product with its places published."""
    async with running(sqlite_db, clock, Ids(clock), settings, mailbag) as product:
        async with product.db.unit_of_work() as session:
            await ensure_placements(session, now=clock.now())
            await ensure_first_list(session, settings=settings, ids=product.ids, now=clock.now())
            await publish_all(session, settings=settings, ids=product.ids, now=clock.now())
        yield product
