"""How long things have waited, and what part of payments the fees took, month by month. Reads only."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankLine, LineState
from supporters.discrepancies.models import Discrepancy, DiscrepancyState
from supporters.discrepancies.rules import QUIET
from supporters.ledger.periods import next_month
from supporters.payments.models import BalanceTransaction

AGES = (7, 30, 60)  # days: a week, a month, two months, and longer
BASIS = 10_000


class Aged(NamedTuple):
    """What has waited for so long: from this many days, and, but for the last, less than that many."""

    since_days: int
    until_days: int | None
    discrepancies: int
    bank_lines: int


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
    edges = [0, *AGES]
    place = ZoneInfo(zone)
    counted: list[Aged] = []
    for since, until in zip(edges, [*AGES, None], strict=True):
        youngest = today - timedelta(days=since - 1)
        oldest = today - timedelta(days=until - 1) if until else date(1970, 1, 2)
        between = (datetime.combine(oldest, time.min, place), datetime.combine(youngest, time.min, place))
        open_ones = select(func.count()).where(
            Discrepancy.state == DiscrepancyState.OPEN.value,
            Discrepancy.code.not_in([code.value for code in QUIET]),
            Discrepancy.opened_at >= between[0],
            Discrepancy.opened_at < between[1],
        )
        lines = select(func.count()).where(
            BankLine.state == LineState.OPEN.value, BankLine.booked_on >= oldest, BankLine.booked_on < youngest
        )
        counted.append(Aged(since, until, await session.scalar(open_ones) or 0, await session.scalar(lines) or 0))
    return counted
