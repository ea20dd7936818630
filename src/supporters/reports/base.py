"""The monthly base: who has promised to give every month or year, what that is worth a month, and how it moved.

A plan counts from its start to its end, if a payment ever came and it was not undone on its first day; one that was begun
for a day to come counts while it goes on, and paused and failing ones count until they are over. What the plans have brought
is held against the ledger's recurring account. No names.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.models import Donation
from supporters.donations.other_models import OtherPayment, OtherState
from supporters.ledger.chart import Account
from supporters.ledger.models import LedgerEntry
from supporters.payments.models import BalanceTransaction
from supporters.people.models import Supporter
from supporters.plans.models import ChangeKind, ChangeState, Instalment, Plan, PlanChange, PlanState, StopReason
from supporters.plans.worth import monthly_worth, worth_of
from supporters.reports.months import month_edges, month_number
from supporters.reports.regular import ODD_OF_PLANS, Ids, Kind, paid_in, paid_sums, regular_sums
from supporters.reports.sources import CHARGE

NEVER_BEGUN = (StopReason.NEVER_PAID, StopReason.UNDONE)

Held = tuple[str, int]  # currency, number of the month


class Part(msgspec.Struct, frozen=True):
    """Some plans: how many, of how many people, worth how much a month in minor units."""

    plans: int = 0
    people: int = 0
    minor: int = 0


class BaseMonth(msgspec.Struct, frozen=True, kw_only=True):
    """How the base moved in one month: start + new + changed - stopped - failed = end, in plans and in money."""

    month: date
    start: Part  # people are not counted for the past
    new: Part
    stopped: Part  # by whom or whatever, but for payments that failed
    failed: Part
    changed_minor: int  # other amounts for plans that went on
    end: Part


class SettledMonth(msgspec.Struct, frozen=True, kw_only=True):
    """What plans brought in one month, as the plans know it, and what the ledger's recurring account holds of that month."""

    month: date
    payments: int = 0
    given_minor: int = 0
    unsettled_minor: int = 0  # paid, not in the books yet
    settled_minor: int = 0  # before fees, refunds and what banks took back
    books_minor: int = 0

    @property
    def is_proved(self) -> bool:
        """Whether plans and ledger agree."""
        return self.settled_minor == self.books_minor


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """The base in one currency now, and its months, the latest first."""

    currency: str
    now: Part
    paused: Part
    failing: Part
    stopping: Part
    months: list[BaseMonth]
    settled: list[SettledMonth]

    @property
    def is_proved(self) -> bool:
        """Whether plans and ledger agree in every month."""
        return all(each.is_proved for each in self.settled)


async def base_now(session: AsyncSession, *, months: Sequence[date], zone: str, currency: str) -> list[Base]:
    """The base and how it moved, without a look at the books: one for each currency, `currency` first."""
    edges = month_edges(months, zone)
    now = await _now(session)
    (new,) = await _moved(session, Plan.started_at, edges, None)
    has_failed = Plan.stop_reason.is_not_distinct_from(StopReason.PAYMENTS_FAILED)
    stopped, failed = await _moved(session, Plan.stopped_at, edges, ~has_failed, has_failed)
    changed, began_with = await _changes(session, edges)
    for held, minor in began_with.items():
        part = new[held]
        new[held] = Part(part.plans, part.people, part.minor - minor)
    others = {held[0] for pile in (new, stopped, failed, changed) for held in pile} | now.keys()
    return [
        _base(each, now.get(each), months, new, stopped, failed, changed)
        for each in [currency, *sorted(others - {currency})]
    ]


async def base_and_books(session: AsyncSession, *, months: Sequence[date], zone: str, currency: str) -> list[Base]:
    """The same, with what plans brought in each month, held against the ledger's recurring account."""
    edges = month_edges(months, zone)
    bases = {each.currency: each for each in await base_now(session, months=months, zone=zone, currency=currency)}
    given, settled, books = await _settled_sums(session, edges)
    for other in sorted({held[0] for pile in (given, settled, books) for held in pile} - bases.keys()):
        bases[other] = _base(other, None, months, {}, {}, {}, {})
    found: list[Base] = []
    for each in bases.values():
        lines = [
            _settled_month(month, (each.currency, number), given, settled, books) for number, month in enumerate(months)
        ]
        found.append(msgspec.structs.replace(each, settled=lines[::-1]))
    return found


async def _settled_sums(
    session: AsyncSession, edges: Sequence[datetime]
) -> tuple[dict[Held, Sequence[int]], dict[Held, int], dict[Held, int]]:
    """By currency and month: payments, what they came to and what is unsettled of it; what is settled; what is booked."""
    given: defaultdict[Held, list[int]] = defaultdict(lambda: [0, 0, 0])
    settled: defaultdict[Held, int] = defaultdict(int)
    books: defaultdict[Held, int] = defaultdict(int)
    regular, others = await regular_sums(session, edges, ODD_OF_PLANS, await paid_sums(session, edges))
    for (currency, number, kind), sums in regular.items():
        if kind is not Kind.ONCE and sums.donations:
            _add(given[currency, number], (sums.donations, sums.amount_minor, 0))
            settled[currency, number] += sums.amount_minor
            books[currency, number] += sums.amount_minor
    for ids in others:
        for currency, number, *sums in await session.execute(_given(edges, ids)):
            _add(given[currency, number], sums)
        for query in (_settled(edges, ids), _settled_otherwise(edges, ids)):
            for currency, number, minor in await session.execute(query):
                settled[currency, number] += int(minor)
        for currency, number, minor in await session.execute(_books(edges, ids)):
            books[currency, number] -= int(minor)
    return {held: sums for held, sums in given.items() if sums[0]}, settled, books


