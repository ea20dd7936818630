"""Everything that the month board, a month's page and its closing read. Months are named 2026-11, by their first day."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import ColumnElement, String, case, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.continuity import covered
from supporters.bank.models import BankAccount, BankLine, LineState
from supporters.bank.queries import spans_by_account
from supporters.kit.clock import local_date
from supporters.ledger.models import LedgerEntry, LedgerTransaction, Period
from supporters.ledger.periods import month_of, next_month
from supporters.ledger.start import start_moment
from supporters.payments.models import BalanceTransaction
from supporters.reconciliation.fact_days import open_by_month
from supporters.reconciliation.payout_queries import PayoutFilter, PayoutRow, Standing, list_payouts
from supporters.reconciliation.postings import SOURCE_KIND

MOST_PAYOUTS = 10_000  # of one look; a busy account has one a day and currency
PORTION = 2_000

_row, _entry, _line = LedgerTransaction, LedgerEntry, BalanceTransaction


class MonthRow(msgspec.Struct, frozen=True, kw_only=True):
    """One month on the board."""

    month: date
    period: Period | None  # where it was ever locked
    payouts: list[PayoutRow]
    bank_lines: int
    open_lines: int
    unposted: int
    to_explain: int

    def count(self, *standings: Standing) -> int:
        """How many payouts stand so."""
        return sum(each.standing in standings for each in self.payouts)

    @property
    def unproved(self) -> int:
        """How many payouts are not proved yet."""
        return self.count(Standing.COLLECTING, Standing.ARRIVING, Standing.OFF)

    @property
    def is_clear(self) -> bool:
        """Whether nothing is left to do in it."""
        return not (self.unproved or self.open_lines or self.unposted or self.to_explain)


class Held(NamedTuple):
    """One account in one currency over a month. *Money*: minor units, debit positive; both movements are positive."""

    account: str
    currency: str
    opening_minor: int
    debit_minor: int
    credit_minor: int

    @property
    def closing_minor(self) -> int:
        """What it holds at the end."""
        return self.opening_minor + self.debit_minor - self.credit_minor


class Moved(NamedTuple):
    """What one kind of line did to the Stripe balance in a month. *Money*: minor units; the fees are in it already."""

    currency: str
    category: str
    minor: int
    fee_minor: int = 0

    @property
    def gross_minor(self) -> int:
        """What it was before fees."""
        return self.minor + self.fee_minor


async def board(session: AsyncSession, months: Sequence[date], *, zone: str) -> list[MonthRow]:
    """One row for each month, the latest first."""
    edges = _edges(months, zone)
    since, until = months[0], next_month(months[-1])
    payouts = await _payouts_by_month(session, since, until)
    periods = {each.period: each for each in await session.scalars(select(Period))}
    lines = await _bank_by_month(session, since, until)
    unposted = await _unposted_by_month(session, edges)
    explain = await open_by_month(session, months, zone=zone)
    return [
        MonthRow(
            month=month,
            period=periods.get(month_of(month)),
            payouts=payouts.get(month_of(month), []),
            bank_lines=lines.get(month_of(month), (0, 0))[0],
            open_lines=lines.get(month_of(month), (0, 0))[1],
            unposted=unposted.get(number, 0),
            to_explain=explain.get(number, 0),
        )
        for number, month in reversed(list(enumerate(months)))
    ]


async def first_month(session: AsyncSession) -> date | None:
    """The first month of which the books or Stripe's payouts have anything."""
    earliest = await session.scalar(select(func.min(_row.period)))
    return date.fromisoformat(f"{earliest}-01") if earliest else None


async def trial_balance(session: AsyncSession, month: date) -> list[Held]:
    """Every account that was ever touched until the month's end, by code and currency."""
    name = month_of(month)
    is_now = _row.period == name
    amount = _entry.amount_minor
    summed = (
        select(
            _entry.account,
            _entry.currency,
            _sum(case((_row.period < name, amount), else_=0)),
            _sum(case((is_now & (amount > 0), amount), else_=0)),
            _sum(case((is_now & (amount < 0), -amount), else_=0)),
        )
        .join(_row, _row.id == _entry.transaction_id)
        .where(_row.period <= name)
        .group_by(_entry.account, _entry.currency)
        .order_by(_entry.account, _entry.currency)
    )
    return [Held(account, held, *map(int, minors)) for account, held, *minors in await session.execute(summed)]


async def stripe_activity(session: AsyncSession, month: date) -> list[Moved]:
    """What moved the Stripe balance in the month, as the books have it, by kind of line."""
    is_line = (_row.source_kind == SOURCE_KIND) & (_line.stripe_balance_transaction_id == _row.source_id)
    kind = func.coalesce(_line.reporting_category, _row.source_kind).label("kind")
    summed = (
        select(_entry.currency, kind, func.sum(_entry.amount_minor))
        .join(_row, _row.id == _entry.transaction_id)
        .outerjoin(_line, is_line)
        .where(_row.period == month_of(month), _entry.account == "1100")
        .group_by(_entry.currency, kind)
        .order_by(_entry.currency, kind)
    )
    fees = await _fees(session, month)
    return [
        Moved(held, str(category), int(minor), fees.get((held, str(category)), 0))
        for held, category, minor in await session.execute(summed)
    ]


