"""After a one-off: monthly is offered once, with the same card, which Stripe keeps for us for a day at most.

A yes becomes a row before Stripe hears of it, and a job begins the plan: nothing is taken before its first date. A no, or
no answer, and the card is forgotten.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.models import Appeal
from supporters.donations.models import Checkout, Donation, DonationState, Frequency, MonthlyOffer, OfferState
from supporters.donations.timeline import note
from supporters.jobs.queue import enqueue
from supporters.kit.clock import local_date
from supporters.kit.db import changed_rows, insert_for
from supporters.kit.errors import Conflict
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.plans.dates import add_months, at_midday
from supporters.settings import Settings

BEGIN = "plans.begin_offered"
FORGET = "plans.forget_methods"
ENDS_BEFORE = timedelta(minutes=5)  # before the card is forgotten: a press of the button must still find it
SHARE = 4  # the offer is a quarter of what was given, or the rung below

EXECUTION = {"synchronize_session": False}


class OfferView(msgspec.Struct, frozen=True):
    """The offer as the thank-you page makes it: one amount, from one day on, good until the card is forgotten."""

    amount: Money
    first_at: datetime
    until: datetime


class AnswerView(msgspec.Struct, frozen=True):
    """What became of the offer."""

    state: OfferState
    amount: Money | None
    first_at: datetime | None


class Found(msgspec.Struct, frozen=True):
    """A one-off whose card is kept, and what stands on the monthly ladder of its appeal."""

    donation_id: str
    currency: str
    given_minor: int
    paid_at: datetime
    until: datetime
    rungs: tuple[int, ...]


async def offer_after(
    session: AsyncSession, donation_id: str, *, now: datetime, settings: Settings
) -> OfferView | AnswerView | None:
    """The offer that this donation's page makes, or how it was answered; None when there is none to make."""
    row = await session.get(MonthlyOffer, donation_id)
    if row is not None:
        amount = Money(row.amount_minor, row.currency) if row.amount_minor and row.currency else None
        return AnswerView(OfferState(row.state), amount, row.first_at)
    found = await _find(session, donation_id, now=now)
    if found is None:
        return None
    minor = suggest(found.given_minor, found.rungs, least=settings.minimum_minor)
    first_at = month_later(found.paid_at, zone=settings.time_zone)
    return OfferView(Money(minor, found.currency), first_at, found.until) if minor else None


async def want_monthly(
    session: AsyncSession, donation_id: str, amount: Money, *, ids: Ids, now: datetime, settings: Settings
) -> bool:
    """A plan of that amount is asked for, from a month after the donation on, with the same card. False: answered before.

    *Idempotent by* the donation. Raises Conflict when the card is not kept (any more). *Writes* offer, job, timeline.
    """
    if await session.get(MonthlyOffer, donation_id) is not None:
        return False
    found = await _find(session, donation_id, now=now)
    if found is None or found.currency != amount.currency:
        raise Conflict(_("This offer has ended, and the card is not kept any more. Nothing was begun."))
    row = {
        "state": OfferState.WANTED,
        "plan_id": ids.ulid(),
        "amount_minor": amount.minor,
        "currency": amount.currency,
        "first_at": month_later(found.paid_at, zone=settings.time_zone),
    }
    if not await _answer(session, donation_id, row, now=now):
        return False
    await keep_until(session, donation_id, None)
    await enqueue(session, BEGIN, {"donation_id": donation_id}, ids=ids, now=now, dedupe=donation_id)
    told = {"amount_minor": amount.minor, "currency": amount.currency}
    await note(session, donation_id, "monthly_wanted", cause=donation_id, ids=ids, now=now, detail=told)
    return True


async def decline(session: AsyncSession, donation_id: str, *, ids: Ids, now: datetime) -> bool:
    """The offer is not made again, and the card is forgotten now. False when it was answered before."""
    if not await _answer(session, donation_id, {"state": OfferState.DECLINED, "done_at": now}, now=now):
        return False
    await keep_until(session, donation_id, now)
    await enqueue(session, FORGET, {}, ids=ids, now=now, dedupe="timer")
    return True


async def keep_until(session: AsyncSession, donation_id: str, moment: datetime | None) -> None:
    """The donation's card is forgotten at that moment; None: it is a plan's, and stays."""
    kept = (Checkout.donation_id == donation_id) & Checkout.forget_method_at.is_not(None)
    if moment is not None:
        kept = (Checkout.donation_id == donation_id) & Checkout.saves_method
    await session.execute(update(Checkout).where(kept).values(forget_method_at=moment), execution_options=EXECUTION)


def suggest(given_minor: int, rungs: tuple[int, ...], *, least: int) -> int | None:
    """The amount that is offered: the highest rung within a quarter of what was given, else the lowest; never below `least`."""
    allowed = [rung for rung in rungs if rung >= least]
    fitting = [rung for rung in allowed if rung * SHARE <= given_minor]
    return max(fitting) if fitting else min(allowed, default=None)


def month_later(moment: datetime, *, zone: str) -> datetime:
    """Midday of the same day a month later, or of that month's last day where it is shorter."""
    return at_midday(add_months(local_date(moment, zone), 1), ZoneInfo(zone))


async def _answer(session: AsyncSession, donation_id: str, row: Mapping[str, object], *, now: datetime) -> bool:
    statement = insert_for(session, MonthlyOffer).values(donation_id=donation_id, created_at=now, **row)
    return changed_rows(await session.execute(statement.on_conflict_do_nothing())) == 1


async def _find(session: AsyncSession, donation_id: str, *, now: datetime) -> Found | None:
    wanted = (
        select(Donation, Checkout.forget_method_at, Appeal.amounts)
        .join(Checkout, (Checkout.donation_id == Donation.id) & (Checkout.revision == Donation.revision))
        .join(Appeal, Appeal.id == Donation.appeal_id)
        .where(Donation.id == donation_id, Donation.state == DonationState.PAID, Donation.refunded_minor == 0)
        .where(Donation.returned_minor == 0)
        .where(Checkout.saves_method, Checkout.forget_method_at > now + ENDS_BEFORE)
        .where(Donation.frequency == Frequency.ONCE, Donation.paid_at.is_not(None))
    )
    found = (await session.execute(wanted)).one_or_none()
    if found is None:
        return None
    donation, until, amounts = found
    rungs = tuple(amounts.get(Frequency.MONTHLY, ()))
    assert donation.paid_at
    assert until
    return Found(donation.id, donation.currency, donation.amount_minor, donation.paid_at, until, rungs)
