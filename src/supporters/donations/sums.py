"""Adding up what was paid, over years and for one page: asked so that one index (`ix_donation_sums`) answers alone.

It is ordered by state, currency, frequency, whether a plan was renewed, and time; so all of these are named, in part by every
value that they can have.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from sqlalchemy import CTE, ColumnElement, Select, func, literal, select, union_all

from supporters.donations.models import Donation, DonationState, Frequency
from supporters.kit.db import UTCDateTime

Moment = datetime | ColumnElement[datetime]
PAID = Donation.state == DonationState.PAID


def of_every_kind() -> list[ColumnElement[bool]]:
    """Given once, begun or renewed: true of every donation."""
    return [Donation.frequency.in_([each.value for each in Frequency]), Donation.is_renewal.in_([False, True])]


def paid_currencies() -> CTE:
    """The currencies that anything was paid in, found by leaping through the index from one to the next; then a NULL."""
    first = select(func.min(Donation.currency).label("currency")).where(PAID)
    found = first.cte("held", recursive=True)
    following = select(func.min(Donation.currency)).where(PAID, Donation.currency > found.c.currency)
    return found.union_all(select(following.scalar_subquery()).where(found.c.currency.is_not(None)))


def paid_between(start: Moment, end: Moment, *, currency: str) -> list[ColumnElement[bool]]:
    """Paid in that currency from `start` on and before `end`."""
    in_time = (Donation.paid_at >= start, Donation.paid_at < end)
    return [PAID, Donation.currency == currency, *of_every_kind(), *in_time]


def stretches(edges: Sequence[datetime]) -> CTE:
    """The time between the edges as rows to join with: `number` from 0, `since`, and `until`, the first moment after it."""
    return union_all(*(_stretch(number, *ends) for number, ends in enumerate(pairwise(edges)))).cte("stretch")


def _stretch(number: int, since: datetime, until: datetime) -> Select[int, datetime, datetime]:
    return select(
        literal(number).label("number"),
        literal(since, UTCDateTime).label("since"),
        literal(until, UTCDateTime).label("until"),
    )
