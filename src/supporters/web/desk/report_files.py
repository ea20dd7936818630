"""Income and the monthly base as files: months of sums, no supporter's name, so that whoever sees the page may take them."""

from collections.abc import AsyncIterator
from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.clock import local_date
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.reports.base import BaseMonth, SettledMonth, base_and_books, base_now
from supporters.reports.income import IncomeMonth, income_by_article, income_by_month
from supporters.reports.months import last_months
from supporters.web.common.errors import PageError
from supporters.web.common.forms import read_query
from supporters.web.common.house import House, house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.base import MONTHS
from supporters.web.desk.income import PATH as INCOME
from supporters.web.desk.income import Line, article_lines
from supporters.web.desk.list_file import ListFile, Rows, at_once, list_files, sums_file
from supporters.web.desk.roles import SEES_SOURCES
from supporters.web.desk.sheet import number

BASE = "/desk/base"
BOOKS = "/books"  # the same months held against the ledger, which takes longer to read


async def _income(request: AnyRequest) -> tuple[ListFile, AsyncIterator[Rows]]:
    return await _income_file(request, with_books=False)


async def _income_and_books(request: AnyRequest) -> tuple[ListFile, AsyncIterator[Rows]]:
    return await _income_file(request, with_books=True)


async def _income_file(request: AnyRequest, *, with_books: bool) -> tuple[ListFile, AsyncIterator[Rows]]:
    house = house_of(request)
    header = [
        _("Month"), _("Currency"), _("Payments"), _("One-off"), _("First payments"), _("Renewals"), _("Given"),
        *([_("Returned"), _("Fees"), _("Settled net")] if with_books else []),
    ]  # fmt: skip

    async def read(session: AsyncSession) -> Rows:
        settings = house.settings
        tables = await income_by_month(
            session,
            months=_twelve(house),
            zone=settings.time_zone,
            currency=settings.currency,
            with_books=with_books,
        )
        return [
            _income_cells(row, each.currency, with_books=with_books)
            for each in tables
            for row in (*each.months, each.total)
        ]

    return _sums("income", house, header, numbers=range(2, 10)), at_once(house, read)


def _income_cells(row: IncomeMonth, currency: str, *, with_books: bool) -> list[str]:
    sums = [row.once_minor, row.first_minor, row.renewal_minor, row.given_minor]
    if with_books:
        sums += [-row.returned_minor, -row.fee_minor, row.net_minor]
    month = _month(row.month) if row.month else _("Sum")
    return [month, currency, str(row.donations), *(number(Money(minor, currency)) for minor in sums)]


async def _base(request: AnyRequest) -> tuple[ListFile, AsyncIterator[Rows]]:
    house = house_of(request)
    header = [
        _("Month"), _("Currency"), _("At its start"), _("New"), _("Stopped"), _("Failed for good"), _("Other amounts"),
        _("At its end"), _("Donations at its end"), _("New people"), _("People who stopped"), _("People whose payments failed"),
    ]  # fmt: skip

    async def read(session: AsyncSession) -> Rows:
        settings = house.settings
        found = await base_now(session, months=_twelve(house), zone=settings.time_zone, currency=settings.currency)
        return [_base_cells(row, each.currency) for each in found for row in each.months]

    return _sums("monthly-base", house, header, numbers=range(2, 12)), at_once(house, read)


def _base_cells(row: BaseMonth, currency: str) -> list[str]:
    minor = (row.start.minor, row.new.minor, -row.stopped.minor, -row.failed.minor, row.changed_minor, row.end.minor)
    counts = (row.end.plans, row.new.people, row.stopped.people, row.failed.people)
    return [_month(row.month), currency, *(number(Money(each, currency)) for each in minor), *map(str, counts)]


async def _settled(request: AnyRequest) -> tuple[ListFile, AsyncIterator[Rows]]:
    house = house_of(request)
    header = [
        _("Month"), _("Currency"), _("Payments"), _("Given"), _("Not settled yet"), _("Settled"), _("In the ledger"),
    ]  # fmt: skip

    async def read(session: AsyncSession) -> Rows:
        settings = house.settings
        found = await base_and_books(
            session, months=_twelve(house), zone=settings.time_zone, currency=settings.currency
        )
        return [_settled_cells(row, each.currency) for each in found for row in each.settled]

    return _sums("monthly-base-in-the-ledger", house, header, numbers=range(2, 7)), at_once(house, read)


def _settled_cells(row: SettledMonth, currency: str) -> list[str]:
    minor = (row.given_minor, row.unsettled_minor, row.settled_minor, row.books_minor)
    return [_month(row.month), currency, str(row.payments), *(number(Money(each, currency)) for each in minor)]


async def _articles(request: AnyRequest) -> tuple[ListFile, AsyncIterator[Rows]]:
    house = house_of(request)
    months = {_month(each): each for each in _twelve(house)}
    asked = read_query(request.scope["query_string"], ("month",)).get("month", "")
    if asked and asked not in months:
        raise PageError(400, _("The filter in this address can't be read, so nothing was exported."))
    month = months[asked or max(months)]
    currency, zone = house.settings.currency, house.settings.time_zone
    header = [
        _("Article"), _("Address"), _("Currency"), _("One-off"), _("First payments"), _("Renewals"), _("Given"), _("Began"),
    ]  # fmt: skip

    async def read(session: AsyncSession) -> Rows:
        site = house.settings.site_url
        found = await income_by_article(session, month=month, zone=zone, main_site=site, currency=currency)
        return [_article_cells(each, currency) for each in await article_lines(session, found)]

    return _sums(f"articles-{_month(month)}", house, header, numbers=range(3, 8)), at_once(house, read)


def _article_cells(it: Line, currency: str) -> list[str]:
    row = it.row
    minor = (row.once_minor, row.first_minor, row.renewal_minor, row.given_minor)
    return [it.name, it.more, currency, *(number(Money(each, currency)) for each in minor), str(row.plans)]


def _sums(name: str, house: House, header: list[str], *, numbers: range) -> ListFile:
    day = local_date(house.clock.now(), house.settings.time_zone).isoformat()
    return ListFile(name=f"{name}-{day}", view={}, header=header, numbers=numbers)


def _twelve(house: House) -> list[date]:
    return last_months(local_date(house.clock.now(), house.settings.time_zone), MONTHS)


def _month(first: date) -> str:
    return first.isoformat()[:7]


HANDLERS = [
    *list_files(INCOME, access=SEES_SOURCES, asked=_income, give=sums_file),
    *list_files(INCOME + BOOKS, access=SEES_SOURCES, asked=_income_and_books, give=sums_file),
    *list_files(INCOME + "/articles", access=SEES_SOURCES, asked=_articles, give=sums_file),
    *list_files(BASE + BOOKS, access=SEES_SOURCES, asked=_settled, give=sums_file),
    *list_files(BASE, access=SEES_SOURCES, asked=_base, give=sums_file),
]
