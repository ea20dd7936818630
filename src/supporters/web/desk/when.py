"""Short days and times for tables, as the publisher's place writes them."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date


class When:
    """Writes moments short: the day without its year while that is this one, the time in 24 hours."""

    def __init__(self, *, zone: str, locale: str, now: datetime) -> None:
        self._zone = ZoneInfo(zone)
        self._locale = Locale.parse(locale)
        self._year = now.astimezone(self._zone).year

    def day(self, at: datetime | date) -> str:
        """The day, short: "22 Nov"."""
        local = at.astimezone(self._zone).date() if isinstance(at, datetime) else at
        return format_date(local, "d MMM" if local.year == self._year else "d MMM y", locale=self._locale)

    def month(self, day: date) -> str:
        """The month with its year: "November 2026"."""
        return format_date(day, "LLLL y", locale=self._locale)

    def time(self, at: datetime) -> str:
        """The time: "09:36"."""
        return at.astimezone(self._zone).strftime("%H:%M")
