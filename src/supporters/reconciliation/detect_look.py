"""How far back a search looks, and what months are called in SQL: in the book's time zone, on either database."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import ColumnElement, case, literal

from supporters.kit.clock import local_date
from supporters.ledger.periods import month_of, next_month

LOOK_BACK = timedelta(days=400)


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What every search is told. `since` is the first moment of a month; `months` are (name, first moment after it)."""

    now: datetime
    since: datetime
    months: tuple[tuple[str, datetime], ...]
    livemode: bool
    account: str | None

    def month(self, moment: Any) -> ColumnElement[str]:
        """The month in which `moment` (a column) falls in the book's time zone."""
        *before, (last, _end) = self.months
        named = [(moment < end, literal(name)) for name, end in before]
        return case(*named, else_=literal(last)) if named else literal(last)


def look_back(now: datetime, *, time_zone: str, livemode: bool, account: str | None, by: timedelta = LOOK_BACK) -> Look:
    """A search from the beginning of the month that was `by` ago until now."""
    zone = ZoneInfo(time_zone)
    month = local_date(now - by, time_zone).replace(day=1)
    since, months = _midnight(month, zone), list[tuple[str, datetime]]()
    while _midnight(month, zone) <= now:
        months.append((month_of(month), _midnight(next_month(month), zone)))
        month = next_month(month)
    return Look(now=now, since=since, months=tuple(months), livemode=livemode, account=account)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone).astimezone(UTC)
