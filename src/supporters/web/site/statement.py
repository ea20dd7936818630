"""/me/statement and the receipts: pages made to be printed."""

import asyncio
from typing import Any

from babel.dates import format_date
from litestar import route
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.clock import local_date
from supporters.kit.errors import NotFound
from supporters.kit.ids import is_ulid
from supporters.kit.strings import gettext as _
from supporters.people.details import Person, person
from supporters.receipts.mine import Payment, Period, payments_of, period_of, period_words, receipt_page, sums_of
from supporters.receipts.pdf import DAY, has_pdf, statement_pdf, statement_words
from supporters.web.common.access import SUPPORTER
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest, page
from supporters.web.common.supporter import PRIVATE, supporter_of


@route("/me/statement/{period:str}", http_method=["GET", "HEAD"], opt={"access": SUPPORTER})
async def show_statement(
    request: Request[Any, Any, Any], period: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[Any]:
    """What the supporter gave in a calendar year ("2026") or in the last twelve months ("12-months"); a PDF as "2026.pdf"."""
    house, supporter = house_of(request), supporter_of(request)
    now = house.clock.now()
    name, _dot, ending = period.partition(".")
    found = period_of(name, now=now, zone=house.settings.time_zone)
    if found is None or ending not in ({"", "pdf"} if has_pdf() else {""}):
        raise NotFound(_("A statement is for one year, such as this one, or for the last twelve months."))
    payments = await payments_of(reading, supporter.supporter_id, found)
    me = await person(reading, supporter.supporter_id, supporter.address_id, now=now)
    if ending:
        return await _pdf(request, found, payments, me)
    return page(
        request,
        "site/statement.html",
        headers=PRIVATE,
        period=found,
        heading=period_words(found),
        has_pdf=has_pdf(),
        me=me,
        payments=payments,
        sums=sums_of(payments),
        made_at=now,
    )


@route("/me/receipts/{donation_id:str}", http_method=["GET", "HEAD"], opt={"access": SUPPORTER})
async def show_receipt(
    request: Request[Any, Any, Any], donation_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """The receipt of one payment."""
    supporter_id = supporter_of(request).supporter_id
    receipt = await receipt_page(reading, donation_id, supporter_id) if is_ulid(donation_id) else None
    if receipt is None:
        raise NotFound(_("There is no such receipt of yours."))
    return page(request, "site/receipt.html", headers=PRIVATE, receipt=receipt)


async def _pdf(request: AnyRequest, period: Period, payments: list[Payment], me: Person) -> Response[bytes]:
    house = house_of(request)
    made_on = format_date(local_date(house.clock.now(), house.settings.time_zone), DAY, locale=house.settings.locale)
    told = statement_words(
        payments, period, name=me.name, address=me.letters_to, made_on=made_on, settings=house.settings
    )
    body = await asyncio.to_thread(statement_pdf, told)
    headers = {
        **PRIVATE,
        "cache-control": "no-store",
        "content-disposition": f'attachment; filename="statement-{period.name}.pdf"',
    }
    return Response(body, media_type="application/pdf", headers=headers)


HANDLERS = [show_statement, show_receipt]
