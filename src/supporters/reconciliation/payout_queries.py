"""Everything that the pages of payouts read: where each stands, what is in it, what the books have of it, what the bank shows."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Select, Subquery, and_, case, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from supporters.bank.models import BankAccount, BankLine
from supporters.donations.models import Donation
from supporters.ledger.models import BankProof, LedgerEntry, LedgerTransaction, Period, PeriodState
from supporters.ledger.periods import next_month
from supporters.payments.models import BalanceTransaction, Content, Payout, PayoutState
from supporters.reconciliation.models import BankMatch, MatchAction, MatchState, Side
from supporters.reconciliation.payout_lines import IS_OWN, inside
from supporters.reconciliation.postings import SOURCE_KIND

ITEMISED = (Content.VERIFIED.value, Content.OFF.value, Content.COLLECTING.value)
GONE = (PayoutState.FAILED.value, PayoutState.CANCELED.value)

_payout, _line, _match = Payout, BalanceTransaction, BankMatch


class Standing(StrEnum):
    """How far a payout is proved."""

    COLLECTING = "collecting"  # What is in it is not proved yet.
    ARRIVING = "arriving"  # What is in it is proved, and no bank line shows it yet.
    PROVED = "proved"  # Lines, books and bank agree to the penny.
    ELSEWHERE = "elsewhere"  # Its month was closed with the bank proved in the accountant's own books.
    OFF = "off"  # Two sides do not agree; a person must look.
    RETURNED = "returned"  # It failed or was called off: its money is in Stripe's balance again.


class PayoutRow(msgspec.Struct, frozen=True, kw_only=True):
    """One payout and what the bank shows of it. *Money*: minor units, signed as at the bank; None: nothing."""

    id: str
    created_at: datetime
    arrival_on: date
    amount_minor: int
    currency: str
    is_automatic: bool
    method: str
    status: str
    content: str
    content_off_minor: int | None
    verified_at: datetime | None
    trace_id: str | None
    failure_code: str | None
    bank_minor: int | None
    is_elsewhere: bool = False

    @property
    def is_itemised(self) -> bool:
        """Whether Stripe says what is in it."""
        return self.content in ITEMISED

    @property
    def is_content_proved(self) -> bool:
        """Whether its lines add up, or, where Stripe does not say them, the balance agreed after it."""
        is_by_balance = self.content == Content.NOT_APPLICABLE.value and self.verified_at is not None
        return self.content == Content.VERIFIED.value or is_by_balance

    @property
    def standing(self) -> Standing:
        """How far it is proved."""
        if self.status in GONE:
            return Standing.RETURNED
        if self.content == Content.OFF.value or self.bank_minor not in (None, self.amount_minor):
            return Standing.OFF
        if not self.is_content_proved:
            return Standing.COLLECTING
        if self.bank_minor is not None:
            return Standing.PROVED
        return Standing.ELSEWHERE if self.is_elsewhere else Standing.ARRIVING


class PayoutFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which payouts. Both days are included and are days of arrival. `view`: content, bank, returned; empty: all."""

    view: str = ""
    since: date | None = None
    until: date | None = None


class Posted(NamedTuple):
    """What the books have of a payout's lines on one account. *Money*: minor units, debit positive."""

    account: str
    currency: str
    fund_id: str | None
    frequency: str | None
    minor: int


class Arrival(NamedTuple):
    """One bank line that was found to be the payout, or a part of it, and who found it."""

    match: BankMatch
    line: BankLine
    account: BankAccount
    made_by: str | None  # None: the house
    made_at: datetime


async def list_payouts(session: AsyncSession, wanted: PayoutFilter, *, limit: int, offset: int = 0) -> list[PayoutRow]:
    """The payouts, the latest arrival first."""
    elsewhere = await _months_elsewhere(session)
    query = _rows().where(*_conditions(wanted, elsewhere)).order_by(_payout.arrival_on.desc(), _payout.stripe_payout_id)
    found = await session.execute(query.limit(limit).offset(offset))
    return [_row(payout, bank_minor, elsewhere) for payout, bank_minor in found]


async def count_payouts(session: AsyncSession, wanted: PayoutFilter) -> int:
    """How many there are of those."""
    elsewhere = await _months_elsewhere(session)
    counted = select(func.count()).select_from(_payout).where(*_conditions(wanted, elsewhere))
    return await session.scalar(counted) or 0


async def find_payout(session: AsyncSession, payout_id: str) -> PayoutRow | None:
    """The payout with this id, if there is one."""
    found = (await session.execute(_rows().where(_payout.stripe_payout_id == payout_id))).one_or_none()
    if found is None:
        return None
    payout, bank_minor = found
    return _row(payout, bank_minor, await _months_elsewhere(session))


async def posted_of(session: AsyncSession, payout_id: str) -> list[Posted]:
    """What the books have of the payout's lines, by account, fund and how often it is given; reversed postings left out."""
    row, entry, reversal = LedgerTransaction, LedgerEntry, aliased(LedgerTransaction)
    its = select(_line.stripe_balance_transaction_id).where(*inside(payout_id))
    query = (
        select(entry.account, entry.currency, entry.fund_id, Donation.frequency, func.sum(entry.amount_minor))
        .join(row, row.id == entry.transaction_id)
        .outerjoin(Donation, Donation.id == entry.donation_id)
        .where(row.source_kind == SOURCE_KIND, row.source_id.in_(its))
        .where(~select(literal(1)).where(reversal.reverses_id == row.id).exists())
        .group_by(entry.account, entry.currency, entry.fund_id, Donation.frequency)
        .order_by(entry.account, entry.fund_id, Donation.frequency)
    )
    return [
        Posted(account, held, fund, often, int(minor))
        for account, held, fund, often, minor in await session.execute(query)
    ]


