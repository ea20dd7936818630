"""/desk/imports: lists of other services brought in, step by step, each step a page that can be left and come back to."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response, Stream
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.imports.actions import Basis, add_batch, drop_batch, is_undo_given_up, start_batch, start_undo
from supporters.imports.columns import Column
from supporters.imports.grid import MOST_BYTES, FileFault, FileProblem
from supporters.imports.models import BatchState, ImportBatch
from supporters.imports.preview import ALREADY, NEW, judged_rows, read_apart
from supporters.imports.queries import (
    count_faults,
    faults_in_portions,
    find_batch,
    find_file,
    list_batches,
    list_choices,
    same_file_before,
)
from supporters.imports.rows import Judged, Reason, Refusal, Taken
from supporters.imports.take import note
from supporters.kit.clock import local_date
from supporters.kit.errors import NotFound
from supporters.kit.ids import is_ulid
from supporters.kit.strings import gettext as _
from supporters.staff.queries import staff_names
from supporters.web.common.access import member_of
from supporters.web.common.errors import PageError
from supporters.web.common.house import House, house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk import import_columns
from supporters.web.desk.frame import desk_page
from supporters.web.desk.import_columns import PATH, shortened
from supporters.web.desk.import_sheet import header, lines
from supporters.web.desk.import_words import (
    basis_words,
    batch_tag,
    column_words,
    file_words,
    reason_words,
    step_names,
    too_large_words,
)
from supporters.web.desk.roles import BRINGS_LISTS
from supporters.web.desk.seal import read_sealed
from supporters.web.desk.step_up import read_proved
from supporters.web.desk.upload import ENVELOPE, read_upload

SHOWN_BATCHES = 100
SHOWN_ROWS = 10
SHOWN_CELLS = 4


class Refused(msgspec.Struct, frozen=True):
    """A row that is not taken, as the preview shows it."""

    number: int
    cells: str
    why: str


@get(PATH, opt={"access": BRINGS_LISTS})
async def show_imports(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """The form that takes a file, and every batch with who brought it and when."""
    return await _start_page(request, reading)


@post(PATH, status_code=303, opt={"access": BRINGS_LISTS}, request_max_body_size=MOST_BYTES + ENVELOPE)
async def take_file(request: Request[Any, Any, Any]) -> Response[Any]:
    """The file waits to be mapped, or the form comes back (422). No transaction is held while the file is read."""
    house, member = house_of(request), member_of(request)
    upload = await read_upload(request, member, "file", too_large=too_large_words())
    try:
        if not upload.name:
            raise FileProblem(FileFault.EMPTY)
        grid = await read_apart(upload.content)
    except FileProblem as problem:
        words = file_words(problem) if upload.name else _("Choose a file first.")
        async with house.db.reading() as session:
            return await _start_page(request, session, problems=[("file", words)])
    now = house.clock.now()
    async with house.db.unit_of_work() as session:
        batch_id = await add_batch(
            session,
            file_name=upload.name,
            content=upload.content,
            grid=grid,
            actor_id=member.id,
            ids=house.ids,
            now=now,
        )
        detail = {"bytes": len(upload.content), "rows": len(grid.rows)}
        await note(session, batch_id, "import.upload", actor_id=member.id, detail=detail, now=now)
    return Redirect(f"{PATH}/{batch_id}/columns", status_code=303)


@get(PATH + "/{batch_id:str}", opt={"access": BRINGS_LISTS})
async def show_batch(
    request: Request[Any, Any, Any], batch_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[Any]:
    """Where the batch stands: its preview before it is started, what came of it afterwards."""
    batch = await _found(reading, batch_id)
    if batch.state == BatchState.UPLOADED:
        return Redirect(f"{PATH}/{batch_id}/columns", status_code=303)
    if batch.state == BatchState.READY:
        return await _preview_page(request, reading, batch)
    return await _batch_page(request, reading, batch)


@post(PATH + "/{batch_id:str}/start", status_code=303, opt={"access": BRINGS_LISTS})
async def take_start(
    request: Request[Any, Any, Any], batch_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The batch runs as it was looked at, once: whoever presses second sees it running."""
    house, member = house_of(request), member_of(request)
    form = await read_sealed(request, member, ["seen"])
    batch, now = await _found(session, batch_id), house.clock.now()
    seen = _moment(form.get("seen", ""))
    started = await start_batch(session, batch_id, previewed_at=seen, actor_id=member.id, ids=house.ids, now=now)
    if started:
        detail = {"list": batch.list_slug, "basis": batch.basis, "proof": batch.proof, "rows": batch.row_count}
        await note(session, batch_id, "import.start", actor_id=member.id, detail=detail, now=now)
    return Redirect(f"{PATH}/{batch_id}", status_code=303)


