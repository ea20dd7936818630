"""Periods of a report: this week, month or year, or two days, in the time zone of the books. Pure."""

from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum

import msgspec

from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line

EARLIEST, LATEST = date(1970, 1, 2), date(9998, 12, 30)


class Span(StrEnum):
    """How the period was asked for."""

    WEEK = "week"  # From Monday.
    MONTH = "month"  # From the first.
    YEAR = "year"  # From the first of January.
    DAYS = "days"  # From one day to another.


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """Two days, both inclusive, with what was typed and what could not be read."""

    span: Span
    since: date
    until: date
    typed: dict[str, str]
    problems: list[tuple[str, str]]


def read_period(query: Mapping[str, str], *, today: date) -> Period:
    """The period that the fields period, from and to ask for; this month when they can't be read."""
    typed = {name: clean_line(query[name], limit=20) for name in ("from", "to") if query.get(name)}
    asked = query.get("period", "")
    if asked == Span.DAYS or (typed and not asked):
        return _days(typed, today)
    span = Span(asked) if asked in set(Span) else Span.MONTH
    return Period(span=span, since=_first_day(span, today), until=today, typed={}, problems=[])


def _days(typed: dict[str, str], today: date) -> Period:
    problems: list[tuple[str, str]] = []
    since = _day(typed, "from", problems) or today.replace(day=1)
    until = _day(typed, "to", problems) or today
    if not problems and since > until:
        problems.append(("to", _("The last day must not come before the first.")))
    if problems:
        since, until = today.replace(day=1), today
    return Period(span=Span.DAYS, since=since, until=until, typed=typed, problems=problems)


def _first_day(span: Span, today: date) -> date:
    if span is Span.WEEK:
        return today - timedelta(days=today.weekday())
    return today.replace(day=1) if span is Span.MONTH else today.replace(month=1, day=1)


def _day(typed: Mapping[str, str], name: str, problems: list[tuple[str, str]]) -> date | None:
    text = typed.get(name)
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        problems.append((name, _("Write the day as year, month and day: 2026-11-22.")))
        return None
    if EARLIEST <= day <= LATEST:
        return day
    problems.append((name, _("That day is too far away.")))
    return None
