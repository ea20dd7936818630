"""MT940: fields that begin with `:61:` and the like, and what banks wrote into field 86. Pure.

Ours because what matters is in field 86: purposes cut at every 27th character, names, and accounts that other readers join
to the name when subfields come in an unusual order; and because a message must name the line.
Sources: SWIFT, "MT940 Customer Statement Message"; Deutsche Kreditwirtschaft, "DFÜ-Abkommen, Anlage 3", chapter 8.
"""

import re
from collections.abc import Iterator
from datetime import date

import msgspec

from supporters.bank.amounts import NotAnAmount, read_amount
from supporters.bank.clean import clean
from supporters.bank.dates import NotADate, read_date
from supporters.bank.encodings import decode
from supporters.bank.limits import DEFAULT, MOST_STATEMENTS, Limits
from supporters.bank.mt940_details import Details, read_details
from supporters.bank.parsed import ParsedFile, ParsedLine, ParsedStatement
from supporters.bank.refusals import refuse
from supporters.kit.strings import gettext as _

LONGEST_FIELD = 8_000
_FIELD = re.compile(r":(\d{2}[A-Z]?|NS):(.*)", re.ASCII)
_BALANCE = re.compile(r"([CD])(\d{6})([A-Z]{3})([\d.,]{1,20})", re.ASCII)
_LINE = re.compile(
    r"(?P<value>\d{6})(?P<entry>\d{4}| {4})?(?P<mark>E?R?[CD])(?P<funds>[A-Z])? ?(?P<amount>\d[\d.,]{0,19})"
    r"(?P<type>[A-Z][A-Z0-9 ]{3})?(?P<reference>[^\n]*)(?P<more>(?:\n[^\n]*)*)",
    re.ASCII,
)


class _Field(msgspec.Struct):
    """One field: its tag, its lines, and the line of the file that it begins in."""

    tag: str
    text: str
    line: int


class _Message(msgspec.Struct):
    """One statement while it is read: fields 61 with their 86."""

    first: _Field
    heads: dict[str, _Field]
    lines: list[tuple[_Field, str]]


def read_mt940(content: bytes, *, limits: Limits = DEFAULT) -> ParsedFile:
    """The statements of the file. Raises Unreadable."""
    found = tuple(_statement(message) for message in _messages(_fields(decode(content)), limits))
    if not found:
        raise refuse(_("The file has no MT940 statement (field :20:) in it. Download it from the bank once more."))
    return ParsedFile(format="mt940", statements=found)


def _fields(text: str) -> Iterator[_Field]:
    """The fields in their order, envelopes left out; lines that go on belong to the field before."""
    field: _Field | None = None
    pieces: list[str] = []
    for number, raw in enumerate(text.splitlines(), start=1):
        row = raw.rstrip("\r\n\x03")
        row = row.rpartition("{4:")[2] if row.startswith("{") else row
        found = _FIELD.match(row)
        if found or row.rstrip() == "-" or row.startswith("-}"):
            if field:
                yield _closed(field, pieces)
            field = _Field(tag=found[1], text="", line=number) if found else None
            pieces = [found[2]] if found else []
        elif field:
            pieces.append(row)
    if field:
        yield _closed(field, pieces)


def _closed(field: _Field, pieces: list[str]) -> _Field:
    field.text = "\n".join(pieces)
    if len(field.text) > LONGEST_FIELD:
        raise refuse(
            _("Line {line}: field {tag} is longer than any bank writes it. The file is broken: download it once more."),
            line=field.line,
            tag=field.tag,
        )
    return field


def _messages(fields: Iterator[_Field], limits: Limits) -> Iterator[_Message]:
    """The statements with their lines. Raises Unreadable for a line outside of any statement."""
    message: _Message | None = None
    last, count, statements = "", 0, 0
    for field in fields:
        if field.tag == "20":
            if message:
                yield message
            message = _Message(first=field, heads={}, lines=[])
            statements += 1
        elif message is None:
            raise refuse(
                _("Line {line}: field {tag} stands before field 20. The file is broken: download it once more."),
                line=field.line,
                tag=field.tag,
            )
        elif field.tag == "61":
            message.lines.append((field, ""))
            count += 1
        elif field.tag == "86" and last == "61":
            message.lines[-1] = (message.lines[-1][0], field.text)
        else:
            message.heads.setdefault(field.tag, field)
        last = field.tag if field.tag != "NS" else last
        if count > limits.lines or statements > MOST_STATEMENTS:
            raise refuse(
                _("The file has more than {most} lines. Download shorter periods, one file each."), most=limits.lines
            )
    if message:
        yield message


