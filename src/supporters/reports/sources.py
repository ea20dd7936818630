"""Where money comes from: what was given in a period, by what brought it, down to what is left of it in the books.

Each donation counts in the period in which it was paid, with every fee and refund that stands on its payment in the books
until now, however late: the posted lines of Stripe's balance. So a row is settled money and not a guess, and it adds up:
given = not settled yet + into another currency + fees + returned + net. What the ledger says of the same donations is asked
apart, as the proof. Currencies stay apart. Nobody's name is read.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import ColumnElement, Select, case, func, null, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.models import Appeal, Article, Attribution
from supporters.appeals.rules import origin_of
from supporters.donations.models import Donation, DonationState, Refund, RefundState
from supporters.donations.other_models import OtherPayment, OtherState
from supporters.ledger.chart import Account
from supporters.ledger.models import LedgerEntry
from supporters.payments.models import BalanceTransaction
from supporters.people.models import Supporter

CHARGE = "charge"
GONE = "gone"  # of money that never met Stripe
REFUND = "refund"
REFUNDS = (REFUND, "refund_failure")
HELD = (Account.STRIPE_BALANCE.value, Account.UNDEPOSITED.value)  # where a donation's money is first

Key = tuple[str | None, str | None]
AnySelect = Select[*tuple[Any, ...]]
KeyColumns = list[ColumnElement[Any]]


class By(StrEnum):
    """What the money is put together by."""

    ARTICLE = "article"  # The article at whose foot the reader pressed.
    ISSUE = "issue"  # The print issue that the link or the article belongs to.
    APPEAL = "appeal"  # The appeal that was given to.
    PLACEMENT = "placement"  # The spot of the site, letter or print that asked.
    ORIGIN = "origin"  # What had brought the reader from outside.


class SourceRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one source brought in. `key` is (site, path) of an article, (slug, name) of an appeal, else (text, None).

    *Money*: minor units of the table's currency; fees and what was returned are positive.
    """

    key: Key
    donations: int = 0
    people: int = 0
    claimed: int = 0  # donations of which only an address says so
    given_minor: int = 0
    unsettled_minor: int = 0  # paid, not in the books yet
    exchanged_minor: int = 0  # settled in another currency; negative where it came from another
    fee_minor: int = 0
    returned_minor: int = 0  # refunds, and what banks took back
    net_minor: int = 0

    @property
    def claimed_share(self) -> int:
        """In whole per cent, of donations."""
        return round(100 * self.claimed / self.donations) if self.donations else 0


class SourceTable(msgspec.Struct, frozen=True, kw_only=True):
    """Every source of one currency, the strongest first. `books_net_minor` is what the ledger alone says of the net."""

    currency: str
    rows: list[SourceRow]
    total: SourceRow
    refunds_under_way_minor: int  # succeeded at Stripe, not in the books yet
    books_net_minor: int

    @property
    def is_proved(self) -> bool:
        """Whether the rows add up to what the ledger holds of the period's donations."""
        return self.total.net_minor == self.books_net_minor


async def source_tables(
    session: AsyncSession, *, by: By, since: date, until: date, zone: str, main_site: str, currency: str
) -> list[SourceTable]:
    """One table for each currency, `currency` first; empty ones only for that. Both days are inclusive, in `zone`."""
    start, end = bounds(since, until, zone)
    key = _key(by, origin_of(main_site))
    pile = _Pile()
    for row in await session.execute(_given(by, key, start, end)):
        pile.add_given(_Given(*row))
    for row in await session.execute(_booked(by, key, start, end)):
        pile.add_booked(_Booked(*row))
    for row in await session.execute(_otherwise(by, key, start, end)):
        pile.add_otherwise(*row)
    for given_in, minor in await session.execute(_refunded_abroad(start, end)):
        pile.add_refunded_abroad(given_in, int(minor))
    people = {row[0]: int(row[1]) for row in await session.execute(_people(start, end))}
    books = {row[0]: int(row[1]) for row in await session.execute(_books(start, end))}
    currencies = [currency, *sorted((pile.currencies | books.keys()) - {currency})]
    return [pile.table(each, people=people.get(each, 0), books=books.get(each, 0)) for each in currencies]


def bounds(since: date, until: date, zone: str) -> tuple[datetime, datetime]:
    """From the first moment of `since` to the first after `until`."""
    place = ZoneInfo(zone)
    return datetime.combine(since, time.min, place), datetime.combine(until + timedelta(days=1), time.min, place)


class _Given(NamedTuple):
    """What was given, by key and currency."""

    first: str | None
    second: str | None
    currency: str
    donations: int
    people: int
    claimed: int
    given: int
    refunded: int


class _Booked(NamedTuple):
    """What the books say of it, by key, both currencies and category of Stripe's line."""

    first: str | None
    second: str | None
    given_in: str
    currency: str
    category: str
    given: int
    gross: int
    fee: int
    net: int


