"""What a plan brings in a month, so that plans can be added up: a yearly one counts with its twelfth, others likewise.

Each share is rounded plan by plan, to the nearest minor unit: so every sum over plans is exact and any two of them agree.
"""

from sqlalchemy import ColumnElement, case

from supporters.donations.models import Frequency
from supporters.plans.models import Plan

MONTHS_A_YEAR, MONTHS_A_QUARTER = 12, 3
_HALF, _HALF_QUARTER = MONTHS_A_YEAR // 2, MONTHS_A_QUARTER // 2


def monthly_worth() -> ColumnElement[int]:
    """The plan's worth in a month, in minor units of its currency."""
    return case(
        (Plan.frequency == Frequency.YEARLY.value, (Plan.amount_minor + _HALF) // MONTHS_A_YEAR),
        (Plan.frequency == Frequency.QUARTERLY.value, (Plan.amount_minor + _HALF_QUARTER) // MONTHS_A_QUARTER),
        else_=Plan.amount_minor,
    )


def worth_of(amount_minor: int, frequency: str) -> int:
    """The same for an amount that is known."""
    if frequency == Frequency.QUARTERLY:
        return (amount_minor + _HALF_QUARTER) // MONTHS_A_QUARTER
    return (amount_minor + _HALF) // MONTHS_A_YEAR if frequency == Frequency.YEARLY else amount_minor
