"""When that happened of which a discrepancy tells: a difference of November that is found in December is November's.

The day is read from what the discrepancy is about: its bank line, payout, deposit, line of Stripe's balance, and so on.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import CTE, ColumnElement, String, and_, case, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankLine, BankStatement
from supporters.discrepancies.codes import Code
from supporters.discrepancies.models import Discrepancy, DiscrepancyState
from supporters.discrepancies.rules import QUIET, STOPS
from supporters.donations.models import Dispute, Donation, Refund
from supporters.donations.other_models import Deposit
from supporters.kit.db import UTCDateTime
from supporters.ledger.periods import next_month
from supporters.payments.models import BalanceTransaction, Payout

ID_CHARS = 26  # the subject of a payment that did not come: the promise's id, a colon, and the day
TOLD_BEFORE = timedelta(days=31)  # how long before its day something may be opened: a payout that is on its way
_CAME_LATER = (Code.PAYOUT_FAILED_RETURNED, Code.PAID_THEN_FAILED)  # not on the payout's day: when it was heard of
_ENDED = (Code.DISPUTE_UNPAID, Code.DISPUTE_LOST)
_OF_REFUNDS = (Code.REFUND_EXTERNAL, Code.REFUND_PENDING_FUNDS)

d = Discrepancy


class Explained(NamedTuple):
    """How many discrepancies of one kind a month brought, how many of them are open, and how many of earlier months are."""

    code: str
    opened: int
    open: int
    open_before: int = 0


class LeftOpen(msgspec.Struct, frozen=True):
    """The open discrepancies of one kind until the end of a month."""

    code: Code
    count: int

    @property
    def stops(self) -> bool:
        """Whether no month is closed while one of them is open."""
        return self.code in STOPS


async def open_by_month(session: AsyncSession, months: Sequence[date], *, zone: str) -> dict[int, int]:
    """How many that a person must explain are open of each of these months, by its place among them."""
    facts = _facts(d.state == DiscrepancyState.OPEN.value)
    places = ((_before(facts, next_month(month), zone), place) for place, month in enumerate(months))
    place = case(*places, else_=len(months)).label("place")
    counted = select(place, func.count()).where(~_before(facts, months[0], zone)).group_by(place)
    return {int(at): count for at, count in await session.execute(counted)}


async def explained(session: AsyncSession, month: date, *, zone: str) -> list[Explained]:
    """The discrepancies of the month and those of earlier ones that are open, by kind; those for information left out."""
    midnight = datetime.combine(month, time.min, ZoneInfo(zone))
    facts = _facts(or_(d.state == DiscrepancyState.OPEN.value, d.opened_at >= midnight - TOLD_BEFORE))
    is_open = facts.c.state == DiscrepancyState.OPEN.value
    is_older = _before(facts, month, zone)
    of_month = case((is_older, 0), else_=1)
    open_now = case((~is_older & is_open, 1), else_=0)
    open_before = case((is_older, 1), else_=0)
    counted = (
        select(facts.c.code, func.sum(of_month), func.sum(open_now), func.sum(open_before))
        .where(_before(facts, next_month(month), zone), or_(~is_older, is_open))
        .group_by(facts.c.code)
        .order_by(facts.c.code)
    )
    return [Explained(code, *map(int, counts)) for code, *counts in await session.execute(counted)]


async def left_open(session: AsyncSession, month: date, *, zone: str) -> list[LeftOpen]:
    """Those that are open of the month or an earlier one, by kind; of what stops a closing, also those of no known day."""
    facts = _facts(d.state == DiscrepancyState.OPEN.value)
    has_no_day = and_(facts.c.day.is_(None), facts.c.moment.is_(None), facts.c.code.in_([code.value for code in STOPS]))
    counted = select(facts.c.code, func.count()).where(or_(has_no_day, _before(facts, next_month(month), zone)))
    rows = await session.execute(counted.group_by(facts.c.code).order_by(facts.c.code))
    return [LeftOpen(Code(code), count) for code, count in rows]


def _facts(*conditions: ColumnElement[bool]) -> CTE:
    """Kind, state, day (as text) or moment of each that a person must explain, and when it was opened; each looked up once."""
    speaks = d.code.not_in([code.value for code in QUIET])
    day, moment = _day().label("day"), _moment().label("moment")
    return (
        select(d.code, d.state, d.opened_at, day, moment)
        .where(speaks, *conditions)
        .cte("facts")
        .prefix_with("MATERIALIZED")
    )


def _before(facts: CTE, day: date, zone: str) -> ColumnElement[bool]:
    """It happened before this day begins; where nothing says when, it was opened before."""
    midnight = datetime.combine(day, time.min, ZoneInfo(zone))
    moment = func.coalesce(facts.c.moment, facts.c.opened_at, type_=UTCDateTime())
    return case((facts.c.day.is_not(None), facts.c.day < day.isoformat()), else_=moment < midnight)


def _day() -> ColumnElement[str]:
    """What has a day rather than a moment. As text: the databases differ in how they read days."""
    on_time = (Payout.stripe_payout_id == d.subject) & d.code.not_in([code.value for code in _CAME_LATER])
    days = (
        select(cast(BankLine.booked_on, String)).where(BankLine.id == d.subject),
        select(cast(Payout.arrival_on, String)).where(on_time),
        select(cast(BankStatement.starts_on, String)).where(BankStatement.id == d.subject),
        select(cast(Deposit.paid_in_on, String)).where(Deposit.id == d.subject),
    )
    expected = case((d.code == Code.STANDING_ORDER_MISSED.value, func.substr(d.subject, ID_CHARS + 2, 10)))
    return func.coalesce(*(each.scalar_subquery() for each in days), expected, d.detail["off_since"].as_string())


def _moment() -> ColumnElement[datetime]:
    line, ended = BalanceTransaction, d.code.in_([code.value for code in _ENDED])
    came_back = d.code == Code.DEBIT_RETURNED.value
    of_payment = case((came_back, func.max(line.created_at)), else_=func.min(line.created_at))
    of_refunds = d.code.in_([code.value for code in _OF_REFUNDS])
    too_much = (d.code == Code.REFUND_EXCEEDS.value) & (Refund.donation_id == d.donation_id)
    moments = (
        select(line.created_at).where(line.stripe_balance_transaction_id == d.subject),
        select(of_payment).where(line.stripe_payment_intent_id == d.subject),
        select(func.max(Refund.created_at)).where(too_much),
        select(Refund.created_at).where(Refund.stripe_refund_id == d.subject, of_refunds),
        select(case((ended, Dispute.closed_at), else_=Dispute.opened_at)).where(Dispute.stripe_dispute_id == d.subject),
        select(Donation.paid_at).where(Donation.id == d.subject),
    )
    return func.coalesce(*(each.scalar_subquery() for each in moments), type_=UTCDateTime())
