"""CAMT.053 (and .052) of every version in use: read by local names, entry by entry. Pure.

The sign of an entry is that of its CdtDbtInd, a reversal too: a reversed credit is written as a debit with RvslInd. Some banks
keep the sign of what is reversed; where only that makes opening and closing balance agree, it is read so.
Source: ISO 20022, "Bank-to-Customer Cash Management", message definition report, camt.053.001.02 to .13.
"""

from datetime import date
from xml.etree.ElementTree import Element

import msgspec

from supporters.bank.amounts import NotAnAmount, read_amount
from supporters.bank.camt_entry import read_entry
from supporters.bank.clean import clean
from supporters.bank.dates import NotADate, read_date
from supporters.bank.limits import DEFAULT, MOST_STATEMENTS, Limits
from supporters.bank.parsed import ParsedFile, ParsedLine, ParsedStatement
from supporters.bank.refusals import refuse
from supporters.bank.xml_branches import Branches, text_under
from supporters.kit.strings import gettext as _

MESSAGES = (b"BkToCstmrStmt", b"BkToCstmrAcctRpt")
NOTIFICATION = b"BkToCstmrDbtCdtNtfctn"
PARENTS = frozenset(["Stmt", "Rpt"])
WANTED = frozenset(["Ntry", "Bal", "Acct", "FrToDt", "Id", "ElctrncSeqNb"])
OPENING, CLOSING = ("OPBD", "PRCD"), ("CLBD",)


class _Open(msgspec.Struct):
    """A statement while it is read."""

    currency: str
    lines: list[ParsedLine] = []
    balances: dict[str, tuple[int, date | None]] = {}
    account: str = ""
    number: str = ""
    starts_on: date | None = None
    ends_on: date | None = None


def read_camt(content: bytes, *, currency: str, limits: Limits = DEFAULT) -> ParsedFile:
    """The statements; `currency` for one that names none. Raises Unreadable."""
    if NOTIFICATION in content:
        raise refuse(_("This is a notification (camt.054), not a statement. Download CAMT.053 from the bank."))
    found: list[_Open] = []

    def begin(_name: str) -> None:
        if len(found) >= MOST_STATEMENTS:
            raise refuse(_("The file has more than {most} statements. Take fewer at a time."), most=MOST_STATEMENTS)
        found.append(_Open(currency=currency))

    count = 0
    for branch in Branches(parents=PARENTS, wanted=WANTED, begin=begin, limits=limits).read(content):
        if branch.tag == "Ntry":
            count += 1
            line = read_entry(branch, found[-1].currency, _place(len(found), len(found[-1].lines) + 1))
            if line:
                count += len(line.parts)
                found[-1].lines.append(line)
        else:
            _take(branch, found[-1], len(found))
        if count > limits.lines:
            raise refuse(
                _("The file has more than {most} lines. Download shorter periods, one file each."), most=limits.lines
            )
    if not found:
        raise refuse(_("The file is XML, but has no bank statement (camt.053) in it. Download CAMT.053 from the bank."))
    return ParsedFile(format="camt", statements=tuple(_statement(each) for each in found))


def _place(statement: int, entry: int) -> str:
    if statement == 1:
        return _("entry {number}").format(number=entry)
    return _("statement {statement}, entry {number}").format(statement=statement, number=entry)


def _take(branch: Element, statement: _Open, number: int) -> None:
    """What a branch beside the entries tells of the statement. Raises Unreadable."""
    if branch.tag == "Bal":
        _take_balance(branch, statement, number)
    elif branch.tag == "Acct":
        statement.currency = _currency(text_under(branch, "Ccy"), statement.currency, number)
        iban, other = text_under(branch, "Id", "IBAN"), text_under(branch, "Id", "Othr", "Id")
        statement.account = clean(iban or other or "")
    elif branch.tag == "FrToDt":
        statement.starts_on = _day(text_under(branch, "FrDtTm") or text_under(branch, "FrDt"), number)
        statement.ends_on = _day(text_under(branch, "ToDtTm") or text_under(branch, "ToDt"), number)
    elif branch.tag == "ElctrncSeqNb" or not statement.number:
        statement.number = clean(branch.text or "")


def _take_balance(branch: Element, statement: _Open, number: int) -> None:
    code = (text_under(branch, "Tp", "CdOrPrtry", "Cd") or "").strip()
    if code not in (*OPENING, *CLOSING):
        return
    amount = branch.find("Amt")
    text = (amount.text or "").strip() if amount is not None else ""
    statement.currency = _currency(amount.get("Ccy") if amount is not None else None, statement.currency, number)
    try:
        minor = read_amount(text, statement.currency)
    except NotAnAmount as problem:
        raise refuse(
            _(
                "Statement {statement}, balance {code}: “{value}” is {problem}. Download the file from the bank once more."
            ),
            statement=number,
            code=code,
            value=text,
            problem=str(problem),
        ) from None
    minor = -minor if (text_under(branch, "CdtDbtInd") or "").strip() == "DBIT" else minor
    day = _day(text_under(branch, "Dt", "Dt") or text_under(branch, "Dt", "DtTm"), number)
    if code in CLOSING:
        statement.balances[code] = (minor, day)
    else:
        statement.balances.setdefault(code, (minor, day))


def _statement(found: _Open) -> ParsedStatement:
    opening = next((found.balances[code] for code in OPENING if code in found.balances), None)
    closing = found.balances.get("CLBD")
    lines = tuple(found.lines)
    if opening and closing:
        lines = _reversals_as_the_balances_say(lines, closing[0] - opening[0])
    days = [line.booked_on for line in lines]
    return ParsedStatement(
        currency=found.currency,
        lines=lines,
        account=found.account,
        number=found.number,
        starts_on=found.starts_on or (opening[1] if opening else None) or min(days, default=None),
        ends_on=found.ends_on or (closing[1] if closing else None) or max(days, default=None),
        opening_minor=opening[0] if opening else None,
        closing_minor=closing[0] if closing else None,
    )


def _reversals_as_the_balances_say(lines: tuple[ParsedLine, ...], moved: int) -> tuple[ParsedLine, ...]:
    """The lines, reversals the other way round where the statement adds up only so."""
    booked = sum(line.amount_minor for line in lines if line.is_booked)
    reversed_minor = sum(line.amount_minor for line in lines if line.is_booked and line.is_reversal)
    if booked == moved or booked - 2 * reversed_minor != moved:
        return lines
    return tuple(_turned(line) if line.is_reversal else line for line in lines)


def _turned(line: ParsedLine) -> ParsedLine:
    return msgspec.structs.replace(
        line, amount_minor=-line.amount_minor, parts=tuple(_turned(part) for part in line.parts)
    )


def _currency(text: str | None, usual: str, number: int) -> str:
    code = (text or usual).strip()
    if not (len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()):
        raise refuse(
            _("Statement {number}: “{value}” is not a currency. Download the file once more."),
            number=number,
            value=code,
        )
    return code


def _day(text: str | None, number: int) -> date | None:
    try:
        return read_date(text.strip()[:10], "ymd") if text and text.strip() else None
    except NotADate as problem:
        raise refuse(
            _("Statement {number}, day: “{value}” is {problem}. Download the file from the bank once more."),
            number=number,
            value=text or "",
            problem=str(problem),
        ) from None
