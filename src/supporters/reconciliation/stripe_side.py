"""What Stripe itself said that it held, beside what the books say it held when a month ended."""

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.codes import Code
from supporters.discrepancies.models import Discrepancy, DiscrepancyState
from supporters.kit.db import UTCDateTime
from supporters.ledger.chart import Account
from supporters.ledger.models import LedgerEntry, LedgerTransaction
from supporters.ledger.periods import month_of, next_month
from supporters.ledger.start import start_moment
from supporters.payments.models import BalanceDay, BalanceTransaction
from supporters.reconciliation.postings import SOURCE_KIND

MOST_ANSWERS = 31  # one a day: a difference that lasts longer is none of lines that come late

_row, _entry, _line = LedgerTransaction, LedgerEntry, BalanceTransaction


class StripeSide(NamedTuple):
    """One currency at a month's end. *Money*: minor units.

    `told` is what Stripe said nearest to it, or the first answer after that to which the books agree, where lines came
    later than the balance that they are in; `lines_minor` moved from that moment to the month's end, less than nothing
    where it was asked later; `late_minor` is of the month and stands in a later one, for the month was closed.
    """

    currency: str
    told: BalanceDay | None
    lines_minor: int
    late_minor: int
    closing_minor: int  # of the books

    @property
    def held_minor(self) -> int:
        """What Stripe said, available and pending."""
        return self.told.available_minor + self.told.pending_minor if self.told else 0

    @property
    def off_minor(self) -> int:
        """What Stripe held more than the books say; nothing where it was never asked."""
        return self.held_minor + self.lines_minor - self.late_minor - self.closing_minor if self.told else 0


async def stripe_sides(session: AsyncSession, month: date, *, zone: str) -> list[StripeSide]:
    """Every currency that Stripe or the books held anything in when the month ended, or that moved until then."""
    end = datetime.combine(next_month(month), time.min, ZoneInfo(zone))
    booked = await _booked(session, month)
    begun = await start_moment(session)
    currencies = booked.keys() | set(await session.scalars(select(BalanceDay.currency).distinct()))
    sides: list[StripeSide] = []
    for currency in sorted(currencies):
        closing, late = booked.get(currency, (0, 0))
        side = StripeSide(currency, None, 0, late, closing)
        for told in await _answers(session, currency, end, begun):
            looked = side._replace(told=told, lines_minor=await _moved(session, told, end, begun))
            side = looked if side.told is None or not looked.off_minor else side
            if not looked.off_minor:
                break
        if currency in booked or side.off_minor:
            sides.append(side)
    return sides


async def is_explained(session: AsyncSession, side: StripeSide) -> bool:
    """Whether a person has explained that Stripe and the books disagree by just this sum."""
    d = Discrepancy
    same = (d.code == Code.BALANCE_DRIFT.value) & (d.subject == side.currency) & (d.amount_minor == side.off_minor)
    by_person = (d.state == DiscrepancyState.RESOLVED.value) & d.resolved_by.is_not(None)
    return await session.scalar(select(d.id).where(same, by_person)) is not None


async def _booked(session: AsyncSession, month: date) -> dict[str, tuple[int, int]]:
    """What the books have until the month's end, and what of lines until then they have later; by currency, in one pass."""
    name, amount = month_of(month), _entry.amount_minor
    is_late = (_row.period > name) & (_row.effective_on < next_month(month)) & (_row.source_kind == SOURCE_KIND)
    until, later = (func.sum(case((which, amount), else_=0)) for which in (_row.period <= name, is_late))
    summed = (
        select(_entry.currency, until, later, func.min(_row.period))
        .join(_row, _row.id == _entry.transaction_id)
        .where(_entry.account == Account.STRIPE_BALANCE.value)
        .group_by(_entry.currency)
    )
    return {
        currency: (int(closing), int(late))
        for currency, closing, late, first in await session.execute(summed)
        if first <= name or late
    }


async def _answers(session: AsyncSession, currency: str, end: datetime, begun: datetime | None) -> Sequence[BalanceDay]:
    """What Stripe answered nearest to that moment, and after that; nothing from before the books began."""
    b = BalanceDay
    days = select(b.day, func.max(b.taken_at, type_=UTCDateTime())).group_by(b.day)
    days = days.where(b.taken_at >= begun) if begun else days
    before = (await session.execute(days.where(b.taken_at < end).order_by(b.day.desc()).limit(1))).all()
    after = (await session.execute(days.where(b.taken_at >= end).order_by(b.day).limit(MOST_ANSWERS))).all()
    is_after_nearer = bool(before and after and after[0][1] - end < end - before[0][1])
    asked = after if is_after_nearer else [*before, *after]
    mine = select(b).where(b.currency == currency, b.day.in_([day for day, _at in asked]))
    told = {each.day: each for each in await session.scalars(mine)}
    return [told.get(day) or _nothing(day, currency, at) for day, at in asked]


def _nothing(day: date, currency: str, at: datetime) -> BalanceDay:
    """An answer that does not name a currency says that Stripe holds none of it."""
    return BalanceDay(day=day, currency=currency, available_minor=0, pending_minor=0, reserved_minor=0, taken_at=at)


async def _moved(session: AsyncSession, told: BalanceDay, end: datetime, begun: datetime | None) -> int:
    """What lines of Stripe's balance add up to from that answer to that moment, counted backwards where it came later."""
    mine = select(func.sum(_line.net_minor)).where(_line.currency == told.currency)
    mine = mine.where(_line.created_at >= begun) if begun else mine
    if told.taken_at < end:
        return int(await session.scalar(mine.where(_line.created_at > told.taken_at, _line.created_at < end)) or 0)
    return -int(await session.scalar(mine.where(_line.created_at >= end, _line.created_at <= told.taken_at)) or 0)
