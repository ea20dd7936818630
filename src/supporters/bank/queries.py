"""Every SELECT of the bank."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime

import msgspec
from sqlalchemy import ColumnElement, Select, func, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.compare import Here
from supporters.bank.continuity import Span
from supporters.bank.fingerprint import folded
from supporters.bank.keep import Known
from supporters.bank.models import BankAccount, BankFile, BankLine, BankSighting, BankStatement, FileState, LineState
from supporters.payments.models import Payout

WAITING = (FileState.UPLOADED, FileState.READING, FileState.READY)
AT_ONCE = 1_000


class Standing(msgspec.Struct, frozen=True):
    """What is known of one account: until when, how much it held then, and how many lines nobody has explained."""

    ends_on: date | None = None
    closing_minor: int | None = None
    lines: int = 0
    open_lines: int = 0


class Wanted(msgspec.Struct, frozen=True):
    """Which lines of an account to show."""

    state: str = ""  # open, matched, set_aside, split, undone; empty: all but those taken back
    way: str = ""  # in, out
    starts_on: date | None = None
    ends_on: date | None = None
    file_id: str = ""
    words: str = ""


async def list_accounts(session: AsyncSession, *, with_closed: bool = True) -> Sequence[BankAccount]:
    """Every account, by name; closed ones last."""
    query = select(BankAccount).order_by(BankAccount.closed_at.is_not(None), BankAccount.name)
    return (await session.scalars(query if with_closed else query.where(BankAccount.closed_at.is_(None)))).all()


async def find_account(session: AsyncSession, account_id: str) -> BankAccount | None:
    """The account."""
    return await session.get(BankAccount, account_id)


async def standings(session: AsyncSession) -> dict[str, Standing]:
    """What is known of each account that has lines."""
    live = BankLine.state != LineState.UNDONE.value
    counted = select(
        BankLine.bank_account_id,
        func.count().filter(BankLine.parent_id.is_(None)).label("lines"),
        func.count().filter(BankLine.state == LineState.OPEN.value).label("open_lines"),
        func.max(BankLine.booked_on).label("latest"),
    )
    found = {
        row.bank_account_id: Standing(row.latest, None, row.lines, row.open_lines)
        for row in await session.execute(counted.where(live).group_by(BankLine.bank_account_id))
    }
    for account_id, span in (await _latest_spans(session)).items():
        known = found.get(account_id, Standing())
        ends_on = max(span.ends_on, known.ends_on or span.ends_on)
        found[account_id] = Standing(ends_on, span.closing_minor, known.lines, known.open_lines)
    return found


async def live_spans(session: AsyncSession, account_id: str) -> list[Span]:
    """Every statement of the account whose file counts."""
    return [span for _account, span in await _spans(session, BankStatement.bank_account_id == account_id)]


async def spans_by_account(session: AsyncSession) -> dict[str, list[Span]]:
    """Every statement whose file counts, by its account."""
    found: defaultdict[str, list[Span]] = defaultdict(list)
    for account_id, span in await _spans(session):
        found[account_id].append(span)
    return dict(found)


async def day_sums(session: AsyncSession, account_id: str) -> dict[date, int]:
    """What all lines of the account come to, by day."""
    query = select(BankLine.booked_on, func.sum(BankLine.amount_minor).label("total")).where(*_live_of(account_id))
    return {row.booked_on: int(row.total) for row in await session.execute(query.group_by(BankLine.booked_on))}


async def lines_here(session: AsyncSession, account_id: str, *, first: date, last: date) -> list[Here]:
    """The lines of the account on these days, both included."""
    between = BankLine.booked_on.between(first, last)
    query = select(
        BankLine.id,
        BankLine.fingerprint,
        BankLine.occurrence,
        BankLine.booked_on,
        BankLine.amount_minor,
        BankLine.layout,
    ).where(*_live_of(account_id), between)
    return [Here(*row) for row in await session.execute(query.order_by(BankLine.id))]


async def lines_of_pages(session: AsyncSession, statement_ids: Collection[str], day: date) -> frozenset[str]:
    """The lines of that day that these statements list, but for those of a statement that moved nothing on it.

    One that moved nothing ends with the balance with which the day began: what opens with it may be the whole day.
    """
    if not statement_ids:
        return frozenset()
    at_home = select(BankLine.bank_statement_id.label("page"), BankLine.id, BankLine.amount_minor).where(
        BankLine.bank_statement_id.in_(statement_ids), *_standing_on(day)
    )
    seen = (
        select(BankSighting.bank_statement_id, BankLine.id, BankLine.amount_minor)
        .join(BankLine, BankLine.id == BankSighting.bank_line_id)
        .where(BankSighting.bank_statement_id.in_(statement_ids), *_standing_on(day))
    )
    moved: Counter[str] = Counter()
    lines: defaultdict[str, set[str]] = defaultdict(set)
    for row in await session.execute(union_all(at_home, seen)):
        moved[row.page] += row.amount_minor
        lines[row.page].add(row.id)
    return frozenset(line_id for page, mine in lines.items() if moved[page] for line_id in mine)


def _standing_on(day: date) -> tuple[ColumnElement[bool], ...]:
    return BankLine.booked_on == day, BankLine.state != LineState.UNDONE.value, BankLine.parent_id.is_(None)


async def known_money(session: AsyncSession, *, currency: str, first: date) -> Known:
    """What the house knows of its own money, to tell which lines concern it; payouts of the last year before that day."""
    since = first.replace(year=first.year - 1, day=min(first.day, 28))
    payouts = select(Payout.trace_id, Payout.descriptor, Payout.amount_minor).where(
        Payout.currency == currency, Payout.arrival_on >= since
    )
    names: set[str] = set()
    debits: set[int] = set()
    for row in await session.execute(payouts):
        names |= {folded(name) for name in (row.trace_id, row.descriptor) if name}
        if row.amount_minor < 0:
            debits.add(row.amount_minor)
    line = BankLine
    paid = (
        select(line.counterparty_hash, func.sum(line.amount_minor))
        .where(line.counterparty_hash != "", line.amount_minor > 0, line.state == LineState.MATCHED.value)
        .where(line.currency == currency)
        .group_by(line.counterparty_hash)
    )
    payers = {payer: int(minor) for payer, minor in await session.execute(paid)}
    return Known(frozenset(names), frozenset(debits), payers)


async def find_bank_file(session: AsyncSession, file_id: str) -> BankFile | None:
    """The file without its body."""
    return await session.get(BankFile, file_id)


async def find_body(session: AsyncSession, file_id: str) -> tuple[bytes | None, bytes | None]:
    """The file's body as it came and as it was read, as long as they are kept."""
    row = (await session.execute(select(BankFile.content, BankFile.parsed).where(BankFile.id == file_id))).one_or_none()
    return (row.content, row.parsed) if row else (None, None)


