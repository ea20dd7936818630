"""Another card or bank account: a page at Stripe is open for it, and once that is finished a job makes it the plan's."""

from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.jobs.queue import enqueue
from supporters.kit.errors import Conflict
from supporters.kit.ids import Ids
from supporters.payments.facts import CheckoutCompleted
from supporters.plans.change import CHANGE, has_open_change, lock_plan, new_change, why_not
from supporters.plans.models import Actor, ChangeKind, ChangeState, PlanChange, PlanState

SETUP = "setup_intent_id"


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

    Raises NotFound, and Conflict with words where it is not possible now. *Writes* change.
    """
    plan = await lock_plan(session, plan_id)
    why = why_not(plan, ChangeKind.METHOD, now=now)
    if why:
        raise Conflict(why)
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
    if change.state == ChangeState.WAITING and fact.setup_intent_id:
        change.wanted = {SETUP: fact.setup_intent_id}
        await session.flush()
        await take_next(session, change.plan_id, ids=ids, now=now)
    return True


async def take_next(session: AsyncSession, plan_id: str, *, ids: Ids, now: datetime) -> None:
    """A card that was given while another change was being made has its turn; the newest of several counts."""
    plan = await lock_plan(session, plan_id)
    wanted = select(PlanChange).where(PlanChange.plan_id == plan_id, PlanChange.state == ChangeState.WAITING)
    found = (await session.scalars(wanted.order_by(PlanChange.id.desc()))).all()
    ready = [change for change in found if SETUP in change.wanted]
    if not ready or await has_open_change(session, plan_id):
        return
    newest, *older = ready
    for change in older:
        change.state, change.failure, change.done_at = ChangeState.FAILED, "another_card_came", now
    if plan.state == PlanState.STOPPED:
        newest.state, newest.failure, newest.done_at = ChangeState.FAILED, "stopped", now
        return
    newest.state = ChangeState.REQUESTED
    await session.flush()
    await enqueue(session, CHANGE, {"change_id": newest.id}, ids=ids, now=now, dedupe=newest.id)
