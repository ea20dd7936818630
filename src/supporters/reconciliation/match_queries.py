"""What the pages of matching read: open lines, how far we are, what was matched, and what the bank should still show."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankLine, LineState
from supporters.reconciliation.expected import expected_at_bank
from supporters.reconciliation.lines import OpenLine, every_line, read_lines
from supporters.reconciliation.matching import Expected
from supporters.reconciliation.models import BankMatch, MatchAction, MatchRule, MatchState

line, match = BankLine, BankMatch


class LineFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which open lines. *Money*: minor units, by amount whichever way it went; days are included."""

    account_id: str = ""
    way: str = ""  # in, out; empty: both
    least_minor: int | None = None
    most_minor: int | None = None
    since: date | None = None
    until: date | None = None
    words: str = ""


class Left(msgspec.Struct, frozen=True):
    """What is open in one currency. *Money*: minor units, money out is negative."""

    currency: str
    lines: int
    in_minor: int
    out_minor: int


class Progress(msgspec.Struct, frozen=True):
    """How much of what moved in one currency is explained. *Money*: minor units, in and out both counted as positive."""

    currency: str
    done_minor: int
    total_minor: int
    left_lines: int


class ExpectedFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which expected payments. *Money*: minor units, by amount whichever way it goes."""

    currency: str
    words: str = ""
    least_minor: int | None = None
    most_minor: int | None = None
    since: date | None = None
    until: date | None = None


async def list_open(session: AsyncSession, wanted: LineFilter, *, limit: int, offset: int = 0) -> Sequence[OpenLine]:
    """The open lines, the oldest first."""
    query = every_line().where(*_conditions(wanted)).order_by(line.booked_on, line.id)
    return await read_lines(session, query.limit(limit).offset(offset))


async def count_left(session: AsyncSession, wanted: LineFilter) -> list[Left]:
    """How many such lines are open, and what they come to, by currency."""
    summed = select(
        line.currency,
        func.count().label("lines"),
        func.coalesce(func.sum(line.amount_minor).filter(line.amount_minor > 0), 0).label("came"),
        func.coalesce(func.sum(line.amount_minor).filter(line.amount_minor < 0), 0).label("went"),
    ).where(*_conditions(wanted))
    rows = await session.execute(summed.group_by(line.currency).order_by(line.currency))
    return [Left(row.currency, row.lines, int(row.came), int(row.went)) for row in rows]


async def count_open_lines(session: AsyncSession) -> int:
    """How many lines nobody has explained."""
    return await session.scalar(select(func.count()).where(line.state == LineState.OPEN.value)) or 0


async def read_progress(session: AsyncSession, wanted: LineFilter) -> list[Progress]:
    """How far we are with the lines of this account and these days that concern us, by currency."""
    size = func.abs(line.amount_minor)
    is_open = line.state == LineState.OPEN.value
    summed = select(
        line.currency,
        func.sum(case((is_open, 0), else_=size)).label("done"),
        func.sum(size).label("total"),
        func.sum(case((is_open, 1), else_=0)).label("left"),
    ).where(
        line.state.in_([LineState.OPEN.value, LineState.MATCHED.value]),
        *_place(wanted),
    )
    rows = await session.execute(summed.group_by(line.currency).order_by(line.currency))
    return [Progress(row.currency, int(row.done), int(row.total), int(row.left)) for row in rows]


async def count_open_before(session: AsyncSession, day: date, *, account_id: str = "") -> int:
    """How many lines before that day nobody has explained."""
    wanted = LineFilter(account_id=account_id)
    query = select(func.count()).where(*_conditions(wanted), line.booked_on < day)
    return await session.scalar(query) or 0


async def find_line(session: AsyncSession, line_id: str) -> BankLine | None:
    """The line as it stands now."""
    return await session.scalar(select(line).where(line.id == line_id))


async def find_lines(session: AsyncSession, line_ids: Collection[str]) -> Sequence[BankLine]:
    """The lines, the oldest first."""
    wanted = select(line).where(line.id.in_(line_ids)).order_by(line.booked_on, line.id)
    return (await session.scalars(wanted)).all()


async def matches_of_line(session: AsyncSession, line_id: str) -> Sequence[tuple[BankMatch, MatchAction]]:
    """Everything that the line was ever found to be, the latest first."""
    query = select(match, MatchAction).join(MatchAction, MatchAction.id == match.action_id)
    rows = await session.execute(query.where(match.bank_line_id == line_id).order_by(match.action_id.desc(), match.id))
    return [(row.BankMatch, row.MatchAction) for row in rows]


async def other_lines_of(session: AsyncSession, matches: Sequence[BankMatch]) -> int:
    """How many other lines were found to be parts of the same payments: undoing one undoes them too."""
    mine = {each.bank_line_id for each in matches}
    refs = {each.ref_id for each in matches if each.side != "account"}
    if not refs:
        return 0
    query = select(func.count(match.bank_line_id.distinct())).where(
        match.ref_id.in_(refs),
        match.side != "account",
        match.state == MatchState.CONFIRMED.value,
        match.bank_line_id.not_in(mine),
    )
    return await session.scalar(query) or 0


async def list_actions(session: AsyncSession, *, before: str | None, limit: int) -> Sequence[MatchAction]:
    """What was matched, the latest first."""
    query = select(MatchAction).order_by(MatchAction.id.desc()).limit(limit)
    return (await session.scalars(query.where(MatchAction.id < before) if before else query)).all()


async def find_action(session: AsyncSession, action_id: str) -> MatchAction | None:
    """One line of the history."""
    return await session.get(MatchAction, action_id)


async def matches_of(
    session: AsyncSession, action_ids: Collection[str], *, limit: int, offset: int = 0
) -> Sequence[tuple[BankMatch, BankLine]]:
    """What these actions matched, each match with its line, the latest action first."""
    query = select(match, line).join(line, line.id == match.bank_line_id).where(match.action_id.in_(action_ids))
    rows = await session.execute(query.order_by(match.action_id.desc(), match.id).limit(limit).offset(offset))
    return [(row.BankMatch, row.BankLine) for row in rows]


async def count_standing(session: AsyncSession, action_ids: Collection[str]) -> dict[str, int]:
    """How many matches of each of these actions have not been undone."""
    query = select(match.action_id, func.count().label("standing")).where(
        match.action_id.in_(action_ids), match.state == MatchState.CONFIRMED.value
    )
    return {row.action_id: row.standing for row in await session.execute(query.group_by(match.action_id))}


async def sample_matches(
    session: AsyncSession, action_ids: Collection[str], *, each: int
) -> Sequence[tuple[BankMatch, BankLine]]:
    """The first few matches of each of these actions, each with its line."""
    place = func.row_number().over(partition_by=match.action_id, order_by=match.id).label("place")
    numbered = select(match.id, place).where(match.action_id.in_(action_ids)).subquery()
    few = select(numbered.c.id).where(numbered.c.place <= each)
    query = select(match, line).join(line, line.id == match.bank_line_id).where(match.id.in_(few))
    rows = await session.execute(query.order_by(match.action_id.desc(), match.id))
    return [(row.BankMatch, row.BankLine) for row in rows]


async def list_rules(session: AsyncSession) -> Sequence[MatchRule]:
    """Every rule: those that wait for a person first."""
    order = case({"proposed": 0, "on": 1, "off": 2}, value=MatchRule.state, else_=3)
    return (await session.scalars(select(MatchRule).order_by(order, MatchRule.kind, MatchRule.words))).all()


async def find_expected(session: AsyncSession, wanted: ExpectedFilter, *, limit: int, near: date) -> list[Expected]:
    """Payments that the bank should still show, those of the nearest days first."""
    rows = expected_at_bank().subquery("expected")
    found = [rows.c.currency == wanted.currency]
    size = func.abs(rows.c.amount_minor)
    if wanted.words:
        held = (rows.c.ref_id, rows.c.trace, rows.c.reference, rows.c.payer_name)
        found.append(or_(*(column.icontains(wanted.words, autoescape=True) for column in held)))
    if wanted.least_minor is not None:
        found.append(size >= wanted.least_minor)
    if wanted.most_minor is not None:
        found.append(size <= wanted.most_minor)
    if wanted.since:
        found.append(rows.c.expected_on >= wanted.since)
    if wanted.until:
        found.append(rows.c.expected_on <= wanted.until)
    is_earlier = case((rows.c.expected_on <= near, 0), else_=1)
    earlier = select(rows).where(*found, is_earlier == 0).order_by(rows.c.expected_on.desc(), rows.c.ref_id)
    later = select(rows).where(*found, is_earlier == 1).order_by(rows.c.expected_on, rows.c.ref_id)
    both = [
        *[_expected(row) for row in await session.execute(earlier.limit(limit))],
        *[_expected(row) for row in await session.execute(later.limit(limit))],
    ]
    return sorted(both, key=lambda each: (abs((each.expected_on - near).days), each.ref_id))[:limit]


async def expected_by_key(session: AsyncSession, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Expected]:
    """Those of the payments (side, id) that the bank should still show."""
    if not keys:
        return {}
    rows = expected_at_bank().subquery("expected")
    query = select(rows).where(rows.c.ref_id.in_([ref_id for _side, ref_id in keys]))
    found = {(row.side, row.ref_id): _expected(row) for row in await session.execute(query)}
    return {key: each for key, each in found.items() if key in keys}


def _expected(row: Row[Any]) -> Expected:
    day = row.expected_on if isinstance(row.expected_on, date) else date.fromisoformat(row.expected_on)
    return Expected(
        side=row.side,
        ref_id=row.ref_id,
        expected_on=day,
        amount_minor=row.amount_minor,
        currency=row.currency,
        trace=row.trace,
        reference=row.reference,
        payer_name=row.payer_name,
    )


def _place(wanted: LineFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [line.bank_account_id == wanted.account_id] if wanted.account_id else []
    if wanted.since:
        found.append(line.booked_on >= wanted.since)
    if wanted.until:
        found.append(line.booked_on <= wanted.until)
    return found


def _conditions(wanted: LineFilter) -> list[ColumnElement[bool]]:
    found = [line.state == LineState.OPEN.value, *_place(wanted)]
    size = func.abs(line.amount_minor)
    if wanted.way:
        found.append(line.amount_minor > 0 if wanted.way == "in" else line.amount_minor < 0)
    if wanted.least_minor is not None:
        found.append(size >= wanted.least_minor)
    if wanted.most_minor is not None:
        found.append(size <= wanted.most_minor)
    if wanted.words:
        said = (line.counterparty, line.text, line.bank_reference, line.end_to_end)
        found.append(or_(*(column.icontains(wanted.words, autoescape=True) for column in said)))
    return found
