"""How long things have waited, and what part of payments the fees took, month by month. Reads only."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, case, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankLine
from supporters.discrepancies.models import Discrepancy, DiscrepancyState
from supporters.discrepancies.rules import QUIET
from supporters.ledger.periods import next_month
from supporters.payments.models import BalanceTransaction

AGES = (7, 30, 60)  # days: a week, a month, two months, and longer
BANDS: tuple[tuple[int, int | None], ...] = tuple(zip((0, *AGES), (*AGES, None), strict=True))
LONG_AGO = date(1970, 1, 2)
BASIS = 10_000
_IS_OPEN = BankLine.state == literal_column("'open'")  # literal: only so is its index used


class Aged(NamedTuple):
    """What has waited for so long: from this many days, and, but for the last, less than that many."""

    since_days: int
    until_days: int | None
    discrepancies: int
    bank_lines: int


class AgedOpen(NamedTuple):
    """Discrepancies that have waited for so long. *Money*: minor units by currency, either sign counted as positive."""

    since_days: int
    until_days: int | None
    discrepancies: int
    sums: dict[str, int]


class WaitingLines(NamedTuple):
    """Bank lines of one currency that nobody has explained. *Money*: minor units, what went out is negative."""

    currency: str
    lines: int
    in_minor: int
    out_minor: int
    oldest_on: date


class FeeRate(NamedTuple):
    """What Stripe kept of one month's payments in one currency. *Money*: minor units."""

    month: date
    currency: str
    gross_minor: int
    fee_minor: int

    @property
    def basis_points(self) -> int:
        """The fees in hundredths of a per cent of the payments."""
        return self.fee_minor * BASIS // self.gross_minor if self.gross_minor else 0


async def fee_rates(session: AsyncSession, months: Sequence[date], *, zone: str) -> list[FeeRate]:
    """One for each month and currency in which there were payments, the latest month first."""
    line, place = BalanceTransaction, ZoneInfo(zone)
    edges = [datetime.combine(each, time.min, place) for each in (*months, next_month(months[-1]))]
    stretches = ((line.created_at < edge, at) for at, edge in enumerate(edges[1:]))
    number = case(*stretches, else_=len(months)).label("number")
    summed = (
        select(number, line.currency, func.sum(line.gross_minor), func.sum(line.fee_minor))
        .where(line.reporting_category == "charge", line.created_at >= edges[0], line.created_at < edges[-1])
        .group_by(number, line.currency)
    )
    found = [FeeRate(months[at], held, int(gross), int(fee)) for at, held, gross, fee in await session.execute(summed)]
    return sorted(found, key=lambda rate: (-rate.month.toordinal(), rate.currency))


async def ages(session: AsyncSession, *, today: date, zone: str) -> list[Aged]:
    """What waits for a person now, the newest first."""
    counted: list[Aged] = []
    for since, until in BANDS:
        oldest, youngest = _days(since, until, today)
        opened = opened_between(since, today=today, zone=zone)
        open_ones = select(func.count()).where(*_waits(), Discrepancy.opened_at.between(*opened))
        lines = select(func.count()).where(_IS_OPEN, BankLine.booked_on.between(oldest, youngest))
        counted.append(Aged(since, until, await session.scalar(open_ones) or 0, await session.scalar(lines) or 0))
    return counted


async def aged_discrepancies(session: AsyncSession, *, today: date, zone: str) -> list[AgedOpen]:
    """The discrepancies that wait for a person, by how long they have, the newest first; ages with none are left out."""
    begins = [(since, opened_between(since, today=today, zone=zone)[0]) for since, _until in BANDS]
    band = case(*((Discrepancy.opened_at >= begin, since) for since, begin in begins), else_=BANDS[-1][0]).label("band")
    size = func.sum(func.abs(func.coalesce(Discrepancy.amount_minor, 0)))
    query = select(band, Discrepancy.currency, func.count(), size).where(*_waits()).group_by(band, Discrepancy.currency)
    counts: dict[int, int] = {}
    sums: dict[int, dict[str, int]] = {}
    for since, currency, count, minor in await session.execute(query.order_by(band, Discrepancy.currency)):
        counts[since] = counts.get(since, 0) + count
        if currency and minor:
            sums.setdefault(since, {})[currency] = int(minor)
    return [AgedOpen(since, until, counts[since], sums.get(since, {})) for since, until in BANDS if since in counts]


async def waiting_lines(session: AsyncSession) -> list[WaitingLines]:
    """The bank lines that nobody has explained, by currency."""
    amount = BankLine.amount_minor
    came, went = (func.sum(case((side, amount), else_=0)) for side in (amount > 0, amount < 0))
    query = select(BankLine.currency, func.count(), came, went, func.min(BankLine.booked_on)).where(_IS_OPEN)
    rows = await session.execute(query.group_by(BankLine.currency).order_by(BankLine.currency))
    return [WaitingLines(held, count, int(into), int(out), oldest) for held, count, into, out, oldest in rows]


def opened_between(since: int, *, today: date, zone: str) -> tuple[datetime, datetime]:
    """The first and the last moment at which something was opened that is in the age that begins with so many days."""
    oldest, youngest = _days(since, dict(BANDS)[since], today)
    place = ZoneInfo(zone)
    after = datetime.combine(youngest + timedelta(days=1), time.min, place)
    return datetime.combine(oldest, time.min, place), after - timedelta(microseconds=1)


def _days(since: int, until: int | None, today: date) -> tuple[date, date]:
    """The first and the last day of the age."""
    return today - timedelta(days=until - 1) if until else LONG_AGO, today - timedelta(days=since)


def _waits() -> tuple[ColumnElement[bool], ...]:
    return (
        Discrepancy.state == DiscrepancyState.OPEN.value,
        Discrepancy.code.not_in([code.value for code in QUIET]),
    )
