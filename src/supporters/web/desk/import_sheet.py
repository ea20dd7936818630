"""Rows that were left out, as a spreadsheet file: number, reason, and the cells as they came, none of them a formula."""

import csv
import io
from collections.abc import Iterable, Sequence

from supporters.imports.models import ImportFault
from supporters.kit.strings import gettext as _
from supporters.kit.text import formula_safe
from supporters.web.desk.import_words import reason_words
from supporters.web.desk.sheet import BYTE_ORDER_MARK


def header() -> str:
    """The first line."""
    return BYTE_ORDER_MARK + _line([_("Row"), _("Why it was left out"), _("Cells as they came")])


def lines(faults: Iterable[ImportFault]) -> str:
    """One line for each row."""
    return "".join(_line([str(each.row_number), reason_words(each.reason), *each.cells]) for each in faults)


def _line(cells: Sequence[str]) -> str:
    held = io.StringIO()
    writer = csv.writer(held, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow([formula_safe(cell) for cell in cells])
    return held.getvalue()
