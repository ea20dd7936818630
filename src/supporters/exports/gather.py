"""From the ledger to journals: which transactions may go out, and what becomes of their entries."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import date
from functools import cache
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Select, String, Subquery, and_, case, cast, exists, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlalchemy.sql import ColumnElement

from supporters.appeals.models import Fund
from supporters.donations.models import Donation
from supporters.exports.journals import Journal, Line
from supporters.exports.models import ExportItem
from supporters.exports.targets import Mode, Target
from supporters.kit.strings import gettext as _
from supporters.ledger.chart import Account, describe
from supporters.ledger.mapping import Lines, Outside, find_mapping
from supporters.ledger.models import LedgerEntry, LedgerTransaction
from supporters.payments.models import BalanceTransaction

PORTION = 2_000  # rows held at once
BALANCE_TRANSACTION = "balance_transaction"
PAYOUT_LINES = ("payout", "payout_reversal")
BANK_FED = frozenset({Target.XERO})  # its own bank feed brings what touches a bank account

_row, _entry = LedgerTransaction, LedgerEntry


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. Both days are inclusive, in the book's time zone."""

    target: Target
    mode: Mode
    starts_on: date
    ends_on: date
    home_currency: str


class Names(msgspec.Struct, frozen=True):
    """What things are called outside."""

    mapping: Lines
    funds: dict[str, str]


class Row(NamedTuple):
    """One line to be, as the database gives it; `group` tells journals apart."""

    group: str
    booked_on: date
    currency: str
    source_kind: str
    reference: str
    memo: str
    account: str
    fund_id: str | None
    kind: str | None
    is_payout: int
    amount_minor: int


def may_go_out(wanted: Wanted) -> ColumnElement[bool]:
    """Condition on ledger transactions: days asked for, gone out in no live batch of this target, fit for the program."""
    in_days = _row.booked_on.between(wanted.starts_on, wanted.ends_on)
    return and_(in_days, ~_is_out(wanted.target), *([] if wanted.target not in BANK_FED else [~is_unfit(wanted)]))


def is_earlier(wanted: Wanted) -> ColumnElement[bool]:
    """Condition: might have gone out, and lies before the days that are asked for."""
    unfit = [~is_unfit(wanted)] if wanted.target in BANK_FED else []
    return and_(_row.booked_on < wanted.starts_on, ~_is_out(wanted.target), *unfit)


def is_unfit(wanted: Wanted) -> ColumnElement[bool]:
    """Condition: touches a bank account, or holds a currency that is not the home one: no manual journal can be made of it."""
    entry = aliased(LedgerEntry)  # the statement around it may look at entries too
    unfit = or_(entry.account == Account.BANK, entry.currency != wanted.home_currency)
    return exists().where(entry.transaction_id == _row.id, unfit)


async def read_names(session: AsyncSession, mapping: Lines) -> Names:
    """The accountant's names, and those of our funds."""
    funds = await session.execute(select(Fund.id, Fund.name))
    return Names(mapping, {row.id: row.name for row in funds})


async def gather(
    session: AsyncSession, condition: ColumnElement[bool], *, mode: Mode, names: Names, number: str
) -> list[Journal]:
    """The journals of the transactions that fit the condition, in the order of their days; what comes to nothing is left out.

    *Money*: the sum over each account is the ledger's own. Numbers are `number` with the place in the batch.
    """
    parts = _parts(condition)
    statement = _by_payout(parts) if mode is Mode.PAYOUT else _by_line(parts)
    describe_line = _line_texts(names)
    journals: list[Journal] = []
    async for rows in _in_groups(session, statement):
        lines = _merged(map(describe_line, rows)) if mode is Mode.PAYOUT else tuple(map(describe_line, rows))
        if lines:
            journals.append(_journal(rows, lines, mode=mode))
    journals.sort(key=lambda journal: journal.booked_on)
    return [msgspec.structs.replace(each, number=f"{number}-{place}") for place, each in enumerate(journals, start=1)]


def _is_out(target: Target) -> ColumnElement[bool]:
    item = ExportItem
    return exists().where(item.ledger_transaction_id == _row.id, item.target == target.value, item.is_live)


