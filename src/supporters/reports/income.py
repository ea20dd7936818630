"""Income by month: one-off, the first payment of a plan, and what its renewals brought; and the article that began it.

A donation counts in the month in which it was paid, with every refund, return and fee that the books have on it until now.
Renewals are credited to the article, issue and appeal that began the plan. No names.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, and_, case, func, null, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.models import Attribution
from supporters.appeals.rules import origin_of
from supporters.donations.models import Donation, Frequency
from supporters.donations.other_models import OtherPayment, OtherState
from supporters.donations.sums import paid_between
from supporters.ledger.chart import Account
from supporters.ledger.models import LedgerEntry
from supporters.payments.models import BalanceTransaction
from supporters.reports.months import month_edges, month_number
from supporters.reports.regular import ODD_IN_BOOKS, Ids, Kind, Sums, kind_of, paid_in, paid_sums, regular_sums
from supporters.reports.sources import CHARGE, HELD

FEES = "5%"


class IncomeMonth(msgspec.Struct, frozen=True, kw_only=True):
    """One month in one currency. *Money*: minor units; fees and what was returned are positive."""

    month: date | None
    donations: int = 0
    once_minor: int = 0
    first_minor: int = 0
    renewal_minor: int = 0
    settled_once_minor: int = 0
    settled_recurring_minor: int = 0
    books_once_minor: int = 0
    books_recurring_minor: int = 0
    returned_minor: int = 0  # as the books have it
    fee_minor: int = 0
    net_minor: int = 0  # what the ledger has at Stripe and undeposited of it

    @property
    def given_minor(self) -> int:
        """All of it, before fees and what was returned."""
        return self.once_minor + self.first_minor + self.renewal_minor

    @property
    def is_proved(self) -> bool:
        """Whether what is settled is what the ledger's two income accounts hold."""
        return (self.settled_once_minor, self.settled_recurring_minor) == (
            self.books_once_minor,
            self.books_recurring_minor,
        )


class Income(msgspec.Struct, frozen=True, kw_only=True):
    """The months of one currency, the latest first."""

    currency: str
    months: list[IncomeMonth]
    total: IncomeMonth

    @property
    def is_proved(self) -> bool:
        """Whether every month is."""
        return all(each.is_proved for each in self.months)


class ArticleIncome(msgspec.Struct, frozen=True, kw_only=True):
    """What one article brought: itself, and by the plans that it began. Both parts are None for what came otherwise."""

    site: str | None
    path: str | None
    once_minor: int = 0
    first_minor: int = 0
    renewal_minor: int = 0
    plans: int = 0  # that it began in this time

    @property
    def given_minor(self) -> int:
        """All of it."""
        return self.once_minor + self.first_minor + self.renewal_minor


