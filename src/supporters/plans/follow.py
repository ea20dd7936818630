"""A plan stands as Stripe says its subscription stands: the newest word counts, whatever order words come in."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.instalments import give_up_first
from supporters.kit.ids import Ids
from supporters.payments.facts import PlanSeen
from supporters.plans import letters, methods
from supporters.plans.change import stop_reason_of
from supporters.plans.first import first_is_at_bank
from supporters.plans.history import note
from supporters.plans.lifecycle import BY_ITSELF, Standing, frequency_of, is_over, standing
from supporters.plans.looks import ask_for_look
from supporters.plans.models import ChangeKind, ChangeState, Plan, PlanChange, PlanState, StopReason
from supporters.plans.possible import STOPPING
from supporters.plans.renew import forget_failure
from supporters.plans.start import plan_of
from supporters.settings import Settings

ENDINGS = (*STOPPING, ChangeKind.GO_ON)


async def follow(session: AsyncSession, fact: PlanSeen, *, ids: Ids, now: datetime, settings: Settings) -> None:
    """The plan is as the subscription is. Older news changes nothing; two words of one second are settled by a look.

    *Writes* plan, history, letters for what the supporter must hear.
    """
    plan = await plan_of(session, fact.subscription_id)
    if plan is None or (fact.occurred_at and plan.seen_at and fact.occurred_at < plan.seen_at):
        return
    values = _values(plan, fact, now, reason=await _reason(session, plan, fact))
    differing = {name: value for name, value in values.items() if getattr(plan, name) != value}
    if differing and await _may_be_outdated(session, plan, fact):
        await ask_for_look(session, plan.id, ids=ids, now=now)
        return
    if "stripe_payment_method_id" in differing and fact.method is None:  # its digits and last day come with a look
        await ask_for_look(session, plan.id, ids=ids, now=now)
    was = {name: getattr(plan, name) for name in (*differing, "state")}
    for name, value in differing.items():
        setattr(plan, name, value)
    plan.seen_at = fact.occurred_at or plan.seen_at
    plan.updated_at = now
    if plan.state == PlanState.STOPPED:
        forget_failure(plan)
    await session.flush()
    if fact.method:
        await methods.take_method(session, plan, fact.method, ids=ids, now=now)
    if plan.state == PlanState.ACTIVE and fact.occurred_at is None:  # a look, so that card and date are known
        await letters.tell_begun(session, plan, ids=ids, now=now, settings=settings)
    await _tell(session, plan, was, ids=ids, now=now, settings=settings)


async def _may_be_outdated(session: AsyncSession, plan: Plan, fact: PlanSeen) -> bool:
    """Whether the plan may show newer words than these: of the same second, or Stripe's own answer to a change.

    An end is never outdated.
    """
    if fact.occurred_at is None or is_over(fact):
        return False
    if fact.occurred_at == plan.seen_at:
        return True
    answered = (PlanChange.plan_id == plan.id) & (PlanChange.done_at >= fact.occurred_at)
    return await session.scalar(select(PlanChange.id).where(answered).limit(1)) is not None


async def _reason(session: AsyncSession, plan: Plan, fact: PlanSeen) -> StopReason | None:
    """Why the plan stops, where that is our doing: Stripe's news may come before our own transaction is through."""
    if plan.stop_reason:
        return StopReason(plan.stop_reason)
    if not (is_over(fact) or fact.stops_at) or fact.end_reason in BY_ITSELF:
        return None
    wanted = (
        select(PlanChange)
        .where(PlanChange.plan_id == plan.id, PlanChange.kind.in_(ENDINGS), PlanChange.state != ChangeState.FAILED)
        .order_by(PlanChange.id.desc())
        .limit(1)
    )
    change = await session.scalar(wanted)
    return stop_reason_of(change) if change and change.kind != ChangeKind.GO_ON else None


def _values(plan: Plan, fact: PlanSeen, now: datetime, *, reason: StopReason | None) -> dict[str, object]:
    is_same = fact.payment_method_id in (None, plan.stripe_payment_method_id)
    stands: Standing = standing(fact, was=PlanState(plan.state), reason=reason, stopped_at=plan.stopped_at, now=now)
    return {
        "state": stands.state,
        "next_at": stands.next_at,
        "paused_until": stands.paused_until,
        "stops_at": stands.stops_at,
        "stopped_at": stands.stopped_at,
        "stop_reason": stands.stop_reason,
        "amount_minor": fact.amount_minor,
        "frequency": frequency_of(fact.interval) or plan.frequency,
        "stripe_item_id": fact.item_id,
        "stripe_customer_id": fact.customer_id or plan.stripe_customer_id,
        "stripe_payment_method_id": fact.payment_method_id or plan.stripe_payment_method_id,
        "is_updated_by_network": plan.is_updated_by_network and is_same,
    }


async def _tell(
    session: AsyncSession, plan: Plan, was: dict[str, object], *, ids: Ids, now: datetime, settings: Settings
) -> None:
    """The history, and the supporter, hear of what has changed. A wish of theirs was told where it was carried out."""
    if plan.state == PlanState.STOPPED and was["state"] != PlanState.STOPPED:
        told = {"reason": plan.stop_reason}
        await note(session, plan.id, "stopped", cause=plan.id, ids=ids, now=plan.stopped_at or now, detail=told)
        if not await first_is_at_bank(session, plan):
            await give_up_first(session, plan.first_donation_id, cause=plan.id, ids=ids, now=now)
        await letters.tell_stopped(session, plan, ids=ids, now=now, settings=settings)
