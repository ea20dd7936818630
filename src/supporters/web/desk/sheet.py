"""Lists as spreadsheet files: what the page shows, CSV or XLSX, no cell that a program takes for a formula."""

import csv
import io
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from litestar.response import Response, Stream

from supporters.donations.desk_queries import DonationRow
from supporters.kit.money import Money, exponent, to_decimal
from supporters.kit.strings import gettext as _
from supporters.kit.text import formula_safe
from supporters.web.desk.words import donation_tag, frequency_word
from supporters.web.desk.workbook import write_workbook

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
BYTE_ORDER_MARK = "\ufeff"  # so that Excel reads the file as UTF-8


NUMBERS = frozenset(range(7, 11))  # which of its columns are amounts


async def spreadsheet(
    name: str,
    header: Sequence[str],
    portions: AsyncIterator[Sequence[Sequence[str]]],
    *,
    kind: str,
    numbers: Collection[int] = (),
) -> Response[Any]:
    """A list as a file to keep: `kind` is "csv", streamed as the rows come, or "xlsx". `name` has no ending yet.

    No cell is a formula in either; columns in `numbers` (from 0) hold plain decimals. *Raises* what `write_workbook` raises.
    """
    headers = {"content-disposition": f'attachment; filename="{name}.{kind}"', "cache-control": "no-store"}
    if kind == "xlsx":
        return Response(await write_workbook(header, portions, numbers=numbers), media_type=XLSX, headers=headers)
    return Stream(_csv(header, portions), media_type="text/csv", headers=headers)


async def _csv(header: Sequence[str], portions: AsyncIterator[Sequence[Sequence[str]]]) -> AsyncIterator[bytes]:
    yield (BYTE_ORDER_MARK + line(header)).encode()
    async for rows in portions:
        yield "".join(map(line, rows)).encode()


def donation_header() -> list[str]:
    """The names of the columns of the list of donations."""
    return [
        _("Reference"),
        _("Date and time (UTC)"),
        _("Status"),
        _("Frequency"),
        _("Name"),
        _("Email"),
        _("Currency"),
        _("Amount"),
        _("Fee"),
        _("Refunded"),
        _("Net"),
        _("Appeal"),
        _("Article"),
        _("Issue"),
        _("Source"),
        _("Payout"),
    ]


def donation_cells(rows: Iterable[DonationRow]) -> list[list[str]]:
    """One line for each donation."""
    return [_cells(row) for row in rows]


def _cells(row: DonationRow) -> list[str]:
    is_counted = row.is_paid
    return [
        row.reference,
        row.at.strftime("%Y-%m-%d %H:%M:%S"),
        donation_tag(row).word,
        frequency_word(row.frequency),
        row.name,
        row.email,
        row.amount.currency,
        number(row.amount),
        number(row.fee) if is_counted else "",
        number(row.gone) if is_counted else "",
        number(row.net) if is_counted else "",
        row.appeal,
        row.article_path or "",
        row.issue or "",
        row.source or "",
        row.payout_id or "",
    ]


def number(amount: Money | None) -> str:
    """The amount as a plain decimal that a spreadsheet adds up; empty where there is none."""
    if amount is None:
        return ""
    return f"{to_decimal(amount):.{exponent(amount.currency)}f}"


def moment(at: datetime | None) -> str:
    """The moment in UTC as a spreadsheet reads it; empty where there is none."""
    return at.strftime("%Y-%m-%d %H:%M:%S") if at else ""


def line(cells: Sequence[str]) -> str:
    """The cells as one line, quoted throughout. A negative number is left alone: it is ours, and a spreadsheet must add it up."""
    held = io.StringIO()
    safe = [cell if _is_number(cell) else formula_safe(cell) for cell in cells]
    csv.writer(held, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow(safe)
    return held.getvalue()


def _is_number(cell: str) -> bool:
    return cell.isascii() and cell.removeprefix("-").replace(".", "", 1).isdigit()
