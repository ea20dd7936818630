"""When a plan's payments fall due. Pure: days are those of the newsroom's own time zone.

A plan that is charged on the 31st is charged on the last day of shorter months, and on the 31st again after that.
Source: docs.stripe.com/billing/subscriptions/billing-cycle, read 2026-11-22.
"""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from supporters.plans.models import Plan, PlanState

MIDDAY = time(12)  # far from midnight, so that Stripe's day (in UTC) is the day that was chosen
AFTER_A_BILL = timedelta(days=1)
MONTHS_OF = {"monthly": 1, "quarterly": 3, "yearly": 12}
SATURDAY = 5
WORKING_DAYS = {"bacs_debit": 7}
MOST_WORKING_DAYS = 14  # SEPA's


def add_months(day: date, months: int, *, anchor: int | None = None) -> date:
    """The day that many months later; `anchor` is the day of the month that is meant where the month has it."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(anchor or day.day, monthrange(year, month + 1)[1]))


def anchor_of(next_on: date, started_on: date) -> int:
    """The day of the month that a plan keeps to: that of its next payment, or a later one that the month has not."""
    is_last = next_on.day == monthrange(next_on.year, next_on.month)[1]
    return max(next_on.day, started_on.day) if is_last else next_on.day


def at_midday(day: date, zone: ZoneInfo) -> datetime:
    """Midday of that day in that time zone, in UTC."""
    return datetime.combine(day, MIDDAY, tzinfo=zone).astimezone(UTC)


def held_until(next_at: datetime, frequency: str, *, payments: int, started_at: datetime) -> datetime:
    """Until when bills are held so that exactly that many payments are left out, the next being the first."""
    next_on = next_at.date()
    anchor = anchor_of(next_on, started_at.date())
    last = add_months(next_on, (payments - 1) * MONTHS_OF[frequency], anchor=anchor)
    return datetime.combine(last, next_at.timetz()) + AFTER_A_BILL


def next_taken(next_at: datetime, frequency: str, *, paused_until: datetime | None, started_at: datetime) -> datetime:
    """When money is next taken: the first due time that no pause covers."""
    next_on = next_at.date()
    anchor = anchor_of(next_on, started_at.date())
    taken, step = next_at, 0
    while paused_until is not None and taken < paused_until:
        step += MONTHS_OF[frequency]
        taken = datetime.combine(add_months(next_on, step, anchor=anchor), next_at.timetz())
    return taken


def taken_at(plan: Plan) -> datetime | None:
    """When money is next taken; None when nothing is, the first payment is at the bank, or it is held until decided."""
    if plan.next_at is None or plan.stops_at or plan.state in (PlanState.STOPPED, PlanState.STARTING):
        return None
    if plan.state == PlanState.PAUSED and plan.paused_until is None:
        return None
    return next_taken(plan.next_at, plan.frequency, paused_until=plan.paused_until, started_at=plan.started_at)


def answered_by(asked_at: datetime, method: str) -> datetime:
    """The day by which a bank has paid a debit or said no, at the latest: so many working days after it was asked.

    Source: docs.stripe.com/payments/bacs-debit (with a new instruction) and /payments/sepa-debit, read 2026-11-22.
    """
    day, left = asked_at, WORKING_DAYS.get(method, MOST_WORKING_DAYS)
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < SATURDAY
    return day


def date_range(next_on: date, today: date) -> tuple[date, date]:
    """The first and the last day that the next payment may be moved to: from tomorrow to a month after it was due."""
    first = today + timedelta(days=1)
    return first, max(add_months(next_on, 1), first)
