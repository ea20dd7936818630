"""OFX 1 (SGML, leaves without an end) and OFX 2 (XML), QFX too: read as a run of tags, without any XML parser. Pure.

Ours because banks leave empty tags open, which an element tree takes for branches; and a flat run is read in linear time.
Source: Financial Data Exchange, "OFX Banking Specification 2.3", chapters 3, 11.
"""

import html
import re
from collections.abc import Iterator
from datetime import date

import msgspec

from supporters.bank.amounts import NotAnAmount, decimal_mark, read_amount
from supporters.bank.clean import clean, join
from supporters.bank.dates import NotADate, read_date
from supporters.bank.encodings import decode
from supporters.bank.limits import DEFAULT, Limits
from supporters.bank.parsed import ParsedFile, ParsedLine, ParsedStatement, Unreadable
from supporters.bank.refusals import refuse
from supporters.kit.strings import gettext as _

STATEMENTS = frozenset(["STMTRS", "CCSTMTRS"])
TRADES = frozenset(["STMTTRN", "STMTTRNP"])
INNER = frozenset(
    [
        "LEDGERBAL",
        "AVAILBAL",
        "BANKACCTFROM",
        "CCACCTFROM",
        "BANKACCTTO",
        "CCACCTTO",
        "CURRENCY",
        "ORIGCURRENCY",
        "PAYEE",
    ]
)
CHARS_EACH = 5  # of a tag with what follows it, in the mean: the shortest of OFX take more
FREE = 5_000  # tags before which the mean says nothing
MOST_LEAVES = 200  # of one payment, or of a statement beside its payments
_TAG = re.compile(r"<(/?)([A-Za-z0-9._]{1,40})\s*/?>([^<]*)")
_DAY = re.compile(r"(\d{8})(?:\d{2,6}(?:\.\d{1,6})?)?(?:\[[^\]]{0,20}\])?", re.ASCII)


class _Open(msgspec.Struct):
    """A statement while it is read. Trades are what stands in their leaves; `number` counts them for people."""

    fields: dict[str, str]
    trades: list[dict[str, str]]


def read_ofx(content: bytes, *, currency: str, limits: Limits = DEFAULT) -> ParsedFile:
    """The statements; `currency` for one that names none. Raises Unreadable."""
    text = decode(content)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise refuse(_("The file declares its own entities, which no bank's statement does. It is not read."))
    statements = tuple(_statement(each, currency) for each in _opened(_without_cdata(text), limits))
    if not statements:
        raise refuse(_("The file is OFX, but has no bank statement (STMTRS) in it. Download the account's statement."))
    return ParsedFile(format="ofx", statements=statements)


def _without_cdata(text: str) -> str:
    """The text with what stands in CDATA written as plain text."""
    first, *rest = text.split("<![CDATA[")
    pieces = [first]
    for piece in rest:
        inside, end, after = piece.partition("]]>")
        pieces.append(html.escape(inside, quote=False) + after if end else piece)
    return "".join(pieces)


def _opened(body: str, limits: Limits) -> Iterator[_Open]:
    """Each statement with its leaves. Raises Unreadable where the file ends too early."""
    statement: _Open | None = None
    trade: dict[str, str] | None = None
    section, count, is_closed = "", 0, False
    for number, found in enumerate(_TAG.finditer(body)):
        if found.start() < (number - FREE) * CHARS_EACH:
            raise _too_many(count)
        is_end, tag, text = found[1] == "/", found[2].upper(), found[3]
        if tag in STATEMENTS:
            if trade is not None or (statement and not is_end):
                raise _no_end(count)
            if statement:
                yield statement
            section = ""
            statement = None if is_end else _Open(fields={}, trades=[])
        elif tag in TRADES and statement:
            section = ""
            if not is_end:
                count += 1
                _check_count(count, limits, was_closed=trade is None)
            elif trade is None:
                raise _no_end(count)
            else:
                statement.trades.append(trade)
            trade = None if is_end else ({"PENDING": "1"} if tag == "STMTTRNP" else {})
        elif tag in INNER:
            section = "" if is_end else tag + "."
        elif tag == "OFX":
            is_closed = is_end
        elif statement and not is_end and text.strip():
            target = statement.fields if trade is None else trade
            target.setdefault(section + tag, html.unescape(text).strip())
            if len(target) > MOST_LEAVES:
                raise _too_many(count)
    if not is_closed or statement:
        raise refuse(_("The end of the file is missing: it is cut off. Download it from the bank once more."))


