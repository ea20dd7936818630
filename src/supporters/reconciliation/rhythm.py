"""Who pays the same again and again: what a standing order looks like on statements. Pure: days in, a rhythm out.

An amount alone is never a rhythm: it is always one payer's days, by the account or, where the bank names none, by the name.
"""

from calendar import monthrange
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise

import msgspec

ENOUGH = 3  # payments that make a rhythm
STEPS = {"monthly": 1, "quarterly": 3, "yearly": 12}  # months
APART = 5  # days by which one payment may come earlier or later than a month after the one before: weekends, holidays
EARLY, LATE = timedelta(days=APART), timedelta(days=10)  # around the day on which the next one is expected
MOST_MISSED = 3  # payments in a row after which it is over
NAMELESS = "-"


class Rhythm(msgspec.Struct, frozen=True):
    """One payer's standing order. *Money*: minor units.

    `payer` is the keyed digest of their account; empty where only the name is known, which stands beside it.
    """

    payer: str
    currency: str
    amount_minor: int
    frequency: str  # monthly, quarterly, yearly

    @property
    def key(self) -> str:
        """All of it in one word for each, as rules keep it."""
        return f"{self.payer or NAMELESS} {self.currency} {self.amount_minor} {self.frequency}"


def read_rhythm(key: str) -> Rhythm:
    """The rhythm that a rule keeps."""
    payer, currency, minor, frequency = key.split(" ")
    return Rhythm("" if payer == NAMELESS else payer, currency, int(minor), frequency)


def months_later(day: date, months: int) -> date:
    """The day that many months later, or the last of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def frequency_of(days: Sequence[date]) -> str:
    """How often the payments of these days come, by the last of them; empty where that is no rhythm. `days` are in order."""
    last = days[-ENOUGH:]
    if len(last) < ENOUGH:
        return ""
    for frequency, step in STEPS.items():
        due = [months_later(day, step) for day in last[:-1]]
        apart = [abs((came - expected).days) for came, expected in zip(last[1:], due, strict=True)]
        drift = abs((last[-1] - months_later(last[0], step * (ENOUGH - 1))).days)
        if max(*apart, drift) <= APART:
            return frequency
    return ""


def is_alone(days: Sequence[date]) -> bool:
    """Whether none of the last payments has another beside it, which nobody could tell from it."""
    last = days[-ENOUGH:]
    return all(later - earlier > EARLY + LATE for earlier, later in pairwise(last))


def on_rhythm(days: Sequence[date], expected_on: date, frequency: str) -> list[int]:
    """Places of the days that are payments of a standing order which is next expected on that day. `days` are in order.

    A turn for which two have come has none: they are left to people. What is off the rhythm is passed over, and after
    three payments in a row that did not come it is over.
    """
    found: list[int] = []
    place = missed = 0
    while place < len(days) and missed < MOST_MISSED:
        if days[place] < expected_on - EARLY:
            place += 1
            continue
        here = [each for each in range(place, len(days)) if days[each] <= expected_on + LATE]
        if len(here) == 1:
            found.append(place)
            expected_on = days[place]
        missed = 0 if here else missed + 1
        place += len(here)
        expected_on = months_later(expected_on, STEPS[frequency])
    return found
