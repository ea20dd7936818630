"""A bank's CSV, read by the columns that a person has confirmed. Pure."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from itertools import islice

import msgspec

from supporters.bank.amounts import NotAnAmount, read_amount, sign_of
from supporters.bank.balances import with_balances
from supporters.bank.clean import clean, join
from supporters.bank.csv_names import is_total, plain_name
from supporters.bank.csv_status import Status, status_of
from supporters.bank.csv_text import LOOKED_AT, Row, named_separator, rows_of
from supporters.bank.dates import NotADate, read_date
from supporters.bank.encodings import decode
from supporters.bank.limits import DEFAULT, Limits
from supporters.bank.parsed import CsvProfile, NotBooked, ParsedFile, ParsedLine, ParsedStatement, Unreadable
from supporters.bank.refusals import refuse
from supporters.kit.strings import gettext as _

PREVIEWED = 5


class PreviewRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row as it stands in the file and as it would be read; `problem` says why it could not."""

    where: str
    cells: tuple[str, ...]
    line: ParsedLine | None = None
    problem: str = ""


def read_csv(
    content: bytes, profile: CsvProfile, *, currency: str, limits: Limits = DEFAULT, form: str = "csv"
) -> ParsedFile:
    """The statement, one for each currency in it; `currency` is what a row without one is in. Raises Unreadable."""
    lines: list[ParsedLine] = []
    aside: dict[str, Counter[str]] = {}
    text = decode(content)
    before: list[str] = []
    row: Row = (0, [])
    for found in _data_rows(text, profile, limits):
        before, row = row[1], found
        status = status_of(found[1], profile)
        if status is not Status.BOOKED:
            _set_aside(found, status, profile, currency, aside)
            continue
        line = _read_row(row, profile, currency)
        if line:
            lines.append(line)
            if len(lines) > limits.lines:
                raise refuse(
                    _("The file has more than {most} lines. Download shorter periods, one file each."),
                    most=limits.lines,
                )
    if not lines and aside:
        raise refuse(_("There is no booked line in this file. Nothing can be taken from it."))
    if not lines:
        raise refuse(_("The file has no line with a day and an amount. Download the statement as CSV once more."))
    if not text.endswith(("\n", "\r", "\x1a")):
        _check_end(before, row, profile)
    by_currency: dict[str, list[ParsedLine]] = {}
    for line in lines:
        by_currency.setdefault(line.currency, []).append(line)
    return ParsedFile(
        format=form,
        statements=tuple(
            _statement(code, found, NotBooked(**aside.get(code, Counter()))) for code, found in by_currency.items()
        ),
    )


def preview(content: bytes, profile: CsvProfile, *, currency: str = "GBP", most: int = PREVIEWED) -> list[PreviewRow]:
    """The first rows as these columns read them, problems beside the row. Raises Unreadable for the file as a whole."""
    found: list[PreviewRow] = []
    for line, row in islice(_data_rows(decode(content), profile, DEFAULT), most):
        place = _("line {number}").format(number=line)
        status = status_of(row, profile)
        if status is not Status.BOOKED:
            found.append(PreviewRow(where=place, cells=tuple(map(clean, row)), problem=_left_out(status)))
            continue
        try:
            read = _read_row((line, row), profile, currency)
        except Unreadable as problem:
            found.append(PreviewRow(where=place, cells=tuple(map(clean, row)), problem=problem.message))
        else:
            found.append(PreviewRow(where=place, cells=tuple(map(clean, row)), line=read))
    return found


def _left_out(status: Status) -> str:
    return {
        Status.PENDING: _("left out: the bank has not booked it yet"),
        Status.REFUSED: _("left out: the bank says that it moved no money"),
        Status.UNKNOWN: _("left out: its status is not one that says “booked”"),
    }[status]


def _set_aside(found: Row, status: Status, profile: CsvProfile, currency: str, aside: dict[str, Counter[str]]) -> None:
    """The row that is not booked is counted, by its currency. Raises Unreadable for an amount that can't be read."""
    line, row = found
    code = _currency(row, profile, line) or currency
    counts = aside.setdefault(code, Counter())
    counts[status.value] += 1
    counts[f"{status.value}_minor"] += _amount(row, profile, code, line) or 0


def _check_end(before: list[str], last: Row, profile: CsvProfile) -> None:
    """The last line, which has no end of its own, is whole. Raises Unreadable where it seems to be cut off."""
    line, row = last
    end = len(row) - 1
    money = (profile.amount_column, profile.in_column, profile.out_column, profile.balance_column)
    is_short = len(row) < max(len(before), len(profile.header))
    if is_short or (end in money and end < len(before) and _decimals(row[end]) < _decimals(before[end])):
        raise refuse(
            _("Line {line}, the last one, is cut off. The file is not complete: download it from the bank once more."),
            line=line,
        )