async def _fees(session: AsyncSession, month: date) -> dict[tuple[str, str], int]:
    """What Stripe kept of the lines that were posted in the month, by currency and kind; each line once."""
    first = select(_row.source_id).where(_row.period == month_of(month), _row.source_kind == SOURCE_KIND).distinct()
    summed = select(_line.currency, _line.reporting_category, func.sum(_line.fee_minor)).where(
        _line.stripe_balance_transaction_id.in_(first), _line.fee_minor != 0
    )
    rows = await session.execute(summed.group_by(_line.currency, _line.reporting_category))
    return {(held, category): int(fee) for held, category, fee in rows}


async def late_facts(session: AsyncSession, month: date) -> int:
    """How many postings stand in this month that belong to an earlier one, which was locked when they came."""
    late = (_row.period == month_of(month)) & _row.effective_on.is_not(None)
    return await session.scalar(select(func.count()).select_from(_row).where(late)) or 0


async def entries_digest(session: AsyncSession, month: date) -> tuple[int, str]:
    """How many transactions stand in the month, and a SHA-256 over all their entries in the order of their ids."""
    query = (
        select(
            _row.id, _row.source_kind, _row.source_id, _row.purpose, _row.revision, _row.booked_on,
            _entry.id, _entry.account, _entry.amount_minor, _entry.currency,
        )
        .join(_entry, _entry.transaction_id == _row.id)
        .where(_row.period == month_of(month))
        .order_by(_row.id, _entry.id)
    )  # fmt: skip
    made, count, last = hashlib.sha256(), 0, ""
    found = await session.stream(query.execution_options(yield_per=PORTION))
    async for portion in found.partitions(PORTION):
        for row in portion:
            count, last = count + (row[0] != last), row[0]
            made.update("|".join(map(str, row)).encode() + b"\n")
    return count, made.hexdigest()


class Coverage(NamedTuple):
    """The account whose statements were looked at, and the first day of the month that none of them covers."""

    account: str
    missing_on: date | None


async def coverage(session: AsyncSession, month: date, *, zone: str) -> list[Coverage]:
    """For every account that takes files by then: which day of the month no statement covers, if any."""
    until = next_month(month)
    spans = await spans_by_account(session)
    first_days = {account: min(span.starts_on for span in mine) for account, mine in spans.items()}
    accounts = select(BankAccount).where(BankAccount.closed_at.is_(None)).order_by(BankAccount.name)
    counts = {each: _counts_from(each, first_days, zone) for each in await session.scalars(accounts)}
    return [
        Coverage(each.name, _first_gap(covered(spans.get(each.id, ())), max(month, since), until))
        for each, since in counts.items()
        if since < until
    ]


def _counts_from(account: BankAccount, first_days: Mapping[str, date], zone: str) -> date:
    """From which day on its months want statements: as staff say, else its first statement's, else since it is here."""
    return account.starts_on or first_days.get(account.id) or local_date(account.created_at, zone)


def _first_gap(spans: Sequence[tuple[date, date]], since: date, until: date) -> date | None:
    at = since
    for starts_on, ends_on in spans:
        if starts_on > at:
            break
        at = max(at, date.fromordinal(ends_on.toordinal() + 1))
    return at if at < until else None


async def _payouts_by_month(session: AsyncSession, since: date, until: date) -> dict[str, list[PayoutRow]]:
    wanted = PayoutFilter(since=since, until=date.fromordinal(until.toordinal() - 1))
    found: dict[str, list[PayoutRow]] = {}
    for each in await list_payouts(session, wanted, limit=MOST_PAYOUTS):
        found.setdefault(month_of(each.arrival_on), []).append(each)
    return found


async def _bank_by_month(session: AsyncSession, since: date, until: date) -> dict[str, tuple[int, int]]:
    """Lines and open lines, by month; those that were taken back, and lines that their parts stand for, left out."""
    month = func.substr(cast(BankLine.booked_on, String), 1, 7)
    is_open = case((BankLine.state == LineState.OPEN.value, 1), else_=0)
    counted = select(month, func.count(), func.sum(is_open)).where(
        BankLine.booked_on >= since,
        BankLine.booked_on < until,
        BankLine.state.not_in([LineState.UNDONE.value, LineState.SPLIT.value]),
    )
    rows = await session.execute(counted.group_by(month))
    return {str(name): (count, int(waiting)) for name, count, waiting in rows}


async def _unposted_by_month(session: AsyncSession, edges: Sequence[datetime]) -> dict[int, int]:
    """Lines of Stripe's balance that are not in the books, by the number of the month; none from before the books began."""
    begun = await start_moment(session)
    since = max(edges[0], begun) if begun else edges[0]
    number = _number(_line.created_at.expression, edges)
    waiting = select(number, func.count()).where(
        _line.posted_at.is_(None), _line.created_at >= since, _line.created_at < edges[-1]
    )
    return {int(at): count for at, count in await session.execute(waiting.group_by(number))}


def _edges(months: Sequence[date], zone: str) -> list[datetime]:
    """The first moment of each month, and the first after the last."""
    place = ZoneInfo(zone)
    return [datetime.combine(each, time.min, place) for each in (*months, next_month(months[-1]))]


def _number(moment: ColumnElement[Any], edges: Sequence[datetime]) -> ColumnElement[int]:
    stretches = ((moment < edge, at) for at, edge in enumerate(edges[1:]))
    return case(*stretches, else_=len(edges)).label("number")


def _sum(amount: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.coalesce(func.sum(amount), 0)
