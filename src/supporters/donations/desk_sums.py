"""What the donations of a whole view of the desk's list add up to.

Whole days are read from what the database keeps (`tally.py`), and so cost the same however many donations there are. Parts of
days, and views that ask for more than days and a state, are added up anew.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Boolean, ColumnElement, Select, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.models import Appeal, Attribution
from supporters.donations.desk_queries import GONE, bounds, conditions
from supporters.donations.filters import DonationFilter
from supporters.donations.models import WENT_BACK, Donation, DonationState
from supporters.donations.sums import PAID, of_every_kind, paid_currencies
from supporters.donations.tally import kept_sums, whole_days
from supporters.kit.money import Money

UNPAID = Donation.state.in_([each for each in DonationState if each != DonationState.PAID])
KEPT = {
    "": tuple(DonationState),
    "received": (DonationState.PAID,),
    "paid": (DonationState.PAID,),
    "processing": (DonationState.PROCESSING,),
    "not_paid": (DonationState.STARTED, DonationState.EXPIRED),
}  # the statuses of `filters.STATES` that are states; of "paid", what went back whole is taken off
WHOLLY_GONE = (literal_column(f"({WENT_BACK})", Boolean), Donation.amount_minor <= GONE)  # in the words of their index

Part = tuple[str, str, Sequence[Any]]  # state, currency, sums in the order of `tally.PARTS`


class DonationSums(msgspec.Struct, frozen=True):
    """Sums over every paid donation of a view, in one currency. Unpaid ones are counted apart.

    `taken_back` is what banks hold back while a dispute is open, and what they took for good.
    """

    currency: str
    paid: Money
    paid_count: int
    fees: Money
    fees_unknown_count: int
    refunded: Money
    refunded_count: int
    taken_back: Money
    taken_back_count: int
    unpaid_count: int

    @property
    def net(self) -> Money:
        """Paid, less the fees known so far, less what went back to givers."""
        return self.paid - self.fees - self.gone

    @property
    def gone(self) -> Money:
        """What was refunded by us, or taken back by banks."""
        return self.refunded + self.taken_back


async def sum_rows(session: AsyncSession, view: DonationFilter, *, currency: str, zone: str) -> list[DonationSums]:
    """The sums of the view, one for each currency in it; one of zeros in `currency` when it is empty."""
    paid: dict[str, list[int]] = defaultdict(lambda: [0] * 8)
    unpaid: dict[str, int] = defaultdict(int)
    async for state, held, sums in _parts(session, view, currency, zone):
        if state == DonationState.PAID:
            paid[held] = [one + int(more) for one, more in zip(paid[held], sums, strict=True)]
        else:
            unpaid[held] += int(sums[0])
    found = sorted({each for each, sums in paid.items() if sums[0]} | unpaid.keys()) or [currency]
    return [_as_sums(each, paid[each], unpaid[each]) for each in found]


async def _parts(session: AsyncSession, view: DonationFilter, currency: str, zone: str) -> AsyncIterator[Part]:
    """Everything in the view, once: whole days as they are kept, if they are, and what lies before and after them."""
    start, end = bounds(view, zone)
    first, last = whole_days(start, end)
    stretches = [(start, end)]
    if _is_kept(view) and not (first and last and first >= last):
        for state, held, *sums in await session.execute(kept_sums(first, last)):
            if state in KEPT[view.state]:
                yield state, held, sums
        if view.state == "paid":
            everything = msgspec.structs.replace(view, state="")
            for held, *sums in await session.execute(_sums_of_paid(everything, currency, first, last, *WHOLLY_GONE)):
                yield DonationState.PAID, held, [-each for each in sums]
        stretches = [(since, until) for since, until in ((start, first), (last, end)) if since != until]
    for since, until in stretches:
        async for part in _added_up(session, view, currency, since, until):
            yield part


def _is_kept(view: DonationFilter) -> bool:
    """Whether nothing but days and such a state is asked for."""
    return view.state in KEPT and msgspec.structs.replace(view, state="", since=None, until=None).is_empty


async def _added_up(
    session: AsyncSession, view: DonationFilter, currency: str, start: datetime | None, end: datetime | None
) -> AsyncIterator[Part]:
    for held, *sums in await session.execute(_sums_of_paid(view, currency, start, end)):
        yield DonationState.PAID, held, sums
    for held, count in await session.execute(_count_of_unpaid(view, currency, start, end)):
        yield "", held, [count]


def _sums_of_paid(
    view: DonationFilter, currency: str, start: datetime | None, end: datetime | None, *only: ColumnElement[bool]
) -> Select[*tuple[Any, ...]]:
    """Read from one index alone where the view asks for no more than state and time."""
    query = select(
        Donation.currency,
        func.count(),
        func.sum(Donation.amount_minor),
        func.count(Donation.fee_minor),
        func.coalesce(func.sum(Donation.fee_minor), 0),
        func.count().filter(Donation.refunded_minor > 0),
        func.sum(Donation.refunded_minor),
        func.count().filter(Donation.returned_minor > 0),
        func.sum(Donation.returned_minor),
    )
    where = conditions(view, currency=currency, start=start, end=end, shown_at=Donation.paid_at.expression)
    if start or end:
        where += [Donation.currency.in_(select(paid_currencies().c.currency)), *of_every_kind()]
    return _with_origins(query, view).where(PAID, *only, *where).group_by(Donation.currency)


def _count_of_unpaid(
    view: DonationFilter, currency: str, start: datetime | None, end: datetime | None
) -> Select[*tuple[Any, ...]]:
    where = conditions(view, currency=currency, start=start, end=end)
    return (
        _with_origins(select(Donation.currency, func.count()), view).where(UNPAID, *where).group_by(Donation.currency)
    )


def _with_origins(query: Select[*tuple[Any, ...]], view: DonationFilter) -> Select[*tuple[Any, ...]]:
    """The query with what its view asks of appeal and attribution, and no more."""
    if view.appeal:
        query = query.join(Appeal, Appeal.id == Donation.appeal_id)
    if view.article or view.issue:
        query = query.join(Attribution, Attribution.id == Donation.attribution_id)
    return query


def _as_sums(currency: str, paid: Sequence[int], unpaid_count: int) -> DonationSums:
    count, amount, posted_count, fees, refunded_count, refunded, returned_count, returned = paid
    return DonationSums(
        currency=currency,
        paid=Money(amount, currency),
        paid_count=count,
        fees=Money(fees, currency),
        fees_unknown_count=count - posted_count,
        refunded=Money(refunded, currency),
        refunded_count=refunded_count,
        taken_back=Money(returned, currency),
        taken_back_count=returned_count,
        unpaid_count=unpaid_count,
    )
