"""What a dispute does to the plan whose payment it is about: nothing more is taken before it is decided, nor when it is lost.

An inquiry leaves the plan alone, and so does a debit that came back because the account was short: the next one may be
paid. A dispute that was won lets nothing go on earlier than its pause ends: that is the supporter's to say.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.lifecycle import is_returned_debit
from supporters.donations.models import Dispute, DisputeState
from supporters.jobs.queue import enqueue
from supporters.jobs.work import TryLater, Work
from supporters.kit.errors import Conflict
from supporters.kit.ids import Ids
from supporters.plans.change import MOST_PAUSED, has_open_change, request_change
from supporters.plans.history import note
from supporters.plans.models import Actor, ChangeKind, Instalment, Plan, PlanState

DISPUTED = "plans.disputed"
UNWANTED = frozenset(
    {"customer_initiated", "debit_not_authorized", "incorrect_account_details"}
)  # no later debit is paid
SOON = timedelta(seconds=30)


async def plan_of_donation(session: AsyncSession, donation_id: str) -> str | None:
    """The plan whose payment the donation is; None for a one-off."""
    return await session.scalar(select(Instalment.plan_id).where(Instalment.donation_id == donation_id))


async def tell_plan(session: AsyncSession, dispute_id: str, *, ids: Ids, now: datetime) -> None:
    """If the disputed payment was a plan's, its history says so and a job stops what must not be taken."""
    dispute = await session.get(Dispute, dispute_id)
    assert dispute, "the caller has just stored it"
    plan_id = await plan_of_donation(session, dispute.donation_id)
    if plan_id is None:
        return
    told = {"amount_minor": dispute.amount_minor, "currency": dispute.currency, "reason": dispute.reason}
    told |= {"donation": dispute.donation_id}
    at, cause = dispute.seen_at or now, dispute.stripe_dispute_id
    await note(session, plan_id, f"dispute_{dispute.state}", cause=cause, ids=ids, now=at, detail=told)
    if wanted_change(dispute.state, dispute.reason):
        once = f"{dispute.id}:{dispute.state}"  # one that is at work may have read an earlier state
        await enqueue(session, DISPUTED, {"dispute_id": dispute.id}, ids=ids, now=now, dedupe=once)


def wanted_change(state: str, reason: str) -> ChangeKind | None:
    """What a dispute in that state wants done to its plan."""
    is_debit = is_returned_debit(reason)
    if state == DisputeState.LOST and (not is_debit or reason in UNWANTED):
        return ChangeKind.STOP
    if state in (DisputeState.NEEDS_ANSWER, DisputeState.UNDER_REVIEW) and not is_debit:
        return ChangeKind.PAUSE
    return None


async def follow_dispute(work: Work, payload: dict[str, Any]) -> None:
    """Job `plans.disputed`: the plan is asked to pause or to stop, as its dispute stands now. Raises TryLater.

    Where that is not possible, its history says why, and the dispute's task stays for a person.
    """
    async with work.db.unit_of_work() as session:
        dispute = await session.get(Dispute, str(payload["dispute_id"]))
        plan_id = await plan_of_donation(session, dispute.donation_id) if dispute else None
        kind = wanted_change(dispute.state, dispute.reason) if dispute else None
        if dispute and plan_id and kind:
            await _ask(session, plan_id, kind, cause=dispute.stripe_dispute_id, work=work)
        await work.finish(session)


async def _ask(session: AsyncSession, plan_id: str, kind: ChangeKind, *, cause: str, work: Work) -> None:
    plan = await session.get(Plan, plan_id)
    if plan is None or _is_done(plan, kind):
        return
    if await has_open_change(session, plan_id):
        raise TryLater("another change of the plan is being made", after=SOON)
    now, ids = work.clock.now(), work.ids
    wanted = {"months": MOST_PAUSED} if kind is ChangeKind.PAUSE else {}
    try:
        await request_change(
            session, plan_id, kind=kind, wanted=wanted, actor=Actor.HOUSE, actor_id=None, ids=ids, now=now
        )
    except Conflict as conflict:
        told = {"why": conflict.message}
        await note(
            session, plan_id, f"dispute_no_{kind}", cause=cause, ids=ids, now=now, actor=Actor.HOUSE, detail=told
        )


def _is_done(plan: Plan, kind: ChangeKind) -> bool:
    if plan.state == PlanState.STOPPED or plan.stops_at:
        return True
    return kind is ChangeKind.PAUSE and plan.state == PlanState.PAUSED