def _decimals(text: str) -> int:
    """How many digits stand at the end of the amount after its last mark."""
    digits = text.rstrip(" -+)").replace(",", ".").rpartition(".")
    return len(digits[2]) if digits[1] else 0


def _data_rows(text: str, profile: CsvProfile, limits: Limits) -> Iterator[Row]:
    """The rows after preamble and names of columns, without footers. Raises Unreadable."""
    _named, text = named_separator(text)
    rows = rows_of(text, profile.delimiter, limits)
    _skip_to_data(rows, profile)
    loose: tuple[int, list[str]] | None = None
    width = 0  # as the names of the columns, or the first line of data where it has more
    for line, row in rows:
        if not any(cell.strip() for cell in row):
            continue
        if _stands_aside(row, profile):
            _check_whole(line, row, max(width, len(profile.header)) or len(row), profile)
            yield line, row
        elif _is_day(_cell(row, profile.date_column), profile.date_order):
            if loose:
                raise _not_a_day(*loose, profile)
            width = width or max(len(row), len(profile.header))
            _check_whole(line, row, width, profile)
            yield line, row
        elif not is_total(row) and (_cell(row, profile.date_column) or _has_amount(row, profile)):
            loose = loose or (line, row)
    if loose and _has_amount(loose[1], profile):
        raise _not_a_day(*loose, profile)


def _stands_aside(row: list[str], profile: CsvProfile) -> bool:
    """Whether it is a row that the bank has not booked, which may lack its day."""
    return status_of(row, profile) is not Status.BOOKED and _has_amount(row, profile)


def _check_whole(line: int, row: list[str], width: int, profile: CsvProfile) -> None:
    """The row is one line of the bank's, not several that lost what stood between them. Raises Unreadable."""
    if len(row) > width and any(cell.strip() for cell in row[width:]):
        raise refuse(
            _("Line {line} has more cells than there are columns. Correct the line, or download the file once more."),
            line=line,
        )
    for cell in row:
        if "\n" in cell and any(_is_line(each, profile) for each in cell.split("\n")[1:]):
            raise refuse(
                _(
                    "Line {line}: a quotation mark takes in the lines after it. "
                    "The file was changed: download it from the bank once more."
                ),
                line=line,
            )


def _is_line(text: str, profile: CsvProfile) -> bool:
    """Whether text within a cell is a whole line of the file."""
    cells = text.split(profile.delimiter)
    return _is_day(_cell(cells, profile.date_column), profile.date_order) and _has_amount(cells, profile)


def _skip_to_data(rows: Iterator[Row], profile: CsvProfile) -> None:
    """The next row is the first of data. Raises Unreadable where the remembered columns are not those of the file."""
    if not (profile.has_header and profile.header):
        for _row in islice(rows, profile.skip_rows + profile.has_header):
            pass
        return
    wanted = [plain_name(each) for each in profile.header]
    for _line, row in islice(rows, max(LOOKED_AT, profile.skip_rows + 2)):
        if [plain_name(cell) for cell in row] == wanted:
            return
    raise refuse(
        _(
            "No line of this file has the columns {columns}: it is another bank's file, or the bank has changed its columns. "
            "Choose the columns once more."
        ),
        columns=", ".join(each for each in profile.header if each)[:200],
    )


def _read_row(found: Row, profile: CsvProfile, currency: str) -> ParsedLine | None:
    """The row as a line, None for one that only tells a balance. Raises Unreadable with line and column."""
    line, row = found
    code = _currency(row, profile, line) or currency
    amount = _amount(row, profile, code, line)
    balance = _optional(row, profile.balance_column, code, profile, line)
    if amount is None:
        if balance is None:
            raise refuse(
                _(
                    "Line {line}: there is a day but no amount in {column}. Correct the columns, or the line in the file."
                ),
                line=line,
                column=column_name(
                    profile, profile.amount_column if profile.amount_column is not None else profile.in_column
                ),
            )
        return None
    return ParsedLine(
        booked_on=read_date(_cell(row, profile.date_column), profile.date_order),
        value_on=_value_day(row, profile),
        amount_minor=amount,
        currency=code,
        counterparty=clean(_cell(row, profile.counterparty_column)),
        account=clean(_cell(row, profile.account_column)),
        text=join(_cell(row, column) for column in profile.text_columns),
        bank_reference=clean(_cell(row, profile.reference_column)),
        type_code=clean(_cell(row, profile.type_column)),
        balance_minor=balance,
        where=_("line {number}").format(number=line),
    )


