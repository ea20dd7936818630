"""Looking at Stripe again, where events leave something open."""

from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.jobs.queue import enqueue
from supporters.jobs.work import TryLater, Work
from supporters.kit.ids import Ids
from supporters.payments.facts import Fact, InvoiceSeen
from supporters.payments.gateway import GatewayError, GatewayRefused
from supporters.plans.models import Plan

LOOK = "plans.look"
LOOK_AFTER = timedelta(seconds=1)  # several words of one second are settled by one look
UNCLEAR = timedelta(minutes=2)
NOT_ABOUT_THE_CHANGE = (401, 403, 429)  # our key was refused, not what was asked with it

log = structlog.get_logger("plans")


class Looking(Protocol):
    """What looking needs of Stripe. `payments.gateway_plans.PlanCalls` is one."""

    async def plan(self, subscription_id: str) -> list[Fact]: ...

    async def invoice(self, invoice_id: str) -> list[Fact]: ...

    async def open_bills(self, subscription_id: str) -> list[str]: ...


class Applying(Protocol):
    """What a look-up's facts are handed to. `events.Context` is one."""

    async def apply_facts(self, session: AsyncSession, facts: list[Fact], *, cause: str) -> None: ...


async def ask_for_look(session: AsyncSession, plan_id: str, *, ids: Ids, now: datetime) -> None:
    """Stripe will be asked how the plan stands, once for however many ask."""
    due = now + LOOK_AFTER
    await enqueue(session, LOOK, {"plan_id": plan_id}, ids=ids, now=now, run_at=due, dedupe=plan_id)


async def look(work: Work, payload: dict[str, Any], *, stripe: Looking, books: Applying) -> None:
    """Job `plans.look`: the plan, its card, its latest bill and every unpaid one are as Stripe says now. Raises TryLater."""
    async with work.db.reading() as session:
        wanted = select(Plan.stripe_subscription_id, Plan.failed_invoice_id)
        found = (await session.execute(wanted.where(Plan.id == str(payload["plan_id"])))).one_or_none()
    subscription_id, failed = found or (None, None)
    facts: list[Fact] = []
    if subscription_id:
        try:
            facts = await look_at(stripe, subscription_id, failed_invoice_id=failed)
        except GatewayRefused as refusal:
            if refusal.http_status in NOT_ABOUT_THE_CHANGE:
                raise TryLater(refusal.message, after=UNCLEAR) from refusal
            log.warning("look_refused", record_id=payload["plan_id"], code=refusal.code)
        except GatewayError as error:
            raise TryLater(error.message, after=UNCLEAR) from error
    async with work.db.unit_of_work() as session:
        await books.apply_facts(session, facts, cause=subscription_id or "")
        await work.finish(session)


async def look_at(stripe: Looking, subscription_id: str, *, failed_invoice_id: str | None) -> list[Fact]:
    """All that Stripe says of the plan. Where a bill has failed, older unpaid ones come before what the plan itself says.

    Raises GatewayError.
    """
    facts = await stripe.plan(subscription_id)
    if failed_invoice_id is None:
        return facts
    known = {fact.invoice_id for fact in facts if isinstance(fact, InvoiceSeen)}
    wanted = dict.fromkeys([*await stripe.open_bills(subscription_id), failed_invoice_id])
    older = [fact for bill in wanted if bill not in known for fact in await stripe.invoice(bill)]
    return [*older, *facts]
