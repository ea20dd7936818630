"""/desk/months: the board of months, the latest on top: what was given, what is proved, what is left, what is closed."""

from datetime import date
from typing import Any

import msgspec
from litestar import get
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.response import Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.clock import local_date
from supporters.kit.money import Money
from supporters.ledger.periods import month_of
from supporters.reconciliation.month_queries import MonthRow, board, first_month
from supporters.reconciliation.second_person import months_asked
from supporters.reports.income import income_by_month
from supporters.reports.months import last_months
from supporters.settings import Settings
from supporters.web.common.forms import read_query
from supporters.web.common.house import house_of
from supporters.web.desk.frame import desk_page
from supporters.web.desk.month_words import PATH, month_named, month_tag
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.words import Tag

MONTHS = 12


class ShownMonth(msgspec.Struct, frozen=True):
    """One month as the board shows it; `given` and `paid_out` by currency."""

    row: MonthRow
    name: str
    tag: Tag
    given: list[Money]
    paid_out: list[Money]


class Board(msgspec.Struct, frozen=True):
    """Twelve months, and the last one of the twelve before them, if there is anything."""

    months: list[ShownMonth]
    older: str | None


@get(PATH, opt={"access": DOES_BOOKS})
async def show_months(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """Twelve months up to this one, or up to the one that the address names."""
    house = house_of(request)
    today = local_date(house.clock.now(), house.settings.time_zone)
    asked = read_query(request.scope["query_string"], ("until",)).get("until", "")
    last = min(month_named(asked), today.replace(day=1)) if asked else today
    shown = await read_board(reading, last=last, today=today, settings=house.settings)
    return await desk_page(
        request, reading, "desk/months.html", here="months", root="/desk", board=shown, is_latest=not asked
    )


async def read_board(
    session: AsyncSession, *, last: date, today: date, settings: Settings, begun: date | None = None
) -> Board:
    """The months up to that of `last`; none before `begun`, or else before the books begin."""
    months = last_months(last, MONTHS)
    begun = begun or await first_month(session)
    months = [month for month in months if begun is None or month >= begun] or months[-1:]
    rows = await board(session, months, zone=settings.time_zone)
    given = await _given(session, months, settings)
    asked = await months_asked(session)
    shown = [_shown(row, given.get(row.month, []), today=today, asked=asked) for row in rows]
    before = last_months(months[0], 2)[0]
    return Board(shown, month_of(before) if begun and before >= begun else None)


async def _given(session: AsyncSession, months: list[date], settings: Settings) -> dict[date, list[Money]]:
    found: dict[date, list[Money]] = {}
    tables = await income_by_month(
        session, months=months, zone=settings.time_zone, currency=settings.currency, with_books=False
    )
    for table in tables:
        for row in table.months:
            if row.month and row.given_minor:
                found.setdefault(row.month, []).append(Money(row.given_minor, table.currency))
    return found


def _shown(row: MonthRow, given: list[Money], *, today: date, asked: frozenset[str]) -> ShownMonth:
    name = month_of(row.month)
    return ShownMonth(row, name, month_tag(row, today=today, is_asked=name in asked), given, _paid_out(row))


def _paid_out(row: MonthRow) -> list[Money]:
    sums: dict[str, int] = {}
    for each in row.payouts:
        if each.status not in ("failed", "canceled"):
            sums[each.currency] = sums.get(each.currency, 0) + each.amount_minor
    return [Money(minor, currency) for currency, minor in sorted(sums.items())]


HANDLERS = [show_months]