class _Pile:
    """Lines of both kinds put together by currency and key."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, Key], _Given] = {}
        self._booked: defaultdict[tuple[str, Key], list[_Booked]] = defaultdict(list)
        self._settled: defaultdict[tuple[str, Key], int] = defaultdict(int)
        self._under_way: defaultdict[str, int] = defaultdict(int)

    @property
    def currencies(self) -> set[str]:
        """Every currency that something was given or settled in."""
        return {place[0] for place in (*self._given, *self._booked)}

    def add_given(self, line: _Given) -> None:
        """What was given by this key is known."""
        self._given[line.currency, (line.first, line.second)] = line
        self._under_way[line.currency] += int(line.refunded)

    def add_booked(self, line: _Booked) -> None:
        """One more category of what was settled by this key is known."""
        key = (line.first, line.second)
        self._booked[line.currency, key].append(line)
        if line.category == CHARGE:
            self._settled[line.given_in, key] += int(line.given)
        elif line.category in REFUNDS and line.given_in == line.currency:
            self._under_way[line.currency] += int(line.gross)

    def add_otherwise(
        self, first: str | None, second: str | None, currency: str, given: int, gone: int, refunded: int
    ) -> None:
        """What never met Stripe is settled as it is written down, whole; what bounced or was taken or paid back went back."""
        settled = int(given)
        self.add_booked(_Booked(first, second, currency, currency, CHARGE, settled, settled, 0, settled))
        if gone:
            self.add_booked(_Booked(first, second, currency, currency, GONE, 0, -int(gone), 0, -int(gone)))
        if refunded:
            back = -int(refunded)
            self.add_booked(_Booked(first, second, currency, currency, REFUND, 0, back, 0, back))

    def add_refunded_abroad(self, given_in: str, minor: int) -> None:
        """So much of what was refunded stands in the books of another currency: it is not under way."""
        self._under_way[given_in] -= minor

    def table(self, currency: str, *, people: int, books: int) -> SourceTable:
        """The table of one currency."""
        keys = dict.fromkeys(key for held, key in (*self._given, *self._booked) if held == currency)
        rows = sorted((self._row(currency, key) for key in keys), key=_strength)
        return SourceTable(
            currency=currency,
            rows=rows,
            total=msgspec.structs.replace(add_up(rows), people=people),
            refunds_under_way_minor=max(self._under_way[currency], 0),
            books_net_minor=books,
        )

    def _row(self, currency: str, key: Key) -> SourceRow:
        given = self._given.get((currency, key), _Given(*key, currency, 0, 0, 0, 0, 0))
        booked = self._booked.get((currency, key), [])
        settled = self._settled.get((currency, key), 0)
        gross = sum(int(line.gross) for line in booked if line.category == CHARGE)
        return SourceRow(
            key=key,
            donations=given.donations,
            people=given.people,
            claimed=int(given.claimed),
            given_minor=int(given.given),
            unsettled_minor=int(given.given) - settled,
            exchanged_minor=settled - gross,
            fee_minor=sum(int(line.fee) for line in booked),
            returned_minor=gross - sum(int(line.gross) for line in booked),
            net_minor=sum(int(line.net) for line in booked),
        )


def add_up(rows: Iterable[SourceRow], *, key: Key = (None, None)) -> SourceRow:
    """One row that is the sum of all. People of several rows are added too, so set them anew where that matters."""
    names = [name for name in SourceRow.__struct_fields__ if name != "key"]
    held = list(rows)
    sums: Mapping[str, int] = {name: sum(getattr(row, name) for row in held) for name in names}
    return SourceRow(key=key, **sums)


def _strength(row: SourceRow) -> tuple[int, int, str, str]:
    return -row.net_minor, -row.given_minor, row.key[0] or "", row.key[1] or ""


def _paid_in(start: datetime, end: datetime) -> list[ColumnElement[bool]]:
    return [Donation.state == DonationState.PAID, Donation.paid_at >= start, Donation.paid_at < end]


def _key(by: By, main_site: str) -> KeyColumns:
    """The one or two columns that make a key."""
    path = Attribution.article_path
    site = case((path.is_not(None), func.coalesce(Attribution.site, main_site)), else_=null())
    verified = case((Article.is_verified, Article.issue), else_=null())
    keys: dict[By, KeyColumns] = {
        By.ARTICLE: [site, path.expression],
        By.ISSUE: [func.coalesce(Attribution.issue, verified)],
        By.APPEAL: [Appeal.slug.expression, Appeal.heading.expression],
        By.PLACEMENT: [Attribution.placement.expression],
        By.ORIGIN: [_origin()],
    }
    return keys[by]


def _origin() -> ColumnElement[Any]:
    """From outside first: a tagged link, the site before the article; then our own link's word, the site before us."""
    return func.coalesce(
        Attribution.utm["utm_source"].as_string(),
        Attribution.first_touch["via"].as_string(),
        Attribution.source,
        Attribution.referrer_host,
    )


