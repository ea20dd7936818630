"""A list as a workbook (XLSX): what the page shows, text as text and numbers as numbers, whatever a cell begins with."""

import asyncio
import io
from collections.abc import AsyncIterator, Collection, Sequence
from fractions import Fraction

from supporters.kit.errors import Refused
from supporters.kit.strings import gettext as _

MOST_ROWS = 1_000_000  # a sheet holds 1,048,576
LONGEST_CELL = 32_767  # characters
OPTIONS = {
    "constant_memory": True,  # one row at a time, the rest in a file that goes away
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


async def write_workbook(
    header: Sequence[str], portions: AsyncIterator[Sequence[Sequence[str]]], *, numbers: Collection[int] = ()
) -> bytes:
    """The rows as one sheet with its header frozen; columns in `numbers` (from 0) can be added up, all others are text.

    *Raises* Refused for more rows than a sheet holds. Rows are written off the loop, a portion at a time.
    """
    from xlsxwriter import Workbook  # here: half a second of loading that most processes never need

    held = io.BytesIO()
    with Workbook(held, OPTIONS) as book:
        sheet = book.add_worksheet()  # pyright: ignore[reportUnknownMemberType] - its class is untyped
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(header) - 1, 16)
        bold = book.add_format({"bold": True})  # pyright: ignore[reportUnknownMemberType] - so are its properties
        for column, word in enumerate(header):
            sheet.write_string(0, column, word, bold)

        def write(first: int, rows: Sequence[Sequence[str]]) -> None:
            for place, row in enumerate(rows, start=first):
                for column, cell in enumerate(row):
                    if column in numbers and cell:
                        sheet.write_number(place, column, Fraction(cell))
                    elif cell:
                        sheet.write_string(place, column, cell[:LONGEST_CELL])

        count = 0
        async for rows in portions:
            if count + len(rows) > MOST_ROWS:
                raise Refused(_("That is more than a workbook holds. Narrow the view, or take it as CSV."))
            await asyncio.to_thread(write, count + 1, rows)
            count += len(rows)
    return held.getvalue()
