"""Days as banks write them: 24/11/2026, 2026-11-24, 24 Nov 26, 20261124. Pure."""

import re
from collections.abc import Iterable
from datetime import date
from functools import lru_cache

from supporters.kit.strings import gettext as _

ORDERS = ("dmy", "mdy", "ymd")
LONGEST = 40  # characters
FIRST_YEAR, LAST_YEAR = 1970, 2199
_TIME = r"(?:[T ,]+\d{1,2}[:.]\d{2}(?:[:.]\d{2}(?:[.,]\d{1,9})?)?\s*(?:[AaPp][Mm])?\s*(?:Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?"
_WEEKDAY = r"(?:[^\W\d_]{2,10}\.?,?\s+)?"
_NUMBERS = re.compile(rf"(\d{{1,4}})([/.\-\s])\s?(\d{{1,2}})\2\s?(\d{{1,4}})\.?{_TIME}", re.ASCII)
_TIGHT = re.compile(rf"(\d{{4}})(\d{{2}})(\d{{2}}){_TIME}", re.ASCII)
_NAMED = re.compile(
    rf"{_WEEKDAY}(\d{{1,2}})(?:st|nd|rd|th|\.)?[\s\-/,]*([^\W\d_]{{3,10}})\.?[\s\-/,]*(\d{{2}}|\d{{4}}){_TIME}"
)
_NAMED_FIRST = re.compile(
    rf"{_WEEKDAY}([^\W\d_]{{3,10}})\.?[\s\-/]*(\d{{1,2}})(?:st|nd|rd|th)?,?[\s\-/]+(\d{{4}}){_TIME}"
)
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar janvier enero ene jän januari",
            "feb february februar février févr febrero fév februari",
            "mar march märz mär mrz mars marzo maart mrt",
            "apr april avril avr abril abr",
            "may mai mayo mei",
            "jun june juni juin junio",
            "jul july juli juillet juil julio",
            "aug august août aoû agosto ago augustus",
            "sep sept september septembre septiembre",
            "oct october oktober okt octobre octubre",
            "nov november novembre noviembre",
            "dec december dezember dez décembre déc diciembre dic",
        ),
        start=1,
    )
    for name in names.split()
}


class NotADate(ValueError):
    """The text is no day; its words say what is wrong with it."""


@lru_cache(maxsize=4096)
def read_date(text: str, order: str = "dmy") -> date:
    """The day; a year of four digits in front is understood whatever the order. Raises NotADate."""
    if len(text) > LONGEST:
        raise NotADate(_("too long for a date"))
    year, month, day = _parts(" ".join(text.split()), order)
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise NotADate(_("a date in an impossible year"))
    try:
        return date(year, month, day)
    except ValueError:
        raise NotADate(_("a day that does not exist")) from None


@lru_cache(maxsize=4096)
def is_date(text: str) -> bool:
    """Whether the text is a day in any order."""
    return 6 <= len(text) <= LONGEST and any(_reads(text, order) for order in ORDERS)


def fitting_orders(texts: Iterable[str]) -> set[str]:
    """The orders of day, month and year in which every one of these is a day."""
    orders: set[str] = set(ORDERS)
    for text in texts:
        orders = {order for order in orders if _reads(text, order)}
    return orders


def _reads(text: str, order: str) -> bool:
    try:
        read_date(text, order)
    except NotADate:
        return False
    return True


def _parts(text: str, order: str) -> tuple[int, int, int]:
    """Year, month, day as numbers. Raises NotADate."""
    if found := _TIGHT.fullmatch(text):
        return int(found[1]), int(found[2]), int(found[3])
    if found := _NUMBERS.fullmatch(text):
        return _ordered(found[1], found[3], found[4], order)
    if found := _NAMED.fullmatch(text):
        return _year(found[3]), _month(found[2]), int(found[1])
    if found := _NAMED_FIRST.fullmatch(text):
        return int(found[3]), _month(found[1]), int(found[2])
    raise NotADate(_("not a date") if text else _("empty"))


def _ordered(first: str, middle: str, last: str, order: str) -> tuple[int, int, int]:
    """Three numbers in that order; a four-digit year must stand where the order has it, or in front. Raises NotADate."""
    if len(first) == 4 and len(last) <= 2:
        return int(first), int(middle), int(last)
    if order == "ymd" or len(first) > 2 or len(last) not in (2, 4):
        if order != "ymd" or len(first) != 2 or len(last) > 2:
            raise NotADate(_("not a date"))
        return _year(first), int(middle), int(last)
    day, month = (first, middle) if order == "dmy" else (middle, first)
    return _year(last), int(month), int(day)


def _year(text: str) -> int:
    """The year; one of two digits is between 1980 and 2079."""
    if len(text) > 2:
        return int(text)
    return int(text) + (2000 if int(text) < 80 else 1900)


def _month(name: str) -> int:
    number = _MONTHS.get(name.casefold())
    if number is None:
        raise NotADate(_("not a date"))
    return number