async def list_bank_files(session: AsyncSession, account_id: str, *, limit: int) -> Sequence[BankFile]:
    """The latest files of the account first."""
    query = select(BankFile).where(BankFile.bank_account_id == account_id).order_by(BankFile.id.desc())
    return (await session.scalars(query.limit(limit))).all()


async def same_file_before(session: AsyncSession, file: BankFile) -> BankFile | None:
    """The very same file, if its lines are here."""
    query = select(BankFile).where(
        BankFile.sha256 == file.sha256,
        BankFile.bank_account_id == file.bank_account_id,
        BankFile.id != file.id,
        BankFile.state == FileState.IMPORTED.value,
    )
    return await session.scalar(query.order_by(BankFile.id.desc()).limit(1))


async def count_waiting_files(session: AsyncSession) -> int:
    """How many files wait for a person."""
    return await session.scalar(select(func.count()).where(BankFile.state.in_(WAITING))) or 0


async def stale_files(
    session: AsyncSession, *, before: datetime, states: Sequence[FileState] = WAITING
) -> Sequence[str]:
    """Files that nobody went on with since then."""
    query = select(BankFile.id).where(BankFile.state.in_(states), BankFile.taken_at < before)
    return (await session.scalars(query)).all()


async def refusals_said(session: AsyncSession, *, before: datetime) -> Sequence[str]:
    """Files that could not be read, and of which the words that say why are still here, since then."""
    is_old = (BankFile.state == FileState.REFUSED.value) & BankFile.parsed.is_not(None) & (BankFile.taken_at < before)
    return (await session.scalars(select(BankFile.id).where(is_old))).all()


