"""What every kind of file becomes: rows of text with their numbers. Pure."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from supporters.kit.errors import SupportersError
from supporters.kit.text import begins_formula

MOST_BYTES = 5 * 1024 * 1024
MOST_ROWS = 100_000
MOST_COLUMNS = 50
CELL_CHARS = 1_000


class FileFault(StrEnum):
    """Why a whole file can't be taken."""

    EMPTY = "empty"  # No cell holds anything.
    HEADER_ONLY = "header_only"  # Column names and no row below them.
    TOO_LARGE = "too_large"  # More bytes than we take.
    TOO_MANY_ROWS = "too_many_rows"  # More rows than we take.
    TOO_MANY_COLUMNS = "too_many_columns"  # More columns than any list of people has.
    NOT_TEXT = "not_text"  # A picture, a document, a program: no list.
    PDF = "pdf"  # A PDF, whatever its name says.
    OLD_OR_LOCKED = "old_or_locked"  # An .xls file of old, or a workbook behind a password.
    NOT_A_WORKBOOK = "not_a_workbook"  # A packed file that is no XLSX.
    BROKEN = "broken"  # A workbook that can't be opened.
    BOMB = "bomb"  # Unpacks to far more than any list.
    QUOTES = "quotes"  # Quotation marks that do not pair.


class Notice(StrEnum):
    """What a person should know before trusting what was read."""

    GUESSED_ENCODING = "guessed_encoding"  # Not UTF-8; read as Windows Western European.
    MORE_SHEETS = "more_sheets"  # Only the first visible sheet was read.


class FileProblem(SupportersError):
    """The file can't be taken; `fault` says why, `line` where, if that is known."""

    def __init__(self, fault: FileFault, *, line: int | None = None) -> None:
        super().__init__(fault.value)
        self.fault, self.line = fault, line


class Row(msgspec.Struct, frozen=True):
    """One row that holds something. `number` is the row a spreadsheet shows, from 1."""

    number: int
    cells: list[str]

    def cell(self, index: int | None) -> str:
        """What stands in that column; nothing where the row ends before it."""
        return self.cells[index] if index is not None and index < len(self.cells) else ""


class Grid(msgspec.Struct, frozen=True):
    """A file as rows; the first may hold the names of the columns."""

    rows: list[Row]
    width: int  # columns: as many as the first row or most rows have
    notices: tuple[Notice, ...] = ()

    @property
    def first(self) -> list[str]:
        """The cells of the first row."""
        return self.rows[0].cells

    def body(self, *, has_header: bool) -> list[Row]:
        """The rows that are people."""
        return self.rows[1:] if has_header else self.rows

    def looks_like_header(self) -> bool:
        """Whether the first row names columns: no cell of it is an address, a number or too long for a name."""
        return not any("@" in cell or len(cell) > 100 or cell.isdigit() for cell in self.first)


def build_grid(records: Iterable[Sequence[str]], *, notices: tuple[Notice, ...] = ()) -> Grid:
    """The grid of these records, blank ones left out, cells trimmed and our own quote before formulas taken off.

    Raises FileProblem for too many rows or columns, and when nothing is left.
    """
    rows: list[Row] = []
    for number, record in enumerate(records, start=1):
        cells = [plain_cell(cell) for cell in record]
        while cells and not cells[-1]:
            cells.pop()
        if not cells:
            continue
        if len(cells) > MOST_COLUMNS:
            raise FileProblem(FileFault.TOO_MANY_COLUMNS, line=number)
        rows.append(Row(number, cells))
        if len(rows) > MOST_ROWS + 1:
            raise FileProblem(FileFault.TOO_MANY_ROWS)
    if not rows:
        raise FileProblem(FileFault.EMPTY)
    usual, _count = Counter(len(row.cells) for row in rows).most_common(1)[0]
    return Grid(rows, max(usual, len(rows[0].cells)), notices)


def plain_cell(cell: str) -> str:
    """The cell trimmed, without the quote that we ourselves put before what a spreadsheet would take for a formula."""
    return cell[1:] if cell[:1] == "'" and begins_formula(cell[1:]) else cell.strip()


def layout_digest(header: Sequence[str]) -> str:
    """What stands for a set of column names, whatever their case."""
    return hashlib.sha256("\n".join(name.strip().casefold() for name in header).encode()).hexdigest()
