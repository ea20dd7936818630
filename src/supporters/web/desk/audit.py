"""/desk/audit: who did what to which record and when, with what was before and after; and the same as a spreadsheet."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import get
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.response import Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.queries import AuditFilter, AuditRow, all_entries, kinds_of_record, list_entries
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.staff.queries import all_staff, staff_names
from supporters.web.common.forms import read_query
from supporters.web.common.house import House, house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.audit_words import Told, deed_word, in_one_line, kind_word, page_of, told
from supporters.web.desk.frame import desk_page
from supporters.web.desk.list_file import ListFile, Rows, list_files
from supporters.web.desk.roles import READS_AUDIT

PATH = "/desk/audit"
ROWS = 50
FIELDS = ("who", "kind", "record", "before")
LONGEST = 60
LARGEST_SEQ = 2**62


class Line(msgspec.Struct, frozen=True):
    """One deed as it is shown."""

    row: AuditRow
    who: str
    deed: str
    kind: str
    record: str
    href: str | None
    told: list[Told]


@get(PATH, opt={"access": READS_AUDIT})
async def show_audit(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """One page of the log, newest first."""
    query = _query(request)
    asked, before = _filter(query), _before(query)
    rows = await list_entries(reading, asked, limit=ROWS + 1, before=before)
    shown = rows[:ROWS]
    return await desk_page(
        request,
        reading,
        "desk/audit.html",
        here="audit",
        lines=await _lines(reading, shown, locale=house_of(request).settings.locale),
        asked=asked,
        is_narrowed=asked != AuditFilter(),
        staff=[(each.id, each.name) for each in await all_staff(reading)],
        kinds=[(kind, kind_word(kind)) for kind in await kinds_of_record(reading)],
        query=_address(asked, ""),
        newest=_address(asked, PATH) if before is not None else None,
        older=_address(asked, PATH, before=shown[-1].seq) if len(rows) > ROWS else None,
    )


async def _lines(session: AsyncSession, rows: Sequence[AuditRow], *, locale: str) -> list[Line]:
    of_staff = [row.record_id for row in rows if row.record_kind == "staff"]
    names = await staff_names(session, [*(row.actor_id for row in rows), *of_staff])
    return [_line(row, names, locale=locale) for row in rows]


def _line(row: AuditRow, names: Mapping[str, str], *, locale: str) -> Line:
    is_staff = row.record_kind == "staff" and row.record_id in names
    return Line(
        row=row,
        who=_who(row, names),
        deed=deed_word(row.action),
        kind=kind_word(row.record_kind),
        record=names[row.record_id] if is_staff else row.record_id,
        href=page_of(row),
        told=told(row, locale=locale),
    )


def _who(row: AuditRow, names: Mapping[str, str]) -> str:
    known = {"cli": _("the command line"), "system": _("the service itself")}
    return names.get(row.actor_id or "") or known.get(row.actor_kind) or row.actor_kind


def _query(request: AnyRequest) -> Mapping[str, str]:
    query = read_query(request.scope["query_string"], FIELDS)
    return {name: clean_line(query.get(name, ""), limit=LONGEST) for name in FIELDS}


def _filter(query: Mapping[str, str]) -> AuditFilter:
    return AuditFilter(actor=query["who"], record_kind=query["kind"], record_id=query["record"])


def _before(query: Mapping[str, str]) -> int | None:
    text = query["before"]
    return min(int(text), LARGEST_SEQ) if text.isascii() and text.isdigit() else None


def _address(asked: AuditFilter, path: str, *, before: int | None = None) -> str:
    fields = {"who": asked.actor, "kind": asked.record_kind, "record": asked.record_id, "before": before}
    query = urlencode({name: value for name, value in fields.items() if value})
    return f"{path}?{query}" if query else path


async def _file(request: AnyRequest) -> tuple[ListFile, AsyncIterator[Rows]]:
    """The whole view; the log itself says who took it."""
    asked = _filter(_query(request))
    wanted = ListFile(
        name="audit",
        action="audit.export",
        view={name: value for name, value in msgspec.structs.asdict(asked).items() if value},
        header=[
            _("Number"),
            _("Date and time (UTC)"),
            _("Who"),
            _("What"),
            _("Kind"),
            _("Record"),
            _("Before and after"),
        ],
    )
    return wanted, _rows(house_of(request), asked)


async def _rows(house: House, asked: AuditFilter) -> AsyncIterator[list[list[str]]]:
    """Opens its own reading session: the request's is closed before the first line is sent."""
    async with house.db.reading() as session:
        async for rows in all_entries(session, asked):
            yield [_cells(each) for each in await _lines(session, rows, locale=house.settings.locale)]


def _cells(each: Line) -> list[str]:
    at = each.row.at.strftime("%Y-%m-%d %H:%M:%S")
    return [str(each.row.seq), at, each.who, each.deed, each.kind, each.row.record_id, in_one_line(each.told)]


HANDLERS = [show_audit, *list_files(PATH, access=READS_AUDIT, asked=_file)]
