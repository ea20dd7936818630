"""Days of payments: month ends, leap days, and summer time."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from supporters.plans.dates import add_months, anchor_of, at_midday, date_range, held_until, next_taken

LONDON = ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    ("day", "months", "anchor", "then"),
    [
        (date(2026, 11, 22), 1, None, date(2026, 12, 22)),
        (date(2026, 12, 31), 2, None, date(2027, 2, 28)),
        (date(2027, 2, 28), 1, 31, date(2027, 3, 31)),
        (date(2028, 1, 30), 1, 30, date(2028, 2, 29)),
        (date(2028, 2, 29), 12, 29, date(2029, 2, 28)),
        (date(2026, 12, 1), 0, None, date(2026, 12, 1)),
    ],
)
def test_months_are_added_without_losing_the_day_that_is_meant(
    day: date, months: int, anchor: int | None, then: date
) -> None:
    assert add_months(day, months, anchor=anchor) == then


def test_a_last_day_of_february_may_mean_the_thirty_first() -> None:
    assert anchor_of(date(2027, 2, 28), date(2026, 10, 31)) == 31
    assert anchor_of(date(2027, 2, 27), date(2026, 10, 31)) == 27
    assert anchor_of(date(2027, 2, 28), date(2026, 10, 5)) == 28


def test_midday_is_midday_in_summer_and_in_winter() -> None:
    assert at_midday(date(2027, 3, 27), LONDON) == datetime(2027, 3, 27, 12, tzinfo=UTC)
    assert at_midday(date(2027, 3, 29), LONDON) == datetime(2027, 3, 29, 11, tzinfo=UTC)
    assert at_midday(date(2027, 3, 29), ZoneInfo("Pacific/Auckland")).date() == date(2027, 3, 28)


@pytest.mark.parametrize("payments", [1, 2, 3])
def test_a_pause_leaves_out_exactly_as_many_payments_as_it_says(payments: int) -> None:
    for start in (datetime(2026, 10, 31, 9, tzinfo=UTC), datetime(2027, 1, 29, 9, tzinfo=UTC)):
        due = datetime.combine(add_months(start.date(), 1), start.timetz())
        until = held_until(due, "monthly", payments=payments, started_at=start)

        step = 0
        while (moment := datetime.combine(add_months(start.date(), 1 + step), start.timetz())) < until:
            step += 1

        assert step == payments
        assert next_taken(due, "monthly", paused_until=until, started_at=start) == moment
        assert moment - until > timedelta(days=20)


def test_a_date_can_be_moved_from_tomorrow_to_a_month_later() -> None:
    assert date_range(date(2027, 1, 31), date(2027, 1, 10)) == (date(2027, 1, 11), date(2027, 2, 28))
