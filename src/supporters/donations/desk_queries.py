"""The list of donations as the desk shows it: rows by page, sums over the whole view, rows for a spreadsheet."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.articles import titles_of
from supporters.appeals.models import Appeal, Article, Attribution
from supporters.donations.fees import FEE_ACCOUNTS
from supporters.donations.filters import DonationFilter
from supporters.donations.models import Donation, DonationState
from supporters.donations.sums import PAID, of_every_kind, paid_currencies
from supporters.kit.errors import MoneyError
from supporters.kit.money import Money, parse_amount
from supporters.ledger.models import LedgerEntry
from supporters.payments.models import BalanceTransaction

PAGE_ROWS = 50
EXPORT_ROWS = 500
MOST_GIVERS = 500
UNPAID = Donation.state.in_([each for each in DonationState if each != DonationState.PAID])
GONE = Donation.refunded_minor + Donation.returned_minor
SHOWN_AT = func.coalesce(Donation.paid_at, Donation.created_at)


class DonationRow(msgspec.Struct, frozen=True):
    """One line of the list. `fee` is None until the ledger knows it."""

    id: str
    reference: str
    name: str
    email: str
    state: str
    frequency: str
    amount: Money
    refunded: Money
    returned: Money  # by the supporter's bank
    fee: Money | None
    payout_id: str | None
    failure_code: str | None
    at: datetime
    appeal: str
    article_path: str | None
    issue: str | None
    source: str | None
    article_title: str | None = None  # only where the site's own feed says it
    is_claimed: bool = True

    @property
    def is_paid(self) -> bool:
        """Whether it counts in the sums."""
        return self.state == DonationState.PAID

    @property
    def gone(self) -> Money:
        """What went back to the supporter, by us or by their bank."""
        return self.refunded + self.returned

    @property
    def net(self) -> Money | None:
        """What is left after fee, refunds and what a bank took back, once the fee is known."""
        return None if self.fee is None else self.amount - self.fee - self.gone


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


class Page(msgspec.Struct, frozen=True):
    """Some rows, newest first, and the id to ask the next page with."""

    rows: list[DonationRow]
    before: str | None


async def look_up_givers(session: AsyncSession, view: DonationFilter) -> DonationFilter:
    """The view with whom its words name, so that rows and sums need not look for them again; as it was if they are many.

    Everybody is looked at once, by an index, and not every donation of theirs.
    """
    if not view.words or not view.sees_people:
        return view
    everybody = select(Donation.email, Donation.name).distinct().cte("giver").prefix_with("MATERIALIZED")
    named = or_(*_names_or_addresses(view.words, everybody.c.email, everybody.c.name))
    found = (await session.execute(select(everybody).where(named).limit(MOST_GIVERS + 1))).all()
    if len(found) > MOST_GIVERS:
        return view
    return msgspec.structs.replace(view, givers=tuple((email, name) for email, name in found))


async def list_rows(
    session: AsyncSession, view: DonationFilter, *, currency: str, zone: str, before: str | None = None
) -> Page:
    """One page of the view, newest first; `before` is the last id of the page above."""
    found = await _rows(session, view, currency=currency, zone=zone, before=before, limit=PAGE_ROWS + 1)
    more = len(found) > PAGE_ROWS
    return Page(found[:PAGE_ROWS], found[PAGE_ROWS - 1].id if more else None)


async def all_rows(
    session: AsyncSession, view: DonationFilter, *, currency: str, zone: str
) -> AsyncIterator[list[DonationRow]]:
    """Every row of the view, newest first, some hundred at a time, so that an export of any size stays small."""
    before: str | None = None
    while True:
        rows = await _rows(session, view, currency=currency, zone=zone, before=before, limit=EXPORT_ROWS)
        if rows:
            yield rows
        if len(rows) < EXPORT_ROWS:
            return
        before = rows[-1].id


async def sum_rows(session: AsyncSession, view: DonationFilter, *, currency: str, zone: str) -> list[DonationSums]:
    """The sums of the view, one for each currency in it; one of zeros in `currency` when it is empty."""
    paid = {row[0]: row for row in await session.execute(_sums_of_paid(view, currency, zone))}
    unpaid = {row[0]: row[1] for row in await session.execute(_count_of_unpaid(view, currency, zone))}
    found = sorted(paid.keys() | unpaid.keys()) or [currency]
    return [_as_sums(each, paid.get(each, (each, 0, 0, 0, 0, 0, 0, 0, 0)), unpaid.get(each, 0)) for each in found]


def _sums_of_paid(view: DonationFilter, currency: str, zone: str) -> Select[*tuple[Any, ...]]:
    """Read from one index alone where the view asks for no more than state and days."""
    query = select(
        Donation.currency,
        func.sum(Donation.amount_minor),
        func.count(),
        func.coalesce(func.sum(Donation.fee_minor), 0),
        func.count(Donation.fee_minor),
        func.sum(Donation.refunded_minor),
        func.count().filter(Donation.refunded_minor > 0),
        func.sum(Donation.returned_minor),
        func.count().filter(Donation.returned_minor > 0),
    )
    where = conditions(view, currency=currency, zone=zone, shown_at=Donation.paid_at.expression)
    if view.since or view.until:
        where += [Donation.currency.in_(select(paid_currencies().c.currency)), *of_every_kind()]
    return _with_origins(query, view).where(PAID, *where).group_by(Donation.currency)


def _count_of_unpaid(view: DonationFilter, currency: str, zone: str) -> Select[*tuple[Any, ...]]:
    where = conditions(view, currency=currency, zone=zone)
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


def conditions(
    view: DonationFilter,
    *,
    currency: str,
    zone: str,
    shown_at: ColumnElement[datetime] | ColumnElement[datetime | None] = SHOWN_AT,
) -> list[ColumnElement[bool]]:
    """What a donation must be to be in the view."""
    found: list[ColumnElement[bool]] = []
    if view.state:
        found.append(_state_is(view.state))
    if view.since:
        found.append(datetime.combine(view.since, time.min, ZoneInfo(zone)) <= shown_at)
    if view.until:
        found.append(datetime.combine(view.until + timedelta(days=1), time.min, ZoneInfo(zone)) > shown_at)
    if view.least_minor is not None:
        found.append(Donation.amount_minor >= view.least_minor)
    if view.most_minor is not None:
        found.append(Donation.amount_minor <= view.most_minor)
    if view.appeal:
        found.append(Appeal.slug == view.appeal)
    if view.article:
        found.append(Attribution.article_path.contains(view.article, autoescape=True))
    if view.issue:
        found.append(_of_issue(view.issue))
    if view.words:
        found.append(_mentions(view, currency))
    return found


def _of_issue(number: str) -> ColumnElement[bool]:
    """The link names the issue, or it names none and the site's own feed says that the article belongs to it."""
    belonging = select(Article.id).where(Article.issue == number, Article.is_verified)
    return or_(Attribution.issue == number, and_(Attribution.issue.is_(None), Attribution.article_id.in_(belonging)))


