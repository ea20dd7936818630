"""How plans are paid: cards and accounts as Stripe shows them, mandates, and new ones from a set-up page."""

from calendar import monthrange
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.jobs.queue import enqueue
from supporters.jobs.work import Work
from supporters.kit.ids import Ids
from supporters.payments.facts import MandateSeen, MethodSeen
from supporters.plans import letters
from supporters.plans.change import lock_plan
from supporters.plans.history import note
from supporters.plans.lifecycle import method_of
from supporters.plans.models import ChangeKind, ChangeState, Plan, PlanChange, PlanState
from supporters.plans.words import is_debit_over
from supporters.settings import Settings

MANDATE_ENDED = "plans.mandate"
TOLD_AFTER = timedelta(minutes=10)  # by then it is known whether a payment came back with it


async def take_method(session: AsyncSession, plan: Plan, seen: MethodSeen, *, ids: Ids, now: datetime) -> bool:
    """The plan shows this card or account as what it is paid with. False when it did."""
    is_same = plan.stripe_payment_method_id == seen.payment_method_id  # of another card nothing is known yet
    values: dict[str, object] = {
        "method": method_of(seen.kind),
        "method_brand": seen.brand,
        "method_last4": seen.last4,
        "method_expires_on": _last_day(seen.expires),
        "stripe_payment_method_id": seen.payment_method_id,
        "is_updated_by_network": (plan.is_updated_by_network and is_same) or seen.is_automatic,
    }
    differing = {name: value for name, value in values.items() if getattr(plan, name) != value}
    for name, value in differing.items():
        setattr(plan, name, value)
    await session.flush()
    if seen.is_automatic and differing:
        cause = f"{seen.payment_method_id}:{seen.last4}:{seen.expires}"
        await note(session, plan.id, "card_updated", cause=cause, ids=ids, now=now, detail={"last4": seen.last4})
    return bool(differing)


async def see_method(session: AsyncSession, seen: MethodSeen, *, ids: Ids, now: datetime) -> bool:
    """Every plan that is paid with this card or account shows it as it is now. False when no plan is."""
    wanted = select(Plan).where(Plan.stripe_payment_method_id == seen.payment_method_id).with_for_update()
    plans = (await session.scalars(wanted.execution_options(populate_existing=True))).all()
    for plan in plans:
        await take_method(session, plan, seen, ids=ids, now=now)
    return bool(plans)


async def see_mandate(session: AsyncSession, seen: MandateSeen, *, ids: Ids, now: datetime) -> bool:
    """Who pays from a bank account that may not be debited any more will hear of it once. False when it is of no plan."""
    wanted = select(Plan).where(
        Plan.stripe_payment_method_id == seen.payment_method_id, Plan.state != PlanState.STOPPED
    )
    plans = (await session.scalars(wanted)).all()
    for plan in plans if seen.status == "inactive" else ():
        if await note(session, plan.id, "mandate_ended", cause=seen.mandate_id, ids=ids, now=now):
            payload = {"plan_id": plan.id, "mandate_id": seen.mandate_id, "method": seen.payment_method_id}
            once, due = f"{plan.id}:{seen.mandate_id}", now + TOLD_AFTER
            await enqueue(session, MANDATE_ENDED, payload, ids=ids, now=now, run_at=due, dedupe=once)
    return bool(plans)


async def tell_of_mandate(work: Work, payload: dict[str, Any], *, settings: Settings) -> None:
    """Job `plans.mandate`: the supporter knows that the account cannot be debited, from this letter if from no other.

    A payment that came back or failed for the same reason has a letter that says it, and so has a plan that stops.
    """
    now, ids = work.clock.now(), work.ids
    async with work.db.unit_of_work() as session:
        plan = await lock_plan(session, str(payload["plan_id"]))
        if not await _is_told_otherwise(session, plan, method=str(payload["method"])):
            once = f"{plan.id}:{payload['mandate_id']}"
            await letters.tell_mandate_ended(session, plan, cause=once, ids=ids, now=now, settings=settings)
        await work.finish(session)


async def _is_told_otherwise(session: AsyncSession, plan: Plan, *, method: str) -> bool:
    if plan.state == PlanState.STOPPED or plan.stops_at or plan.stripe_payment_method_id != method:
        return True
    stops = (PlanChange.plan_id == plan.id) & (PlanChange.kind == ChangeKind.STOP)
    asked = select(PlanChange.id).where(stops, PlanChange.state == ChangeState.REQUESTED).limit(1)
    return is_debit_over(plan.failure_code) or await session.scalar(asked) is not None


def _last_day(expires: tuple[int, int] | None) -> date | None:
    if expires is None:
        return None
    year, month = expires
    return date(year, month, monthrange(year, month)[1])
