"""Carrying out what is wanted of a plan: Stripe is called with the row's own key, then row, plan and history agree.

The same key is sent again for 23 hours; after that, and when Stripe refuses, the plan is looked up: an earlier call may
have been heard and its reply lost. What Stripe does not show has failed, and nothing was changed.
"""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.models import RefundReason
from supporters.donations.reverse import refundable, request_refund
from supporters.jobs.work import TryLater, Work
from supporters.kit.errors import Conflict
from supporters.payments.facts import Fact
from supporters.payments.gateway import GatewayError, GatewayRefused, GatewayUnavailable
from supporters.plans import letters
from supporters.plans.cards import take_next
from supporters.plans.change import lock_plan, stop_reason_of
from supporters.plans.history import note
from supporters.plans.jobs import Applying
from supporters.plans.models import Actor, ChangeKind, ChangeState, Instalment, Plan, PlanChange, PlanState
from supporters.plans.not_changed import NOT_IN_TIME, tell_not_changed
from supporters.plans.orders import NOT_ABOUT_THE_CHANGE, Changing, Order, is_carried_out, look_again, send
from supporters.plans.possible import STOPPING
from supporters.settings import Settings

KEY_IS_SAFE_FOR = timedelta(hours=23)  # Stripe forgets idempotency keys after 24 hours
SOON, LATER = timedelta(seconds=5), timedelta(minutes=5)
NOTED = {
    ChangeKind.AMOUNT: "changed_amount",
    ChangeKind.DATE: "changed_date",
    ChangeKind.SKIP: "skipped",
    ChangeKind.PAUSE: "paused",
    ChangeKind.HOLD: "held",
    ChangeKind.GO_ON: "went_on",
    ChangeKind.METHOD: "changed_method",
    ChangeKind.STOP: "asked_to_stop",
    ChangeKind.ONE_OFF: "made_one_off",
    ChangeKind.UNDO: "undone",
    ChangeKind.TRY_NOW: "tried_again",
}

log = structlog.get_logger("plans")


async def carry_out(
    work: Work, payload: dict[str, Any], *, stripe: Changing, books: Applying, settings: Settings
) -> None:
    """Job `plans.change`: the wish is done, or has failed, and the supporter is told. Raises TryLater."""
    order = await _order(work, str(payload["change_id"]))
    if order is None:
        return
    try:
        facts, why = await _ask(stripe, order, settings, is_fresh=work.clock.now() - order.created_at < KEY_IS_SAFE_FOR)
    except GatewayError as error:  # Stripe is away, or our key is the wrong one today: that says nothing of the change
        log.warning("change_unclear", change_id=order.change_id, code=error.code)
        raise TryLater(error.message, after=LATER if work.job.attempts > 5 else SOON) from error
    async with work.db.unit_of_work() as session:
        await books.apply_facts(session, facts, cause=order.change_id)
        await _conclude(session, order, why, work=work, settings=settings)
        await work.finish(session)


async def _order(work: Work, change_id: str) -> Order | None:
    wanted = (
        select(PlanChange, Plan)
        .join(Plan, Plan.id == PlanChange.plan_id)
        .where(PlanChange.id == change_id, PlanChange.state == ChangeState.REQUESTED)
    )
    async with work.db.reading() as session:
        found = (await session.execute(wanted)).one_or_none()
    if found is None:
        return None
    change, plan = found
    assert plan.stripe_subscription_id, "a plan is on file once Stripe has its subscription"
    return Order(
        change_id=change.id,
        plan_id=plan.id,
        kind=ChangeKind(change.kind),
        wanted=change.wanted,
        key=change.idempotency_key,
        created_at=change.created_at,
        subscription_id=plan.stripe_subscription_id,
        currency=plan.currency,
        frequency=plan.frequency,
        failed_invoice_id=plan.failed_invoice_id,
        is_held=plan.state == PlanState.PAUSED,
        is_stopping=plan.stops_at is not None,
    )


async def _ask(stripe: Changing, order: Order, settings: Settings, *, is_fresh: bool) -> tuple[list[Fact], str | None]:
    """What Stripe says now, and why the change was not made; None when it was. Raises GatewayError when that is not clear."""
    why = NOT_IN_TIME
    if is_fresh:
        try:
            return await send(stripe, order, zone=ZoneInfo(settings.time_zone)), None
        except GatewayUnavailable:
            raise
        except GatewayRefused as refusal:
            if refusal.http_status in NOT_ABOUT_THE_CHANGE:
                raise
            log.warning("change_refused", change_id=order.change_id, code=refusal.code)
            why = refusal.code or "refused"
    facts = await look_again(stripe, order)
    return facts, None if is_carried_out(order, facts, zone=ZoneInfo(settings.time_zone)) else why


async def _conclude(session: AsyncSession, order: Order, why: str | None, *, work: Work, settings: Settings) -> None:
    """The row says how it went; plan, history and letter follow. Nothing when another worker has said so already."""
    now, ids = work.clock.now(), work.ids
    plan = await lock_plan(session, order.plan_id)
    change = await session.get(PlanChange, order.change_id, populate_existing=True)
    if change is None or change.state != ChangeState.REQUESTED:
        return
    change.state, change.failure = (ChangeState.FAILED, why) if why else (ChangeState.DONE, None)
    change.done_at = now
    if why is None:
        plan.revision += 1
        plan.updated_at = now
        if order.kind in STOPPING:
            plan.stop_reason = stop_reason_of(change)
    await session.flush()
    told = {"was": change.was, "wanted": change.wanted, "failure": change.failure}
    await note(
        session,
        plan.id,
        f"not_{NOTED[order.kind]}" if why else NOTED[order.kind],
        cause=change.id,
        ids=ids,
        now=now,
        actor=Actor(change.actor),
        actor_id=change.actor_id,
        detail=told,
    )
    if order.kind is ChangeKind.UNDO and why is None:
        await _give_back(session, plan, change, work=work)
    if why is None:
        await letters.tell_changed(session, plan, change, ids=ids, now=now, settings=settings)
    else:
        await tell_not_changed(session, plan, change, ids=ids, now=now, settings=settings)
    await take_next(session, plan.id, ids=ids, now=now)


async def _give_back(session: AsyncSession, plan: Plan, change: PlanChange, *, work: Work) -> None:
    """The first payment is on its way back, wholly. What was given once, before the plan, is not a payment of it."""
    if not await session.scalar(select(Instalment.plan_id).where(Instalment.donation_id == plan.first_donation_id)):
        return
    left = await refundable(session, plan.first_donation_id)
    if left.minor <= 0:
        return
    try:
        await request_refund(
            session,
            plan.first_donation_id,
            amount=left,
            reason=RefundReason.SUPPORTER_ASKED,
            note_text=None,
            actor_id=change.actor_id or plan.supporter_id,
            ids=work.ids,
            now=work.clock.now(),
            actor_kind=change.actor,
        )
    except Conflict:  # not paid (any more): there is nothing to give back
        log.warning("undo_without_refund", plan_id=plan.id)
