"""Whether one statement goes on where others ended. Pure.

Each statement is held to what is known before its first day: the balance of the nearest statement before it, and the lines
between. What differs is missing, or here twice.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import accumulate

import msgspec

NEIGHBOURS = 20  # statements looked at before each, and a few after it that begin on the same day
AFTER = 5


class Span(msgspec.Struct, frozen=True):
    """A statement with the balances that the bank gave, in minor units."""

    statement_id: str
    starts_on: date
    ends_on: date
    opening_minor: int | None
    closing_minor: int | None
    is_opening_derived: bool = False  # worked out from the closing balance and the lines
    number: str = ""  # as the bank counts its statements


class Gap(msgspec.Struct, frozen=True):
    """A statement that does not go on from what is known. `off_minor`: its opening less what was expected."""

    statement_id: str
    starts_on: date
    known_until: date
    expected_minor: int
    opening_minor: int
    is_derived: bool = False  # one of the two was worked out here, as the bank gave no opening balance

    @property
    def off_minor(self) -> int:
        return self.opening_minor - self.expected_minor


class _Point(msgspec.Struct, frozen=True):
    """What another statement lets expect, and until when it knows."""

    known_until: date
    expected_minor: int
    is_derived: bool = False


def find_gaps(spans: Sequence[Span], sums: Mapping[date, int]) -> list[Gap]:
    """Every statement that does not go on from the others. `sums`: of all lines of the account, by day."""
    ordered = sorted(spans, key=lambda span: (span.starts_on, span.ends_on, span.statement_id))
    totals = _Totals(sums)
    found = [
        _gap(span, ordered[max(0, index - NEIGHBOURS) : index + AFTER], totals) for index, span in enumerate(ordered)
    ]
    return [gap for gap in found if gap]


def covered(spans: Sequence[Span]) -> list[tuple[date, date]]:
    """The stretches of days of which the statements tell, first and last day, in order.

    Days between two statements count where the later one opens with the balance with which the earlier one closed: nothing
    moved on them.
    """
    found: list[tuple[date, date]] = []
    closings = set[int | None]()  # of all that end on the last day of the latest stretch
    for span in sorted(spans, key=lambda each: (each.starts_on, each.ends_on, each.statement_id)):
        goes_on = found and (_is_next(found[-1][1], span) or span.opening_minor in closings - {None})
        first, last = found.pop() if goes_on else (span.starts_on, date.min)
        if span.ends_on > last:
            closings = set[int | None]()
        if span.ends_on >= last:
            closings.add(span.closing_minor)
        found.append((first, max(last, span.ends_on)))
    return found


def _is_next(last: date, span: Span) -> bool:
    """Whether it begins on the day after, or before that."""
    return span.starts_on.toordinal() <= last.toordinal() + 1


def pages_before(spans: Sequence[Span], day: date, opening_minor: int | None) -> frozenset[str]:
    """The statements that end on the day with the balance with which another one of that day opens, and those before them."""
    found: set[str] = set()
    wanted = set[int]() if opening_minor is None else {opening_minor}
    while wanted:
        pages = [
            span
            for span in spans
            if span.ends_on == day and span.closing_minor in wanted and span.statement_id not in found
        ]
        found.update(span.statement_id for span in pages)
        wanted = {span.opening_minor for span in pages if span.starts_on == day and span.opening_minor is not None}
    return frozenset(found)


def _gap(span: Span, spans: Sequence[Span], totals: "_Totals") -> Gap | None:
    if span.opening_minor is None:
        return None
    if any(other.closing_minor == span.opening_minor and _ends_within(other, span) for other in spans):
        return None  # it goes on in the middle of a day
    before = [point for other in spans if (point := _known_before(other, span, totals) or _same_start(other, span))]
    if not before or any(point.expected_minor == span.opening_minor for point in before):
        return None
    best = max(before, key=lambda point: (point.known_until, point.expected_minor))
    is_derived = span.is_opening_derived or best.is_derived
    return Gap(span.statement_id, span.starts_on, best.known_until, best.expected_minor, span.opening_minor, is_derived)


def _ends_within(other: Span, span: Span) -> bool:
    """Whether the other ends on the day on which this one begins, and is another one."""
    return other.statement_id != span.statement_id and other.ends_on == span.starts_on


def _known_before(other: Span, span: Span, totals: "_Totals") -> _Point | None:
    """The balance as this one's first day begins, as the other one lets expect, and until when the other one knows it."""
    if other.statement_id == span.statement_id:
        return None
    if other.closing_minor is not None and other.ends_on < span.starts_on:
        return _Point(other.ends_on, other.closing_minor + totals.after(other.ends_on, before=span.starts_on))
    if other.opening_minor is not None and other.starts_on < span.starts_on:
        expected = other.opening_minor + totals.between(other.starts_on, before=span.starts_on)
        return _Point(other.starts_on, expected, other.is_opening_derived)
    return None


def _same_start(other: Span, span: Span) -> _Point | None:
    """Where both begin on one day: the opening of the one that came first, unless it goes on from this one."""
    came_first = (other.ends_on, other.statement_id) < (span.ends_on, span.statement_id)
    if other.starts_on != span.starts_on or other.opening_minor is None or not came_first:
        return None
    if other.opening_minor == span.closing_minor:
        return None
    return _Point(other.starts_on, other.opening_minor, other.is_opening_derived)


class _Totals:
    """Sums over days, each asked for at once."""

    def __init__(self, sums: Mapping[date, int]) -> None:
        self._days = sorted(sums)
        self._running = [0, *accumulate(sums[day] for day in self._days)]

    def between(self, first: date, *, before: date) -> int:
        """Of the days from the first on, without the last."""
        return self._running[bisect_left(self._days, before)] - self._running[bisect_left(self._days, first)]

    def after(self, day: date, *, before: date) -> int:
        """Of the days after this one, without the last."""
        return self.between(day, before=before) - self.between(day, before=date.fromordinal(day.toordinal() + 1))
