"""What plans need that no event brings.

Reminders of yearly payments, cards that run out, silent plans, pages left, and held plans that nobody has let go on.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.jobs.work import Work
from supporters.plans import letters
from supporters.plans.after_win import end_unanswered
from supporters.plans.cards import give_up_left_pages
from supporters.plans.history import note
from supporters.plans.looks import ask_for_look
from supporters.plans.models import Actor, Method, Plan, PlanState
from supporters.settings import Settings

TEND = "plans.tend"
REMIND_BEFORE = timedelta(days=14)
CARD_DAYS = (30, 7)
SILENT_FOR = timedelta(days=2)  # after that a payment that was due is late enough to be asked about
PORTION = 200
MOST_LOOKS = 50

log = structlog.get_logger("plans")

Telling = Callable[[AsyncSession, Plan], Awaitable[bool]]


async def tend(work: Work, _payload: dict[str, Any], *, settings: Settings) -> None:
    """Job `plans.tend`: who must be told has been, once, Stripe is asked about silent plans, and what was left is given up."""
    now = work.clock.now()
    reminded = await _each(work, _yearly_due(now), _reminding(work, now, settings))
    warned = await _each(work, _cards_ending(now, settings), _warning(work, now, settings))
    async with work.db.unit_of_work() as session:
        silent = await _ask_about_silent(session, work, now)
        left = await give_up_left_pages(session, now=now)
        left += await end_unanswered(session, ids=work.ids, now=now)
        await work.finish(session)
    log.info("plans_tended", count=reminded + warned + silent + left)


async def _each(work: Work, wanted: ColumnElement[bool], tell: Telling) -> int:
    """Each of these plans was told, in portions of one transaction; returns how many had not been before."""
    told, after = 0, ""
    while True:
        async with work.db.unit_of_work() as session:
            found = await _portion(session, wanted, after)
            for plan in found:
                told += await tell(session, plan)
        if len(found) < PORTION:
            return told
        after = found[-1].id


async def _portion(session: AsyncSession, wanted: ColumnElement[bool], after: str) -> Sequence[Plan]:
    query = select(Plan).where(wanted, Plan.id > after).order_by(Plan.id).limit(PORTION)
    return (await session.scalars(query)).all()


def _yearly_due(now: datetime) -> ColumnElement[bool]:
    """Active, not asked to stop, and due within 14 days."""
    return (
        (Plan.frequency == "yearly")
        & (Plan.method != Method.STANDING_ORDER)
        & (Plan.state == PlanState.ACTIVE)
        & Plan.stops_at.is_(None)
        & Plan.next_at.between(now, now + REMIND_BEFORE)
    )


def _reminding(work: Work, now: datetime, settings: Settings) -> Telling:
    async def remind(session: AsyncSession, plan: Plan) -> bool:
        assert plan.next_at, "only what is due is reminded of"
        cause = plan.next_at.date().isoformat()
        if not await note(session, plan.id, "reminded", cause=cause, ids=work.ids, now=now, actor=Actor.HOUSE):
            return False
        await letters.tell_yearly(session, plan, ids=work.ids, now=now, settings=settings)
        return True

    return remind


def _cards_ending(now: datetime, settings: Settings) -> ColumnElement[bool]:
    """Paid by a card that ends within 30 days and of which no network has sent newer numbers."""
    today = now.astimezone(ZoneInfo(settings.time_zone)).date()
    return (
        (Plan.method == Method.CARD)
        & Plan.state.in_([PlanState.ACTIVE, PlanState.PAUSED])
        & Plan.stops_at.is_(None)
        & Plan.is_updated_by_network.is_(False)
        & Plan.method_expires_on.between(today, today + timedelta(days=max(CARD_DAYS)))
    )


def _warning(work: Work, now: datetime, settings: Settings) -> Telling:
    today = now.astimezone(ZoneInfo(settings.time_zone)).date()

    async def warn(session: AsyncSession, plan: Plan) -> bool:
        assert plan.method_expires_on, "only a card with a last day runs out"
        days = min(days for days in CARD_DAYS if plan.method_expires_on <= today + timedelta(days=days))
        cause = f"{plan.stripe_payment_method_id}:{plan.method_expires_on}:{days}"
        if not await note(session, plan.id, "card_ending", cause=cause, ids=work.ids, now=now, actor=Actor.HOUSE):
            return False
        await letters.tell_card_ending(session, plan, days=days, ids=work.ids, now=now, settings=settings)
        return True

    return warn


async def _ask_about_silent(session: AsyncSession, work: Work, now: datetime) -> int:
    """Which of many are asked about is left to chance, so that none that Stripe will not explain stands before others."""
    silent = (Plan.state != PlanState.STOPPED) & (Plan.next_at < now - SILENT_FOR)
    silent &= Plan.method != Method.STANDING_ORDER  # of these Stripe knows nothing
    found = (await session.scalars(select(Plan.id).where(silent).order_by(func.random()).limit(MOST_LOOKS))).all()
    for plan_id in found:
        await ask_for_look(session, plan_id, ids=work.ids, now=now)
    return len(found)
