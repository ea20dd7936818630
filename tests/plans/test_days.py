"""Days of a plan over a year: month ends, leap days, summer time, and midnight in the newsroom's own zone."""

from datetime import UTC, date, datetime, timedelta

import pytest

from plans.conftest import PlanJourney
from supporters.kit.templates import Templates
from supporters.mail.models import Letter
from supporters.mail.render import render_letter
from supporters.plans.dates import add_months
from supporters.plans.models import Instalment

YEAR = timedelta(days=367)


@pytest.mark.parametrize("start", [date(2028, 1, 31), date(2027, 8, 30), date(2028, 2, 29)])
async def test_every_payment_of_a_year_falls_on_the_day_that_is_meant(journey: PlanJourney, start: date) -> None:
    journey.clock.set(datetime(start.year, start.month, start.day, 9, 30, tzinfo=UTC))
    plan = await journey.begin()

    journey.clock.advance(YEAR)
    await journey.hear()

    periods = sorted(row.period_start for row in await journey.rows(Instalment))
    wanted = [add_months(start, month, anchor=start.day) for month in range(13)]
    assert [each.date() for each in periods] == wanted
    due = (await journey.plan(plan.id)).next_at
    assert due
    assert due.date() == add_months(start, 13, anchor=start.day)


async def test_yearly_plan_of_a_leap_day_is_due_on_the_last_of_february(journey: PlanJourney) -> None:
    journey.clock.set(datetime(2028, 2, 29, 9, 30, tzinfo=UTC))
    plan = await journey.begin(frequency="yearly")

    journey.clock.advance(YEAR)
    await journey.hear()

    due = (await journey.plan(plan.id)).next_at
    assert [row.period_start.date() for row in await journey.rows(Instalment)][-1] == date(2029, 2, 28)
    assert due
    assert due.date() == date(2030, 2, 28)


async def test_plan_of_half_past_midnight_in_summer_time_names_the_newsrooms_days(journey: PlanJourney) -> None:
    assert journey.settings.time_zone == "Europe/London"
    journey.clock.set(
        datetime(2027, 3, 29, 23, 30, tzinfo=UTC)
    )  # 00:30 on the 30th in London, two days into summer time

    plan = await journey.begin()

    [letter] = [row for row in await journey.rows(Letter) if row.kind == "plan_started"]
    text = render_letter(Templates(journey.settings, clock=journey.clock), letter).text
    assert "Next payment: Friday 30 April" in text
    assert (await journey.plan(plan.id)).next_at == datetime(2027, 4, 29, 23, 30, tzinfo=UTC)
