"""What others pay into the bank account and take out of it, month by month: the same for a month whenever it is asked. Pure."""

from calendar import month_abbr
from collections.abc import Iterator
from datetime import date
from random import Random
from typing import NamedTuple

QUARTERS = (3, 6, 9, 12)
LARKHAMS = "GB33LAMP00000061127781"


class Other(NamedTuple):
    """A line that is not Stripe's. *Money*: pence, money in is positive."""

    day: date
    amount: int
    name: str
    text: str
    account: str = ""  # whose it is, where the bank says so


def others_of(year: int, month: int) -> list[Other]:
    """A reader's standing order, cash over the counter, shops' sales; rent, wages, and the bank's fee each quarter.

    The sales about pay for the rest, so that the account stays where it was.
    """
    random = Random(f"bank {year}-{month}")  # noqa: S311 - the same lines every time
    name = month_abbr[month].upper()
    lines = [
        Other(date(year, month, 1), 1_000, "P LARKHAM", "STANDING ORDER THE LAMP", LARKHAMS),
        Other(date(year, month, 2), -12_000, "TANNERS ROW ESTATES", f"RENT {name}"),
        Other(date(year, month, random.randint(10, 17)), _cash(random), "EASTMERE BRANCH", "COUNTER CREDIT CASH"),
        Other(date(year, month, 25), -21_500 - random.randint(0, 999), "N HALE", f"WAGES {name}"),
        Other(date(year, month, 25), -16_000 - random.randint(0, 999), "T ABEL", f"WAGES {name}"),
    ]
    if month in QUARTERS:
        lines.append(Other(date(year, month, 28), -600, "", "SERVICE CHARGE"))
    sales = -sum(line.amount for line in lines) + random.randint(-1_000, 2_000)
    day = date(year, month, random.randint(4, 9))
    return sorted([*lines, Other(day, sales, "COUNTY NEWS WHOLESALE", f"SHOP SALES {name}")])


def months_between(first: date, last: date) -> Iterator[tuple[int, int]]:
    """Year and month of every month of these days."""
    for count in range(first.year * 12 + first.month - 1, last.year * 12 + last.month):
        yield count // 12, count % 12 + 1


def _cash(random: Random) -> int:
    """Notes and coins of a stall: no pence to speak of."""
    return random.randrange(40, 160) * 50