def _add(to: list[int], more: Sequence[Any]) -> None:
    to[:] = [have + int(each) for have, each in zip(to, more, strict=True)]


def _base(
    currency: str,
    now: Sequence[Part] | None,
    months: Sequence[date],
    new: dict[Held, Part],
    stopped: dict[Held, Part],
    failed: dict[Held, Part],
    changed: dict[Held, int],
) -> Base:
    """The base of one currency; each month's start is what its end was before the month's movements."""
    parts = now or [Part()] * 4
    lines: list[BaseMonth] = []
    end = parts[0]
    for number in range(len(months) - 1, -1, -1):
        held = (currency, number)
        line = BaseMonth(
            month=months[number],
            start=_before(end, new.get(held, Part()), _both(stopped, failed, held), changed.get(held, 0)),
            new=new.get(held, Part()),
            stopped=stopped.get(held, Part()),
            failed=failed.get(held, Part()),
            changed_minor=changed.get(held, 0),
            end=end,
        )
        lines.append(line)
        end = line.start
    now_part, paused, failing, stopping = parts
    return Base(
        currency=currency, now=now_part, paused=paused, failing=failing, stopping=stopping, months=lines, settled=[]
    )


def _both(stopped: dict[Held, Part], failed: dict[Held, Part], held: Held) -> Part:
    one, other = stopped.get(held, Part()), failed.get(held, Part())
    return Part(one.plans + other.plans, 0, one.minor + other.minor)


def _before(end: Part, new: Part, gone: Part, changed_minor: int) -> Part:
    return Part(end.plans - new.plans + gone.plans, 0, end.minor - new.minor + gone.minor - changed_minor)


def _settled_month(
    month: date, held: Held, given: dict[Any, Any], settled: dict[Any, int], books: dict[Any, int]
) -> SettledMonth:
    payments, minor, unsettled = given.get(held, (0, 0, 0))
    return SettledMonth(
        month=month,
        payments=payments,
        given_minor=int(minor),
        unsettled_minor=int(unsettled),
        settled_minor=settled.get(held, 0),
        books_minor=books.get(held, 0),
    )


def _counts() -> ColumnElement[bool]:
    """Whether the plan ever began: paid once, and not undone on its first day. What ended before any payment never did.

    Of the few that ended one payment each is looked up: asked whether any exists, PostgreSQL may read all of them first.
    """
    paid = select(Donation.paid_at).join(Instalment, Instalment.donation_id == Donation.id)
    paid = paid.where(Instalment.plan_id == Plan.id, Donation.paid_at.is_not(None)).limit(1).correlate(Plan)
    return and_(_is_real(), or_(Plan.state != PlanState.STOPPED, paid.scalar_subquery().is_not(None)))


def _is_real() -> ColumnElement[bool]:
    return and_(Plan.state != PlanState.STARTING, Plan.stop_reason.is_(None) | Plan.stop_reason.not_in(NEVER_BEGUN))


def _parts_of(
    *parts: ColumnElement[bool] | None, where: ColumnElement[bool], by: Sequence[ColumnElement[Any]] = ()
) -> Select[*tuple[Any, ...]]:
    """Currency and `by`, then plans, people and worth of each part; None is all of it.

    Somebody who was merged counts as the one they were merged into. These are few, and the others need not be looked up.
    """
    merged = select(Supporter.id).where(Supporter.merged_into_id.is_not(None))
    into = select(Supporter.merged_into_id).where(Supporter.id == Plan.supporter_id).scalar_subquery()
    person = case((Plan.supporter_id.in_(merged), into), else_=Plan.supporter_id)
    sums = [func.count(), func.count(person.distinct()), func.sum(monthly_worth())]
    of_parts = [func.coalesce(each if part is None else each.filter(part), 0) for part in parts for each in sums]
    return select(Plan.currency, *by, *of_parts).where(where).group_by(Plan.currency, *by)


async def _now(session: AsyncSession) -> dict[str, list[Part]]:
    """All that go on, the paused, the failing and the stopping ones of each currency. The last three are few: asked apart."""
    goes_on = and_(_is_real(), Plan.state != PlanState.STOPPED)
    few = (Plan.state == PlanState.PAUSED, Plan.failed_invoice_id.is_not(None), Plan.stops_at.is_not(None))
    found = {row[0]: _read_parts(row[1:]) for row in await session.execute(_parts_of(None, where=goes_on))}
    for currency, *sums in await session.execute(_parts_of(*few, where=and_(goes_on, or_(*few)))):
        found[currency] += _read_parts(sums)
    return {currency: (parts + [Part()] * len(few))[: 1 + len(few)] for currency, parts in found.items()}


