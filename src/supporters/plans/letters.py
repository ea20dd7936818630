"""Which letter goes to whom about a plan, and once for what. What they say is in `letter_words` and `change_words`."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.ids import Ids
from supporters.mail.models import Letter, Stream
from supporters.mail.outbox import queue_letter
from supporters.mail.rules import echoable_name
from supporters.newsletters.letters import domain_of
from supporters.payments.facts import InvoiceSeen
from supporters.people.models import EmailAddress, Supporter
from supporters.plans import change_words, letter_words
from supporters.plans.at_bank import bills_at_bank
from supporters.plans.links import PlanLinks
from supporters.plans.models import UNANSWERED, Actor, ChangeKind, ChangeState, Plan, PlanChange, PlanState, StopReason
from supporters.plans.words import Style, Words
from supporters.settings import Settings

STARTED, FAILED, CONFIRM, ENDED, STOPPED = "plan_started", "plan_failed", "plan_confirm", "plan_ended", "plan_stopped"
CARD, YEARLY, CHANGED, MANDATE = "plan_card_ending", "plan_yearly", "plan_changed", "plan_mandate_ended"
MAY_GO_ON = "plan_may_go_on"
NEWS_FOR = timedelta(days=60)
TOLD_AT_ONCE = frozenset(
    {StopReason.SUPPORTER, StopReason.STAFF, StopReason.UNDONE, StopReason.UNANSWERED}
)  # by the change's own letter


async def tell_started(
    session: AsyncSession, plan: Plan, email: str, name: str, *, ids: Ids, now: datetime, settings: Settings
) -> None:
    """Its supporter hears what was started, when the next payment is due, and how it is changed or stopped. Once."""
    others = select(func.count()).where(
        Plan.supporter_id == plan.supporter_id, Plan.id != plan.id, Plan.state != PlanState.STOPPED
    )
    count = 1 + (await session.scalar(others) or 0)
    words = letter_words.started(plan, Style(settings, now), url=_url(plan, now, settings), count=count)
    await _queue(session, plan, STARTED, words, email, name, once=plan.id, ids=ids, now=now, settings=settings)


async def tell_begun(session: AsyncSession, plan: Plan, *, ids: Ids, now: datetime, settings: Settings) -> None:
    """As `tell_started`, for a plan of which date and card are known by now, wherever its supporter is written to today.

    Who has taken a stop back hears from that letter that it goes on.
    """
    is_ending = plan.stops_at is not None or plan.state == PlanState.STOPPED
    if is_ending or now - plan.started_at > NEWS_FOR:
        return
    told = select(Letter.id).where(Letter.about == plan.id, Letter.kind == STARTED).limit(1)
    if await session.scalar(told) or await _is_stop_taken_back(session, plan):
        return
    email, name = await address_of(session, plan.supporter_id)
    await tell_started(session, plan, email, name, ids=ids, now=now, settings=settings)


async def _is_stop_taken_back(session: AsyncSession, plan: Plan) -> bool:
    """Whether that was asked for and has not failed. What only ends a pause or a hold says nothing of how a plan began."""
    heard = PlanChange.state.in_([ChangeState.REQUESTED, ChangeState.DONE])
    goes_on = (PlanChange.plan_id == plan.id) & (PlanChange.kind == ChangeKind.GO_ON) & heard
    changes = await session.scalars(select(PlanChange.was).where(goes_on))
    return any(was.get("stops_at") for was in changes)


async def tell_failed(
    session: AsyncSession, plan: Plan, bill: InvoiceSeen, *, ids: Ids, now: datetime, settings: Settings
) -> None:
    """Its supporter hears that this bill was not paid, why, and when it is tried again; or that their bank wants a yes.

    *Idempotent by* the bill and the number of tries.
    """
    style, url = Style(settings, now), _url(plan, now, settings)
    once = f"{bill.invoice_id}:{bill.tries}"
    if bill.needs_action and bill.page_url:
        words = letter_words.to_confirm(plan, bill, style, url=bill.page_url)
        await _send(session, plan, CONFIRM, words, once=once, ids=ids, now=now, settings=settings)
    else:
        words = letter_words.failed(plan, bill, style, url=url)
        await _send(session, plan, FAILED, words, once=once, ids=ids, now=now, settings=settings)


async def tell_stopped(session: AsyncSession, plan: Plan, *, ids: Ids, now: datetime, settings: Settings) -> None:
    """Its supporter hears that the plan is over, where they do not know it from the letter about their own wish."""
    if plan.stop_reason in TOLD_AT_ONCE or await _is_told_of_dispute(session, plan):
        return
    is_unpaid = plan.stop_reason in (StopReason.PAYMENTS_FAILED, StopReason.NEVER_PAID)
    kind, write = (ENDED, letter_words.ended) if is_unpaid else (STOPPED, letter_words.stopped)
    words = write(plan, Style(settings, now), settings)
    await _send(session, plan, kind, words, once=plan.id, ids=ids, now=now, settings=settings)


async def _is_told_of_dispute(session: AsyncSession, plan: Plan) -> bool:
    """Whether the stop after a dispute was asked for by us: then the letter about the returned payment has said it."""
    if plan.stop_reason != StopReason.DISPUTE:
        return False
    stops = (PlanChange.plan_id == plan.id) & (PlanChange.kind == ChangeKind.STOP)
    wanted = select(PlanChange.id).where(stops, PlanChange.state == ChangeState.DONE).limit(1)
    return await session.scalar(wanted) is not None


async def tell_changed(
    session: AsyncSession, plan: Plan, change: PlanChange, *, ids: Ids, now: datetime, settings: Settings
) -> None:
    """Its supporter hears what was changed, from when, and how it is undone. `plan` is as it is now.

    A payment that was only tried again has its own letter already, or its receipt; and when we stop a plan because a
    bank took a payment back, the letter about that has said so. *Idempotent by* the change.
    """
    is_told_with_loss = (
        change.kind == ChangeKind.STOP and change.actor == Actor.HOUSE and not change.wanted.get(UNANSWERED)
    )
    if change.kind == ChangeKind.TRY_NOW or is_told_with_loss:
        return
    words = change_words.changed(
        plan,
        change,
        Style(settings, now),
        url=_url(plan, now, settings),
        settings=settings,
        at_bank=(await bills_at_bank(session, [plan.id])).get(plan.id, []),
    )
    await _send(session, plan, CHANGED, words, once=change.id, ids=ids, now=now, settings=settings)


async def tell_card_ending(
    session: AsyncSession, plan: Plan, *, days: int, ids: Ids, now: datetime, settings: Settings
) -> None:
    """Its supporter hears that the card runs out. *Idempotent by* card, its last day, and `days` (30 or 7) before it."""
    words = letter_words.card_ending(plan, Style(settings, now), url=_url(plan, now, settings))
    once = f"{plan.stripe_payment_method_id}:{plan.method_expires_on}:{days}"
    await _send(session, plan, CARD, words, once=once, ids=ids, now=now, settings=settings)


async def tell_yearly(session: AsyncSession, plan: Plan, *, ids: Ids, now: datetime, settings: Settings) -> None:
    """Its supporter hears that the yearly payment is near. *Idempotent by* the day of that payment."""
    style = Style(settings, now)
    assert plan.next_at, "what is not due is not announced"
    words = letter_words.yearly(plan, style, url=_url(plan, now, settings))
    once = f"{plan.id}:{style.local(plan.next_at)}"
    await _send(session, plan, YEARLY, words, once=once, ids=ids, now=now, settings=settings)


async def tell_mandate_ended(
    session: AsyncSession, plan: Plan, *, cause: str, ids: Ids, now: datetime, settings: Settings
) -> None:
    """Its supporter hears that the bank allows no more debits. *Idempotent by* `cause`, the mandate."""
    words = letter_words.mandate_ended(plan, Style(settings, now), url=_url(plan, now, settings))
    await _send(session, plan, MANDATE, words, once=cause, ids=ids, now=now, settings=settings)


async def tell_may_go_on(
    session: AsyncSession, plan: Plan, ends_on: datetime, *, once: str, ids: Ids, now: datetime, settings: Settings
) -> None:
    """Its supporter hears that their bank has decided for us, and is asked whether the plan goes on. *Idempotent by* `once`."""
    words = letter_words.may_go_on(plan, Style(settings, now), ends_on=ends_on, url=_url(plan, now, settings))
    await _send(session, plan, MAY_GO_ON, words, once=once, ids=ids, now=now, settings=settings)


async def address_of(session: AsyncSession, supporter_id: str) -> tuple[str, str]:
    """Where the supporter is written to, and their name: the oldest address that was not given up."""
    wanted = (
        select(EmailAddress.address, Supporter.name)
        .join(Supporter, Supporter.id == EmailAddress.supporter_id)
        .where(Supporter.id == supporter_id)
        .order_by(EmailAddress.retired_at.is_not(None), EmailAddress.id)
        .limit(1)
    )
    found = (await session.execute(wanted)).one()
    return found[0], found[1]


def _url(plan: Plan, now: datetime, settings: Settings) -> str:
    return PlanLinks(settings.secret_key, settings.base_url).plan_url(plan.id, now=now)


async def _send(
    session: AsyncSession,
    plan: Plan,
    kind: str,
    words: Words,
    *,
    once: str,
    ids: Ids,
    now: datetime,
    settings: Settings,
) -> None:
    email, name = await address_of(session, plan.supporter_id)
    await _queue(session, plan, kind, words, email, name, once=once, ids=ids, now=now, settings=settings)


async def _queue(
    session: AsyncSession,
    plan: Plan,
    kind: str,
    words: Words,
    email: str,
    name: str,
    *,
    once: str,
    ids: Ids,
    now: datetime,
    settings: Settings,
) -> None:
    told = words.context() | {"name": echoable_name(name), "reference": plan.reference}
    await queue_letter(
        session,
        kind=kind,
        stream=Stream.SERVICE,
        recipient=email,
        dedupe_key=once,
        context=told,
        about=plan.id,
        ids=ids,
        now=now,
        domain=domain_of(settings),
    )
