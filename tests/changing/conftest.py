"""Somebody who gives monthly, and their pages, in the whole product on SQLite."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from supporters.discrepancies.models import Discrepancy
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.mail.models import Letter
from supporters.plans.links import PlanLinks
from supporters.plans.models import Plan, PlanChange, PlanEvent
from supporters.settings import Settings
from supporters.web.site import giving_done
from whole import Mailbag, Whole, hidden_fields, running


class Giver:
    """One supporter with a monthly donation of £10, and the link that was in their letter."""

    def __init__(self, site: Whole) -> None:
        self.site = site
        self.base = ""
        self.plan_id = ""

    async def begin(self, outcome: Any = "pay", frequency: str = "monthly", **more: Any) -> "Giver":
        """The first payment went that way and is in the books."""
        field = {frequency: "other"}
        given = await self.site.give(amount="10", frequency=frequency, **field, **more)
        await self.site.pay(given, outcome)
        await self.site.settle()
        [plan] = await self.rows(Plan)
        self.plan_id = plan.id
        links = PlanLinks(self.site.settings.secret_key, self.site.settings.base_url)
        self.base = f"/giving/{links.token(plan.id, now=self.site.clock.now())}"
        return self

    async def rows(self, table: Any) -> list[Any]:
        async with self.site.db.reading() as session:
            return list(await session.scalars(select(table)))

    async def plan(self) -> Plan:
        [plan] = await self.rows(Plan)
        return plan

    async def last_change(self) -> PlanChange:
        return max(await self.rows(PlanChange), key=lambda row: row.id)

    async def history(self) -> list[str]:
        return [row.kind for row in sorted(await self.rows(PlanEvent), key=lambda row: (row.at, row.id))]

    async def letters(self) -> list[str]:
        return [row.kind for row in sorted(await self.rows(Letter), key=lambda row: row.id)]

    async def tasks(self) -> list[Discrepancy]:
        return await self.rows(Discrepancy)

    async def get(self, path: str = "") -> httpx.Response:
        return await self.site.reader.get(f"{self.base}{path}")

    async def send(self, path: str, **fields: str) -> httpx.Response:
        """The page was opened and its form sent."""
        opened = await self.get(path)
        assert opened.status_code == 200, opened.text
        return await self.post(path, **{**hidden_fields(opened.text), **fields})

    async def post(self, path: str, **fields: str) -> httpx.Response:
        return await self.site.reader.post(f"{self.base}{path}", data=fields)

    async def change(self, path: str, **fields: str) -> httpx.Response:
        """The form was sent, the job has run, and this is the page that says how it went."""
        sent = await self.send(path, **fields)
        assert sent.status_code == 303, sent.text
        await self.site.settle()
        return await self.site.reader.get(sent.headers["location"])

    async def pass_time(self, **by: float) -> None:
        """So much time has gone by, here and at Stripe, and all that came of it is in the books."""
        self.site.clock.advance(timedelta(**by))
        await self.site.sandbox.tick()
        await self.site.settle()


@pytest.fixture(autouse=True)
def nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page does not wait for a job that runs only when a test says so."""
    monkeypatch.setattr(giving_done, "PAUSES", ())


@pytest.fixture
async def site(sqlite_db: Database, clock: FixedClock, settings: Settings, mailbag: Mailbag) -> AsyncIterator[Whole]:
    async with running(sqlite_db, clock, Ids(clock), settings, mailbag) as product:
        yield product


@pytest.fixture
async def giver(site: Whole) -> Giver:
    return await Giver(site).begin()
