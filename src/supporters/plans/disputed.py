"""What a dispute does to the plan whose payment it is about: nothing more is taken before it is decided, nor when it is lost.

An inquiry leaves the plan alone, and so does a debit that came back because the account was short: the next one may be
paid. Every other plan is held, also a yearly one and one that is failing; what is open of it is not asked for any more. A
dispute that was lost stops it. One that was won leaves it held, and its supporter is asked whether it goes on (`after_win`),
if nobody has let it go on or stopped it before and no other dispute is open.
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
from supporters.plans.after_win import ask_supporter
from supporters.plans.change import lock_plan, request_change
from supporters.plans.dates import taken_at
from supporters.plans.held import UNDECIDED, hold_of, is_decided
from supporters.plans.history import note
from supporters.plans.links import PlanLinks
from supporters.plans.models import Actor, ChangeKind, ChangeState, Instalment, Plan, PlanChange, PlanState
from supporters.plans.turns import has_open_change
from supporters.plans.words import again_url
from supporters.settings import Settings

DISPUTED = "plans.disputed"
UNWANTED = frozenset(
    {"customer_initiated", "debit_not_authorized", "incorrect_account_details"}
)  # no later debit is paid
FOR_US = frozenset({DisputeState.WON, DisputeState.CLOSED})  # the payment counts
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
    if dispute.state in FOR_US or wanted_change(dispute.state, dispute.reason):
        once = f"{dispute.id}:{dispute.state}"  # one that is at work may have read an earlier state
        await enqueue(session, DISPUTED, {"dispute_id": dispute.id}, ids=ids, now=now, dedupe=once)


def wanted_change(state: str, reason: str) -> ChangeKind | None:
    """What a dispute in that state wants done to its plan."""
    is_debit = is_returned_debit(reason)
    if state == DisputeState.LOST and (not is_debit or reason in UNWANTED):
        return ChangeKind.STOP
    if state in UNDECIDED and not is_debit:
        return ChangeKind.HOLD
    return None


async def plan_after_loss(
    session: AsyncSession, donation_id: str, reason: str, *, now: datetime, settings: Settings
) -> dict[str, object]:
    """What becomes of the plan whose payment a bank took back, for the letter about it; nothing for a one-off."""
    plan_id = await plan_of_donation(session, donation_id)
    if plan_id is None:
        return {}
    plan = await session.get_one(Plan, plan_id)
    is_over = plan.state == PlanState.STOPPED or plan.stops_at is not None
    ends = is_over or wanted_change(DisputeState.LOST, reason) is ChangeKind.STOP
    next_at = None if ends else taken_at(plan)
    pages = PlanLinks(settings.secret_key, settings.base_url).plan_url(plan.id, now=now)
    return {
        "plan_is": "over" if is_over else "stopped" if ends else "going_on",
        "plan_frequency": plan.frequency,
        "plan_next_at": next_at.isoformat() if next_at else None,
        "plan_url": again_url(plan, settings) if ends else pages,
    }


async def follow_dispute(work: Work, payload: dict[str, Any], *, settings: Settings) -> None:
    """Job `plans.disputed`: the plan is asked to be held or to stop, or its supporter whether it goes on. Raises TryLater.

    Where that is not possible, its history says why, and the dispute's task stays for a person.
    """
    async with work.db.unit_of_work() as session:
        dispute = await session.get(Dispute, str(payload["dispute_id"]))
        plan_id = await plan_of_donation(session, dispute.donation_id) if dispute else None
        kind = wanted_change(dispute.state, dispute.reason) if dispute else None
        if dispute and plan_id and (kind or dispute.state in FOR_US):
            await _ask(session, plan_id, kind, dispute, work=work, settings=settings)
        await work.finish(session)


async def _ask(
    session: AsyncSession, plan_id: str, kind: ChangeKind | None, dispute: Dispute, *, work: Work, settings: Settings
) -> None:
    """No `kind`: it was decided for us."""
    plan = await lock_plan(session, plan_id)
    if plan.state == PlanState.STOPPED or plan.stops_at:
        return
    if await has_open_change(session, plan_id):
        raise TryLater("another change of the plan is being made", after=SOON)
    now, ids, hold = work.clock.now(), work.ids, await hold_of(session, plan)
    if kind is None:
        if hold and await is_decided(session, plan):
            await ask_supporter(session, plan, hold, ids=ids, now=now, settings=settings)
        return
    needs_none = hold or await _was_let_go_on(session, plan_id, since=dispute.created_at)
    if kind is ChangeKind.HOLD and needs_none:
        return
    try:
        await request_change(session, plan_id, kind=kind, wanted={}, actor=Actor.HOUSE, actor_id=None, ids=ids, now=now)
    except Conflict as conflict:
        told, cause = {"why": conflict.message}, dispute.stripe_dispute_id
        await note(
            session, plan_id, f"dispute_no_{kind}", cause=cause, ids=ids, now=now, actor=Actor.HOUSE, detail=told
        )


async def _was_let_go_on(session: AsyncSession, plan_id: str, *, since: datetime) -> bool:
    """Whether the supporter, or staff for them, have let the plan go on although the dispute was known."""
    mine = (PlanChange.plan_id == plan_id) & (PlanChange.kind == ChangeKind.GO_ON) & (PlanChange.actor != Actor.HOUSE)
    wanted = mine & (PlanChange.state == ChangeState.DONE) & (PlanChange.created_at > since)
    return await session.scalar(select(PlanChange.id).where(wanted).limit(1)) is not None
