"""Plans as the desk lists them: rows by page, what a view is worth a month, and the board of those whose payment failed."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, Select, and_, exists, func, or_, select, union
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.models import Frequency
from supporters.kit.errors import MoneyError
from supporters.kit.money import Money, parse_amount
from supporters.mail.models import Letter
from supporters.people.models import EmailAddress, Supporter
from supporters.plans.dates import taken_at
from supporters.plans.letters import CONFIRM, FAILED
from supporters.plans.models import Method, Plan, PlanState
from supporters.plans.worth import monthly_worth

PAGE_ROWS = 50
BOARD_ROWS = 200
MOST_SUPPORTERS = 500

# `going_on`: all that are not over. `stopping`: asked to stop, and still going on until their date.
STATES = ("going_on", "stopping", *(state.value for state in PlanState))
FREQUENCIES = (Frequency.MONTHLY.value, Frequency.QUARTERLY.value, Frequency.YEARLY.value)
METHODS = tuple(method.value for method in Method)


class PlanFilter(msgspec.Struct, frozen=True):
    """One view of the list."""

    words: str = ""
    state: str = ""
    frequency: str = ""
    method: str = ""
    sees_people: bool = False  # names and addresses may be searched
    supporters: tuple[str, ...] | None = None  # ids of those whom the words name, once looked up

    @property
    def is_empty(self) -> bool:
        """Whether nothing narrows the list."""
        return not (self.words or self.state or self.frequency or self.method)


class PlanRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the list."""

    id: str
    reference: str
    supporter_id: str
    name: str
    email: str
    amount: Money
    frequency: str
    state: str
    method: str
    method_last4: str | None
    started_at: datetime
    next_at: datetime | None
    taken_at: datetime | None  # when money is next taken, after any pause
    paused_until: datetime | None
    stops_at: datetime | None
    stopped_at: datetime | None
    stop_reason: str | None
    failure_code: str | None
    failed_at: datetime | None
    next_try_at: datetime | None
    tries: int
    needs_action: bool


class PlanSums(msgspec.Struct, frozen=True):
    """What the plans of a view that are not over are worth a month, in one currency; stopped ones are counted apart."""

    currency: str
    plans: int
    people: int
    monthly: Money
    stopped: int


class Page(msgspec.Struct, frozen=True):
    """Some rows, newest first, and the id to ask the next page with."""

    rows: list[PlanRow]
    before: str | None


class FailingRow(msgspec.Struct, frozen=True):
    """A plan whose payment failed, with the letters that went out about it since."""

    plan: PlanRow
    letters: int
    last_letter_at: datetime | None


async def look_up_supporters(session: AsyncSession, view: PlanFilter) -> PlanFilter:
    """The view with whom its words name, so that rows and sums need not look for them again; as it was if they are many."""
    if not view.words or not view.sees_people:
        return view
    by_name = select(Supporter.id).where(or_(*_names(view.words)))
    by_address = select(EmailAddress.supporter_id).where(_address_has(view.words))
    found = (await session.scalars(union(by_name, by_address).limit(MOST_SUPPORTERS + 1))).all()
    return view if len(found) > MOST_SUPPORTERS else msgspec.structs.replace(view, supporters=tuple(sorted(found)))


async def list_plans(session: AsyncSession, view: PlanFilter, *, currency: str, before: str | None = None) -> Page:
    """One page of the view, newest first; `before` is the last id of the page above."""
    where = _conditions(view, currency)
    if before:
        where.append(Plan.id < before)
    query = _select_rows().where(*where).order_by(Plan.id.desc()).limit(PAGE_ROWS + 1)
    rows = [as_row(*row) for row in await session.execute(query)]
    return Page(rows[:PAGE_ROWS], rows[PAGE_ROWS - 1].id if len(rows) > PAGE_ROWS else None)


async def sum_plans(session: AsyncSession, view: PlanFilter, *, currency: str) -> list[PlanSums]:
    """The sums of the view, one for each currency in it; one of zeros in `currency` when it is empty."""
    goes_on = Plan.state != PlanState.STOPPED
    query = (
        select(
            Plan.currency,
            func.count().filter(goes_on),
            func.count(person().distinct()).filter(goes_on),
            func.coalesce(func.sum(monthly_worth()).filter(goes_on), 0),
            func.count().filter(~goes_on),
        )
        .join(Supporter, Supporter.id == Plan.supporter_id)
        .where(*_conditions(view, currency))
        .group_by(Plan.currency)
        .order_by(Plan.currency)
    )
    found = [
        PlanSums(held, plans, people, Money(int(worth), held), stopped)
        for held, plans, people, worth, stopped in await session.execute(query)
    ]
    return found or [PlanSums(currency, 0, 0, Money(0, currency), 0)]


async def plan_id_of(session: AsyncSession, reference: str) -> str | None:
    """The plan with that reference."""
    return await session.scalar(select(Plan.id).where(Plan.reference == reference.upper()))


