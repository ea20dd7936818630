"""Carrying out what is wanted of a plan: Stripe is called with the row's own key, then row, plan and history agree.

The same key is sent again for 23 hours; after that, and when Stripe refuses, the plan is looked up: an earlier call may
have been heard and its reply lost. What Stripe does not show has failed, and nothing was changed; but a stop is sent again,
with another key, until it is heard. So is all that Stripe answered with an error of its own, which it would only repeat.
What is about the coming payment is done only where the bills say so (`coming`).
"""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import structlog
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.jobs.queue import BURY_AFTER, BURY_LATER_AFTER
from supporters.jobs.work import LeaseLost, TryLater, Work
from supporters.kit.strings import gettext as _
from supporters.payments.facts import Fact
from supporters.payments.gateway import GatewayError, GatewayRefused, GatewayUnavailable
from supporters.plans import letters
from supporters.plans.after_stop import tell_not_made
from supporters.plans.cards import take_next
from supporters.plans.change import key_of, lock_plan, stop_reason_of
from supporters.plans.coming import COMING, Outcome, made_before, make
from supporters.plans.first import UNDOING, settle_first
from supporters.plans.history import note
from supporters.plans.jobs import Applying
from supporters.plans.models import Actor, ChangeKind, ChangeState, Plan, PlanChange, PlanState
from supporters.plans.not_changed import NOT_IN_TIME, tell_not_changed
from supporters.plans.orders import (
    BROKEN,
    NOT_ABOUT_THE_CHANGE,
    Changing,
    Order,
    is_carried_out,
    is_kept,
    look_again,
    send,
)
from supporters.plans.possible import STOPPING
from supporters.plans.turns import GAVE_WAY, NOTED, has_open_change
from supporters.settings import Settings

KEY_IS_SAFE_FOR = timedelta(hours=23)  # Stripe forgets idempotency keys after 24 hours
SOON, LATER, SELDOM = timedelta(seconds=5), timedelta(minutes=5), timedelta(hours=1)
OFTEN, MOST_OFTEN = 5, 300  # tries: quickly first, each five minutes for a day, then each hour
WITHOUT_END = STOPPING | {ChangeKind.HOLD}  # taking no more money is never wrong for being late

log = structlog.get_logger("plans")


async def carry_out(
    work: Work, payload: dict[str, Any], *, stripe: Changing, books: Applying, settings: Settings
) -> None:
    """Job `plans.change`: the wish is done, or has failed, and the supporter is told. Raises TryLater.

    Where the job itself is at its end, the wish has failed too and a person has a task: it would keep others waiting.
    """
    change_id = str(payload["change_id"])
    try:
        await _carry_out(work, change_id, stripe=stripe, books=books, settings=settings)
        return
    except LeaseLost:
        raise
    except OperationalError as error:  # the database is busy or away, which says nothing of the change
        raise TryLater("the database did not answer", after=SOON) from error
    except TryLater:
        if work.job.attempts < BURY_LATER_AFTER:
            raise
        log.warning("change_given_up", change_id=change_id)
    except Exception:
        if work.job.attempts < BURY_AFTER:
            raise
        log.exception("change_broken", change_id=change_id)
    async with work.db.unit_of_work() as session:
        await _conclude(session, change_id, BROKEN, work=work, settings=settings)
        await work.finish(session)


async def _carry_out(work: Work, change_id: str, *, stripe: Changing, books: Applying, settings: Settings) -> None:
    order = await _order(work, change_id, settings)
    if order is None:
        return
    try:
        facts, why = await _ask(work, stripe, order, zone=ZoneInfo(settings.time_zone))
    except GatewayError as error:  # Stripe is away, or our key is the wrong one today: that says nothing of the change
        log.warning("change_unclear", change_id=order.change_id, code=error.code)
        tries = work.job.attempts
        after = SOON if tries <= OFTEN else LATER if tries <= MOST_OFTEN else SELDOM
        raise TryLater(error.message, after=after) from error
    async with work.db.unit_of_work() as session:
        await books.apply_facts(session, facts, cause=order.change_id)
        await _conclude(session, order.change_id, why, work=work, settings=settings)
        await work.finish(session)


async def _order(work: Work, change_id: str, settings: Settings) -> Order | None:
    """What is to be done, None when it is over. From now on Stripe may have heard of it, and the row says so."""
    wanted = select(PlanChange).where(PlanChange.id == change_id, PlanChange.state == ChangeState.REQUESTED)
    async with work.db.unit_of_work() as session:
        change = await session.scalar(wanted.with_for_update())
        if change is None:
            return None
        plan = await session.get_one(Plan, change.plan_id)
        is_known = change.called_at is not None
        first_call_at = change.called_at = change.called_at or work.clock.now()
        gives_way = (
            is_known and change.kind not in STOPPING and await has_open_change(session, plan.id, ChangeKind.STOP)
        )
    assert plan.stripe_subscription_id, "a plan is on file once Stripe has its subscription"
    return Order(
        change_id=change.id,
        plan_id=plan.id,
        kind=ChangeKind(change.kind),
        was=change.was,
        wanted=change.wanted,
        key=change.idempotency_key,
        first_call_at=first_call_at,
        gives_way=gives_way,
        subscription_id=plan.stripe_subscription_id,
        product_name=_("Donation to {publisher}").format(publisher=settings.publisher_name),
        currency=plan.currency,
        frequency=plan.frequency,
        failed_invoice_id=plan.failed_invoice_id,
        is_held=plan.state == PlanState.PAUSED,
        is_stopping=plan.stops_at is not None,
    )


