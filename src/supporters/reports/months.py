"""Calendar months in the publisher's own time zone, for reports that put one line under the other."""

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, case


def last_months(today: date, count: int) -> list[date]:
    """The first days of that many months, the oldest first; the last is this month."""
    this = today.year * 12 + today.month - 1
    return [first_of(index) for index in range(this - count + 1, this + 1)]


def month_edges(months: Sequence[date], zone: str) -> list[datetime]:
    """The first moment of each month, and the first after the last."""
    place = ZoneInfo(zone)
    after = first_of(months[-1].year * 12 + months[-1].month)
    return [datetime.combine(each, time.min, place) for each in (*months, after)]


def first_of(index: int) -> date:
    """The first day of the month with that number, counted from the year 0."""
    year, month = divmod(index, 12)
    return date(year, month + 1, 1)


def month_number(moment: ColumnElement[Any], edges: Sequence[datetime]) -> ColumnElement[int]:
    """Which of the months between the edges the moment is in, from 0; asked only of moments between the first and last."""
    return case(*((moment < edge, number) for number, edge in enumerate(edges[1:])), else_=len(edges))
