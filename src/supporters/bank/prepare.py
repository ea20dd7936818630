"""What taking a file would do, worked out beforehand: which lines are new, which are kept whole, what does not fit. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise

import msgspec

from supporters.bank.compare import Compared, Found, Here, compare, goes_on_from
from supporters.bank.continuity import Gap, Span, find_gaps
from supporters.bank.fingerprint import Keys, last4
from supporters.bank.keep import Known, concerns_us
from supporters.bank.missing import Missing, find_missing
from supporters.bank.parsed import ParsedFile, ParsedLine, ParsedStatement
from supporters.bank.refusals import refuse
from supporters.kit.strings import gettext as _

WITHOUT_DAYS = frozenset({"csv", "xero", "qif"})  # formats that list lines, and never say which days were looked at
AHEAD = timedelta(days=1)  # the bank's day may have begun where ours has not


class Ours(msgspec.Struct, frozen=True):
    """The account that the file is for."""

    currency: str
    last4: str
    forms: frozenset[str]  # digests of its number as banks write it; none where nobody gave it


class Around(msgspec.Struct, frozen=True):
    """What is here already around the days of the file."""

    here: Sequence[Here] = ()
    spans: Sequence[Span] = ()
    sums: Mapping[date, int] = {}
    known: Known = Known()
    before: frozenset[str] = frozenset()  # lines of pages that ended where the file's first statement begins


class Findings(msgspec.Struct):
    """What a person is shown before anything is taken. Numbers, days and sums only."""

    lines: int = 0
    new: int = 0
    again: int = 0  # here already, and worded the same
    alike: int = 0  # here already, by day and amount, from a file of another layout
    twins: int = 0
    pending: int = 0  # not booked yet: a later file has them
    pending_minor: int = 0
    refused: int = 0  # listed by the bank though they never moved money
    refused_minor: int = 0
    unknown: int = 0  # listed under a word of which nobody has said that it means booked
    unknown_minor: int = 0
    payments: int = 0  # single payments inside lines that the bank booked as one
    whole: int = 0  # new lines that are kept whole
    in_minor: int = 0  # of new lines
    out_minor: int = 0
    statements: int = 0
    left_out: int = 0  # statements of other accounts and currencies
    starts_on: date | None = None
    ends_on: date | None = None
    opening_minor: int | None = None  # of the first statement
    closing_minor: int | None = None  # of the last
    is_opening_derived: bool = False  # of the first: worked out from its closing balance
    too_much_minor: int = (
        0  # what all lines on its days would come to, less what the file says: some would be here twice
    )
    has_named_days: bool = False  # a person said which days it is of, as the file does not
    learns_last4: str = ""  # the number that the file names is learnt with it
    overlaps: bool = False  # with days of which there are lines here already
    gaps: list[Gap] = []
    reworded: int = 0  # new lines that may be ones that are here, in other words
    unlisted: int = 0  # lines here between its days that it does not list
    missing: list[Missing] = []
    balance_problem: str = ""  # why the balances after the lines prove nothing


class Kept(msgspec.Struct, frozen=True, gc=False):
    """What is kept of a line: all, with whose money it is, or day and amount alone."""

    is_whole: bool
    payer: str = ""
    parts: tuple["Kept", ...] = ()


class Prepared(msgspec.Struct):
    """All that is written when the file is taken. The ids of statements are those for the while: `s0`, `s1`."""

    statements: Sequence[ParsedStatement]
    compared: Compared
    kept: Sequence[Kept]  # of each new line
    findings: Findings


def own_statements(
    parsed: ParsedFile, ours: Ours, *, keys: Keys, today: date, columns: tuple[str, str] = ("", "")
) -> ParsedFile:
    """The statements of this account in order. Raises Unreadable when none is, or one can't be right.

    `columns`: what the file calls the day and the currency of a line.
    """
    named = sorted({each.account for each in parsed.statements if each.account})
    if not ours.forms and len(named) > 1:
        raise refuse(
            _(
                "The file holds statements of several accounts. Give the number of this account first, then bring it again."
            )
        )
    mine = [each for each in parsed.statements if _is_ours(each, ours, keys)]
    if not mine and named:
        raise refuse(
            _(
                "The file is of the account ending {theirs}, and this account ends {ours}. Bring it to the right account."
            ),
            theirs=last4(named[0]),
            ours=ours.last4,
        )
    kept = [each for each in mine if each.currency == ours.currency]
    for statement in kept or mine:
        _refuse_unfit(statement, ours, today=today, columns=columns)
    kept = [each for each in kept if any(line.is_booked for line in each.lines) or _says_when(each)]
    if not any(line.is_booked for each in kept for line in each.lines):
        raise refuse(_("There is no booked line in this file. Nothing can be taken from it."))
    return ParsedFile(format=parsed.format, statements=tuple(sorted(kept, key=days_of)))


def prepare(
    parsed: ParsedFile,
    ours: Ours,
    around: Around,
    *,
    keys: Keys,
    layout: str,
    left_out: int = 0,
    takes_alike: bool = False,
    joins_reworded: bool = False,
) -> Prepared:
    """What taking these statements (see `own_statements`) would do."""
    statements = parsed.statements
    found = [_found(index, each, keys, parsed.format) for index, each in enumerate(statements)]
    follows = [goes_on_from(before, each) for before, each in zip((None, *statements), statements, strict=False)]
    compared = compare(
        found,
        around.here,
        layout=layout,
        goes_on=follows,
        takes_alike=takes_alike,
        joins_reworded=joins_reworded,
        before=around.before,
    )
    kept = [_kept(new.found.line, around.known, keys) for new in compared.new]
    findings = _findings(statements, compared, kept)
    findings.left_out = left_out
    findings.overlaps = bool(around.here)
    findings.has_named_days = parsed.format in WITHOUT_DAYS and any(
        days_of(each) != _line_days(each) for each in statements
    )
    sums = _sums_after(compared, around)
    spans = _spans(statements)
    findings.gaps = _gaps(spans, sums, around)
    findings.missing = _missing(spans, around)
    findings.too_much_minor = _too_much(statements, sums, around)
    findings.learns_last4 = "" if ours.forms else last4(number_named(statements))
    return Prepared(statements, compared, kept, findings)


def days_of(statement: ParsedStatement) -> tuple[date, date]:
    """The first and the last day of the statement: as the bank says, widened by its lines."""
    days = [line.booked_on for line in statement.lines if line.is_booked]
    said = [day for day in (statement.starts_on, statement.ends_on) if day is not None]
    every = (*days, *said) or tuple(line.booked_on for line in statement.lines)
    return min(every, default=date.max), max(every, default=date.max)


def may_be_named(parsed: ParsedFile) -> bool:
    """Whether a person may say which days the file is of: it holds one statement, which says only the days of its lines."""
    return parsed.format in WITHOUT_DAYS and len(parsed.statements) == 1


def with_days(parsed: ParsedFile, days: tuple[date, date] | None) -> ParsedFile:
    """The same of the days that a person named; as it was where nobody did, or where the file says itself."""
    if days is None or not may_be_named(parsed):
        return parsed
    statement = msgspec.structs.replace(parsed.statements[0], starts_on=days[0], ends_on=days[1])
    return ParsedFile(format=parsed.format, statements=(statement,))


def _line_days(statement: ParsedStatement) -> tuple[date, date]:
    """The first and the last day on which it has a line."""
    days = [line.booked_on for line in statement.lines if line.is_booked]
    return min(days, default=date.max), max(days, default=date.max)


def _says_when(statement: ParsedStatement) -> bool:
    """Whether a statement without lines tells a balance and its day."""
    return statement.opening_minor is not None and days_of(statement)[1] != date.max


def number_named(statements: Sequence[ParsedStatement]) -> str:
    """The account's number as the file names it first; empty where it names none."""
    return next((each.account for each in statements if each.account), "")


