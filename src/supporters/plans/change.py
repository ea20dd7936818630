"""A wish about a plan becomes a row, before Stripe hears of it.

What each kind wants in `wanted`: AMOUNT `amount_minor`; DATE `next_on` (ISO date, the newsroom's own day); PAUSE `months`
(1-3 payments left out); METHOD, after its page, what the page has saved; all others nothing. Job `plans.change` does the rest.
"""

from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.jobs.queue import enqueue
from supporters.kit.errors import Conflict, NotFound
from supporters.kit.ids import Ids
from supporters.kit.money import LARGEST_MINOR, step
from supporters.kit.strings import gettext as _
from supporters.plans.dates import date_range, held_until
from supporters.plans.first import UNDOING, first_day
from supporters.plans.held import pause_under, waits_for_bank
from supporters.plans.history import note
from supporters.plans.models import UNANSWERED, Actor, ChangeKind, ChangeState, Plan, PlanChange, StopReason
from supporters.plans.possible import PLAIN, STOPPING, why_not
from supporters.plans.turns import CHANGE, has_open_change, make_way

MOST_PAUSED = 3


async def request_change(
    session: AsyncSession,
    plan_id: str,
    *,
    kind: ChangeKind,
    wanted: Mapping[str, object],
    actor: Actor,
    actor_id: str | None,
    ids: Ids,
    now: datetime,
    zone: ZoneInfo | None = None,
    request_id: str | None = None,
) -> str:
    """The wish is on record and a job carries it out; returns its id. Stripe is not called here.

    A stop takes the place of a change that Stripe has not heard of, and waits for the answer of one that it has.
    `zone` is the newsroom's time zone, for DATE. Raises NotFound, and Conflict with words for the person where it is not
    possible now. *Writes* change, job, and audit where staff ask.
    """
    plan = await lock_plan(session, plan_id)
    has_open, is_held = await has_open_change(session, plan_id, kind), await waits_for_bank(session, plan)
    first = await first_day(session, plan) if kind in UNDOING else PLAIN
    why = why_not(plan, kind, now=now, has_open=has_open, is_held=is_held, actor=actor, first=first)
    if why:
        raise Conflict(why)
    change = new_change(plan, kind, actor=actor, actor_id=actor_id, ids=ids, now=now)
    change.wanted = _wanted(plan, kind, wanted, now=now, zone=zone or ZoneInfo("UTC"))
    if kind is ChangeKind.GO_ON:
        change.wanted |= await pause_under(session, plan, now=now)
    if kind in STOPPING and not await make_way(session, plan_id, ids=ids, now=now):
        change.state = ChangeState.WAITING
    await add_change(session, change)
    if change.state == ChangeState.REQUESTED:
        await enqueue(session, CHANGE, {"change_id": change.id}, ids=ids, now=now, dedupe=change.id)
    if actor is Actor.STAFF:
        await _audit(session, change, now=now, request_id=request_id)
    return change.id


async def lock_plan(session: AsyncSession, plan_id: str) -> Plan:
    """The plan as it is now, held until the transaction ends. Raises NotFound."""
    wanted = select(Plan).where(Plan.id == plan_id).with_for_update()
    plan = await session.scalar(wanted.execution_options(populate_existing=True))
    if plan is None:
        raise NotFound(_("There is no such monthly or yearly donation."))
    return plan


def new_change(
    plan: Plan, kind: ChangeKind, *, actor: Actor, actor_id: str | None, ids: Ids, now: datetime
) -> PlanChange:
    """The row of a wish, not stored yet, with the plan as it was."""
    change_id = ids.ulid()
    return PlanChange(
        id=change_id,
        plan_id=plan.id,
        kind=kind,
        was=_as_it_was(plan),
        wanted={},
        state=ChangeState.REQUESTED,
        actor=actor,
        actor_id=actor_id,
        idempotency_key=key_of(change_id),
        created_at=now,
    )


def key_of(change_id: str) -> str:
    """The first key under which Stripe hears of a change."""
    return f"v1:plan:{change_id}"