def _too_many(entry: int) -> Unreadable:
    return refuse(
        _(
            "After entry {entry} stand more fields than any bank's statement has. Download shorter periods, one file each."
        ),
        entry=entry,
    )


def _check_count(count: int, limits: Limits, *, was_closed: bool) -> None:
    if count > limits.lines:
        raise refuse(
            _("The file has more than {most} lines. Download shorter periods, one file each."), most=limits.lines
        )
    if not was_closed:
        raise _no_end(count - 1)


def _no_end(entry: int) -> Unreadable:
    return refuse(
        _(
            "After entry {entry} something has no end or no beginning. The file is cut off or was changed: download it once more."
        ),
        entry=entry,
    )


def _statement(found: _Open, currency: str) -> ParsedStatement:
    fields = found.fields
    code = _currency(fields.get("CURDEF", currency))
    mark = decimal_mark(trade.get("TRNAMT", "") for trade in found.trades)[0] or "."
    lines = tuple(_line(trade, number, code, mark) for number, trade in enumerate(found.trades, start=1))
    lines = lines if not lines or lines[0].booked_on <= lines[-1].booked_on else lines[::-1]
    starts_on, ends_on = _day(fields.get("DTSTART"), "DTSTART"), _day(fields.get("DTEND"), "DTEND")
    as_of = _day(fields.get("LEDGERBAL.DTASOF"), "DTASOF")
    closing = fields.get("LEDGERBAL.BALAMT")
    booked = [line for line in lines if line.is_booked]
    # A balance of a later day than the statement's last is not its closing balance, nor is one of before its last line.
    is_closing = as_of and ends_on and as_of <= ends_on and all(line.booked_on <= as_of for line in booked)
    closing_minor = _amount(closing, code, mark, _("closing balance")) if closing and is_closing else None
    # OFX gives no opening balance. Of a card it is not worked out: banks differ in whether what is owed has a minus.
    is_derived = closing_minor is not None and bool(booked) and "CCACCTFROM.ACCTID" not in fields
    return ParsedStatement(
        currency=code,
        lines=lines,
        account=fields.get("BANKACCTFROM.ACCTID", fields.get("CCACCTFROM.ACCTID", "")),
        starts_on=starts_on,
        ends_on=ends_on,
        opening_minor=(closing_minor or 0) - sum(line.amount_minor for line in booked) if is_derived else None,
        closing_minor=closing_minor,
        is_opening_derived=is_derived,
    )


def _line(trade: dict[str, str], number: int, currency: str, mark: str) -> ParsedLine:
    place = _("entry {number}").format(number=number)
    day = _day(trade.get("DTPOSTED", trade.get("DTTRAN", "")), place + ", DTPOSTED")
    if day is None:
        raise refuse(_("{place} has no day (DTPOSTED). Download the file from the bank once more."), place=place)
    code = _currency(trade.get("CURRENCY.CURSYM", currency))
    return ParsedLine(
        booked_on=day,
        amount_minor=_amount(trade.get("TRNAMT", ""), code, mark, place + ", TRNAMT"),
        currency=code,
        counterparty=clean(trade.get("PAYEE.NAME") or trade.get("EXTDNAME") or trade.get("NAME", "")),
        account=clean(trade.get("BANKACCTTO.ACCTID", "")),
        text=join([trade.get("MEMO", ""), trade.get("CHECKNUM", "")]),
        bank_reference=clean(trade.get("FITID", "")),
        end_to_end=clean(trade.get("REFNUM", "")),
        type_code=clean(trade.get("TRNTYPE", "")),
        is_booked="PENDING" not in trade,
        where=place,
    )


def _amount(text: str, currency: str, mark: str, place: str) -> int:
    try:
        return read_amount(text, currency, mark)
    except NotAnAmount as problem:
        raise refuse(
            _("{place}: “{value}” is {problem} ({currency}). Download the file from the bank once more."),
            place=place,
            value=text,
            problem=str(problem),
            currency=currency,
        ) from None


def _day(text: str | None, place: str) -> date | None:
    """The day of a time as OFX writes it, None where there is none. Raises Unreadable."""
    if not text:
        return None
    found = _DAY.fullmatch(text)
    try:
        return read_date(found[1] if found else text, "ymd")
    except NotADate as problem:
        raise refuse(
            _("{place}: “{value}” is {problem}. Download the file from the bank once more."),
            place=place,
            value=text,
            problem=str(problem),
        ) from None


def _currency(text: str) -> str:
    code = text.strip().upper()
    if not (len(code) == 3 and code.isascii() and code.isalpha()):
        raise refuse(_("“{value}” is not a currency of three letters. Download the file once more."), value=text)
    return code
