"""One plan after another through the real verbs, with the sandbox as Stripe and no network."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from payments.conftest import Journey, context, gateway, world
from stripe_in_process import StripeWorld
from supporters import events
from supporters.appeals.actions import ensure_general
from supporters.donations.models import Frequency
from supporters.jobs.queue import enqueue, run_due
from supporters.jobs.work import Work
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.mail.models import Letter
from supporters.payments.gateway import Gateway
from supporters.plans.jobs import LOOK, look
from supporters.plans.models import Plan, PlanEvent
from supporters.plans.tend import TEND, tend
from supporters.settings import Settings

__all__ = ["PlanJourney", "context", "gateway", "journey", "world"]  # fixtures of payments serve here too


class PlanJourney(Journey):
    """As a journey of one donation; here the donation comes again."""

    async def open_plan(self, amount_minor: int = 1000, frequency: Frequency = Frequency.MONTHLY) -> str:
        """A reader sent the form; returns the id of Stripe's page."""
        _donation_id, page = await self.send_form(amount_minor, frequency, "Ada Brook")
        return page

    async def begin(self, outcome: Any = "pay", **more: Any) -> Plan:
        """A plan whose first payment went that way, with all that Stripe told of it."""
        page = await self.open_plan(**more)
        await self.world.sandbox.pay(page, outcome)
        await self.hear()
        subscription = self.world.sandbox.session(page)["subscription"]
        [plan] = [row for row in await self.rows(Plan) if row.stripe_subscription_id == subscription]
        return plan

    async def hear(self) -> None:
        """All that Stripe has to say is in the books, and what was asked for was looked up."""
        for _ in range(20):
            came = await self.bring_webhooks()
            came += await self.apply()
            self.clock.advance(timedelta(seconds=1))
            came += await self.run_looks()
            if not came:
                return

    async def run_looks(self) -> int:
        """Looks that are due were made; returns how many jobs ran."""

        async def one(work: Work, payload: dict[str, Any]) -> None:
            await look(work, payload, stripe=self.gateway.plans, books=self.context)

        async def leave(_work: Work, _payload: dict[str, Any]) -> None:
            """The books of account have tests of their own."""

        handlers = {LOOK: one, "balance.pull": leave}
        return await run_due(self.db, handlers, clock=self.clock, ids=self.ids)

    async def pass_time(self, **by: int) -> None:
        """So much time has gone by, at Stripe and here, and what Stripe told of it is in the books."""
        self.clock.advance(timedelta(**by))
        await self.hear()

    async def tend(self) -> None:
        """The job that looks after plans ran once."""
        async with self.db.unit_of_work() as session:
            await enqueue(session, TEND, {}, ids=self.ids, now=self.clock.now())
        await run_due(self.db, {TEND: partial(tend, settings=self.settings)}, clock=self.clock, ids=self.ids)

    async def plan(self, plan_id: str) -> Plan:
        """The plan as it is now."""
        async with self.db.reading() as session:
            found = await session.get(Plan, plan_id)
        assert found
        return found

    async def letters(self) -> list[str]:
        """The kinds of letters that were written, in order."""
        return [row.kind for row in sorted(await self.rows(Letter), key=lambda row: row.id)]

    async def history(self) -> list[str]:
        """What happened to plans, in order."""
        return [row.kind for row in sorted(await self.rows(PlanEvent), key=lambda row: row.at)]


@pytest.fixture
async def journey(
    sqlite_db: Database,
    world: StripeWorld,
    gateway: Gateway,
    context: events.Context,
    settings: Settings,
    clock: FixedClock,
    ids: Ids,
) -> PlanJourney:
    async with sqlite_db.unit_of_work() as session:
        await ensure_general(session, currency="GBP", ids=ids, now=clock.now())
    return PlanJourney(sqlite_db, world, gateway, context, settings, clock, ids)
