"""GET /desk/donations and its spreadsheet: every view is an address, and the sums are those of the whole view."""

from collections.abc import AsyncIterator, Mapping
from datetime import date
from typing import Any

import msgspec
from litestar import get
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.desk_queries import all_rows, appeal_choices, list_rows, look_up_givers
from supporters.donations.desk_story import donation_id_of
from supporters.donations.desk_sums import sum_rows
from supporters.donations.filters import STATES
from supporters.kit.clock import local_date
from supporters.kit.strings import gettext as _
from supporters.web.common.access import member_of
from supporters.web.common.errors import PageError
from supporters.web.common.forms import read_query
from supporters.web.common.house import House, house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk import sheet
from supporters.web.desk.filters import FIELDS, Asked, read_filter
from supporters.web.desk.frame import desk_page
from supporters.web.desk.list_file import ListFile, Rows, list_files
from supporters.web.desk.masking import mask_rows, sees_people
from supporters.web.desk.roles import DOES_BOOKS, SEES_DONATIONS
from supporters.web.desk.words import came_from_words, donation_tag, state_word

PATH = "/desk/donations"
LARGE_MINOR = 500_00


class View(msgspec.Struct, frozen=True):
    """One saved view: a name and an address."""

    label: str
    href: str
    is_current: bool


@get(PATH, opt={"access": SEES_DONATIONS})
async def show_donations(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[Any]:
    """One page of the list, newest first. A reference in the search goes straight to its donation."""
    house, asked = house_of(request), _asked(request)
    found = await donation_id_of(reading, asked.view.words) if asked.view.words.upper().startswith("D-") else None
    if found:
        return Redirect(f"{PATH}/{found}", status_code=303)
    currency, zone = house.settings.currency, house.settings.time_zone
    view = await look_up_givers(reading, asked.view)
    page = await list_rows(reading, view, currency=currency, zone=zone, before=asked.before)
    return await desk_page(
        request,
        reading,
        "desk/donations.html",
        here="donations",
        problems=[("f-" + name, words) for name, words in asked.problems.items()],
        asked=asked,
        rows=[(row, donation_tag(row), came_from_words(row)) for row in mask_rows(page.rows, member_of(request).role)],
        sums=await sum_rows(reading, view, currency=currency, zone=zone),
        older=asked.address(PATH, before=page.before) if page.before else None,
        newest=asked.address(PATH) if asked.before else None,
        query=asked.address(""),
        views=saved_views(asked, local_date(house.clock.now(), zone)),
        states=[(state, state_word(state)) for state in STATES],
        appeals=await appeal_choices(reading),
    )


def saved_views(asked: Asked, today: date) -> list[View]:
    """Views that finance asks for most, each an address."""
    first = today.replace(day=1).isoformat()
    views: list[tuple[str, Mapping[str, str]]] = [
        (_("All"), {}),
        (_("This month"), {"state": "received", "from": first, "to": today.isoformat()}),
        (_("Over 500"), {"state": "paid", "min": str(LARGE_MINOR // 100)}),
        (_("Refunded"), {"state": "refunded"}),
        (_("Not paid"), {"state": "not_paid"}),
    ]
    empty = msgspec.structs.replace(asked, typed={})
    return [View(label, empty.address(PATH, **fields), asked.typed == fields) for label, fields in views]


def _asked(request: AnyRequest) -> Asked:
    query = read_query(request.scope["query_string"], FIELDS)
    currency = house_of(request).settings.currency
    return read_filter(query, currency=currency, sees_people=sees_people(member_of(request).role))


async def _file(request: AnyRequest) -> tuple[ListFile, AsyncIterator[Rows]]:
    """Every donation of the view that the address names."""
    house, asked = house_of(request), _asked(request)
    if asked.problems:
        raise PageError(400, _("The filter in this address can't be read, so nothing was exported."))
    wanted = ListFile(
        name="donations",
        action="donation.export",
        view=asked.typed,
        header=sheet.donation_header(),
        numbers=sheet.NUMBERS,
    )
    return wanted, _rows(house, asked)


async def _rows(house: House, asked: Asked) -> AsyncIterator[list[list[str]]]:
    """Opens its own reading session: the request's is closed before the first line is sent."""
    currency, zone = house.settings.currency, house.settings.time_zone
    async with house.db.reading() as session:
        async for rows in all_rows(session, asked.view, currency=currency, zone=zone):
            yield sheet.donation_cells(rows)


HANDLERS = [show_donations, *list_files(PATH, access=DOES_BOOKS, asked=_file)]