@post(PATH + "/{batch_id:str}/undo", status_code=303, opt={"access": BRINGS_LISTS})
async def take_undo(
    request: Request[Any, Any, Any], batch_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """What the batch did is being taken back, once; again when that work was given up."""
    house, member = house_of(request), member_of(request)
    await read_sealed(request, member, [])
    await _found(session, batch_id)
    now = house.clock.now()
    if await start_undo(session, batch_id, actor_id=member.id, ids=house.ids, now=now):
        await note(session, batch_id, "import.undo", actor_id=member.id, detail={}, now=now)
    return Redirect(f"{PATH}/{batch_id}", status_code=303)


@post(PATH + "/{batch_id:str}/drop", status_code=303, opt={"access": BRINGS_LISTS})
async def take_drop(
    request: Request[Any, Any, Any], batch_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The file is erased and nobody was added, unless the batch was started meanwhile."""
    house, member = house_of(request), member_of(request)
    await read_sealed(request, member, [])
    await _found(session, batch_id)
    now = house.clock.now()
    if await drop_batch(session, batch_id, now=now):
        await note(session, batch_id, "import.drop", actor_id=member.id, detail={}, now=now)
        return Redirect(PATH, status_code=303)
    return Redirect(f"{PATH}/{batch_id}", status_code=303)


@post(PATH + "/{batch_id:str}/errors.csv", status_code=200, opt={"access": BRINGS_LISTS, "proof": True})
async def export_faults(request: Request[Any, Any, Any], batch_id: FromPath[str]) -> Response[Any]:
    """The rows that were left out as a spreadsheet file, streamed. The audit says who took it."""
    house, member = house_of(request), member_of(request)
    form = await read_proved(request, [])
    if isinstance(form, Response):
        return form
    async with house.db.unit_of_work() as session:
        batch = await _found(session, batch_id)
        if batch.faults_erased_at is not None:
            raise NotFound(_("These rows were erased 30 days after the import."))
        now = house.clock.now()
        await note(session, batch_id, "import.export", actor_id=member.id, detail={"rows": batch.left_out}, now=now)
    name = f"left-out-{local_date(house.clock.now(), house.settings.time_zone).isoformat()}.csv"
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Stream(_file(house, batch_id), media_type="text/csv", headers=headers)


async def _start_page(
    request: AnyRequest, session: AsyncSession, *, problems: list[tuple[str, str]] | None = None
) -> Response[bytes]:
    batches = await list_batches(session, limit=SHOWN_BATCHES)
    return await desk_page(
        request,
        session,
        "desk/imports.html",
        here="imports",
        steps=step_names(),
        rows=[(batch, batch_tag(batch.state)) for batch in batches],
        lists=dict(await list_choices(session)),
        names=await staff_names(session, [batch.created_by for batch in batches]),
        row_limit=SHOWN_BATCHES,
        problems=problems or [],
    )


async def _preview_page(request: AnyRequest, session: AsyncSession, batch: ImportBatch) -> Response[bytes]:
    content = await find_file(session, batch.id)
    if content is None or batch.previewed_at is None or batch.preview is None:
        raise NotFound(_("There is no such import."))
    house = house_of(request)
    today = local_date(batch.previewed_at, house.settings.time_zone)
    judged = await judged_rows(batch, content, today=today)
    counts = batch.preview
    before = await same_file_before(session, batch)
    return await desk_page(
        request,
        session,
        "desk/import_preview.html",
        here="imports",
        batch=batch,
        steps=step_names(),
        list_name=dict(await list_choices(session)).get(batch.list_slug or "", batch.list_slug),
        basis=basis_words(Basis(batch.basis or "")),
        columns=[column_words(column)[0] for column in Column if column in batch.columns],
        new=counts.get(NEW, 0),
        already=counts.get(ALREADY, 0),
        left_out=[(reason_words(each), counts[each]) for each in Reason if counts.get(each)],
        taken=[each for each in judged if isinstance(each, Taken)][:SHOWN_ROWS],
        refused=_refused(judged),
        seen=batch.previewed_at.isoformat(),
        before=before,
    )


async def _batch_page(request: AnyRequest, session: AsyncSession, batch: ImportBatch) -> Response[bytes]:
    actors = [batch.created_by, batch.started_by, batch.undone_by]
    return await desk_page(
        request,
        session,
        "desk/import_batch.html",
        here="imports",
        batch=batch,
        tag=batch_tag(batch.state),
        is_given_up=batch.state == BatchState.UNDOING and await is_undo_given_up(session, batch.id),
        steps=step_names(),
        list_name=dict(await list_choices(session)).get(batch.list_slug or "", batch.list_slug or ""),
        basis=basis_words(Basis(batch.basis))[0] if batch.basis else "",
        left_out=[(reason_words(each), count) for each, count in (await count_faults(session, batch.id)).items()],
        names=await staff_names(session, actors),
    )


def _refused(judged: Sequence[Judged]) -> list[Refused]:
    """The first rows that are not taken."""
    found = [each for each in judged if isinstance(each, Refusal)][:SHOWN_ROWS]
    return [
        Refused(
            each.number, " | ".join(shortened(cell) for cell in each.cells[:SHOWN_CELLS]), reason_words(each.reason)
        )
        for each in found
    ]


async def _found(session: AsyncSession, batch_id: str) -> ImportBatch:
    batch = await find_batch(session, batch_id) if is_ulid(batch_id) else None
    if batch is None:
        raise NotFound(_("There is no such import."))
    return batch


def _moment(written: str) -> datetime:
    """The moment that the preview was made, as its form carries it. Raises PageError 400."""
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise PageError(400, _("The form was not whole, so nothing was done. Open the page and try again.")) from None
    if moment.tzinfo is None:
        raise PageError(400, _("The form was not whole, so nothing was done. Open the page and try again."))
    return moment


async def _file(house: House, batch_id: str) -> AsyncIterator[bytes]:
    """Opens its own reading session: the request's is closed before the first line is sent."""
    yield header().encode()
    async with house.db.reading() as session:
        async for faults in faults_in_portions(session, batch_id):
            yield lines(faults).encode()


HANDLERS = [
    show_imports,
    take_file,
    show_batch,
    take_start,
    take_undo,
    take_drop,
    export_faults,
    *import_columns.HANDLERS,
]