def _statement(message: _Message) -> ParsedStatement:
    opening = message.heads.get("60F") or message.heads.get("60M")
    closing = message.heads.get("62F") or message.heads.get("62M")
    if not opening or not closing:
        raise refuse(
            _(
                "The statement that begins in line {line} has no {missing} balance (field {field}). The file is cut off: "
                "download it from the bank once more."
            ),
            line=message.first.line,
            missing=_("closing") if opening else _("opening"),
            field="62F" if opening else "60F",
        )
    currency, before, starts_on = _balance(opening)
    after_currency, after, ends_on = _balance(closing)
    if after_currency != currency:
        raise refuse(
            _("Line {line}: the closing balance has another currency. Download it once more."),
            line=closing.line,
        )
    account, number = message.heads.get("25"), message.heads.get("28C") or message.heads.get("28")
    return ParsedStatement(
        currency=currency,
        lines=tuple(_line(field, details, currency) for field, details in message.lines),
        account=clean(account.text) if account else "",
        number=clean(number.text) if number else "",
        starts_on=starts_on,
        ends_on=ends_on,
        opening_minor=before,
        closing_minor=after,
    )


def _balance(field: _Field) -> tuple[str, int, date]:
    """Currency, amount and day of a balance. Raises Unreadable."""
    found = _BALANCE.fullmatch(field.text.strip())
    if not found:
        raise refuse(
            _("Line {line}, field {tag}: “{value}” is not a balance. Download the file from the bank once more."),
            line=field.line,
            tag=field.tag,
            value=field.text,
        )
    amount = _amount(found[4], found[3], field)
    return found[3], amount if found[1] == "C" else -amount, _day(found[2], field)


def _line(field: _Field, details_text: str, currency: str) -> ParsedLine:
    found = _LINE.fullmatch(field.text)
    if not found:
        raise refuse(
            _("Line {line}, field 61: “{value}” is not a statement line. Download the file from the bank once more."),
            line=field.line,
            value=field.text,
        )
    details = read_details(details_text) if details_text else Details()
    value_on = _day(found["value"], field)
    customer, _slashes, bank = found["reference"].partition("//")
    mark, amount = found["mark"], _amount(found["amount"], currency, field)
    is_in = mark.endswith("C") != ("R" in mark)  # RC takes a credit back
    return ParsedLine(
        booked_on=_entry_day(found["entry"], value_on, field),
        value_on=value_on,
        amount_minor=amount if is_in else -amount,
        currency=currency,
        counterparty=details.name,
        account=details.account,
        text=details.text or clean(found["more"]),
        bank_reference=clean(bank) or ("" if customer.strip() in ("NONREF", "") else clean(customer)),
        end_to_end=details.end_to_end,
        type_code=clean(found["type"] or ""),
        is_reversal="R" in mark,
        is_booked=not mark.startswith("E"),
        where=_("line {number}").format(number=field.line),
    )


def _entry_day(text: str | None, value_on: date, field: _Field) -> date:
    """The booking day: month and day in the year that brings it nearest to the value day. Raises Unreadable."""
    if not text or not text.strip():
        return value_on
    days: list[date] = []
    for year in (value_on.year - 1, value_on.year, value_on.year + 1):
        try:
            days.append(date(year, int(text[:2]), int(text[2:])))
        except ValueError:
            continue
    if not days:
        _day(f"{value_on:%y}{text}", field)
    return min(days, key=lambda day: abs((day - value_on).days))


def _day(text: str, field: _Field) -> date:
    try:
        return read_date(f"{text[:2]}-{text[2:4]}-{text[4:]}", "ymd")
    except NotADate as problem:
        raise refuse(
            _("Line {line}, field {tag}: “{value}” is {problem}. Download the file from the bank once more."),
            line=field.line,
            tag=field.tag,
            value=text,
            problem=str(problem),
        ) from None


def _amount(text: str, currency: str, field: _Field) -> int:
    try:
        return read_amount(text, currency, "." if "." in text and "," not in text else ",")
    except NotAnAmount as problem:
        raise refuse(
            _(
                "Line {line}, field {tag}: “{value}” is {problem} ({currency}). Download the file from the bank once more."
            ),
            line=field.line,
            tag=field.tag,
            value=text,
            problem=str(problem),
            currency=currency,
        ) from None
