"""Donations and plans through the real verbs, and banks that take money back."""

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select

from payments.conftest import context, gateway
from plans.conftest import PlanJourney
from stripe_in_process import StripeWorld
from supporters import events
from supporters.appeals.actions import ensure_general
from supporters.checks import run_checks
from supporters.discrepancies.models import Discrepancy
from supporters.jobs.models import Job
from supporters.jobs.queue import run_due
from supporters.jobs.work import Work
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.ledger.models import LedgerEntry
from supporters.payments.gateway import Gateway
from supporters.plans.carry_out import carry_out
from supporters.plans.change import CHANGE, request_change
from supporters.plans.disputed import DISPUTED, follow_dispute
from supporters.plans.jobs import LOOK, look
from supporters.plans.methods import MANDATE_ENDED, tell_of_mandate
from supporters.plans.models import Actor, ChangeKind
from supporters.plans.refused import REFUSED, end_refused
from supporters.reconciliation.jobs import pull_and_post
from supporters.sandbox.errors import Json
from supporters.settings import Settings

__all__ = ["BankJourney", "context", "gateway"]  # fixtures of payments serve here too
ZONE = "Europe/London"


class BankJourney(PlanJourney):
    """As a journey of one plan; here banks change their minds."""

    async def give(self, outcome: Any = "pay") -> tuple[str, Json]:
        """A donation of 25 pounds that went that way, and its charge in the sandbox."""
        donation_id, page = await self.open_page()
        await self.world.sandbox.pay(page, outcome)
        await self.news()
        intent = self.object("payment_intent", self.world.sandbox.session(page)["payment_intent"])
        return donation_id, self.object("charge", intent["latest_charge"])

    def object(self, kind: str, stripe_id: str) -> Json:
        """The object as the sandbox has it."""
        return self.world.sandbox.world.get(kind, stripe_id)

    def objects(self, kind: str) -> list[Json]:
        """All objects of that kind, as the sandbox has them."""
        return self.world.sandbox.objects(kind)

    async def want(self, plan_id: str, kind: ChangeKind, whose: Actor = Actor.SUPPORTER, **wanted: Any) -> None:
        """The plan's supporter wanted this, or staff for them, and it was done."""
        now = self.clock.now()
        async with self.db.unit_of_work() as session:
            await request_change(
                session, plan_id, kind=kind, wanted=wanted, actor=whose, actor_id=None, ids=self.ids, now=now
            )
        await self.hear()

    def act(self, deed: Callable[..., Json], *told: Any, **more: Any) -> Json:
        """A bank did something."""
        with self.world.sandbox.world.atomic():
            return deed(self.world.sandbox.world, *told, **more)

    async def news(self) -> None:
        """What Stripe has to say is applied, and what has moved is posted."""
        await self.settle()
        await self.hear()
        work = Work(self.db, self.clock, self.ids, Job(id="none", kind="balance.pull"))
        await pull_and_post(work, {}, gateway=self.gateway, time_zone=ZONE)

    async def run_looks(self) -> int:
        """Jobs that are due ran, also those that do to a plan what its dispute wants; returns how many."""

        async def leave(_work: Work, _payload: dict[str, Any]) -> None:
            """Told apart in `news`."""

        change = partial(carry_out, stripe=self.gateway.plans, books=self.context, settings=self.settings)
        ask = partial(look, stripe=self.gateway.plans, books=self.context)
        end = partial(end_refused, stripe=self.gateway.plans, books=self.context)
        told = partial(tell_of_mandate, settings=self.settings)
        held = partial(follow_dispute, settings=self.settings)
        handlers = {LOOK: ask, DISPUTED: held, CHANGE: change, REFUSED: end, MANDATE_ENDED: told}
        handlers |= {"balance.pull": leave}
        return await run_due(self.db, handlers, clock=self.clock, ids=self.ids)

    async def balances(self) -> dict[str, int]:
        """What stands on each account of the ledger, but for those with nothing on them."""
        async with self.db.reading() as session:
            query = select(LedgerEntry.account, func.sum(LedgerEntry.amount_minor)).group_by(LedgerEntry.account)
            return {account: int(total) for account, total in await session.execute(query) if total}

    async def broken(self) -> list[str]:
        """Every check of the books that does not hold, also against what Stripe holds."""
        held = await self.gateway.balance()
        async with self.db.reading() as session:
            return [each.name for each in await run_checks(session, now=self.clock.now(), stripe_balance=held)]

    async def tasks(self) -> dict[str, str]:
        """The state of each task, by its code."""
        return {row.code: row.state for row in await self.rows(Discrepancy)}


@pytest.fixture
def config() -> dict[str, Any]:
    """What is special about the sandbox."""
    return {}


@pytest.fixture
async def world(clock: FixedClock, config: dict[str, Any]) -> AsyncIterator[StripeWorld]:
    made = StripeWorld(clock, **config)
    yield made
    await made.close()
    made.app.assert_clean()


@pytest.fixture
async def both(
    db: Database,
    world: StripeWorld,
    gateway: Gateway,
    context: events.Context,
    settings: Settings,
    clock: FixedClock,
    ids: Ids,
) -> BankJourney:
    """The journey on both engines, for what SQL could say differently."""
    return await _begun(BankJourney(db, world, gateway, context, settings, clock, ids))


@pytest.fixture
async def bank(
    sqlite_db: Database,
    world: StripeWorld,
    gateway: Gateway,
    context: events.Context,
    settings: Settings,
    clock: FixedClock,
    ids: Ids,
) -> BankJourney:
    return await _begun(BankJourney(sqlite_db, world, gateway, context, settings, clock, ids))


async def _begun(journey: BankJourney) -> BankJourney:
    async with journey.db.unit_of_work() as session:
        await ensure_general(session, currency="GBP", ids=journey.ids, now=journey.clock.now())
    return journey