async def add_change(session: AsyncSession, change: PlanChange) -> None:
    """The wish is stored. Raises Conflict where another one of the plan came first."""
    try:
        async with session.begin_nested():
            session.add(change)
    except IntegrityError:
        raise Conflict(_("Another change to this donation is being made. Wait a moment, then look again.")) from None


def stop_reason_of(change: PlanChange) -> StopReason:
    """Who stops a plan by this change."""
    if change.kind in (ChangeKind.ONE_OFF, ChangeKind.UNDO):
        return StopReason.UNDONE
    if change.wanted.get(UNANSWERED):
        return StopReason.UNANSWERED
    reasons = {Actor.STAFF: StopReason.STAFF, Actor.HOUSE: StopReason.DISPUTE}
    return reasons.get(Actor(change.actor), StopReason.SUPPORTER)


async def say_why(session: AsyncSession, change_id: str, words: str, *, ids: Ids, now: datetime) -> None:
    """Why they stopped is on file, in their own words. Raises NotFound for what is no stop."""
    change = await session.get(PlanChange, change_id)
    if change is None or change.kind not in STOPPING:
        raise NotFound(_("There is nothing here to say that about."))
    change.reason = words
    await note(session, change.plan_id, "said_why", cause=change.id, ids=ids, now=now, actor=Actor(change.actor))


def _wanted(
    plan: Plan, kind: ChangeKind, wanted: Mapping[str, object], *, now: datetime, zone: ZoneInfo
) -> dict[str, object]:
    match kind:
        case ChangeKind.AMOUNT:
            return {"amount_minor": _amount(plan, wanted.get("amount_minor"))}
        case ChangeKind.DATE:
            return {"next_on": _next_on(plan, wanted.get("next_on"), now=now, zone=zone).isoformat()}
        case ChangeKind.SKIP:
            return _held(plan, 1)
        case ChangeKind.PAUSE:
            return _held(plan, _months(wanted.get("months")))
        case _:
            return dict(wanted)


def _amount(plan: Plan, wanted: object) -> int:
    if not isinstance(wanted, int) or not 0 < wanted <= LARGEST_MINOR or wanted % step(plan.currency):
        raise Conflict(_("That amount cannot be taken. Choose another one."))
    if wanted == plan.amount_minor:
        raise Conflict(_("That is the amount that you give now, so nothing was changed."))
    return wanted


def _months(wanted: object) -> int:
    if not isinstance(wanted, int) or not 1 <= wanted <= MOST_PAUSED:
        raise Conflict(_("Choose one, two or three months."))
    return wanted


def _next_on(plan: Plan, wanted: object, *, now: datetime, zone: ZoneInfo) -> date:
    assert plan.next_at, "why_not has looked"
    try:
        day = date.fromisoformat(str(wanted))
    except ValueError:
        raise Conflict(_("Choose a date.")) from None
    was = plan.next_at.astimezone(zone).date()
    first, last = date_range(was, now.astimezone(zone).date())
    if day == was:
        raise Conflict(_("The next payment is due on that day already, so nothing was changed."))
    if not first <= day <= last:
        raise Conflict(_("Choose a date from tomorrow to one month after the payment was due."))
    return day


def _held(plan: Plan, payments: int) -> dict[str, object]:
    assert plan.next_at, "why_not has looked"
    until = held_until(plan.next_at, plan.frequency, payments=payments, started_at=plan.started_at)
    return {"payments": payments, "until": until.isoformat()}


def _as_it_was(plan: Plan) -> dict[str, object]:
    moments = {name: getattr(plan, name) for name in ("next_at", "paused_until", "stops_at")}
    return {
        "state": plan.state,
        "amount_minor": plan.amount_minor,
        "currency": plan.currency,
        "method": plan.method,
        "method_last4": plan.method_last4,
        **{name: moment.isoformat() if moment else None for name, moment in moments.items()},
    }


async def _audit(session: AsyncSession, change: PlanChange, *, now: datetime, request_id: str | None) -> None:
    await record(
        session,
        actor_kind="staff",
        actor_id=change.actor_id,
        action=f"plan.{change.kind}",
        record_kind="plan",
        record_id=change.plan_id,
        detail={"change_id": change.id, "before": change.was, "after": change.wanted},
        now=now,
        request_id=request_id,
    )
