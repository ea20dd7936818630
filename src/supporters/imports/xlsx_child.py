"""Reads one workbook from stdin and writes its first visible sheet to stdout as JSON lines, inside hard limits.

Run as a program of its own by `xlsx_file`: a workbook of a few kilobytes can ask for any amount of memory or time (two cells
in opposite corners are enough), and then only this process ends. It imports nothing of the house.
"""

import datetime
import json
import sys
from io import BytesIO
from typing import TextIO

MOST_MEMORY = 512 * 1024 * 1024
MOST_CPU_SECONDS = 20
MOST_CHARS = 60_000_000  # of all cells together
CELL_CHARS = 1_000
MOST_RECORDS = 200_000  # blank rows between included


def limit_process() -> None:
    """The process may hold and use only so much; where the system knows no such limits, it runs without."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_SECONDS, MOST_CPU_SECONDS))


def cell_text(value: object) -> str:
    """The cell as text: whole numbers without a point, days as 2026-11-22, at most one character over the limit."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time()
        return value.date().isoformat() if midnight else value.isoformat(sep=" ", timespec="seconds")
    return str(value)[: CELL_CHARS + 1]


def write_sheet(content: bytes, out: TextIO) -> None:
    """The number of sheets, then one line for each row. Raises whatever the reader raises."""
    from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    book = CalamineWorkbook.from_filelike(BytesIO(content))
    seen = [
        sheet.name
        for sheet in book.sheets_metadata
        if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible
    ]
    out.write(json.dumps(len(seen)) + "\n")
    if not seen:
        return
    chars = 0
    for number, row in enumerate(book.get_sheet_by_name(seen[0]).iter_rows()):
        cells = [cell_text(value) for value in row]
        chars += sum(map(len, cells))
        if chars > MOST_CHARS or number > MOST_RECORDS:
            raise MemoryError
        out.write(json.dumps(cells) + "\n")


if __name__ == "__main__":
    limit_process()
    write_sheet(sys.stdin.buffer.read(), sys.stdout)