def _parts(condition: ColumnElement[bool]) -> Subquery:
    """Every entry with what it is grouped by: named once here, so that both databases group by the same."""
    line = BalanceTransaction
    is_line = and_(_row.source_kind == BALANCE_TRANSACTION, line.stripe_balance_transaction_id == _row.source_id)
    # Of the line, not of its entries: a transaction goes into one journal as a whole, or that would not balance.
    sent = case((line.reporting_category.in_(PAYOUT_LINES), line.source_id), else_=None)
    payout = func.coalesce(line.stripe_payout_id, sent, "")
    return (
        select(
            _row.id.label("transaction_id"),
            _row.period,
            _row.booked_on,
            _row.source_kind,
            _row.source_id,
            _row.memo,
            payout.label("payout"),
            case((payout == "", cast(_row.booked_on, String(10))), else_="").label("day"),
            case((line.reporting_category.in_(PAYOUT_LINES), 1), else_=0).label("is_payout"),
            _entry.id.label("entry_id"),
            _entry.currency,
            _entry.account,
            _entry.fund_id,
            case((_entry.account.like("4%"), Donation.frequency), else_=None).label("kind"),
            _entry.amount_minor,
        )
        .select_from(_row)
        .join(_entry, _entry.transaction_id == _row.id)
        .outerjoin(line, is_line)
        .outerjoin(Donation, Donation.id == _entry.donation_id)
        .where(condition)
        .subquery()
    )


def _by_payout(parts: Subquery) -> Select[*tuple[Any, ...]]:
    """Summed up by the database: by payout and month, or by day and source where no payout is named."""
    each = parts.c
    group = (each.period, each.currency, each.source_kind, each.payout, each.day)
    whose = (each.is_payout, each.account, each.fund_id, each.kind)
    key = each.period + "/" + each.currency + "/" + each.source_kind + "/" + each.payout + "/" + each.day
    return (
        select(
            key,
            func.max(each.booked_on),
            each.currency,
            each.source_kind,
            each.payout,
            literal("").label("memo"),
            *(each.account, each.fund_id, each.kind, each.is_payout),
            func.sum(each.amount_minor),
        )
        .group_by(*group, *whose)
        .order_by(*group, *whose)
    )


def _by_line(parts: Subquery) -> Select[*tuple[Any, ...]]:
    each = parts.c
    return select(
        each.transaction_id + "/" + each.currency,
        each.booked_on,
        each.currency,
        each.source_kind,
        each.source_id,
        each.memo,
        *(each.account, each.fund_id, each.kind),
        literal(0).label("is_payout"),
        each.amount_minor,
    ).order_by(each.booked_on, each.transaction_id, each.currency, each.entry_id)


async def _in_groups(session: AsyncSession, statement: Select[*tuple[Any, ...]]) -> AsyncIterator[list[Row]]:
    held: list[Row] = []
    result = await session.stream(statement)
    async for portion in result.partitions(PORTION):
        for values in portion:
            row = Row._make(values)
            if held and held[0].group != row.group:
                yield held
                held = []
            held.append(row)
    if held:
        yield held


def _line_texts(names: Names) -> Callable[[Row], Line]:
    """A journal's line from a row; what belongs together is looked up once and shared by every line."""

    @cache
    def words(account: str, fund_id: str | None, kind: str | None, is_payout: int) -> tuple[Outside, str]:
        ours = Account(account)
        outside = find_mapping(names.mapping, ours, fund_id=fund_id, kind=kind)
        text = _("Payout") if is_payout else describe(ours).name
        fund = names.funds.get(fund_id or "", "") if account.startswith("4") else ""
        return outside, f"{text}, {fund}" if fund else text

    def line(row: Row) -> Line:
        outside, text = words(row.account, row.fund_id, row.kind, row.is_payout)
        return Line(
            account=row.account,
            code=outside.code,
            name=outside.name,
            amount_minor=int(row.amount_minor),
            text=text,
            tax=outside.tax_code,
            tracking=outside.tracking,
        )

    return line


def _merged(lines: Iterable[Line]) -> tuple[Line, ...]:
    """What reads the same is one line, at the first one's place; what comes to nothing is none."""
    sums: dict[Line, int] = {}
    for line in lines:
        words = msgspec.structs.replace(line, amount_minor=0)
        sums[words] = sums.get(words, 0) + line.amount_minor
    return tuple(msgspec.structs.replace(words, amount_minor=minor) for words, minor in sums.items() if minor)


def _journal(rows: Sequence[Row], lines: tuple[Line, ...], *, mode: Mode) -> Journal:
    first = rows[0]
    return Journal(
        number="",
        booked_on=max(row.booked_on for row in rows),
        currency=first.currency,
        text=_narration(first) if mode is Mode.PAYOUT else f"{first.memo.replace('_', ' ')} {first.reference}",
        reference=first.reference,
        lines=lines,
    )


def _narration(row: Row) -> str:
    if row.reference:
        return _("Stripe payout %(payout)s") % {"payout": row.reference}
    return {
        BALANCE_TRANSACTION: _("Stripe, in no payout"),
        "bank_line": _("Bank lines"),
        "dispute": _("Disputes that were decided"),
        "discrepancy": _("Discrepancies that were explained"),
        "deposit": _("Paid in at the bank"),
        "other_payment": _("Cash, cheques and transfers"),
        "reversal": _("Corrections"),
        "opening": _("Opening balances"),
    }.get(row.source_kind, _("Other bookings"))
