"""Payments whose books say just what the donation says: their sums are known without adding up the books.

One pass lays each payment beside its line and its entries. Those where these say anything else are few, as refunds and what is
not settled yet, and only their books are added up: what comes of both is what adding up everything would give, in a fifth of
the time. That is SQLite's way; PostgreSQL joins whole tables faster than it looks at each row.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import CTE, Boolean, ColumnElement, Select, bindparam, func, literal, select, text, true, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.models import Donation, DonationState, Frequency
from supporters.donations.sums import PAID, paid_currencies, stretches
from supporters.kit.db import UTCDateTime
from supporters.ledger.chart import Account

MOST_ODD = 5_000  # where there are more, everything is added up
AT_ONCE = 500


class Kind(StrEnum):
    """What kind of payment a donation is."""

    ONCE = "once"  # Given once.
    FIRST = "first"  # The payment that began a plan.
    RENEWAL = "renewal"  # Every later one.


class Sums(NamedTuple):
    """Some payments. *Money*: minor units; fees are positive."""

    donations: int = 0
    amount_minor: int = 0
    fee_minor: int = 0


Held = tuple[str, int, Kind]  # currency, number of the month, kind
Ids = Sequence[str] | None  # of donations; None: all of them


# What stands in another currency counts for more than anybody gives: then nothing is taken for regular. The pluses keep
# SQLite from an index whose order is not that in which lines and entries lie.
_ELSEWHERE = 10**15
_PAYMENT = f"""
SELECT d.id, d.currency, d.frequency, d.is_renewal, d.paid_at, d.amount_minor, coalesce(d.fee_minor, 0) AS fee_minor
FROM donation d {{joined}} WHERE +d.state = 'paid' AND +d.paid_at >= :since AND +d.paid_at < :until {{more}} (
coalesce((SELECT sum(CASE b.currency WHEN d.currency THEN b.gross_minor ELSE {_ELSEWHERE} END) FROM balance_transaction b
WHERE b.stripe_payment_intent_id = d.stripe_payment_intent_id AND b.reporting_category = 'charge'
AND b.posted_at IS NOT NULL), 0) <> d.amount_minor OR (d.frequency = 'once' AND d.is_renewal) OR
"""  # noqa: S608 - fixed text
_BOOKED = f"CASE e.currency WHEN d.currency THEN e.amount_minor ELSE {_ELSEWHERE} END"

ODD_OF_PLANS = f"""{_PAYMENT.format(joined="", more="AND")}
(d.frequency = 'once') = EXISTS (SELECT 1 FROM instalment i WHERE i.donation_id = d.id)
OR coalesce((SELECT sum({_BOOKED}) FROM ledger_entry e WHERE e.donation_id = d.id
AND e.account = '{Account.DONATIONS_RECURRING}'), 0) <> CASE d.frequency WHEN 'once' THEN 0 ELSE -d.amount_minor END)
"""  # noqa: S608 - fixed text
"""Payments of which plan, line or the ledger's recurring account say anything else."""

_OWN = f"CASE d.frequency WHEN 'once' THEN '{Account.DONATIONS_ONCE}' ELSE '{Account.DONATIONS_RECURRING}' END"
_OTHERS = ", ".join(
    f"'{account}'"
    for account in (
        Account.DONATIONS_ONCE,
        Account.DONATIONS_RECURRING,
        Account.REFUNDS,
        Account.RETURNED,
        Account.DISPUTES_RECEIVABLE,
    )
)
_HELD = f"('{Account.STRIPE_BALANCE}', '{Account.UNDEPOSITED}')"
ODD_IN_BOOKS = f"""{
    _PAYMENT.format(joined="LEFT JOIN ledger_entry e ON e.donation_id = d.id", more="GROUP BY d.id HAVING")
}
coalesce(sum({_BOOKED}) FILTER (WHERE e.account = {_OWN}), 0) <> -d.amount_minor
OR coalesce(sum({_BOOKED}) FILTER (WHERE e.account >= '5' AND e.account < '6'), 0) <> coalesce(d.fee_minor, 0)
OR coalesce(sum({_BOOKED}) FILTER (WHERE e.account IN {_HELD}), 0) <> d.amount_minor - coalesce(d.fee_minor, 0)
OR count(*) FILTER (WHERE e.account IN ({_OTHERS}) AND e.account <> {_OWN}) > 0)
"""
"""Payments of which line or ledger say anything else but: given, less the fee."""


