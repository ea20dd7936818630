"""Another card or bank account: a page at Stripe is open for it, and once that is finished a job makes it the plan's."""

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.jobs.queue import enqueue
from supporters.kit.db import changed_rows
from supporters.kit.errors import Conflict
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _
from supporters.payments.facts import CheckoutCompleted
from supporters.plans.change import CHANGE, lock_plan, new_change
from supporters.plans.models import Actor, ChangeKind, ChangeState, PlanChange, PlanState
from supporters.plans.possible import STOPPING, why_not

SETUP = "setup_intent_id"
LEFT, ANOTHER = "page_left", "another_card_came"
MOST_PAGES = 10  # of one plan in a day: whoever has a letter's link could open Stripe's page without end
DAY = timedelta(days=1)
PAGE_LIVES = timedelta(days=2)  # Stripe closes its page after a day, and tells us of a finished one at once
KEEP_LEFT = timedelta(days=30)
EXECUTION = {"synchronize_session": False}


class CardPage(msgspec.Struct, frozen=True):
    """What is needed to open the page at Stripe."""

    change_id: str
    customer_id: str
    currency: str
    idempotency_key: str


async def ask_for_card(
    session: AsyncSession, plan_id: str, *, actor: Actor, actor_id: str | None, ids: Ids, now: datetime
) -> CardPage:
    """That another card is wanted is on record; a page must be opened for it. Keeps nobody from other changes.

    Raises NotFound, and Conflict with words where it is not possible now, or after ten pages in a day. *Writes* change.
    """
    plan = await lock_plan(session, plan_id)
    why = why_not(plan, ChangeKind.METHOD, now=now, actor=actor)
    if why:
        raise Conflict(why)
    if await _pages_since(session, plan_id, now - DAY) >= MOST_PAGES:
        raise Conflict(_("That page was opened very often today. Try again tomorrow; until then nothing changes."))
    assert plan.stripe_customer_id, "a plan that has been paid once has a customer"
    change = new_change(plan, ChangeKind.METHOD, actor=actor, actor_id=actor_id, ids=ids, now=now)
    change.state = ChangeState.WAITING
    session.add(change)
    await session.flush()
    return CardPage(change.id, plan.stripe_customer_id, plan.currency, f"{change.idempotency_key}:page")


async def page_opened(session: AsyncSession, change_id: str, *, stripe_session_id: str) -> None:
    """Which page at Stripe the change waits for."""
    change = await session.get_one(PlanChange, change_id)
    change.stripe_session_id = stripe_session_id


async def finish_setup(session: AsyncSession, fact: CheckoutCompleted, *, ids: Ids, now: datetime) -> bool:
    """The page on which a supporter gave another card is finished: a job will make it the plan's. False for no page of ours.

    *Idempotent by* the page. *Writes* change, job.
    """
    wanted = select(PlanChange).where(PlanChange.stripe_session_id == fact.session_id)
    change = await session.scalar(wanted.execution_options(populate_existing=True))
    if change is None:
        return False
    is_left = change.state == ChangeState.FAILED and change.failure == LEFT  # we had given it up, and were wrong
    if (change.state == ChangeState.WAITING or is_left) and fact.setup_intent_id:
        change.state, change.failure, change.done_at = ChangeState.WAITING, None, None
        change.wanted = {SETUP: fact.setup_intent_id}
        await session.flush()
        await take_next(session, change.plan_id, ids=ids, now=now)
    return True


async def take_next(session: AsyncSession, plan_id: str, *, ids: Ids, now: datetime) -> None:
    """What was asked for while another change was being made has its turn: a stop first, then the newest of several cards."""
    plan = await lock_plan(session, plan_id)
    unfinished = PlanChange.state.in_([ChangeState.WAITING, ChangeState.REQUESTED])
    wanted = select(PlanChange).where(PlanChange.plan_id == plan_id, unfinished).order_by(PlanChange.id.desc())
    found = (await session.scalars(wanted.execution_options(populate_existing=True))).all()
    stops = [change for change in found if change.kind in STOPPING]
    ready = [change for change in found if SETUP in change.wanted]
    if not (stops or ready) or any(change.state == ChangeState.REQUESTED for change in found):
        return
    if not stops:
        for older in ready[1:]:
            older.state, older.failure, older.done_at = ChangeState.FAILED, ANOTHER, now
        if plan.state == PlanState.STOPPED:
            ready[0].state, ready[0].failure, ready[0].done_at = ChangeState.FAILED, "stopped", now
            return
    chosen = (stops or ready)[0]
    chosen.state = ChangeState.REQUESTED
    await session.flush()
    await enqueue(session, CHANGE, {"change_id": chosen.id}, ids=ids, now=now, dedupe=chosen.id)


async def give_up_left_pages(session: AsyncSession, *, now: datetime) -> int:
    """Pages that nobody finished for two days are waited for no longer, and after a month forgotten; returns how many."""
    method = PlanChange.kind == ChangeKind.METHOD
    unfinished = PlanChange.wanted[SETUP].as_string().is_(None)  # a finished one has its turn after another change
    old = (PlanChange.state == ChangeState.WAITING) & unfinished & (PlanChange.created_at < now - PAGE_LIVES)
    left = {"state": ChangeState.FAILED, "failure": LEFT, "done_at": now}
    given_up = await session.execute(update(PlanChange).where(method, old).values(**left), execution_options=EXECUTION)
    long_ago = (PlanChange.failure == LEFT) & (PlanChange.created_at < now - KEEP_LEFT)
    forgotten = await session.execute(delete(PlanChange).where(method, long_ago), execution_options=EXECUTION)
    return changed_rows(given_up) + changed_rows(forgotten)


async def _pages_since(session: AsyncSession, plan_id: str, since: datetime) -> int:
    asked = (PlanChange.plan_id == plan_id) & (PlanChange.kind == ChangeKind.METHOD) & (PlanChange.created_at > since)
    return await session.scalar(select(func.count()).where(asked)) or 0
