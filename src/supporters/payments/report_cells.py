"""The cells of Stripe's exported files: what one must hold, and what is said of one that does not. Pure."""

import re
from collections.abc import Mapping
from typing import cast

import msgspec
from babel import Locale

from supporters.kit.errors import SupportersError
from supporters.kit.money import exponent
from supporters.kit.strings import gettext as _

AMOUNT = re.compile(r"(?P<sign>-?)(?P<whole>\d{1,12})(?:(?P<mark>[.,])(?P<part>\d{1,6}))?", re.ASCII)
_NAMES = cast("dict[str, str]", Locale("en").currencies)
REGIONS = {"XAF", "XCD", "XCG", "XOF", "XPF"}  # the other codes with an X are metals, tests and "no currency"
CURRENCIES = frozenset(name for name in _NAMES if name[0] != "X") | REGIONS


class Unreadable(SupportersError):
    """A file, or a cell of it, that can't be read; the message names file, line and column and what to do."""


class Row(msgspec.Struct, frozen=True):
    """One line of a file, and where it stands."""

    file: str
    line: int
    cells: Mapping[str, str]
    has_commas: bool  # between its cells, so that one within an amount is for thousands as likely as not


def wrong(row: Row, column: str, what: str) -> Unreadable:
    """The error that names file, line and column."""
    told = {"file": row.file, "line": row.line, "column": column, "what": what}
    if not column:
        return Unreadable(_("%(file)s, line %(line)s: %(what)s.") % told)
    return Unreadable(_("%(file)s, line %(line)s, column %(column)s: %(what)s.") % told)


def needed(row: Row, column: str) -> str:
    """The text of a cell that must not be empty. Raises Unreadable."""
    text = row.cells.get(column, "").strip()
    if not text or len(text) > 120 or not text.isascii():
        raise wrong(row, column, _("it is empty or no plain text: export the file again"))
    return text


def given(row: Row, column: str) -> str | None:
    """The text of a cell, or None where it is empty. Raises Unreadable."""
    return needed(row, column) if row.cells.get(column, "").strip() else None


def currency_of(row: Row, column: str) -> str:
    """The currency of a cell, as ISO writes it. Raises Unreadable for one that nobody knows."""
    text = needed(row, column).upper()
    if text not in CURRENCIES:
        raise wrong(row, column, _("%(text)s is no currency like gbp") % {"text": text[:20]})
    return text


def minor(row: Row, column: str, currency: str) -> int:
    """The amount in minor units. Stripe's reports have no marks for thousands; what may be one is refused."""
    text = row.cells.get(column, "").strip()
    found, digits = AMOUNT.fullmatch(text), exponent(currency)
    part = (found["part"] or "").rstrip("0") if found else ""
    is_grouped = found and len(found["part"] or "") == 3 and (digits < 3 or (row.has_commas and found["mark"] == ","))
    if found and len(part) <= digits and not is_grouped:
        return int(found["whole"] + part.ljust(digits, "0")) * (-1 if found["sign"] else 1)
    told = {"text": text[:40] or "“”", "currency": currency}
    raise wrong(row, column, _("%(text)s is no amount in %(currency)s") % told)
