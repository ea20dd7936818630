"""What each column of a list means, guessed from its name and its cells, decided by a person. Pure."""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import islice

from supporters.imports.grid import Grid

LOOKED_AT = 200


class Column(StrEnum):
    """What a column can mean to us."""

    ADDRESS = "address"  # Where the newsletter goes. Needed.
    NAME = "name"  # What the person is called.
    CONSENTED = "consented"  # When the person agreed.
    BASIS = "basis"  # How the person agreed, or whether.


class DateOrder(StrEnum):
    """How a list writes its days."""

    YMD = "ymd"  # 2026-11-22
    DMY = "dmy"  # 22/11/2026
    MDY = "mdy"  # 11/22/2026


# In the order of trust. Names are compared in lower case with one space between words.
NAMES: Mapping[Column, tuple[str, ...]] = {
    Column.ADDRESS: ("email address", "e mail address", "email", "e mail", "subscriber email", "mail", "address"),
    Column.NAME: ("name", "full name", "display name", "subscriber name", "your name", "first name", "firstname"),
    Column.CONSENTED: (
        "consented", "consented at", "consent date", "confirm time", "confirmed at", "optin time", "opt in date",
        "optin date", "subscribed at", "subscription date", "signup date", "sign up date", "date added", "created at",
        "date",
    ),
    Column.BASIS: ("basis", "consent", "consent basis", "status", "subscription status", "opt in", "optin", "how", "source"),
}  # fmt: skip
_DATE = re.compile(r"^(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})\b")


def guess_columns(grid: Grid, *, has_header: bool) -> dict[str, int]:
    """Which column is which, as far as names and cells tell. Where addresses are decides what stands in the cells."""
    found = _by_name(grid.first) if has_header else {}
    full = _most_addresses(grid, has_header=has_header)
    if full is not None:
        found = {name: index for name, index in found.items() if index != full}
        found[Column.ADDRESS] = full
    return found


def guess_date_order(grid: Grid, column: int | None) -> DateOrder:
    """How the days of that column are written, if a day of it can be read in one way only; else day first."""
    for row in islice(grid.rows, 1, 5_000):
        match = _DATE.match(row.cell(column))
        if match is None:
            continue
        if len(match[1]) == 4:
            return DateOrder.YMD
        if int(match[1]) > 12:
            return DateOrder.DMY
        if int(match[2]) > 12:
            return DateOrder.MDY
    return DateOrder.DMY


def _by_name(header: Sequence[str]) -> dict[str, int]:
    folded = [" ".join(re.split(r"[\W_]+", name.casefold())).strip() for name in header]
    found: dict[str, int] = {}
    for column, names in NAMES.items():
        known = [folded.index(name) for name in names if name in folded]
        free = [index for index in known if index not in found.values()]
        if free:
            found[column] = free[0]
    return found


def _most_addresses(grid: Grid, *, has_header: bool) -> int | None:
    """The column where most cells look like an address; none when hardly any does."""
    rows = grid.body(has_header=has_header)[:LOOKED_AT]
    counts = [sum("@" in row.cell(index) for row in rows) for index in range(grid.width)]
    best = max(range(len(counts)), key=counts.__getitem__)
    return best if counts[best] * 2 > len(rows) else None
