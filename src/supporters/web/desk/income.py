"""/desk/income: month by month what was given once, began a plan or renewed one; and which article began it. No names."""

from typing import Any

import msgspec
from litestar import get
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.response import Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.articles import titles_at
from supporters.kit.clock import local_date
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.prompts.content import site_of
from supporters.reports.income import ArticleIncome, income_by_article, income_by_month
from supporters.reports.months import last_months
from supporters.web.common.forms import read_query
from supporters.web.common.house import house_of
from supporters.web.desk.frame import desk_page
from supporters.web.desk.roles import SEES_SOURCES

PATH = "/desk/income"
MONTHS = 12
MOST_ARTICLES = 30


class Line(msgspec.Struct, frozen=True):
    """One article's income as it is shown."""

    name: str
    more: str
    row: ArticleIncome


@get(PATH, opt={"access": SEES_SOURCES})
async def show_income(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """The last twelve months, and the articles of one of them. A month that is not among them is said to be so (422)."""
    settings = house_of(request).settings
    months = last_months(local_date(house_of(request).clock.now(), settings.time_zone), MONTHS)
    asked = read_query(request.scope["query_string"], ("month",)).get("month", "")
    month = next((each for each in months if each.isoformat()[:7] == asked), months[-1])
    is_unknown = bool(asked) and month.isoformat()[:7] != asked
    currency, zone = settings.currency, settings.time_zone
    articles = await income_by_article(reading, month=month, zone=zone, main_site=settings.site_url, currency=currency)
    return await desk_page(
        request,
        reading,
        "desk/income.html",
        here="income",
        problems=[("month", _("Choose one of the last twelve months."))] if is_unknown else [],
        is_booked=False,
        tables=await income_by_month(reading, months=months, zone=zone, currency=currency, with_books=False),
        month=month,
        choices=[(each.isoformat()[:7], each, each == month) for each in reversed(months)],
        articles=await article_lines(reading, articles[:MOST_ARTICLES]),
        left_out=max(0, len(articles) - MOST_ARTICLES),
        currency=currency,
        money=Money,
    )


@get(PATH + "/books", opt={"access": SEES_SOURCES})
async def show_income_books(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """The same months down to settled net, held against the ledger; slower, as every entry is looked at."""
    settings = house_of(request).settings
    months = last_months(local_date(house_of(request).clock.now(), settings.time_zone), MONTHS)
    return await desk_page(
        request,
        reading,
        "desk/income.html",
        here="income",
        is_booked=True,
        tables=await income_by_month(reading, months=months, zone=settings.time_zone, currency=settings.currency),
        money=Money,
    )


async def article_lines(session: AsyncSession, rows: list[ArticleIncome]) -> list[Line]:
    """The articles by their titles."""
    titles = await titles_at(session, [(row.site, row.path) for row in rows if row.site and row.path])
    return [_line(row, titles) for row in rows]


def _line(row: ArticleIncome, titles: dict[tuple[str, str], str]) -> Line:
    if row.site is None or row.path is None:
        return Line(_("Not from an article"), "", row)
    title = titles.get((row.site, row.path))
    return Line(title or row.path, f"{site_of(row.site)}{row.path}" if title else site_of(row.site), row)


HANDLERS = [show_income, show_income_books]