def _read_parts(sums: Sequence[Any]) -> list[Part]:
    return [Part(*(int(each) for each in sums[place : place + 3])) for place in range(0, len(sums), 3)]


async def _moved(
    session: AsyncSession, moment: Any, edges: Sequence[datetime], *parts: ColumnElement[bool] | None
) -> list[defaultdict[Held, Part]]:
    """What began or ended in each month, for each of the parts."""
    in_time = and_(_counts(), moment >= edges[0], moment < edges[-1])
    number = month_number(moment, edges).label("number")
    found: list[defaultdict[Held, Part]] = [defaultdict(Part) for _part in parts]
    for currency, month, *sums in await session.execute(_parts_of(*parts, where=in_time, by=[number])):
        for pile, part in zip(found, _read_parts(sums), strict=True):
            pile[currency, month] = part
    return found


async def _changes(session: AsyncSession, edges: Sequence[datetime]) -> tuple[dict[Held, int], dict[Held, int]]:
    """By how much other amounts moved each month; and the same for plans that began in the months, at their start.

    Amounts that were changed in Stripe's own dashboard count as if they had always been so.
    """
    query = (
        select(Plan.currency, Plan.frequency, Plan.started_at, PlanChange.done_at, PlanChange.was, PlanChange.wanted)
        .join(Plan, Plan.id == PlanChange.plan_id)
        .where(PlanChange.kind == ChangeKind.AMOUNT, PlanChange.state == ChangeState.DONE, _counts())
        .where(PlanChange.done_at >= edges[0])
    )
    changed: defaultdict[Held, int] = defaultdict(int)
    began_with: defaultdict[Held, int] = defaultdict(int)
    for currency, frequency, started_at, done_at, was, wanted in await session.execute(query):
        more = worth_of(wanted["amount_minor"], frequency) - worth_of(was["amount_minor"], frequency)
        changed[currency, _number(done_at, edges)] += more
        if started_at >= edges[0]:
            began_with[currency, _number(started_at, edges)] += more
    return changed, began_with


def _number(moment: datetime | None, edges: Sequence[datetime]) -> int:
    assert moment, "what is done has a time"
    return next((number for number, edge in enumerate(edges[1:]) if moment < edge), len(edges))


def _line_of() -> ColumnElement[bool]:
    """The posted line of Stripe's balance that is the donation's charge."""
    line = BalanceTransaction
    return and_(
        line.stripe_payment_intent_id == Donation.stripe_payment_intent_id,
        line.reporting_category == CHARGE,
        line.posted_at.is_not(None),
    )


def _given(edges: Sequence[datetime], ids: Ids) -> Select[*tuple[Any, ...]]:
    number = month_number(Donation.paid_at.expression, edges).label("number")
    open_only = BalanceTransaction.stripe_balance_transaction_id.is_(None) & OtherPayment.id.is_(None)
    unsettled = func.coalesce(func.sum(Donation.amount_minor).filter(open_only), 0)
    return (
        select(Donation.currency, number, func.count(), func.sum(Donation.amount_minor), unsettled)
        .join(Instalment, Instalment.donation_id == Donation.id)
        .outerjoin(BalanceTransaction, _line_of())
        .outerjoin(OtherPayment, OtherPayment.donation_id == Donation.id)
        .where(*paid_in(edges, ids))
        .group_by(Donation.currency, number)
    )


def _settled(edges: Sequence[datetime], ids: Ids) -> Select[*tuple[Any, ...]]:
    number = month_number(Donation.paid_at.expression, edges).label("number")
    line = BalanceTransaction
    return (
        select(line.currency, number, func.sum(line.gross_minor))
        .join(Donation, _line_of())
        .join(Instalment, Instalment.donation_id == Donation.id)
        .where(*paid_in(edges, ids))
        .group_by(line.currency, number)
    )


def _settled_otherwise(edges: Sequence[datetime], ids: Ids) -> Select[*tuple[Any, ...]]:
    """Standing orders, which never met Stripe; what was taken back never was."""
    number = month_number(Donation.paid_at.expression, edges).label("number")
    return (
        select(Donation.currency, number, func.sum(OtherPayment.amount_minor))
        .join(OtherPayment, OtherPayment.donation_id == Donation.id)
        .join(Instalment, Instalment.donation_id == Donation.id)
        .where(*paid_in(edges, ids), OtherPayment.state != OtherState.VOID.value)
        .group_by(Donation.currency, number)
    )


def _books(edges: Sequence[datetime], ids: Ids) -> Select[*tuple[Any, ...]]:
    """What the ledger's recurring account holds of the months' donations, without a look at plans."""
    number = month_number(Donation.paid_at.expression, edges).label("number")
    return (
        select(LedgerEntry.currency, number, func.sum(LedgerEntry.amount_minor))
        .join(Donation, Donation.id == LedgerEntry.donation_id)
        .where(*paid_in(edges, ids), LedgerEntry.account == Account.DONATIONS_RECURRING.value)
        .group_by(LedgerEntry.currency, number)
    )
