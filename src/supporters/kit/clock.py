"""What time it is, injected, so that tests and simulations can say."""

from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """Tells the time. Everything that needs the time takes one of these."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands still until it is moved. For tests and simulations."""

    def __init__(self, at: datetime) -> None:
        if at.tzinfo is None:
            raise ValueError("a clock needs an aware time")
        self._at = at.astimezone(UTC)

    def now(self) -> datetime:
        return self._at

    def advance(self, by: timedelta) -> None:
        """The clock stands `by` later than before."""
        self._at += by

    def set(self, at: datetime) -> None:
        """The clock stands at `at`."""
        self._at = at.astimezone(UTC)


def local_date(at: datetime, zone: str) -> date:
    """The calendar day on which `at` falls in the publisher's time zone `zone`."""
    return at.astimezone(ZoneInfo(zone)).date()