def _amount(row: list[str], profile: CsvProfile, currency: str, line: int) -> int | None:
    """What the line moves, money in positive; None where every amount cell is empty. Raises Unreadable."""
    if profile.amount_column is None:
        came = _optional(row, profile.in_column, currency, profile, line)
        went = _optional(row, profile.out_column, currency, profile, line)
        if came and went:
            raise refuse(
                _("Line {line}: money in and money out are both filled in. Choose other columns, or correct the line."),
                line=line,
            )
        if came is None and went is None:
            return None
        return (came or 0) + (went or 0) * (1 if profile.is_negated else -1)
    amount = _optional(row, profile.amount_column, currency, profile, line)
    if amount is None:
        return None
    if profile.sign_column is not None:
        sign = sign_of(_cell(row, profile.sign_column))
        if sign is None or (sign > 0 > amount):
            raise refuse(
                _(
                    "Line {line}, {column}: “{value}” does not say whether {amount} came in or went out. Choose other columns."
                ),
                line=line,
                column=column_name(profile, profile.sign_column),
                value=_cell(row, profile.sign_column),
                amount=_cell(row, profile.amount_column),
            )
        amount = sign * abs(amount)
    return -amount if profile.is_negated else amount


def _optional(row: list[str], column: int | None, currency: str, profile: CsvProfile, line: int) -> int | None:
    """The amount in that column, None where it is empty. Raises Unreadable."""
    text = _cell(row, column)
    if not text or text in "-–—":
        return None
    try:
        return read_amount(text, currency, profile.decimal_mark)
    except NotAnAmount as problem:
        raise refuse(
            _("Line {line}, {column}: “{value}” is {problem} ({currency}, “{mark}” before the decimals)."),
            line=line,
            column=column_name(profile, column),
            value=text,
            problem=str(problem),
            currency=currency,
            mark=profile.decimal_mark,
        ) from None


def _currency(row: list[str], profile: CsvProfile, line: int) -> str:
    text = _cell(row, profile.currency_column).upper()
    if text and not (len(text) == 3 and text.isascii() and text.isalpha()):
        raise refuse(
            _("Line {line}, {column}: “{value}” is not a currency of three letters. Choose another column for it."),
            line=line,
            column=column_name(profile, profile.currency_column),
            value=text,
        )
    return text


def _value_day(row: list[str], profile: CsvProfile) -> date | None:
    text = _cell(row, profile.value_column)
    return read_date(text, profile.date_order) if text and _is_day(text, profile.date_order) else None


def _is_day(text: str, order: str) -> bool:
    try:
        read_date(text, order)
    except NotADate:
        return False
    return True


def _not_a_day(line: int, row: list[str], profile: CsvProfile) -> Unreadable:
    text = _cell(row, profile.date_column)
    try:
        read_date(text, profile.date_order)
        problem = ""
    except NotADate as found:
        problem = str(found)
    return refuse(
        _(
            "Line {line}, {column}: “{value}” is {problem} (days are read as {order}). Correct the columns, or the line."
        ),
        line=line,
        column=column_name(profile, profile.date_column),
        value=text,
        problem=problem,
        order={"dmy": "31/12/2026", "mdy": "12/31/2026", "ymd": "2026-12-31"}[profile.date_order],
    )


def _has_amount(row: list[str], profile: CsvProfile) -> bool:
    columns = (profile.amount_column, profile.in_column, profile.out_column)
    return any(any(char.isdigit() for char in _cell(row, column)) for column in columns)


def _cell(row: list[str], column: int | None) -> str:
    return row[column].strip() if column is not None and column < len(row) else ""


def column_name(profile: CsvProfile, column: int | None) -> str:
    """What the file calls the column, else its place."""
    if column is not None and column < len(profile.header) and profile.header[column].strip():
        return profile.header[column].strip()
    return _("column {number}").format(number=(column or 0) + 1)


def _statement(currency: str, lines: list[ParsedLine], not_booked: NotBooked) -> ParsedStatement:
    """The lines as one statement, the oldest first."""
    if lines[0].booked_on > lines[-1].booked_on:
        lines.reverse()
    days = [line.booked_on for line in lines]
    return with_balances(
        ParsedStatement(
            currency=currency, lines=tuple(lines), starts_on=min(days), ends_on=max(days), not_booked=not_booked
        )
    )