def _state_is(state: str) -> ColumnElement[bool]:
    """Whether a donation has that status of `filters.STATES`."""
    if state == "received":
        return Donation.state == DonationState.PAID
    if state == "paid":
        return and_(Donation.state == DonationState.PAID, Donation.amount_minor > GONE)
    if state == "refunded":
        return Donation.refunded_minor > 0
    if state == "returned":
        return Donation.returned_minor > 0
    if state == "not_paid":
        return Donation.state.in_([DonationState.STARTED, DonationState.EXPIRED])
    return Donation.state == state


def _mentions(view: DonationFilter, currency: str) -> ColumnElement[bool]:
    """Reference, amount, Stripe's ids; name and address only for those who may see them, or a search would tell."""
    words = view.words
    found: list[ColumnElement[bool]] = [
        Donation.reference == words.upper(),
        Donation.stripe_payment_intent_id == words,
        Donation.stripe_charge_id == words,
    ]
    if view.givers is not None:
        emails = sorted({email for email, _name in view.givers})
        both = [f"{email}\n{name}" for email, name in view.givers]  # the address alone is what the index is asked for
        found.append(and_(Donation.email.in_(emails), (Donation.email + "\n" + Donation.name).in_(both)))
    elif view.sees_people:
        found += _names_or_addresses(words, Donation.email.expression, Donation.name.expression)
    try:
        amount = parse_amount(words, currency)
    except MoneyError:
        return or_(*found)
    return or_(*found, Donation.amount_minor == amount.minor)


def _names_or_addresses(words: str, *columns: ColumnElement[str]) -> list[ColumnElement[bool]]:
    """As typed too: SQLite's lower() knows ASCII only."""
    as_typed = [each.contains(words, autoescape=True) for each in columns]
    return as_typed + [func.lower(each).contains(words.lower(), autoescape=True) for each in columns]


