"""Looking at Stripe again, where events leave something open."""

from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.jobs.queue import enqueue
from supporters.jobs.work import TryLater, Work
from supporters.kit.ids import Ids
from supporters.payments.facts import Fact
from supporters.payments.gateway import GatewayError, GatewayRefused
from supporters.plans.models import Plan

LOOK = "plans.look"
LOOK_AFTER = timedelta(seconds=1)  # several words of one second are settled by one look
UNCLEAR = timedelta(minutes=2)

log = structlog.get_logger("plans")


class Looking(Protocol):
    """What looking needs of Stripe. `payments.gateway_plans.PlanCalls` is one."""

    async def plan(self, subscription_id: str) -> list[Fact]: ...


class Applying(Protocol):
    """What a look-up's facts are handed to. `events.Context` is one."""

    async def apply_facts(self, session: AsyncSession, facts: list[Fact], *, cause: str) -> None: ...


async def ask_for_look(session: AsyncSession, plan_id: str, *, ids: Ids, now: datetime) -> None:
    """Stripe will be asked how the plan stands, once for however many ask."""
    due = now + LOOK_AFTER
    await enqueue(session, LOOK, {"plan_id": plan_id}, ids=ids, now=now, run_at=due, dedupe=plan_id)


async def look(work: Work, payload: dict[str, Any], *, stripe: Looking, books: Applying) -> None:
    """Job `plans.look`: the plan, its card and its latest bill are as Stripe says now. Raises TryLater."""
    async with work.db.reading() as session:
        wanted = select(Plan.stripe_subscription_id).where(Plan.id == str(payload["plan_id"]))
        subscription_id = await session.scalar(wanted)
    facts: list[Fact] = []
    if subscription_id:
        try:
            facts = await stripe.plan(subscription_id)
        except GatewayRefused as refusal:
            log.warning("look_refused", record_id=payload["plan_id"], code=refusal.code)
        except GatewayError as error:
            raise TryLater(error.message, after=UNCLEAR) from error
    async with work.db.unit_of_work() as session:
        await books.apply_facts(session, facts, cause=subscription_id or "")
        await work.finish(session)