async def income_by_month(
    session: AsyncSession, *, months: Sequence[date], zone: str, currency: str, with_books: bool = True
) -> list[Income]:
    """One for each currency that anything was given or settled in, `currency` first. The books take most of the time."""
    edges = month_edges(months, zone)
    pile: defaultdict[tuple[str, int], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    paid = await paid_sums(session, edges)
    for (held, number, kind), sums in paid.items():
        pile[held, number][f"{kind}_minor"] += sums.amount_minor
        pile[held, number]["donations"] += sums.donations
    if with_books:
        regular, others = await regular_sums(session, edges, ODD_IN_BOOKS, paid)
        for (held, number, kind), sums in regular.items():
            _add_regular(pile[held, number], kind, sums)
        for ids in others:
            await _add_books(session, edges, ids, pile)
    currencies = [currency, *sorted({held for held, _number in pile} - {currency})]
    return [_income(each, months, pile) for each in currencies]


def _add_regular(cell: dict[str, int], kind: Kind, sums: Sums) -> None:
    """Settled and in the books with what was given, less the fee."""
    name = "once" if kind is Kind.ONCE else "recurring"
    cell[f"settled_{name}_minor"] += sums.amount_minor
    cell[f"books_{name}_minor"] += sums.amount_minor
    cell["fee_minor"] += sums.fee_minor
    cell["net_minor"] += sums.amount_minor - sums.fee_minor


async def _add_books(
    session: AsyncSession, edges: Sequence[datetime], ids: Ids, pile: defaultdict[tuple[str, int], dict[str, int]]
) -> None:
    for held, number, is_once, gross in [
        *await session.execute(_settled(edges, ids)), *await session.execute(_settled_otherwise(edges, ids))
    ]:  # fmt: skip
        pile[held, number]["settled_once_minor" if is_once else "settled_recurring_minor"] += int(gross)
    for held, number, once, recurring, returned, fee, net in await session.execute(_books(edges, ids)):
        books = {"books_once_minor": -once, "books_recurring_minor": -recurring, "returned_minor": returned}
        for name, minor in {**books, "fee_minor": fee, "net_minor": net}.items():
            pile[held, number][name] += int(minor)


async def income_by_article(
    session: AsyncSession, *, month: date, zone: str, main_site: str, currency: str
) -> list[ArticleIncome]:
    """What each article brought in one month, in one currency, the strongest first."""
    edges = month_edges([month], zone)
    path = Attribution.article_path
    site = case((path.is_not(None), func.coalesce(Attribution.site, origin_of(main_site))), else_=null())
    origin = (site.label("at_site"), path, Donation.frequency, Donation.is_renewal)
    query = (
        select(*origin, func.count(), func.sum(Donation.amount_minor))
        .join(Donation, Donation.attribution_id == Attribution.id)
        .where(*paid_between(edges[0], edges[-1], currency=currency))
        .group_by("at_site", path, Donation.frequency, Donation.is_renewal)
    )
    pile: defaultdict[tuple[str | None, str | None], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for at, article, frequency, is_renewal, count, minor in await session.execute(query):
        pays_for = kind_of(Frequency(frequency), is_renewal=is_renewal)
        pile[at, article][f"{pays_for}_minor"] += int(minor)
        if pays_for is Kind.FIRST:
            pile[at, article]["plans"] += int(count)
    rows = [ArticleIncome(site=at, path=article, **cell) for (at, article), cell in pile.items()]
    return sorted(rows, key=lambda row: (-row.given_minor, row.site or "", row.path or ""))


def _income(currency: str, months: Sequence[date], pile: Mapping[tuple[str, int], dict[str, int]]) -> Income:
    lines = [IncomeMonth(month=month, **pile.get((currency, number), {})) for number, month in enumerate(months)]
    names = [name for name in IncomeMonth.__struct_fields__ if name != "month"]
    total: dict[str, int] = {name: sum(getattr(line, name) for line in lines) for name in names}
    return Income(currency=currency, months=lines[::-1], total=IncomeMonth(month=None, **total))


def _settled(edges: Sequence[datetime], ids: Ids) -> Select[*tuple[Any, ...]]:
    """The posted charges of Stripe's balance that belong to these donations' payments."""
    line = BalanceTransaction
    number = month_number(Donation.paid_at.expression, edges).label("number")
    is_once = case((Donation.frequency == Frequency.ONCE.value, 1), else_=0).label("is_once")
    return (
        select(line.currency, number, is_once, func.sum(line.gross_minor))
        .join(Donation, line.stripe_payment_intent_id == Donation.stripe_payment_intent_id)
        .where(*paid_in(edges, ids), line.reporting_category == CHARGE, line.posted_at.is_not(None))
        .group_by(line.currency, number, is_once)
    )


def _settled_otherwise(edges: Sequence[datetime], ids: Ids) -> Select[*tuple[Any, ...]]:
    """The payments of these donations that never met Stripe; what was written down by mistake never was."""
    number = month_number(Donation.paid_at.expression, edges).label("number")
    is_once = case((Donation.frequency == Frequency.ONCE.value, 1), else_=0).label("is_once")
    return (
        select(Donation.currency, number, is_once, func.sum(OtherPayment.amount_minor))
        .join(OtherPayment, OtherPayment.donation_id == Donation.id)
        .where(*paid_in(edges, ids), OtherPayment.state != OtherState.VOID.value)
        .group_by(Donation.currency, number, is_once)
    )


def _books(edges: Sequence[datetime], ids: Ids) -> Select[*tuple[Any, ...]]:
    """What the ledger holds of the months' donations, account by account."""
    number = month_number(Donation.paid_at.expression, edges).label("number")
    account, minor = LedgerEntry.account, LedgerEntry.amount_minor
    wanted: tuple[ColumnElement[bool], ...] = (
        account == Account.DONATIONS_ONCE.value,
        account == Account.DONATIONS_RECURRING.value,
        or_(account == Account.REFUNDS.value, account == Account.RETURNED.value,
            account == Account.DISPUTES_RECEIVABLE.value),
        account.like(FEES),
        account.in_(HELD),
    )  # fmt: skip
    sums = [func.coalesce(func.sum(minor).filter(and_(each)), 0) for each in wanted]
    return (
        select(LedgerEntry.currency, number, *sums)
        .join(Donation, Donation.id == LedgerEntry.donation_id)
        .where(*paid_in(edges, ids))
        .group_by(LedgerEntry.currency, number)
    )
