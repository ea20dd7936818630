"""Taking a list away as a file, CSV or XLSX: after a fresh proof, and the audit says who took which view of it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec
from litestar import get
from litestar.connection import Request
from litestar.handlers import HTTPRouteHandler
from litestar.response import Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.kit.clock import local_date
from supporters.staff.models import Role
from supporters.web.common.access import member_of
from supporters.web.common.house import House, house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.sheet import spreadsheet
from supporters.web.desk.step_up import ask_proof

PORTION = 1_000  # rows that are read and written at once
Rows = Sequence[Sequence[str]]


class ListFile(msgspec.Struct, frozen=True, kw_only=True):
    """One list as a file. `numbers` are the columns, from 0, that hold plain decimals; `view` is what narrows it."""

    name: str  # what the file and the audit call it
    view: Mapping[str, str]
    header: Sequence[str]
    action: str = "list.export"  # what the audit calls the deed
    numbers: Collection[int] = ()


async def list_file(request: AnyRequest, wanted: ListFile, portions: AsyncIterator[Rows], kind: str) -> Response[Any]:
    """The rows as "csv" or "xlsx", or the page that asks for a proof. The audit has it before the first row goes out.

    `portions` must open a reading session of its own: a stream outlives the request's.
    """
    house = house_of(request)
    needs = await ask_proof(request)
    if needs:
        return needs
    async with house.db.unit_of_work() as session:
        await record(
            session,
            actor_kind="staff",
            actor_id=member_of(request).id,
            action=wanted.action,
            record_kind="export",
            record_id=wanted.name,
            detail={"filter": dict(wanted.view)},
            now=house.clock.now(),
        )
    name = f"{wanted.name}-{local_date(house.clock.now(), house.settings.time_zone).isoformat()}"
    return await spreadsheet(name, wanted.header, portions, kind=kind, numbers=wanted.numbers)


def list_files(
    path: str,
    *,
    access: Collection[Role],
    asked: Callable[[AnyRequest], Awaitable[tuple[ListFile, AsyncIterator[Rows]]]],
    give: Callable[[AnyRequest, ListFile, AsyncIterator[Rows], str], Awaitable[Response[Any]]] = list_file,
) -> list[HTTPRouteHandler]:
    """The two routes that give the list at `path` as a file: `asked` says which list it is, and gives its rows."""
    opt = {"access": access, "proof": give is list_file}

    async def file_of(request: AnyRequest, kind: str) -> Response[Any]:
        needs = await ask_proof(request) if opt["proof"] else None  # first of all: it says nothing of what there is
        return needs or await give(request, *await asked(request), kind)

    @get(path + ".csv", opt=opt)
    async def take_csv(request: Request[Any, Any, Any]) -> Response[Any]:
        return await file_of(request, "csv")

    @get(path + ".xlsx", opt=opt)
    async def take_workbook(request: Request[Any, Any, Any]) -> Response[Any]:
        return await file_of(request, "xlsx")

    return [take_csv, take_workbook]


def short_files(
    path: str,
    *,
    access: Collection[Role],
    read: Callable[[AnyRequest, AsyncSession], Awaitable[tuple[ListFile, Rows]]],
    has_names: bool = True,
) -> list[HTTPRouteHandler]:
    """The same two routes for a list that is short by its nature: `read` says which it is, with all of its rows.

    A list without anybody's name (`has_names` false) is given without a proof, to whoever sees its page.
    """

    async def asked(request: AnyRequest) -> tuple[ListFile, AsyncIterator[Rows]]:
        async with house_of(request).db.reading() as session:
            wanted, rows = await read(request, session)
        return wanted, _one(rows)

    return list_files(path, access=access, asked=asked, give=list_file if has_names else sums_file)


async def _one(rows: Rows) -> AsyncIterator[Rows]:
    yield rows


async def sums_file(_request: AnyRequest, wanted: ListFile, portions: AsyncIterator[Rows], kind: str) -> Response[Any]:
    """The rows as "csv" or "xlsx", for lists that hold sums and nobody's name: without a proof and without a deed."""
    return await spreadsheet(wanted.name, wanted.header, portions, kind=kind, numbers=wanted.numbers)


async def in_portions(house: House, read: Callable[[AsyncSession, int, int], Awaitable[Rows]]) -> AsyncIterator[Rows]:
    """What `read` gives for a limit and an offset, until there is no more; in a reading session of its own."""
    async with house.db.reading() as session:
        offset = 0
        while True:
            rows = await read(session, PORTION, offset)
            yield rows
            if len(rows) < PORTION:
                return
            offset += PORTION


async def at_once(house: House, read: Callable[[AsyncSession], Awaitable[Rows]]) -> AsyncIterator[Rows]:
    """All that `read` gives, for a list that is short by its nature; in a reading session of its own."""
    async with house.db.reading() as session:
        yield await read(session)
