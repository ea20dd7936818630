"""/desk/discrepancies: differences that a person must explain, the first due on top; every view is an address."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.codes import Resolution, describe_resolution
from supporters.discrepancies.discuss import bookkeepers
from supporters.discrepancies.models import Discrepancy
from supporters.discrepancies.queries import (
    NOBODY,
    DiscrepancyFilter,
    count_discrepancies,
    count_open_by_code,
    list_discrepancies,
    named_in,
    opened_since,
)
from supporters.discrepancies.resolve import note_quiet
from supporters.discrepancies.rules import QUIET
from supporters.kit.clock import local_date
from supporters.kit.strings import gettext as _
from supporters.reconciliation.ageing import BANDS
from supporters.reconciliation.match_queries import find_lines
from supporters.staff.queries import staff_names
from supporters.web.common.access import member_of
from supporters.web.common.forms import read_query
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk import sheet
from supporters.web.desk.age_words import band_words
from supporters.web.desk.bank_words import said_of
from supporters.web.desk.discrepancy_about import named_subjects
from supporters.web.desk.discrepancy_words import (
    FIELDS,
    PATH,
    Asked,
    age_words,
    filter_of,
    first_place,
    is_about_line,
    read_view,
    show,
)
from supporters.web.desk.frame import desk_page
from supporters.web.desk.list_file import ListFile, Rows, in_portions, list_files
from supporters.web.desk.match import places_of
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.seal import read_sealed
from supporters.web.desk.when import When
from supporters.web.desk.words import code_words

ROWS = 100
AMOUNT = 5  # which column of the file, from 0


@get(PATH, opt={"access": DOES_BOOKS})
async def show_discrepancies(
    request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """One page of the view that the address names."""
    asked, member = _asked(request), member_of(request)
    house = house_of(request)
    today = local_date(house.clock.now(), house.settings.time_zone)
    wanted = filter_of(asked, member.id, today=today, zone=house.settings.time_zone)
    first, by_kind = (asked.page - 1) * ROWS, asked.by == "kind"
    found = await list_discrepancies(reading, asked=wanted, by_kind=by_kind, limit=ROWS, offset=first)
    lines = await find_lines(reading, [each.subject for each in found if is_about_line(each)])
    places = places_of(request)
    total = await count_discrepancies(reading, wanted)
    since = await opened_since(reading)
    return await desk_page(
        request,
        reading,
        "desk/discrepancies.html",
        here="discrepancies",
        asked=asked,
        rows=[(show(each), age_words(each.opened_at, today), first_place(each, places)) for each in found],
        said={line.id: (said_of(line.counterparty, line.text), line.booked_on) for line in lines},
        named=await named_subjects(reading, found, _when(request)),
        other_order=asked.address(by="" if by_kind else "kind"),
        asks_me=await named_in(reading, member.id, [each.id for each in found]),
        total=total,
        views=await _views(reading, asked, member.id),
        codes=[(code.value, f"{code_words(code)} ({count})") for code, count in await _codes(reading, asked)],
        owners=list((await bookkeepers(reading)).items()),
        bands=[(str(least), band_words(least, most)) for least, most in BANDS],
        oldest=age_words(since, today) if since else "",
        today=today,
        names=await staff_names(reading, [name for each in found for name in (each.resolved_by, each.owner_id)]),
        ways={each.value: describe_resolution(each) for each in Resolution},
        newer=asked.address(page=str(asked.page - 1)) if asked.page > 1 else None,
        older=asked.address(page=str(asked.page + 1)) if asked.page * ROWS < total else None,
        query=asked.address("").removesuffix("?"),
    )


@post(PATH + "/read", status_code=303, opt={"access": DOES_BOOKS})
async def read_all(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Redirect:
    """Everything that is for information only is closed as read."""
    member = member_of(request)
    await read_sealed(request, member, [])
    await note_quiet(session, actor_id=member.id, now=house_of(request).clock.now())
    return Redirect(f"{PATH}?view=info", status_code=303)


def _when(request: AnyRequest) -> When:
    house = house_of(request)
    return When(zone=house.settings.time_zone, locale=house.settings.locale, now=house.clock.now())


def _asked(request: AnyRequest) -> Asked:
    return read_view(read_query(request.scope["query_string"], FIELDS))


async def _views(session: AsyncSession, asked: Asked, member_id: str) -> list[tuple[str, str, bool]]:
    """Label, address and whether it is shown, for each view; open ones with how many there are."""
    open_ = DiscrepancyFilter(is_quiet=False)
    counted = (
        ("", _("All open"), open_),
        ("mine", _("Mine"), DiscrepancyFilter(is_quiet=False, concerns=member_id)),
        ("free", _("Nobody's"), DiscrepancyFilter(is_quiet=False, owner_id=NOBODY)),
        ("second", _("To agree"), DiscrepancyFilter(is_quiet=False, asks_other_than=member_id)),
        ("info", _("For information"), DiscrepancyFilter(is_quiet=True)),
    )
    empty = Asked("", "", "", 1)
    views = [
        (f"{label}, {await count_discrepancies(session, wanted)}", empty.address(view=view), asked.view == view)
        for view, label, wanted in counted
    ]
    return [*views, (_("Closed"), empty.address(view="closed"), asked.view == "closed")]


async def _codes(session: AsyncSession, asked: Asked) -> Sequence[tuple[Any, int]]:
    """The kinds that are open in this part of the list, the commonest first."""
    counts = (await count_open_by_code(session)).items()
    wanted = [(code, count) for code, count in counts if (code in QUIET) == (asked.view == "info")]
    return sorted(wanted, key=lambda pair: -pair[1])


async def _file(request: AnyRequest) -> tuple[ListFile, AsyncIterator[Rows]]:
    asked = _asked(request)
    house = house_of(request)
    view = {"view": asked.view, "code": asked.code, "owner": asked.owner, "age": asked.age}
    wanted = ListFile(name="discrepancies", action="discrepancy.export", view=view, header=_header(), numbers={AMOUNT})
    today, zone = local_date(house.clock.now(), house.settings.time_zone), house.settings.time_zone
    looked = filter_of(asked, member_of(request).id, today=today, zone=zone)

    async def read(session: AsyncSession, limit: int, offset: int) -> Rows:
        by_kind = asked.by == "kind"
        rows = await list_discrepancies(session, asked=looked, by_kind=by_kind, limit=limit, offset=offset)
        people = [who for each in rows for who in (each.resolved_by, each.owner_id, each.agreed_by)]
        names = await staff_names(session, people)
        named = await named_subjects(session, rows, _when(request))
        return [_cells(each, names, named.get(each.subject, "")) for each in rows]

    return wanted, in_portions(house, read)


def _header() -> list[str]:
    return [
        _("Code"),
        _("What"),
        _("About"),
        _("By name"),
        _("Currency"),
        _("Amount"),
        _("Opened (UTC)"),
        _("Due"),
        _("Looks after it"),
        _("State"),
        _("How it was closed"),
        _("Why"),
        _("Closed by"),
        _("Agreed by"),
        _("Closed (UTC)"),
    ]


def _cells(found: Discrepancy, names: dict[str, str], named: str) -> list[str]:
    it = show(found)
    closed = found.resolved_at.strftime("%Y-%m-%d %H:%M:%S") if found.resolved_at else ""
    return [
        it.code,
        it.sentence,
        it.subject,
        named,
        it.amount.currency if it.amount else "",
        sheet.number(it.amount),
        found.opened_at.strftime("%Y-%m-%d %H:%M:%S"),
        found.due_on.isoformat(),
        names.get(found.owner_id or "", ""),
        found.state,
        found.resolution or "",
        found.reason or "",
        names.get(found.resolved_by or "", ""),
        names.get(found.agreed_by or "", ""),
        closed,
    ]


HANDLERS = [show_discrepancies, *list_files(PATH, access=DOES_BOOKS, asked=_file), read_all]
