"""Taking a list away as a file, CSV or XLSX: after a fresh proof, and the audit says who took which view of it."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any

import msgspec
from litestar.response import Response

from supporters.audit.record import record
from supporters.kit.clock import local_date
from supporters.web.common.access import member_of
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.sheet import spreadsheet
from supporters.web.desk.step_up import ask_proof


class ListFile(msgspec.Struct, frozen=True, kw_only=True):
    """One list as a file. `numbers` are the columns, from 0, that hold plain decimals; `view` is what narrows it."""

    name: str  # what the file and the audit call it
    action: str
    view: Mapping[str, str]
    header: Sequence[str]
    numbers: Collection[int] = ()


async def list_file(
    request: AnyRequest, wanted: ListFile, portions: AsyncIterator[Sequence[Sequence[str]]], kind: str
) -> Response[Any]:
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
