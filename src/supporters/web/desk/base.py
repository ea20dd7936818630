"""/desk/base: who gives every month or year, how that moved, and whether the ledger agrees. No names."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Protocol

from litestar import get
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.response import Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.clock import local_date
from supporters.kit.money import Money
from supporters.reports.base import Base, base_and_books, base_now
from supporters.reports.months import last_months
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.frame import desk_page
from supporters.web.desk.roles import SEES_SOURCES

MONTHS = 12


class Read(Protocol):
    """A way to read the base."""

    async def __call__(
        self, session: AsyncSession, *, months: Sequence[date], zone: str, currency: str
    ) -> list[Base]: ...


@get("/desk/base", opt={"access": SEES_SOURCES})
async def show_base(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """The base now, and how it moved in the last twelve months."""
    return await _page(request, reading, "desk/base.html", base_now)


@get("/desk/base/books", opt={"access": SEES_SOURCES})
async def show_base_books(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """What plans brought in each of these months, held against the ledger; slower, as every payment is looked at."""
    return await _page(request, reading, "desk/base_books.html", base_and_books)


async def _page(request: AnyRequest, reading: AsyncSession, template: str, read: Read) -> Response[bytes]:
    settings = house_of(request).settings
    months = last_months(local_date(house_of(request).clock.now(), settings.time_zone), MONTHS)
    zone, currency = settings.time_zone, settings.currency
    return await desk_page(
        request,
        reading,
        template,
        here="base",
        bases=await read(reading, months=months, zone=zone, currency=currency),
        money=Money,
    )


HANDLERS = [show_base, show_base_books]