def _is_ours(statement: ParsedStatement, ours: Ours, keys: Keys) -> bool:
    if not statement.account or not ours.forms:
        return True
    return not ours.forms.isdisjoint(keys.account_forms(statement.account))


def _refuse_unfit(statement: ParsedStatement, ours: Ours, *, today: date, columns: tuple[str, str]) -> None:
    day, code = (f", {column}" if column else "" for column in columns)
    for line in statement.lines:
        if line.currency != ours.currency:
            raise refuse(
                _(
                    "{where}: the amount is in {theirs}, and this account is kept in {ours}. Bring it to the right account."
                ),
                where=line.where + code,
                theirs=line.currency,
                ours=ours.currency,
            )
        if line.is_booked and line.booked_on > today + AHEAD:
            raise refuse(
                _("{where}: the day {day} has not come yet. If day and month are swapped, say how dates are written."),
                where=line.where + day,
                day=line.booked_on,
            )


def _found(index: int, statement: ParsedStatement, keys: Keys, form: str) -> list[Found]:
    booked = [line for line in statement.lines if line.is_booked]
    return [Found(index, position, line, keys.line(line, form=form)) for position, line in enumerate(booked)]


def _kept(line: ParsedLine, known: Known, keys: Keys) -> Kept:
    parts = tuple(_kept(part, known, keys) for part in line.parts)
    payer = keys.payer(line)
    if any(part.is_whole for part in parts) or concerns_us(line, payer, known):
        return Kept(is_whole=True, payer=payer, parts=parts)
    return Kept(is_whole=False)