def _origins(query: AnySelect, by: By, start: datetime, end: datetime) -> AnySelect:
    """The query over the donations of the period with where they came from."""
    joined = query.join(Attribution, Attribution.id == Donation.attribution_id).where(*_paid_in(start, end))
    if by is By.APPEAL:
        return joined.join(Appeal, Appeal.id == Donation.appeal_id)
    return joined.outerjoin(Article, Article.id == Attribution.article_id) if by is By.ISSUE else joined


def _given(by: By, key: KeyColumns, start: datetime, end: datetime) -> AnySelect:
    """Grouped by person first: counting distinct people directly makes PostgreSQL sort all rows."""
    person = func.coalesce(Supporter.merged_into_id, Donation.supporter_id, Donation.id)
    each = (
        _origins(
            select(
                key[0].label("first"),
                _second(key).label("second"),
                Donation.currency.label("currency"),
                func.count().label("donations"),
                func.sum(case((Attribution.is_claimed, 1), else_=0)).label("claimed"),
                func.sum(Donation.amount_minor).label("given"),
                func.sum(Donation.refunded_minor).label("refunded"),
            ),
            by,
            start,
            end,
        )
        .outerjoin(Supporter, Supporter.id == Donation.supporter_id)
        .group_by(*key, Donation.currency, person)
        .subquery()
    )
    held = each.c
    sums = (
        func.sum(held.donations),
        func.count(),
        func.sum(held.claimed),
        func.sum(held.given),
        func.sum(held.refunded),
    )
    return select(held.first, held.second, held.currency, *sums).group_by(held.first, held.second, held.currency)


def _booked(by: By, key: KeyColumns, start: datetime, end: datetime) -> AnySelect:
    """The posted lines of Stripe's balance that belong to these donations' payments."""
    line = BalanceTransaction
    kinds = (Donation.currency, line.currency, line.reporting_category)
    sums = (Donation.amount_minor, line.gross_minor, line.fee_minor, line.net_minor)
    query = _origins(select(key[0], _second(key), *kinds, *(func.sum(each) for each in sums)), by, start, end)
    return (
        query.join(line, line.stripe_payment_intent_id == Donation.stripe_payment_intent_id)
        .where(line.posted_at.is_not(None))
        .group_by(*key, *kinds)
    )


def _otherwise(by: By, key: KeyColumns, start: datetime, end: datetime) -> AnySelect:
    """The payments of these donations that never met Stripe, and how much of them is gone again."""
    is_over = OtherPayment.state.in_([OtherState.BOUNCED.value, OtherState.VOID.value])
    gone = func.sum(case((is_over, OtherPayment.amount_minor), else_=0))
    columns = (
        key[0],
        _second(key),
        Donation.currency,
        func.sum(OtherPayment.amount_minor),
        gone,
        func.sum(Donation.refunded_minor),
    )
    query = _origins(select(*columns), by, start, end)
    return query.join(OtherPayment, OtherPayment.donation_id == Donation.id).group_by(*key, Donation.currency)


def _refunded_abroad(start: datetime, end: datetime) -> Select[str, int]:
    """What was refunded of each currency and is posted in another, where the line itself does not say how much it was."""
    line = BalanceTransaction
    return (
        select(Donation.currency, func.sum(Refund.amount_minor))
        .join(Refund, Refund.donation_id == Donation.id)
        .join(line, line.source_id == Refund.stripe_refund_id)
        .where(*_paid_in(start, end), Refund.state == RefundState.SUCCEEDED)
        .where(line.reporting_category == REFUND, line.posted_at.is_not(None), line.currency != Donation.currency)
        .group_by(Donation.currency)
    )


def _second(key: KeyColumns) -> ColumnElement[Any]:
    return key[1] if len(key) > 1 else null()


def _people(start: datetime, end: datetime) -> Select[str, int]:
    person = func.coalesce(Supporter.merged_into_id, Donation.supporter_id, Donation.id)
    each = (
        select(Donation.currency.label("currency"), person.label("person"))
        .outerjoin(Supporter, Supporter.id == Donation.supporter_id)
        .where(*_paid_in(start, end))
        .distinct()
        .subquery()
    )
    return select(each.c.currency, func.count()).group_by(each.c.currency)


def _books(start: datetime, end: datetime) -> Select[str, int]:
    """What the ledger holds at Stripe and undeposited for the period's donations, without a look at where they came from."""
    return (
        select(LedgerEntry.currency, func.sum(LedgerEntry.amount_minor))
        .join(Donation, Donation.id == LedgerEntry.donation_id)
        .where(*_paid_in(start, end), LedgerEntry.account.in_(HELD))
        .group_by(LedgerEntry.currency)
    )