async def bank_days(session: AsyncSession, payout_ids: Sequence[str]) -> dict[str, date]:
    """The first day on which the bank shows each of these payouts, or a part of it; those that it does not show are left out."""
    query = (
        select(_match.ref_id, func.min(BankLine.booked_on))
        .join(BankLine, BankLine.id == _match.bank_line_id)
        .where(*_confirmed(), _match.ref_id.in_(payout_ids))
        .group_by(_match.ref_id)
    )
    return {str(payout_id): day for payout_id, day in await session.execute(query)}


async def arrivals_of(session: AsyncSession, payout_id: str) -> list[Arrival]:
    """The bank lines that show the payout, the earliest first."""
    query = (
        select(_match, BankLine, BankAccount, MatchAction.made_by, MatchAction.made_at)
        .join(BankLine, BankLine.id == _match.bank_line_id)
        .join(BankAccount, BankAccount.id == BankLine.bank_account_id)
        .join(MatchAction, MatchAction.id == _match.action_id)
        .where(*_confirmed(), _match.ref_id == payout_id)
        .order_by(BankLine.booked_on, BankLine.id)
    )
    return [Arrival(*row) for row in await session.execute(query)]


class Sides(NamedTuple):
    """What the lines of a payout come to, and what the books have of them. *Money*: minor units; None: nothing is there."""

    lines: int
    lines_minor: int | None
    books_minor: int | None


async def sides_of(session: AsyncSession, payout_ids: Sequence[str]) -> dict[str, Sides]:
    """Both sides of each of these payouts; those with no line are left out."""
    booked = _booked_lines(payout_ids)
    query = (
        select(_line.stripe_payout_id, func.count(), func.sum(_line.net_minor), func.sum(booked.c.minor))
        .outerjoin(booked, booked.c.id == _line.stripe_balance_transaction_id)
        .where(_line.stripe_payout_id.in_(payout_ids), ~IS_OWN)
        .group_by(_line.stripe_payout_id)
    )
    return {
        str(payout_id): Sides(count, int(net), None if books is None else int(books))
        for payout_id, count, net, books in await session.execute(query)
    }


def _booked_lines(payout_ids: Sequence[str]) -> Subquery:
    """What the books have of each line in these payouts on the Stripe balance."""
    row, entry, reversal = LedgerTransaction, LedgerEntry, aliased(LedgerTransaction)
    its = select(_line.stripe_balance_transaction_id).where(_line.stripe_payout_id.in_(payout_ids))
    return (
        select(row.source_id.label("id"), func.sum(entry.amount_minor).label("minor"))
        .join(entry, and_(entry.transaction_id == row.id, entry.account == "1100"))
        .where(row.source_kind == SOURCE_KIND, row.source_id.in_(its))
        .where(~select(literal(1)).where(reversal.reverses_id == row.id).exists())
        .group_by(row.source_id)
        .subquery("booked")
    )


def _rows() -> Select[Any, Any]:
    return select(_payout, _bank_minor().label("bank_minor"))


def _bank_minor() -> ColumnElement[Any]:
    """What the bank shows of the payout, as far as it is matched."""
    shown = select(func.sum(_match.amount_minor)).where(*_confirmed(), _match.ref_id == _payout.stripe_payout_id)
    return shown.correlate(_payout).scalar_subquery()


def _confirmed() -> tuple[ColumnElement[bool], ...]:
    return (_match.side == Side.PAYOUT.value, _match.state == MatchState.CONFIRMED.value)


def _conditions(wanted: PayoutFilter, elsewhere: Collection[str]) -> list[ColumnElement[bool]]:
    by_balance = and_(_payout.content == Content.NOT_APPLICABLE.value, _payout.verified_at.is_not(None))
    is_proved = or_(_payout.content == Content.VERIFIED.value, by_balance)
    shown = func.coalesce(_bank_minor(), case((_payout.amount_minor == 0, 1), else_=0))
    unless_elsewhere = [or_(_bank_minor().is_not(None), ~or_(*map(_arrives_in, elsewhere)))] if elsewhere else []
    views = {
        "content": [_payout.status.not_in(GONE), ~is_proved],
        "bank": [_payout.status.not_in(GONE), shown != _payout.amount_minor, *unless_elsewhere],
        "returned": [_payout.status.in_(GONE)],
    }
    found: list[ColumnElement[bool]] = list(views.get(wanted.view, ()))
    if wanted.since:
        found.append(_payout.arrival_on >= wanted.since)
    if wanted.until:
        found.append(_payout.arrival_on <= wanted.until)
    return found


def _arrives_in(month: str) -> ColumnElement[bool]:
    first = date.fromisoformat(f"{month}-01")
    return and_(_payout.arrival_on >= first, _payout.arrival_on < next_month(first))


async def _months_elsewhere(session: AsyncSession) -> frozenset[str]:
    closed = (Period.state == PeriodState.LOCKED.value) & (Period.bank_proof == BankProof.ELSEWHERE.value)
    return frozenset(await session.scalars(select(Period.period).where(closed)))


def _row(payout: Payout, bank_minor: int | None, elsewhere: Collection[str]) -> PayoutRow:
    return PayoutRow(
        id=payout.stripe_payout_id,
        created_at=payout.created_at,
        arrival_on=payout.arrival_on,
        amount_minor=payout.amount_minor,
        currency=payout.currency,
        is_automatic=payout.is_automatic,
        method=payout.method,
        status=payout.status,
        content=payout.content,
        content_off_minor=payout.content_off_minor,
        verified_at=payout.verified_at,
        trace_id=payout.trace_id,
        failure_code=payout.failure_code,
        bank_minor=None if bank_minor is None else int(bank_minor),
        is_elsewhere=f"{payout.arrival_on:%Y-%m}" in elsewhere,
    )