async def count_lines(session: AsyncSession, account_id: str, wanted: Wanted) -> dict[str, int]:
    """How many lines are wanted, and what came in and went out with them. *Money*: minor units."""
    summed = select(
        func.count().label("lines"),
        func.coalesce(func.sum(BankLine.amount_minor).filter(BankLine.amount_minor > 0), 0).label("in_minor"),
        func.coalesce(func.sum(BankLine.amount_minor).filter(BankLine.amount_minor < 0), 0).label("out_minor"),
    ).where(*_conditions(account_id, wanted))
    row = (await session.execute(summed)).one()
    return {"lines": row.lines, "in_minor": int(row.in_minor), "out_minor": int(row.out_minor)}


async def list_lines(
    session: AsyncSession, account_id: str, wanted: Wanted, *, limit: int, offset: int = 0
) -> Sequence[BankLine]:
    """The wanted lines, the latest day first; within a day as the bank wrote them."""
    query = select(BankLine).where(*_conditions(account_id, wanted))
    query = query.order_by(BankLine.booked_on.desc(), BankLine.bank_statement_id, BankLine.position, BankLine.id)
    return (await session.scalars(query.limit(limit).offset(offset))).all()


async def lines_by_id(session: AsyncSession, line_ids: Sequence[str]) -> dict[str, BankLine]:
    """The lines with these ids."""
    found = await session.scalars(select(BankLine).where(BankLine.id.in_(line_ids))) if line_ids else ()
    return {line.id: line for line in found}


def open_lines(*, currency: str | None = None) -> Select[BankLine]:
    """Lines that nobody has explained yet, the oldest first; add conditions, a limit, or take it as a part of a query."""
    query = select(BankLine).where(BankLine.state == LineState.OPEN.value)
    if currency is not None:
        query = query.where(BankLine.currency == currency)
    return query.order_by(BankLine.booked_on, BankLine.id)


def _live_of(account_id: str) -> tuple[ColumnElement[bool], ...]:
    """Lines of the account as the bank wrote them: without parts, without those taken back."""
    return (
        BankLine.bank_account_id == account_id,
        BankLine.state != LineState.UNDONE.value,
        BankLine.parent_id.is_(None),
    )


def _conditions(account_id: str, wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [BankLine.bank_account_id == account_id]
    if wanted.state:
        found.append(BankLine.state == wanted.state)
    else:
        found += [BankLine.state.not_in((LineState.UNDONE.value, LineState.SPLIT.value))]
    if wanted.way:
        found.append(BankLine.amount_minor > 0 if wanted.way == "in" else BankLine.amount_minor < 0)
    if wanted.starts_on:
        found.append(BankLine.booked_on >= wanted.starts_on)
    if wanted.ends_on:
        found.append(BankLine.booked_on <= wanted.ends_on)
    if wanted.file_id:
        found.append(BankLine.bank_file_id == wanted.file_id)
    if wanted.words:
        said = (BankLine.counterparty, BankLine.text, BankLine.bank_reference, BankLine.end_to_end)
        found.append(or_(*(column.icontains(wanted.words, autoescape=True) for column in said)))
    return found


async def _spans(session: AsyncSession, *where: ColumnElement[bool]) -> list[tuple[str, Span]]:
    s = BankStatement
    query = select(
        s.bank_account_id,
        s.id,
        s.starts_on,
        s.ends_on,
        s.opening_minor,
        s.closing_minor,
        s.is_opening_derived,
        s.number,
    )
    query = query.join(BankFile, BankFile.id == s.bank_file_id).where(
        BankFile.state == FileState.IMPORTED.value, *where
    )
    rows = await session.execute(query.order_by(s.starts_on, s.ends_on, s.id))
    return [(row[0], Span(*row[1:])) for row in rows]


async def _latest_spans(session: AsyncSession) -> dict[str, Span]:
    """The last statement of each account that has a closing balance."""
    latest: dict[str, Span] = {}
    for account_id, span in await _spans(session, BankStatement.closing_minor.is_not(None)):
        if account_id not in latest or span.ends_on >= latest[account_id].ends_on:
            latest[account_id] = span
    return latest