def _findings(statements: Sequence[ParsedStatement], compared: Compared, kept: Sequence[Kept]) -> Findings:
    waiting = [line for statement in statements for line in statement.lines if not line.is_booked]
    aside = [statement.not_booked for statement in statements]
    amounts = [new.found.line.amount_minor for new in compared.new]
    alike = sum(again.is_alike for again in compared.again)
    return Findings(
        lines=len(compared.new) + len(compared.again),
        new=len(compared.new),
        again=len(compared.again) - alike,
        alike=alike,
        twins=compared.twins,
        pending=len(waiting) + sum(each.pending for each in aside),
        pending_minor=sum(line.amount_minor for line in waiting) + sum(each.pending_minor for each in aside),
        refused=sum(each.refused for each in aside),
        refused_minor=sum(each.refused_minor for each in aside),
        unknown=sum(each.unknown for each in aside),
        unknown_minor=sum(each.unknown_minor for each in aside),
        payments=sum(len(each.parts) for each in kept),
        whole=sum(each.is_whole for each in kept),
        in_minor=sum(amount for amount in amounts if amount > 0),
        out_minor=sum(amount for amount in amounts if amount < 0),
        statements=len(statements),
        starts_on=min(days_of(each)[0] for each in statements),
        ends_on=max(days_of(each)[1] for each in statements),
        opening_minor=statements[0].opening_minor,
        closing_minor=statements[-1].closing_minor,
        is_opening_derived=statements[0].is_opening_derived,
        reworded=len(compared.reworded),
        unlisted=compared.unlisted,
        balance_problem=next((each.balance_problem for each in statements if each.balance_problem), ""),
    )


def _sums_after(compared: Compared, around: Around) -> Mapping[date, int]:
    """What all lines would come to, by day."""
    sums = Counter(around.sums)
    for new in compared.new:
        sums[new.found.line.booked_on] += new.found.line.amount_minor
    return sums


def _too_much(statements: Sequence[ParsedStatement], sums: Mapping[date, int], around: Around) -> int:
    """By how much the lines on the days of the file would miss what it says; 0 where that can't be told.

    It can't where another statement shares a part of its first or last day.
    """
    first, last = statements[0], statements[-1]
    if first.opening_minor is None or last.closing_minor is None:
        return 0
    if any(one.closing_minor != two.opening_minor for one, two in pairwise(statements)):
        return 0
    starts_on, ends_on = days_of(first)[0], days_of(last)[1]
    if any(span.ends_on == starts_on or span.starts_on == ends_on for span in around.spans):
        return 0
    total = sum(amount for day, amount in sums.items() if starts_on <= day <= ends_on)
    return total - (last.closing_minor - first.opening_minor)


def _spans(statements: Sequence[ParsedStatement]) -> list[Span]:
    return [
        Span(f"s{at}", *days_of(each), each.opening_minor, each.closing_minor, each.is_opening_derived, each.number)
        for at, each in enumerate(statements)
    ]


def _gaps(spans: Sequence[Span], sums: Mapping[date, int], around: Around) -> list[Gap]:
    """Where the statements of the file do not go on from what would be here."""
    mine = {span.statement_id for span in spans}
    return [gap for gap in find_gaps([*around.spans, *spans], sums) if gap.statement_id in mine]


def _missing(spans: Sequence[Span], around: Around) -> list[Missing]:
    """What no statement would tell of right before, between and after those of the file."""
    mine = {span.statement_id for span in spans}
    return [each for each in find_missing([*around.spans, *spans]) if mine & {each.before_id, each.after_id}]
