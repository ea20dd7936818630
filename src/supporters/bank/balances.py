"""Opening plus lines is closing: checked wherever a bank gives both. Pure."""

from collections.abc import Sequence

import msgspec

from supporters.bank.limits import MOST_STATEMENTS
from supporters.bank.parsed import ParsedFile, ParsedLine, ParsedStatement
from supporters.bank.refusals import refuse
from supporters.kit.money import Money, format_money
from supporters.kit.strings import gettext as _

RUNNING = 5  # steps from which a balance that nearly always runs is a running balance
MOSTLY = 0.8


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
    if not lines or any(line.balance_minor is None for line in lines):
        return statement
    broken = _breaks(lines)
    if broken and _breaks(lines[::-1]) == []:
        lines, broken = lines[::-1], []
    steps = len(lines) - 1
    if broken:
        if steps >= RUNNING and steps - len(broken) >= MOSTLY * steps:
            raise _gap(lines, broken[0])
        return statement
    opening = (lines[0].balance_minor or 0) - lines[0].amount_minor
    return msgspec.structs.replace(statement, lines=lines, opening_minor=opening, closing_minor=lines[-1].balance_minor)


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
