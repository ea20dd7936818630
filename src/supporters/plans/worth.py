"""What a plan brings in a month, so that monthly and yearly ones can be added up: a yearly one counts with its twelfth.

The twelfth is rounded plan by plan, to the nearest minor unit: so every sum over plans is exact and any two of them agree.
"""

from sqlalchemy import ColumnElement, case

from supporters.donations.models import Frequency
from supporters.plans.models import Plan

MONTHS_A_YEAR = 12
_HALF = MONTHS_A_YEAR // 2


def monthly_worth() -> ColumnElement[int]:
    """The plan's worth in a month, in minor units of its currency."""
    return case(
        (Plan.frequency == Frequency.YEARLY.value, (Plan.amount_minor + _HALF) // MONTHS_A_YEAR),
        else_=Plan.amount_minor,
    )


def worth_of(amount_minor: int, frequency: str) -> int:
    """The same for an amount that is known."""
    return (amount_minor + _HALF) // MONTHS_A_YEAR if frequency == Frequency.YEARLY else amount_minor