def _select_rows(where: Sequence[ColumnElement[bool]]) -> Select[Donation, Appeal, Attribution]:
    return (
        select(Donation, Appeal, Attribution)
        .join(Appeal, Appeal.id == Donation.appeal_id)
        .join(Attribution, Attribution.id == Donation.attribution_id)
        .where(*where)
        .order_by(Donation.id.desc())
    )


async def _rows(
    session: AsyncSession, view: DonationFilter, *, currency: str, zone: str, before: str | None, limit: int
) -> list[DonationRow]:
    where = conditions(view, currency=currency, zone=zone)
    if before:
        where.append(Donation.id < before)
    found = (await session.execute(_select_rows(where).limit(limit))).all()
    donations = [row[0] for row in found]
    fees = await fees_of(session, [each.id for each in donations])
    payouts = await payouts_of(session, [each.stripe_payment_intent_id for each in donations])
    titles = await titles_of(session, [origin.article_id for _donation, _appeal, origin in found])
    return [
        as_row(donation, appeal, origin, fee=fees.get(donation.id), payouts=payouts, titles=titles)
        for donation, appeal, origin in found
    ]


def as_row(
    donation: Donation,
    appeal: Appeal,
    origin: Attribution,
    *,
    fee: Money | None,
    payouts: Mapping[str, str],
    titles: Mapping[str, str] | None = None,
) -> DonationRow:
    """The donation as one line of the list. `titles` are those of verified articles, by id."""
    return DonationRow(
        id=donation.id,
        reference=donation.reference,
        name=donation.name,
        email=donation.email,
        state=donation.state,
        frequency=donation.frequency,
        amount=Money(donation.amount_minor, donation.currency),
        refunded=Money(donation.refunded_minor, donation.currency),
        returned=Money(donation.returned_minor, donation.currency),
        fee=fee if fee and fee.currency == donation.currency else None,
        payout_id=payouts.get(donation.stripe_payment_intent_id or ""),
        failure_code=donation.failure_code,
        at=donation.paid_at or donation.created_at,
        appeal=appeal.heading,
        article_path=origin.article_path,
        issue=origin.issue,
        source=origin.source,
        article_title=(titles or {}).get(origin.article_id or ""),
        is_claimed=origin.is_claimed,
    )


async def fees_of(session: AsyncSession, donation_ids: Sequence[str]) -> dict[str, Money]:
    """The fee of each donation that the ledger knows; a posted donation without a fee has one of zero."""
    if not donation_ids:
        return {}
    fee = func.coalesce(func.sum(LedgerEntry.amount_minor).filter(LedgerEntry.account.like(FEE_ACCOUNTS)), 0)
    query = (
        select(LedgerEntry.donation_id, LedgerEntry.currency, fee)
        .where(LedgerEntry.donation_id.in_(donation_ids))
        .group_by(LedgerEntry.donation_id, LedgerEntry.currency)
    )
    rows = await session.execute(query)
    return {donation_id: Money(int(minor), currency) for donation_id, currency, minor in rows if donation_id}


async def payouts_of(session: AsyncSession, payment_intent_ids: Sequence[str | None]) -> dict[str, str]:
    """The payout that carries each payment, where there is one already."""
    wanted = [each for each in payment_intent_ids if each]
    if not wanted:
        return {}
    query = select(BalanceTransaction.stripe_payment_intent_id, BalanceTransaction.stripe_payout_id).where(
        BalanceTransaction.stripe_payment_intent_id.in_(wanted),
        BalanceTransaction.reporting_category == "charge",
        BalanceTransaction.stripe_payout_id.is_not(None),
    )
    return {payment: payout for payment, payout in (await session.execute(query)) if payment and payout}


def _as_sums(currency: str, paid: Sequence[Any], unpaid_count: int) -> DonationSums:
    _currency, amount, count, fees, posted_count, refunded, refunded_count, returned, returned_count = paid
    return DonationSums(
        currency=currency,
        paid=Money(int(amount), currency),
        paid_count=count,
        fees=Money(int(fees), currency),
        fees_unknown_count=count - posted_count,
        refunded=Money(int(refunded), currency),
        refunded_count=refunded_count,
        taken_back=Money(int(returned), currency),
        taken_back_count=returned_count,
        unpaid_count=unpaid_count,
    )


async def appeal_choices(session: AsyncSession) -> list[tuple[str, str]]:
    """Slug and heading of every appeal, for the list's filter."""
    query = select(Appeal.slug, Appeal.heading).order_by(Appeal.heading, Appeal.slug).limit(EXPORT_ROWS)
    return [(slug, heading) for slug, heading in (await session.execute(query))]
