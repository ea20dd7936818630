"""/desk/accountant: links by which somebody outside reads months and payouts; and what such a link opens, /books/{token}."""

from contextlib import suppress
from datetime import date
from typing import Any

from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.clock import local_date
from supporters.kit.errors import Conflict, NotFound, Refused
from supporters.kit.ids import is_ulid
from supporters.kit.strings import gettext as _
from supporters.ledger.periods import month_of
from supporters.reconciliation.books_links import DAYS, end_link, find_link, list_links, make_link, note_opened
from supporters.reconciliation.certify import latest_certificate
from supporters.reconciliation.models import BooksLink, CertificateKind
from supporters.reports.months import last_months
from supporters.staff.queries import staff_names
from supporters.web.common.access import PUBLIC, member_of
from supporters.web.common.forms import read_query
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest, page
from supporters.web.desk.frame import desk_page
from supporters.web.desk.month import read_sheet
from supporters.web.desk.month_words import month_named
from supporters.web.desk.months import read_board
from supporters.web.desk.payout import certificate_file, found_certificate, found_payout, payout_facts
from supporters.web.desk.payout_lines import FIELDS as LINE_FIELDS
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.seal import read_sealed
from supporters.web.desk.when import When

PATH, OUTSIDE = "/desk/accountant", "/books/{token:str}"
FIELDS = ("name", "from", "days")
SHOWN, MONTHS = 50, 24
HEADERS = {"referrer-policy": "no-referrer", "x-robots-tag": "noindex"}


@get(PATH, opt={"access": DOES_BOOKS})
async def show_links(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """Every link that was made, and the form for another one."""
    return await _links_page(request, reading, {})


@post(PATH, opt={"access": DOES_BOOKS}, status_code=200)
async def take_link(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Response[bytes]:
    """The link is made, and its address stands on the page this once; or the form comes back (422)."""
    house, member = house_of(request), member_of(request)
    form = dict(await read_sealed(request, member, FIELDS))
    first, days = form.get("from", ""), form.get("days", "")
    if first not in _months(request):
        return await _links_page(request, session, form, problem=("from", _("Choose the first month.")))
    if days not in {str(each) for each in DAYS}:
        return await _links_page(request, session, form, problem=("days", _("Choose how long it works.")))
    try:
        token = await make_link(
            session,
            name=form.get("name", ""),
            starts_on=month_named(first),
            days=int(days),
            actor_id=member.id,
            ids=house.ids,
            now=house.clock.now(),
        )
    except Refused as error:
        return await _links_page(request, session, form, problem=("name", error.message))
    return await _links_page(request, session, {}, made=f"{house.settings.base_url}/books/{token}")


@post(PATH + "/{link_id:str}/end", status_code=303, opt={"access": DOES_BOOKS})
async def take_end(
    request: Request[Any, Any, Any], link_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Redirect:
    """The link opens nothing any more; one that had ended stays so."""
    member = member_of(request)
    await read_sealed(request, member, [])
    if not is_ulid(link_id):
        raise NotFound(_("There is no such link."))
    with suppress(Conflict):  # pressed twice
        await end_link(session, link_id, actor_id=member.id, now=house_of(request).clock.now())
    return Redirect(PATH, status_code=303)


@get(OUTSIDE, opt={"access": PUBLIC})
async def show_outside(
    request: Request[Any, Any, Any], token: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """The months that the link opens. 404 for a link that opens nothing."""
    house = house_of(request)
    link = await _opened(request, session, token)
    await note_opened(session, link.id, now=house.clock.now())
    settings = house.settings
    today = local_date(house.clock.now(), settings.time_zone)
    asked = read_query(request.scope["query_string"], ("until",)).get("until", "")
    last = min(month_named(asked), today.replace(day=1)) if asked else today
    board = await read_board(
        session, last=max(last, link.starts_on), today=today, settings=settings, begun=link.starts_on
    )
    return _page(request, "desk/outside_months.html", token, link, board=board)


@get(OUTSIDE + "/months/{month:str}", opt={"access": PUBLIC})
async def show_outside_month(
    request: Request[Any, Any, Any], token: FromPath[str], month: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """One month that the link opens."""
    house = house_of(request)
    link, first = await _opened(request, reading, token), month_named(month)
    _require_shown(link, first)
    zone = house.settings.time_zone
    sheet = await read_sheet(reading, first, zone=zone, today=local_date(house.clock.now(), zone))
    certificate = await latest_certificate(reading, CertificateKind.MONTH, month_of(first))
    return _page(request, "desk/outside_month.html", token, link, sheet=sheet, certificate=certificate)


@get(OUTSIDE + "/payouts/{payout_id:str}", opt={"access": PUBLIC})
async def show_outside_payout(
    request: Request[Any, Any, Any],
    token: FromPath[str],
    payout_id: FromPath[str],
    reading: NamedDependency[AsyncSession],
) -> Response[bytes]:
    """One payout of a month that the link opens."""
    link = await _opened(request, reading, token)
    row = await found_payout(reading, payout_id)
    _require_shown(link, row.arrival_on)
    asked = read_query(request.scope["query_string"], LINE_FIELDS)
    facts = await payout_facts(reading, row, asked=asked, root=f"/books/{token}")
    return _page(request, "desk/outside_payout.html", token, link, **facts)


@get(OUTSIDE + "/certificates/{number:str}", opt={"access": PUBLIC})
async def show_outside_certificate(
    request: Request[Any, Any, Any], token: FromPath[str], number: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """The file of a certificate of a month that the link opens, or of a payout of one."""
    link, found = await _opened(request, reading, token), await found_certificate(reading, number)
    if found.kind == CertificateKind.MONTH:
        _require_shown(link, month_named(found.subject))
    else:
        _require_shown(link, (await found_payout(reading, found.subject)).arrival_on)
    return await certificate_file(reading, found)


async def _opened(request: AnyRequest, session: AsyncSession, token: str) -> BooksLink:
    return await find_link(session, token, now=house_of(request).clock.now())


def _require_shown(link: BooksLink, day: date) -> None:
    if day < link.starts_on:
        raise NotFound(_("This link opens later months only."))


def _page(request: AnyRequest, template: str, token: str, link: BooksLink, **context: Any) -> Response[bytes]:
    house = house_of(request)
    when = When(zone=house.settings.time_zone, locale=house.settings.locale, now=house.clock.now())
    root = f"/books/{token}"
    return page(request, template, headers=HEADERS, desk=None, when=when, root=root, link=link, **context)


def _months(request: AnyRequest) -> dict[str, date]:
    house = house_of(request)
    today = local_date(house.clock.now(), house.settings.time_zone)
    return {month_of(month): month for month in reversed(last_months(today, MONTHS))}


async def _links_page(
    request: AnyRequest,
    session: AsyncSession,
    form: dict[str, str],
    *,
    problem: tuple[str, str] | None = None,
    made: str = "",
) -> Response[bytes]:
    links = await list_links(session, limit=SHOWN)
    return await desk_page(
        request,
        session,
        "desk/accountant.html",
        here="months",
        links=links,
        names=await staff_names(session, [link.made_by for link in links]),
        months=list(_months(request).items()),
        days=DAYS,
        typed={name: form.get(name, "") for name in FIELDS},
        made=made,
        now=house_of(request).clock.now(),
        problems=[problem] if problem else [],
    )


HANDLERS = [show_links, take_link, take_end]
FOR_LINKS = [show_outside, show_outside_month, show_outside_payout, show_outside_certificate]
