"""Cells and lines of CSV files: no cell that a spreadsheet takes for a formula, amounts as plain decimals. Pure."""

import csv
import io
from collections.abc import Iterable, Sequence

from supporters.kit.money import Money, exponent, to_decimal
from supporters.kit.text import formula_safe

BYTE_ORDER_MARK = "\ufeff"  # so that Excel reads the file as UTF-8; importers of other programs stumble over it


def amount(minor: int, currency: str) -> str:
    """The amount as a plain decimal with a point and the currency's decimals: "-1234.50"."""
    return f"{to_decimal(Money(minor, currency)):.{exponent(currency)}f}"


def side(minor: int, currency: str, *, is_debit: bool) -> str:
    """The amount without sign where it stands on this side, else an empty cell."""
    return amount(abs(minor), currency) if (minor > 0) is is_debit else ""


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, marked: bool = False) -> bytes:
    """A whole CSV file: comma, quotes where needed, lines end as RFC 4180 has them; `marked` for what Excel opens.

    Cells of text are made safe from formulas; a plain number is left alone, so that it can be added up.
    """
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_safe(cell) for cell in row] for row in rows)
    return ((BYTE_ORDER_MARK if marked else "") + held.getvalue()).encode()


def _safe(cell: str) -> str:
    return cell if _is_number(cell) else formula_safe(cell)


def _is_number(cell: str) -> bool:
    return cell.isascii() and cell.removeprefix("-").replace(".", "", 1).isdigit()
