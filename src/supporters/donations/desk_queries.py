"""The list of donations as the desk shows it: which are in a view, rows by page, rows for a spreadsheet."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Boolean, ColumnElement, Select, and_, func, literal_column, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.articles import titles_of
from supporters.appeals.models import Appeal, Article, Attribution
from supporters.donations.fees import FEE_ACCOUNTS
from supporters.donations.filters import DonationFilter
from supporters.donations.models import LARGE, Donation, DonationState
from supporters.kit.errors import MoneyError
from supporters.kit.money import Money, parse_amount
from supporters.ledger.models import LedgerEntry
from supporters.payments.models import BalanceTransaction

PAGE_ROWS = 50
EXPORT_ROWS = 500
MOST_GIVERS = 500
LARGE_MINOR = int(LARGE.rpartition(" ")[2])
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
    is_other: bool = False  # it never met Stripe

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


def bounds(view: DonationFilter, zone: str) -> tuple[datetime | None, datetime | None]:
    """The first moment of the view's days and the first after them, in UTC; None where it names no day."""
    return _begin(view.since, zone), _begin(view.until and view.until + timedelta(days=1), zone)


def _begin(day: date | None, zone: str) -> datetime | None:
    return day and datetime.combine(day, time.min, ZoneInfo(zone)).astimezone(UTC)


def conditions(
    view: DonationFilter,
    *,
    currency: str,
    start: datetime | None,
    end: datetime | None,
    shown_at: ColumnElement[datetime] | ColumnElement[datetime | None] = SHOWN_AT,
) -> list[ColumnElement[bool]]:
    """What a donation must be to be in the view and between the two moments, which `bounds` says."""
    found: list[ColumnElement[bool]] = []
    if view.state:
        found.append(_state_is(view.state))
    if start:
        found.append(start <= shown_at)
    if end:
        found.append(end > shown_at)
    if view.least_minor is not None:
        found.append(Donation.amount_minor >= view.least_minor)
        if view.least_minor >= LARGE_MINOR:
            found.append(
                literal_column(f"donation.{LARGE}", Boolean)
            )  # in these words, or the index of these is of no use
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


def select_rows(*where: ColumnElement[bool]) -> Select[Donation, Appeal, Attribution]:
    """Donations with their appeal and attribution, newest first.

    Each has both; they are joined outwardly, or SQLite takes an appeal first and sorts all that was ever given to it.
    """
    return (
        select(Donation, Appeal, Attribution)
        .outerjoin(Appeal, Appeal.id == Donation.appeal_id)
        .outerjoin(Attribution, Attribution.id == Donation.attribution_id)
        .where(*where)
        .order_by(Donation.id.desc())
    )


async def _rows(
    session: AsyncSession, view: DonationFilter, *, currency: str, zone: str, before: str | None, limit: int
) -> list[DonationRow]:
    start, end = bounds(view, zone)
    where = conditions(view, currency=currency, start=start, end=end)
    if before:
        where.append(Donation.id < before)
    found = (await session.execute(select_rows(*where).limit(limit))).all()
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
        is_other=donation.stripe_payment_intent_id is None and donation.fee_minor is not None,
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


async def appeal_choices(session: AsyncSession) -> list[tuple[str, str]]:
    """Slug and heading of every appeal, for the list's filter."""
    query = select(Appeal.slug, Appeal.heading).order_by(Appeal.heading, Appeal.slug).limit(EXPORT_ROWS)
    return [(slug, heading) for slug, heading in (await session.execute(query))]