def kind_of(frequency: Frequency, *, is_renewal: bool) -> Kind:
    """What kind of payment a donation is."""
    if frequency is Frequency.ONCE:
        return Kind.ONCE
    return Kind.RENEWAL if is_renewal else Kind.FIRST


def paid_in(edges: Sequence[datetime], ids: Ids) -> list[ColumnElement[bool]]:
    """Paid between the first and the last edge, and one of these."""
    asked = [Donation.state == DonationState.PAID, Donation.paid_at >= edges[0], Donation.paid_at < edges[-1]]
    return asked if ids is None else [*asked, Donation.id.in_(ids)]


async def paid_sums(session: AsyncSession, edges: Sequence[datetime]) -> dict[Held, Sums]:
    """What was paid between the edges, by currency, month and kind."""
    found: dict[Held, Sums] = {}
    for currency, number, kind, *sums in await session.execute(_paid(edges)):
        if sums[0]:
            held = (currency, number, Kind(kind))
            found[held] = Sums(*(int(a) + b for a, b in zip(sums, found.get(held, Sums()), strict=True)))
    return found


async def regular_sums(
    session: AsyncSession, edges: Sequence[datetime], odd: str, paid: Mapping[Held, Sums]
) -> tuple[dict[Held, Sums], list[Ids]]:
    """Of what was `paid`, that which the books say just so; and the others, in parts whose books are to be added up.

    `odd` says which are others. Where they are many, everything is: its one part names nobody.
    """
    if session.get_bind().dialect.name != "sqlite":
        return {}, [None]
    window = [bindparam(name, edges[end], type_=UTCDateTime()) for name, end in (("since", 0), ("until", -1))]
    asked = text(odd + " LIMIT :most").bindparams(*window, most=MOST_ODD + 1)
    rows = (await session.execute(asked.columns(paid_at=UTCDateTime(), is_renewal=Boolean()))).all()
    if len(rows) > MOST_ODD:
        return {}, [None]
    found = dict(paid)
    for row in rows:
        if row.is_renewal and row.frequency == Frequency.ONCE:
            continue  # there is no such kind: it was not counted
        kind = kind_of(Frequency(row.frequency), is_renewal=row.is_renewal)
        held = (row.currency, bisect_right(edges, row.paid_at) - 1, kind)
        one = Sums(1, row.amount_minor, row.fee_minor)
        found[held] = Sums(*(a - b for a, b in zip(found[held], one, strict=True)))
    ids = [row.id for row in rows]
    return found, [ids[first : first + AT_ONCE] for first in range(0, len(ids), AT_ONCE)]


def _paid(edges: Sequence[datetime]) -> Select[*tuple[Any, ...]]:
    """One row for each month, currency and kind, read from its own stretches of the index of sums; empty ones too."""
    month, held, kind = stretches(edges), paid_currencies(), _kinds()
    is_its = (
        PAID,
        Donation.currency == held.c.currency,
        Donation.frequency == kind.c.frequency,
        Donation.is_renewal == kind.c.is_renewal,
        Donation.paid_at >= month.c.since,
        Donation.paid_at < month.c.until,
    )
    count = select(func.count()).where(*is_its).scalar_subquery()
    given, fees = (
        select(func.coalesce(func.sum(column), 0)).where(*is_its).scalar_subquery()
        for column in (Donation.amount_minor, Donation.fee_minor)
    )
    everything = month.join(held, held.c.currency.is_not(None)).join(kind, true())
    return select(held.c.currency, month.c.number, kind.c.pays_for, count, given, fees).select_from(everything)


def _kinds() -> CTE:
    """Which kind a donation is, by its frequency and whether it renews a plan."""
    kinds = [(each, each != Frequency.ONCE and is_renewal) for each in Frequency for is_renewal in (False, True)]
    rows = [
        select(
            literal(frequency.value).label("frequency"),
            literal(is_renewal).label("is_renewal"),
            literal(kind_of(frequency, is_renewal=is_renewal).value).label("pays_for"),
        )
        for frequency, is_renewal in dict.fromkeys(kinds)
    ]
    return union_all(*rows).cte("kind")
