"""What a choice says of itself: the words on the button, and which dates money is taken on. Pure."""

from datetime import date
from functools import lru_cache

import msgspec
from babel.dates import format_date

from supporters.donations.models import Frequency
from supporters.kit.strings import gettext as _

SHORTEST_MONTH = 28


class Saying(msgspec.Struct, frozen=True):
    """One choice of the form: the words on the button, and the dates beside it (none for a one-off)."""

    frequency: str
    place: str  # of its tile on the ladder, from 1; or `other`
    button: str
    dates: str


@lru_cache(maxsize=300)
def say_amount(frequency: str, place: str, face: str, today: date, locale: str) -> Saying:
    """What the choice of this amount says."""
    said = {
        Frequency.ONCE: _("Give %(amount)s"),
        Frequency.MONTHLY: _("Give %(amount)s a month"),
        Frequency.YEARLY: _("Give %(amount)s a year"),
    }
    button = said[Frequency(frequency)] % {"amount": face}
    if frequency == Frequency.ONCE:
        return Saying(frequency, place, button, "")
    when = rhythm(frequency, today, locale)
    dates = _("%(amount)s today, then %(amount)s %(when)s until you stop.") % {"amount": face, "when": when}
    return Saying(frequency, place, button, dates)


@lru_cache(maxsize=20)
def say_other(frequency: str, place: str, today: date, locale: str) -> Saying:
    """What the choice of another amount says, before anybody knows which."""
    said = {
        Frequency.ONCE: _("Give this amount"),
        Frequency.MONTHLY: _("Give this amount every month"),
        Frequency.YEARLY: _("Give this amount every year"),
    }
    button = said[Frequency(frequency)]
    if frequency == Frequency.ONCE:
        return Saying(frequency, place, button, "")
    when = rhythm(frequency, today, locale)
    dates = _("This amount today, then the same amount %(when)s until you stop.") % {"when": when}
    return Saying(frequency, place, button, dates)


def rhythm(frequency: str, start: date, locale: str) -> str:
    """On which days the later payments are taken. Stripe takes the last day of a month that is too short.

    Source: docs.stripe.com/billing/subscriptions/billing-cycle, read 2026-11-22.
    """
    if frequency == Frequency.YEARLY:
        day = format_date(start, "d MMMM", locale=locale)
        if (start.month, start.day) == (2, 29):
            return _("on %(day)s each year, or the day before where there is none") % {"day": day}
        return _("on %(day)s each year") % {"day": day}
    if start.day == 31:
        return _("on the last day of each month")
    day = _ordinal(start.day)
    if start.day > SHORTEST_MONTH:
        return _("on the %(day)s of each month, or on its last day where it is shorter") % {"day": day}
    return _("on the %(day)s of each month") % {"day": day}


def _ordinal(day: int) -> str:
    """The day of a month in words. The catalogue holds all of them in one line, as each language has its own way."""
    words = _("1st 2nd 3rd 4th 5th 6th 7th 8th 9th 10th 11th 12th 13th 14th 15th 16th 17th 18th 19th 20th 21st 22nd 23rd "
              "24th 25th 26th 27th 28th 29th 30th 31st")  # fmt: skip
    return words.split()[day - 1]
