"""One row of a list: a person who may be taken, or why not. Pure."""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache

import msgspec

from supporters.imports.columns import DateOrder
from supporters.imports.grid import CELL_CHARS, Grid, Row
from supporters.kit.text import clean_line, is_printable
from supporters.people.matching import EMAIL_CHARS, EmailProblem, normalise_email, read_email

NAME_CHARS = 100
BASIS_CHARS = 200
EARLIEST = date(1995, 1, 1)


class Reason(StrEnum):
    """Why a row was not taken."""

    NO_ADDRESS = "no_address"  # The cell for the address is empty.
    UNREADABLE = "unreadable"  # What stands there is no address that mail can go to.
    TOO_LONG = "too_long"  # A cell has more than 1,000 characters.
    RAGGED = "ragged"  # More cells than there are columns.
    BAD_DATE = "bad_date"  # The day of consent can't be read, lies ahead, or is before there were newsletters.
    NO_BASIS = "no_basis"  # The column that says how they agreed is empty here.
    SAYS_NO = "says_no"  # The list itself says that this person has not agreed, or has stopped.
    REPEATED = "repeated"  # The same address stands further up.
    STOPPED = "stopped"  # The person has left this list here; an import does not bring anyone back.
    SUPPRESSED = "suppressed"  # The person asked not to be written to, or mail comes back.


REFUSALS = frozenset({
    "no", "n", "false", "0", "none", "never", "unsubscribed", "unsubscribe", "stopped", "cleaned", "bounced", "bounce",
    "complained", "complaint", "blocklisted", "blacklisted", "disabled", "deleted", "archived", "inactive",
    "non-subscribed", "nonsubscribed", "unconfirmed", "pending", "soft opt-in", "soft opt in", "soft optin", "purchased",
    "bought",
})  # fmt: skip
_PLAIN_LOCAL = re.compile(r"(?=[^@]{1,64}\Z)[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*\Z")
_DAY = re.compile(r"^(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})(?:[T ,].*)?$")


class Plan(msgspec.Struct, frozen=True):
    """How to read the rows: what is in which column, and the latest day on which somebody can have agreed."""

    address: int
    width: int
    today: date
    name: int | None = None
    consented: int | None = None
    basis: int | None = None
    date_order: DateOrder = DateOrder.YMD


class Taken(msgspec.Struct, frozen=True):
    """A person as the list has them. `key` is the same for the same address."""

    number: int
    cells: list[str]
    address: str
    key: str
    name: str
    consented_on: str
    basis_words: str


class Refusal(msgspec.Struct, frozen=True):
    """A row that is not taken, and why."""

    number: int
    cells: list[str]
    reason: Reason


Judged = Taken | Refusal


def judge(grid: Grid, plan: Plan, *, has_header: bool) -> list[Judged]:
    """Every row of the list in its order. Of the same address the first is taken, and none if any row says no."""
    found = [judge_row(row, plan) for row in grid.body(has_header=has_header)]
    refused = {_key_of(each, plan) for each in found if isinstance(each, Refusal) and each.reason is Reason.SAYS_NO}
    seen: set[str] = set()
    return [_unless_seen(each, seen, refused) for each in found]


def judge_row(row: Row, plan: Plan) -> Judged:
    """One row by itself."""
    reason = _form_fault(row, plan)
    if reason is not None:
        return Refusal(row.number, _cut(row.cells), reason)
    typed, basis = edge_free(row.cell(plan.address)), clean_line(row.cell(plan.basis), limit=BASIS_CHARS)
    agreed = read_day(row.cell(plan.consented), plan.date_order)
    address = _address(typed)
    reason = _content_fault(typed, address, basis, agreed, row, plan)
    if reason is not None or address is None:
        return Refusal(row.number, row.cells, reason or Reason.UNREADABLE)
    return Taken(
        number=row.number,
        cells=row.cells,
        address=address,
        key=normalise_email(address),
        name=clean_line(row.cell(plan.name), limit=NAME_CHARS),
        consented_on=agreed.isoformat() if agreed else "",
        basis_words=basis,
    )


def edge_free(text: str) -> str:
    """The cell without invisible characters and white space around it; copying from mail programs leaves such."""
    start, end = 0, len(text)
    while start < end and _is_edge(text[start]):
        start += 1
    while end > start and _is_edge(text[end - 1]):
        end -= 1
    return text[start:end]


def read_day(text: str, order: DateOrder) -> date | None:
    """The day that stands at the beginning of the cell; a year of four digits in front is always year first."""
    match = _DAY.match(text.strip())
    if match is None:
        return None
    first, second, third = match[1], match[2], match[3]
    if len(first) == 4:
        year, month, day = first, second, third
    elif order is DateOrder.MDY:
        month, day, year = first, second, third
    else:
        day, month, year = first, second, third
    if len(year) != 4:
        return None
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _form_fault(row: Row, plan: Plan) -> Reason | None:
    if any(len(cell) > CELL_CHARS for cell in row.cells):
        return Reason.TOO_LONG
    return Reason.RAGGED if len(row.cells) > plan.width else None


def _content_fault(
    typed: str, address: str | None, basis: str, agreed: date | None, row: Row, plan: Plan
) -> Reason | None:
    if not typed:
        return Reason.NO_ADDRESS
    if plan.basis is not None and basis.casefold() in REFUSALS:
        return Reason.SAYS_NO
    if address is None:
        return Reason.UNREADABLE
    if plan.basis is not None and not basis:
        return Reason.NO_BASIS
    return Reason.BAD_DATE if _is_bad_day(row.cell(plan.consented), agreed, plan) else None


def _is_bad_day(written: str, agreed: date | None, plan: Plan) -> bool:
    """An empty cell is no fault: many lists do not know. A day ahead is one, but zones may differ by one."""
    if not written:
        return False
    return agreed is None or not EARLIEST <= agreed <= plan.today + timedelta(days=1)


def _address(typed: str) -> str | None:
    """The address as mail goes to it. Most are of a plain shape and of few domains, and are not looked at twice."""
    local, _, domain = typed.rpartition("@")
    if _PLAIN_LOCAL.match(local) and len(typed) <= EMAIL_CHARS:
        known = _domain(domain)
        return f"{local}@{known}" if known and len(local) + len(known) < EMAIL_CHARS else None
    return _checked(typed)


@lru_cache(maxsize=8_192)
def _domain(domain: str) -> str | None:
    checked = _checked(f"a@{domain}")
    return checked and checked.rpartition("@")[2]


def _checked(typed: str) -> str | None:
    if not all(is_printable(char) and not char.isspace() for char in typed):
        return None
    try:
        return read_email(typed)
    except EmailProblem:
        return None


def _unless_seen(each: Judged, seen: set[str], refused: set[str]) -> Judged:
    if isinstance(each, Refusal):
        return each
    if each.key in refused:
        return Refusal(each.number, each.cells, Reason.SAYS_NO)
    if each.key in seen:
        return Refusal(each.number, each.cells, Reason.REPEATED)
    seen.add(each.key)
    return each


def _key_of(each: Refusal, plan: Plan) -> str:
    typed = edge_free(Row(each.number, each.cells).cell(plan.address))
    return normalise_email(_address(typed) or typed)


def _is_edge(char: str) -> bool:
    return char.isspace() or not is_printable(char)


def _cut(cells: Sequence[str]) -> list[str]:
    return [cell if len(cell) <= CELL_CHARS else cell[:CELL_CHARS] + "…" for cell in cells]
