"""CSV as banks send it, up to the cells: separators and quotes. Pure."""

import csv
import io
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

from supporters.bank.amounts import NotAnAmount, read_amount
from supporters.bank.dates import is_date
from supporters.bank.limits import DEFAULT, Limits
from supporters.bank.refusals import refuse
from supporters.kit.strings import gettext as _

SEPARATORS = (",", ";", "\t", "|")
LOOKED_AT = 60  # rows that separator and columns are guessed from at first
MOST_COLUMNS = 200

Row = tuple[int, list[str]]  # the line it begins in, and its cells


def separator_of(text: str) -> str:
    """What stands between the cells: under which most rows have a day and an amount, then most rows are alike."""
    return max(SEPARATORS, key=lambda each: _fit(text, each))


def rows_of(text: str, separator: str, limits: Limits = DEFAULT) -> Iterator[Row]:
    """Each row with the line it begins in; blank rows are empty. Raises Unreadable where quotes or sizes are broken."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    line = 1
    try:
        for number, row in enumerate(reader):
            if number >= limits.lines * 2:
                raise refuse(
                    _("The file has more than {most} lines. Download shorter periods, one file each."),
                    most=limits.lines,
                )
            if len(row) > MOST_COLUMNS:
                raise refuse(
                    _(
                        "Line {line} has more than {most} columns: this is no statement. Download it from the bank once more."
                    ),
                    line=line,
                    most=MOST_COLUMNS,
                )
            yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        if "field limit" in str(error):
            raise refuse(
                _(
                    "Line {line}: a cell has more than {most} characters, which no bank writes. "
                    "If it begins with a quotation mark, the mark has no end: download the file from the bank once more."
                ),
                line=line,
                most=csv.field_size_limit(),
            ) from None
        raise refuse(
            _(
                "Line {line}: a quotation mark has no end, or something stands behind it ({reason}). "
                "The file is cut off or was changed: download it from the bank once more."
            ),
            line=line,
            reason=str(error),
        ) from None


def named_separator(text: str) -> tuple[str | None, str]:
    """The separator that some programs name in a first line `sep=;`, and the text without that line."""
    first, _newline, rest = text.partition("\n")
    named = first.rstrip("\r\n").casefold()
    if len(named) == 5 and named.startswith("sep=") and named[4] in SEPARATORS:
        return named[4], rest
    return None, text


@lru_cache(maxsize=4096)
def looks_like_amount(text: str) -> bool:
    """Whether the cell is an amount under either mark; a bare currency is none."""
    if not any(char.isdigit() for char in text):
        return False
    return any(_reads(text, mark) for mark in ".,")


def _reads(text: str, mark: str) -> bool:
    try:
        read_amount(text, "BHD", mark)  # a currency of three decimals: the currency is not the question here
    except NotAnAmount as problem:
        return str(problem) == _("in another currency")
    return True


def _fit(text: str, separator: str) -> tuple[int, float, int]:
    """How well the separator fits the beginning of the text."""
    widths: dict[int, int] = {}
    told = 0
    reader = csv.reader(io.StringIO(text[:200_000], newline=""), delimiter=separator)
    try:
        for row in islice(reader, LOOKED_AT):
            if len(row) > MOST_COLUMNS:
                return 0, 0.0, 0
            if len(row) > 1:
                widths[len(row)] = widths.get(len(row), 0) + 1
                days = [index for index, cell in enumerate(row) if is_date(cell.strip())]
                told += bool(days) and any(
                    index not in days and looks_like_amount(cell.strip()) for index, cell in enumerate(row)
                )
    except csv.Error:
        pass  # a cell beyond every size: not the separator, or the file is broken from there on
    if not widths:
        return 0, 0.0, 0
    width = max(widths, key=lambda each: widths[each])
    return told, widths[width] / sum(widths.values()), width
