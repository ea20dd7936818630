"""How far an appeal has come: the true figure that readers may be shown."""

from collections.abc import Collection
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.models import Appeal
from supporters.donations.models import ASKED_FOR, Donation, DonationState, Frequency

GIFTS_ASKED = 1_000  # the latest ones; what readers gave years ago says little
FEWEST_GIFTS = 20  # below, one gift would show through the middle one


class Ticker(msgspec.Struct, frozen=True):
    """What an appeal has brought in. *Money*: minor units of `currency`, paid and not returned; fees are not taken off.

    `people` are those of whose money some is still here. *Time*: `as_of` is when it was counted.
    """

    raised_minor: int
    people: int
    currency: str
    as_of: datetime


async def ticker_lines(session: AsyncSession, *, now: datetime) -> dict[str, Ticker]:
    """What every published appeal with its ticker on has brought in, by slug; those that have ended are not in it."""
    goes_on = or_(Appeal.ends_at.is_(None), Appeal.ends_at > now)
    shown = Appeal.is_published & Appeal.has_ticker & goes_on
    return await _raised(session, shown, now=now)


async def raised_by(session: AsyncSession, appeal_ids: Collection[str], *, now: datetime) -> dict[str, Ticker]:
    """What these appeals have brought in, by slug, whether or not readers are shown it."""
    return await _raised(session, Appeal.id.in_(appeal_ids), now=now)


async def _raised(session: AsyncSession, which: ColumnElement[bool], *, now: datetime) -> dict[str, Ticker]:
    is_paid = (Donation.state == DonationState.PAID) & (Donation.currency == Appeal.currency)
    left = Donation.amount_minor - Donation.refunded_minor - Donation.returned_minor
    person = func.coalesce(Donation.supporter_id, func.lower(Donation.email))
    raised = func.coalesce(func.sum(left), 0)
    people = func.count(func.distinct(case((left > 0, person))))
    wanted = (
        select(Appeal.slug, Appeal.currency, raised, people)
        .outerjoin(Donation, (Donation.appeal_id == Appeal.id) & is_paid)
        .where(which)
        .group_by(Appeal.slug, Appeal.currency)
    )
    return {row[0]: Ticker(int(row[2]), int(row[3]), row[1], now) for row in await session.execute(wanted)}


async def median_gifts(session: AsyncSession, *, currency: str) -> dict[str, int]:
    """The middle one of the latest gifts by frequency, in minor units; none where too few were given to say."""
    found = {frequency: await _median(session, frequency, currency) for frequency in ASKED_FOR}
    return {frequency: middle for frequency, middle in found.items() if middle is not None}


async def _median(session: AsyncSession, frequency: Frequency, currency: str) -> int | None:
    mine = (Donation.state == DonationState.PAID) & (Donation.frequency == frequency) & (Donation.currency == currency)
    latest = select(Donation.amount_minor).where(mine).order_by(Donation.created_at.desc()).limit(GIFTS_ASKED)
    amounts = sorted((await session.scalars(latest)).all())
    return amounts[(len(amounts) - 1) // 2] if len(amounts) >= FEWEST_GIFTS else None
