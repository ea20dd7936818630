"""The whole product on SQLite, supporters on file, and the way in through the letter."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from givers import Add, Given, LetIn, add_giver, code_in
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.settings import Settings
from whole import Mailbag, Whole, running


@pytest.fixture
async def site(sqlite_db: Database, clock: FixedClock, settings: Settings, mailbag: Mailbag) -> AsyncIterator[Whole]:
    async with running(sqlite_db, clock, Ids(clock), settings, mailbag) as product:
        yield product


@pytest.fixture
def add(site: Whole) -> Add:
    async def add(email: str, *, name: str = "Ada Brook", payments: int = 1, **plan: Any) -> Given:
        return await add_giver(site, email, name=name, payments=payments, plan=plan)

    return add


@pytest.fixture
def let_in(site: Whole) -> LetIn:
    async def let_in(email: str) -> httpx.AsyncClient:
        browser = site.browser()
        await browser.post("/sign-in", data={"email": email})
        await site.worker.drain()
        answer = await browser.post("/sign-in/check", data={"code": code_in(site)})
        assert answer.status_code == 303, answer.text
        return browser

    return let_in