async def failing_plans(session: AsyncSession, *, limit: int = BOARD_ROWS) -> list[FailingRow]:
    """Plans with a payment that failed and is still owed, the oldest first."""
    query = _select_rows().where(is_failing()).order_by(Plan.failed_at, Plan.id).limit(limit)
    rows = [as_row(*row) for row in await session.execute(query)]
    told = await _letters_since(session, rows)
    return [FailingRow(row, *told.get(row.id, (0, None))) for row in rows]


async def sum_failing(session: AsyncSession, *, currency: str) -> list[PlanSums]:
    """What the plans whose payment failed are worth a month, one for each currency; one of zeros when there are none."""
    query = (
        select(Plan.currency, func.count(), func.count(person().distinct()), func.sum(monthly_worth()))
        .join(Supporter, Supporter.id == Plan.supporter_id)
        .where(is_failing())
        .group_by(Plan.currency)
        .order_by(Plan.currency)
    )
    found = [
        PlanSums(held, plans, people, Money(int(worth), held), 0)
        for held, plans, people, worth in await session.execute(query)
    ]
    return found or [PlanSums(currency, 0, 0, Money(0, currency), 0)]


def is_failing() -> ColumnElement[bool]:
    """Whether a payment of the plan failed and is still owed, also where the plan is paused meanwhile."""
    return and_(Plan.failed_invoice_id.is_not(None), Plan.state != PlanState.STOPPED)


def person() -> ColumnElement[str]:
    """Who gives: somebody who was merged counts as the one they were merged into. Needs Supporter joined."""
    return func.coalesce(Supporter.merged_into_id, Supporter.id)


def as_row(plan: Plan, name: str, email: str | None) -> PlanRow:
    """The plan as one line of the list; somebody who was erased has no address."""
    same = {
        name: getattr(plan, name)
        for name in PlanRow.__struct_fields__
        if name not in ("name", "email", "amount", "method_last4", "taken_at")
    }
    return PlanRow(
        name=name,
        email=email or "",
        amount=Money(plan.amount_minor, plan.currency),
        method_last4=plan.method_last4,
        taken_at=taken_at(plan),
        **same,
    )


def _select_rows() -> Select[Plan, str, str]:
    """Plans with their supporter's name, and the address that letters go to."""
    oldest = (
        select(EmailAddress.address)
        .where(EmailAddress.supporter_id == Supporter.id)
        .order_by(EmailAddress.retired_at.is_not(None), EmailAddress.id)
        .limit(1)
        .correlate(Supporter)
        .scalar_subquery()
    )
    return select(Plan, Supporter.name, oldest).join(Supporter, Supporter.id == Plan.supporter_id)


def _conditions(view: PlanFilter, currency: str) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if view.state == "going_on":
        found.append(Plan.state != PlanState.STOPPED)
    elif view.state == "stopping":
        found += [Plan.stops_at.is_not(None), Plan.state != PlanState.STOPPED]
    elif view.state:
        found.append(Plan.state == view.state)
    if view.frequency:
        found.append(Plan.frequency == view.frequency)
    if view.method:
        found.append(Plan.method == view.method)
    if view.words:
        found.append(_mentions(view, currency))
    return found


def _mentions(view: PlanFilter, currency: str) -> ColumnElement[bool]:
    """Reference, amount, Stripe's id; name and address only for those who may see them, or a search would tell."""
    words = view.words
    found: list[ColumnElement[bool]] = [
        Plan.reference == words.upper(),
        Plan.stripe_subscription_id == words,
    ]
    if view.supporters is not None:
        found.append(Plan.supporter_id.in_(view.supporters))
    elif view.sees_people:
        mine = EmailAddress.supporter_id == Plan.supporter_id
        found += [*_names(words), exists().where(mine, _address_has(words))]
    try:
        amount = parse_amount(words, currency)
    except MoneyError:
        return or_(*found)
    return or_(*found, Plan.amount_minor == amount.minor)


def _names(words: str) -> list[ColumnElement[bool]]:
    """As typed too: SQLite's lower() knows ASCII only."""
    name = Supporter.name
    return [name.contains(words, autoescape=True), func.lower(name).contains(words.lower(), autoescape=True)]


def _address_has(words: str) -> ColumnElement[bool]:
    return func.lower(EmailAddress.address).contains(words.lower(), autoescape=True)


async def _letters_since(session: AsyncSession, rows: Iterable[PlanRow]) -> dict[str, tuple[int, datetime | None]]:
    """How many letters about the failure each plan's supporter was sent, and when the last one went."""
    failed = {row.id: row.failed_at for row in rows}
    if not failed:
        return {}
    query = (
        select(Letter.about, Letter.sent_at)
        .where(Letter.about.in_(failed), Letter.kind.in_((FAILED, CONFIRM)), Letter.sent_at.is_not(None))
        .order_by(Letter.sent_at)
    )
    told: dict[str, tuple[int, datetime | None]] = {}
    found: Iterable[Row[str | None, datetime | None]] = await session.execute(query)
    for about, sent_at in found:
        since: Any = failed.get(about or "")
        if about and sent_at and (since is None or sent_at >= since):
            told[about] = (told.get(about, (0, None))[0] + 1, sent_at)
    return told
