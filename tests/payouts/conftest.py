"""The sandbox as Stripe with daily payouts, our verbs and jobs at the other end, and no network."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from payments.conftest import Journey
from stripe_in_process import API, KEY, StripeWorld
from supporters import events
from supporters.appeals.actions import ensure_general
from supporters.discrepancies.models import Discrepancy
from supporters.guard.limits import Limits
from supporters.jobs.models import Job
from supporters.jobs.work import Work
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.kit.signing import Signer
from supporters.payments.gateway import Gateway
from supporters.payments.models import Payout
from supporters.reconciliation.fingerprint import fingerprint
from supporters.reconciliation.jobs import compare_balance, follow_payouts, prove_payouts, pull_and_post
from supporters.settings import Settings
from supporters.syncing import Asked, Screen, sync

DAY = timedelta(days=1)
ZONE = "Europe/London"
# For what does not depend on the database.
one_engine = pytest.mark.parametrize("db", ["sqlite"], indirect=True)


@dataclass
class Treasury(Journey):
    """A journey of money after it was given: payouts, their proof, the balance."""

    @property
    def sandbox(self) -> Any:
        return self.world.sandbox

    @property
    def work(self) -> Work:
        return Work(self.db, self.clock, self.ids, Job(id="none", kind="none"))

    async def give(self, amount_minor: int = 2500) -> str:
        """A donation that is paid."""
        donation_id, page = await self.open_page(amount_minor)
        await self.sandbox.pay(page)
        await self.settle()
        return donation_id

    async def sell(self, amount_minor: int = 9900) -> None:
        """A shop sells something on the same account."""
        await self.sandbox.pay((await self.world.donate(amount_minor)).id)
        await self.settle()

    async def pass_days(self, days: int) -> None:
        """Day after day goes by, at Stripe and here."""
        for _day in range(days):
            self.clock.advance(DAY)
            await self.sandbox.tick()

    async def hear(self) -> None:
        """Everything that Stripe tells is applied, and what that asks for is done."""
        await self.bring_webhooks()
        await self.apply()
        await self.pull()
        await prove_payouts(self.work, {}, gateway=self.gateway)

    async def pull(self) -> None:
        await pull_and_post(self.work, {}, gateway=self.gateway, time_zone=ZONE)

    async def follow(self) -> None:
        await follow_payouts(self.work, {}, gateway=self.gateway)

    async def compare(self) -> None:
        await compare_balance(self.work, {}, gateway=self.gateway, time_zone=ZONE)

    async def control(self, action: str, **told: Any) -> None:
        reply = await self.world.browser.post(f"/_control/{action}", json=told)
        assert reply.status_code < 400, reply.text

    async def payouts(self) -> list[Payout]:
        async with self.db.reading() as session:
            return list(await session.scalars(select(Payout).order_by(Payout.created_at, Payout.stripe_payout_id)))

    async def codes(self) -> list[tuple[str, str, int | None]]:
        """Open discrepancies: code, subject, amount."""
        async with self.db.reading() as session:
            found = await session.scalars(select(Discrepancy).where(Discrepancy.state == "open"))
            return sorted((one.code, one.subject, one.amount_minor) for one in found)

    async def discrepancies(self) -> list[Discrepancy]:
        return await self.rows(Discrepancy)

    async def hash(self) -> str:
        async with self.db.reading() as session:
            return await fingerprint(session)


@pytest.fixture
async def daily(clock: FixedClock) -> AsyncIterator[StripeWorld]:
    """A world that pays out every day."""
    made = StripeWorld(clock, payout_interval="daily")
    yield made
    await made.close()
    made.app.assert_clean()


@pytest.fixture
async def treasury(db: Database, daily: StripeWorld, settings: Settings, clock: FixedClock, ids: Ids) -> Treasury:
    gateway = Gateway(KEY, api_base=API, http_client=daily.http, max_network_retries=0)
    context = events.Context(settings, clock, ids, Limits(Signer(settings.secret_key, "limits")))
    async with db.unit_of_work() as session:
        await ensure_general(session, currency="GBP", ids=ids, now=clock.now())
    return Treasury(db, daily, gateway, context, settings, clock, ids)


class Desk:
    """The tools that a command works with, and what it has said."""

    def __init__(self, treasury: Treasury) -> None:
        self.db = treasury.db
        self.gateway = treasury.gateway
        self.settings = treasury.settings
        self.clock = treasury.clock
        self.ids = treasury.ids
        self.limits = Limits(Signer(treasury.settings.secret_key, "limits"))
        self.said: list[str] = []
        self.screen = Screen(say=self.said.append)

    async def sync(self, **asked: Any) -> bool:
        return await sync(self, Asked(**asked), self.screen)


async def count(treasury: Treasury, table: type) -> int:
    """How many rows a table has."""
    async with treasury.db.reading() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0
