"""Opening plus lines is closing: checked wherever a bank gives both. Pure."""

from collections.abc import Sequence
from itertools import accumulate

import msgspec

from supporters.bank.limits import MOST_STATEMENTS
from supporters.bank.parsed import ParsedFile, ParsedLine, ParsedStatement
from supporters.bank.refusals import refuse
from supporters.kit.money import Money, format_money
from supporters.kit.strings import gettext as _

RUNNING = 5  # steps from which a balance that nearly always runs is a running balance
MOSTLY = 0.8
ENOUGH = 3  # balances that must agree, where not every line has one


def check_file(file: ParsedFile) -> ParsedFile:
    """The file as it is: every statement adds up, batches too. Raises Unreadable."""
    if len(file.statements) > MOST_STATEMENTS:
        raise refuse(_("The file has more than {most} statements. Take fewer at a time."), most=MOST_STATEMENTS)
    for statement in file.statements:
        _check_sum(statement)
    return file


def with_balances(statement: ParsedStatement) -> ParsedStatement:
    """The statement with opening and closing taken from the balance after each line, where that one runs.

    Raises Unreadable where it runs but for a line or two: then lines are missing, or were changed.
    """
    lines = statement.lines
    if not lines:
        return statement
    if any(line.balance_minor is None for line in lines):
        return _with_some_balances(statement)
    broken = _breaks(lines)
    if broken and _breaks(lines[::-1]) == []:
        lines, broken = lines[::-1], []
    steps = len(lines) - 1
    if broken:
        if steps >= RUNNING and steps - len(broken) >= MOSTLY * steps:
            raise _gap(lines, broken[0])
        return msgspec.structs.replace(statement, balance_problem=_break_words(lines, broken[0]))
    opening = (lines[0].balance_minor or 0) - lines[0].amount_minor
    return msgspec.structs.replace(statement, lines=lines, opening_minor=opening, closing_minor=lines[-1].balance_minor)


def _with_some_balances(statement: ParsedStatement) -> ParsedStatement:
    """The same where the bank writes a balance on some lines alone, such as the last of each day.

    Only where they run in one order of the lines and not in the other; else the statement is as it was.
    """
    running = [found for lines in (statement.lines, statement.lines[::-1]) if (found := _runs(lines))]
    if not any(len(set(_before(lines))) < 2 for lines in (statement.lines, statement.lines[::-1])):
        problem = _("The balances on some of the lines do not agree with each other, so they prove nothing.")
        return msgspec.structs.replace(statement, balance_problem=problem)
    if len(running) != 1:
        return statement
    lines, opening = running[0]
    closing = opening + sum(map(_booked_minor, lines))
    return msgspec.structs.replace(statement, lines=lines, opening_minor=opening, closing_minor=closing)


def _runs(lines: tuple[ParsedLine, ...]) -> tuple[tuple[ParsedLine, ...], int] | None:
    """The lines with the balance before them, where all balances agree about it and the last line has one."""
    if lines[-1].balance_minor is None:
        return None
    before = _before(lines)
    return (lines, before[0]) if len(before) >= ENOUGH and len(set(before)) == 1 else None


def _before(lines: Sequence[ParsedLine]) -> list[int]:
    """The balance before the first line, as each balance after a line lets conclude."""
    totals = accumulate(map(_booked_minor, lines))
    return [
        line.balance_minor - total for line, total in zip(lines, totals, strict=True) if line.balance_minor is not None
    ]


def _booked_minor(line: ParsedLine) -> int:
    return line.amount_minor if line.is_booked else 0


def money_words(minor: int, currency: str) -> str:
    """The amount for a sentence."""
    return format_money(Money(minor, currency))


def _check_sum(statement: ParsedStatement) -> None:
    if statement.opening_minor is None or statement.closing_minor is None:
        return
    total = sum(line.amount_minor for line in statement.lines if line.is_booked)
    off = statement.closing_minor - statement.opening_minor - total
    if off:
        raise refuse(
            _(
                "Statement {number}: opening balance {opening} and lines of {total} make {sum}, but the closing balance is "
                "{closing}: {off} is missing. The file is not complete: download it from the bank once more."
            ),
            number=statement.number or "1",
            opening=money_words(statement.opening_minor, statement.currency),
            total=money_words(total, statement.currency),
            sum=money_words(statement.opening_minor + total, statement.currency),
            closing=money_words(statement.closing_minor, statement.currency),
            off=money_words(off, statement.currency),
        )


def _breaks(lines: Sequence[ParsedLine]) -> list[int]:
    """The lines whose balance is not the one before plus their amount."""
    return [
        at
        for at in range(1, len(lines))
        if (lines[at - 1].balance_minor or 0) + lines[at].amount_minor != lines[at].balance_minor
    ]


def _break_words(lines: Sequence[ParsedLine], at: int) -> str:
    """Where the balances do not run, for a file too short to tell whether they should."""
    before, line = lines[at - 1], lines[at]
    return _(
        "After {before} ({place}) and an amount of {amount}, {where} says {balance}: a line is missing between them, or the "
        "column is not a balance."
    ).format(
        before=money_words(before.balance_minor or 0, line.currency),
        place=before.where,
        amount=money_words(line.amount_minor, line.currency),
        where=line.where,
        balance=money_words(line.balance_minor or 0, line.currency),
    )


def _gap(lines: Sequence[ParsedLine], at: int) -> Exception:
    before, line = lines[at - 1], lines[at]
    off = (line.balance_minor or 0) - (before.balance_minor or 0) - line.amount_minor
    return refuse(
        _(
            "{where}, balance: after {before} ({place}) and an amount of {amount} it says {balance}: {off} is missing. "
            "A line was left out or changed: download the file from the bank once more, or choose no balance column."
        ),
        where=line.where,
        before=money_words(before.balance_minor or 0, line.currency),
        place=before.where,
        amount=money_words(line.amount_minor, line.currency),
        balance=money_words(line.balance_minor or 0, line.currency),
        off=money_words(off, line.currency),
    )