async def _ask(work: Work, stripe: Changing, order: Order, *, zone: ZoneInfo) -> Outcome:
    """What Stripe says now, and why the change was not made; None when it was. Raises GatewayError when that is not clear."""
    is_fresh = work.clock.now() - order.first_call_at < KEY_IS_SAFE_FOR
    try:
        if order.gives_way or not is_fresh:
            return await _ask_late(work, stripe, order, is_fresh=is_fresh, zone=zone)
        return await _ask_now(work, stripe, order, zone=zone)
    except GatewayError as error:
        if order.kind in COMING and is_kept(error):  # each try looks before it calls, and the way back needs a key too
            await _with_another_key(work, order, first_call_at=order.first_call_at)
        raise


async def _ask_late(work: Work, stripe: Changing, order: Order, *, is_fresh: bool, zone: ZoneInfo) -> Outcome:
    """A look tells whether an earlier call was heard; only what must not fail is sent again."""
    facts = await _look(stripe, order)
    try:
        heard = await _heard(stripe, order, facts, zone=zone)
    except GatewayUnavailable as error:
        if not is_kept(error) or (is_fresh and not order.gives_way):
            raise
        log.warning("change_not_settled", change_id=order.change_id, code=error.code)
        return facts, BROKEN  # whether it was paid is not shown: a person must look, and a stop waits no longer
    if heard is not None:
        return heard
    if order.gives_way:
        return facts, GAVE_WAY
    if order.kind not in WITHOUT_END:
        return facts, NOT_IN_TIME
    return await _ask_now(work, stripe, await _with_another_key(work, order, first_call_at=work.clock.now()), zone=zone)


async def _ask_now(work: Work, stripe: Changing, order: Order, *, zone: ZoneInfo) -> Outcome:
    try:
        if order.kind in COMING:
            return await make(stripe, order, zone=zone)
        return await send(stripe, order), None
    except GatewayError as error:
        must_wait = isinstance(error, GatewayUnavailable) or error.http_status in NOT_ABOUT_THE_CHANGE
        if must_wait and (order.kind in COMING or not is_kept(error)):
            raise
        log.warning("change_refused", change_id=order.change_id, code=error.code)
        facts = await _look(stripe, order)
        heard = await _heard(stripe, order, facts, zone=zone)
        if heard is not None:
            return heard
        if not is_kept(error):
            return facts, error.code or "refused"
        if order.kind not in COMING:
            await _with_another_key(work, order, first_call_at=order.first_call_at)
        raise


async def _heard(stripe: Changing, order: Order, facts: list[Fact], *, zone: ZoneInfo) -> Outcome | None:
    """How it went where Stripe shows that an earlier call was heard; None where it was not. Raises GatewayError."""
    if order.kind in COMING:
        return await made_before(stripe, order, facts, zone=zone)
    return (facts, None) if is_carried_out(order, facts) else None


async def _look(stripe: Changing, order: Order) -> list[Fact]:
    """What Stripe shows; nothing where it does not know the plan. Raises GatewayError."""
    try:
        return await look_again(stripe, order)
    except GatewayRefused as refusal:
        if refusal.http_status in NOT_ABOUT_THE_CHANGE:
            raise
        return []


async def _with_another_key(work: Work, order: Order, *, first_call_at: datetime) -> Order:
    """The next call has a key of its own, and the row knows it before: a look has shown that no earlier one was heard."""
    first = key_of(order.change_id)
    number = int(order.key.removeprefix(first).removeprefix(":") or 1) + 1
    order = msgspec.structs.replace(order, key=f"{first}:{number}", first_call_at=first_call_at)
    async with work.db.unit_of_work() as session:
        change = await session.get_one(PlanChange, order.change_id)
        change.idempotency_key, change.called_at = order.key, order.first_call_at
    return order


async def _conclude(session: AsyncSession, change_id: str, why: str | None, *, work: Work, settings: Settings) -> None:
    """The row says how it went; plan, history and letter follow. Nothing when another worker has said so already."""
    now, ids = work.clock.now(), work.ids
    plan_id = await session.scalar(select(PlanChange.plan_id).where(PlanChange.id == change_id))
    if plan_id is None:
        return
    plan = await lock_plan(session, plan_id)
    change = await session.get_one(PlanChange, change_id, populate_existing=True)
    if change.state != ChangeState.REQUESTED:
        return
    kind = ChangeKind(change.kind)
    change.state, change.failure = (ChangeState.FAILED, why) if why else (ChangeState.DONE, None)
    change.done_at = now
    if why is None:
        plan.revision += 1
        plan.updated_at = now
        if kind in STOPPING:
            plan.stop_reason = stop_reason_of(change)
    await session.flush()
    told = {"was": change.was, "wanted": change.wanted, "failure": change.failure}
    await note(
        session,
        plan.id,
        f"not_{NOTED[kind]}" if why else NOTED[kind],
        cause=change.id,
        ids=ids,
        now=now,
        actor=Actor(change.actor),
        actor_id=change.actor_id,
        detail=told,
    )
    if kind in UNDOING and why is None:
        await settle_first(session, plan, change, ids=ids, now=now)
    if why is None:
        await letters.tell_changed(session, plan, change, ids=ids, now=now, settings=settings)
    else:
        await tell_not_changed(session, plan, change, ids=ids, now=now, settings=settings)
        await tell_not_made(session, plan, change, ids=ids, now=now)
    await take_next(session, plan.id, ids=ids, now=now)
