"""/desk/sources: what each article, issue, appeal, placement and outside site brought in, down to settled net. No names."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import get
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.response import Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.articles import titles_at
from supporters.appeals.issues import titles_of_issues
from supporters.kit.clock import local_date
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.reports.sources import By, SourceTable, source_tables
from supporters.web.common.access import member_of
from supporters.web.common.errors import PageError
from supporters.web.common.forms import read_query
from supporters.web.common.house import House, house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.frame import desk_page
from supporters.web.desk.list_file import ListFile, Rows, at_once, list_files, sums_file
from supporters.web.desk.periods import Period, Span, read_period
from supporters.web.desk.roles import SEES_DONATIONS, SEES_SOURCES
from supporters.web.desk.source_words import (
    MOST_ROWS,
    Bar,
    Line,
    Names,
    bars_of,
    by_word,
    cells_of,
    header_of,
    lines_of,
)

PATH = "/desk/sources"
FIELDS = ("by", "period", "from", "to")


class Shown(msgspec.Struct, frozen=True):
    """One currency's table as the page shows it."""

    table: SourceTable
    lines: list[Line]
    bars: list[Bar]

    @property
    def has_exchange(self) -> bool:
        """Whether anything was settled in another currency, so that it needs its column."""
        return any(each.row.exchanged_minor for each in self.lines)

    @property
    def best(self) -> Line | None:
        """The strongest source that is known and has brought in something."""
        return next((each for each in self.lines if each.row.key[0] is not None and each.row.net_minor > 0), None)

    def money(self, minor: int) -> Money:
        """The amount in the table's currency."""
        return Money(minor, self.table.currency)


@get(PATH, opt={"access": SEES_SOURCES})
async def show_sources(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """The report for a period, one table a currency. A period that can't be read is said to be so (422)."""
    by, period = _asked(request)
    tables = await _tables(house_of(request), reading, by, period)
    names = await _names(reading, by, tables, most=MOST_ROWS)
    is_linked = member_of(request).role in SEES_DONATIONS
    return await desk_page(
        request,
        reading,
        "desk/sources.html",
        here="sources",
        problems=[("f-" + name, words) for name, words in period.problems],
        by=by,
        by_word=by_word(by),
        period=period,
        shown=[_shown(by, table, names, period, is_linked=is_linked) for table in tables],
        kinds=[(by_word(each), _address(PATH, each, period), each is by) for each in By],
        spans=[(word, _address(PATH, by, _of_span(period, each)), each is period.span) for each, word in _span_words()],
        csv=_address(PATH + ".csv", by, period),
        xlsx=_address(PATH + ".xlsx", by, period),
    )


async def _file(request: AnyRequest) -> tuple[ListFile, AsyncIterator[Rows]]:
    """The same report as a spreadsheet file, every row of it."""
    by, period = _asked(request)
    if period.problems:
        raise PageError(400, _("The period in this address can't be read, so nothing was exported."))
    house = house_of(request)

    async def read(session: AsyncSession) -> Rows:
        tables = await _tables(house, session, by, period)
        return cells_of(by, tables, await _names(session, by, tables, most=None))

    name = f"sources-by-{by}-{period.since.isoformat()}-to-{period.until.isoformat()}"
    wanted = ListFile(name=name, view={}, header=header_of(by), numbers=range(3, 12))
    return wanted, at_once(house, read)


def _asked(request: AnyRequest) -> tuple[By, Period]:
    house = house_of(request)
    query = read_query(request.scope["query_string"], FIELDS)
    by = By(query["by"]) if query.get("by") in set(By) else By.ARTICLE
    return by, read_period(query, today=local_date(house.clock.now(), house.settings.time_zone))


async def _tables(house: House, session: AsyncSession, by: By, period: Period) -> list[SourceTable]:
    settings = house.settings
    return await source_tables(
        session,
        by=by,
        since=period.since,
        until=period.until,
        zone=settings.time_zone,
        main_site=settings.site_url,
        currency=settings.currency,
    )


async def _names(session: AsyncSession, by: By, tables: list[SourceTable], *, most: int | None) -> Names:
    keys = [row.key for table in tables for row in table.rows[:most]]
    if by is By.ARTICLE:
        return Names(await titles_at(session, [(site, path) for site, path in keys if site and path]), {})
    if by is By.ISSUE:
        return Names({}, await titles_of_issues(session, [first for first, _second in keys if first]))
    return Names({}, {})


def _shown(by: By, table: SourceTable, names: Names, period: Period, *, is_linked: bool) -> Shown:
    lines = lines_of(by, table, names, period=period, is_linked=is_linked)
    return Shown(table, lines, bars_of(table, lines))


def _span_words() -> list[tuple[Span, str]]:
    return [(Span.WEEK, _("This week")), (Span.MONTH, _("This month")), (Span.YEAR, _("This year"))]


def _of_span(period: Period, span: Span) -> Period:
    return msgspec.structs.replace(period, span=span, typed={})


def _address(path: str, by: By, period: Period) -> str:
    return f"{path}?{urlencode({'by': by.value, 'period': period.span.value, **period.typed})}"


HANDLERS = [show_sources, *list_files(PATH, access=SEES_SOURCES, asked=_file, give=sums_file)]
