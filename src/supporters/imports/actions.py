"""A batch moves on. Each step is taken from one state only, so that of two people who press at once one does."""

import hashlib
from datetime import datetime
from enum import StrEnum

import msgspec
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.imports.columns import Column, DateOrder, guess_columns, guess_date_order
from supporters.imports.files import kind_of
from supporters.imports.grid import Grid, layout_digest
from supporters.imports.models import BatchState, ImportBatch
from supporters.imports.queries import OPEN, count_open, mapped_like
from supporters.jobs.queue import enqueue, is_at_work
from supporters.kit.db import changed_rows
from supporters.kit.errors import Refused
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line

FILE_NAME_CHARS = 200
PROOF_CHARS = 500
MOST_OPEN = 20
ENDED = (BatchState.DONE, BatchState.STOPPED)
TAKE, UNDO = "imports.take", "imports.undo"


class Basis(StrEnum):
    """On what ground the people of a list may be written to. A gift or a purchase is none here."""

    DOUBLE_OPT_IN = "double_opt_in"  # Each confirmed by a mailed link, at the service that kept the list before.
    FORM = "form"  # Each agreed on paper or in a form, and the proof is kept.


class Choice(msgspec.Struct, frozen=True):
    """What a person has said about a file."""

    columns: dict[str, int]
    has_header: bool
    date_order: DateOrder
    list_slug: str
    basis: Basis
    proof: str


async def add_batch(
    session: AsyncSession, *, file_name: str, content: bytes, grid: Grid, actor_id: str, ids: Ids, now: datetime
) -> str:
    """The file waits to be mapped, columns as the last file of the same column names had them, else guessed; returns its id.

    Raises Refused while too many files wait.
    """
    if await count_open(session) >= MOST_OPEN:
        raise Refused(
            _("%(count)s files wait already. Finish or drop some of them on the page of imports first.")
            % {"count": MOST_OPEN}
        )
    has_header = grid.looks_like_header()
    layout = layout_digest(grid.first if has_header else [f"{grid.width} unnamed columns"])
    before = await mapped_like(session, layout)
    columns = dict(before.columns) if before else guess_columns(grid, has_header=has_header)
    order = guess_date_order(grid, columns.get(Column.CONSENTED))
    batch = ImportBatch(
        id=ids.ulid(),
        state=BatchState.UPLOADED,
        file_name=clean_line(file_name, limit=FILE_NAME_CHARS) or _("a file without a name"),
        file_kind=kind_of(content),
        file_size=len(content),
        file_digest=hashlib.sha256(content).hexdigest(),
        content=content,
        row_count=len(grid.body(has_header=has_header)),
        has_header=has_header,
        columns={str(name): index for name, index in columns.items()},
        layout_digest=layout,
        date_order=before.date_order if before else order,
        created_by=actor_id,
        created_at=now,
    )
    session.add(batch)
    await session.flush()
    return batch.id


async def set_columns(
    session: AsyncSession,
    batch_id: str,
    choice: Choice,
    *,
    row_count: int,
    preview: dict[str, int],
    now: datetime,
) -> bool:
    """The batch is ready to be looked at before it is started; false when it was started or dropped meanwhile."""
    return await _move(
        session,
        batch_id,
        OPEN,
        state=BatchState.READY,
        columns=choice.columns,
        has_header=choice.has_header,
        row_count=row_count,
        date_order=choice.date_order,
        list_slug=choice.list_slug,
        basis=choice.basis,
        proof=choice.proof,
        preview=preview,
        previewed_at=now,
    )


async def start_batch(
    session: AsyncSession, batch_id: str, *, previewed_at: datetime, actor_id: str, ids: Ids, now: datetime
) -> bool:
    """The batch runs, as it was when it was looked at; false when it was changed, started or dropped meanwhile."""
    ready = (ImportBatch.id == batch_id) & (ImportBatch.state == BatchState.READY)
    moved = await session.execute(
        update(ImportBatch)
        .where(ready, ImportBatch.previewed_at == previewed_at)
        .values(state=BatchState.RUNNING, started_by=actor_id, started_at=now)
        .execution_options(synchronize_session=False)
    )
    if changed_rows(moved) != 1:
        return False
    await enqueue(session, TAKE, {"batch_id": batch_id}, ids=ids, now=now, dedupe=batch_id)
    return True


async def start_undo(session: AsyncSession, batch_id: str, *, actor_id: str, ids: Ids, now: datetime) -> bool:
    """What the batch did is being taken back; false when somebody else has pressed before, and the work is not given up."""
    from_here = (*ENDED, BatchState.UNDOING) if await is_undo_given_up(session, batch_id) else ENDED
    moved = await _move(session, batch_id, from_here, state=BatchState.UNDOING, undone_by=actor_id, undone_at=now)
    if moved:
        await enqueue(session, UNDO, {"batch_id": batch_id}, ids=ids, now=now, dedupe=batch_id)
    return moved


async def is_undo_given_up(session: AsyncSession, batch_id: str) -> bool:
    """Whether no work waits or runs that would take back what the batch did."""
    return not await is_at_work(session, UNDO, batch_id)


async def drop_batch(session: AsyncSession, batch_id: str, *, now: datetime) -> bool:
    """The file is erased and nothing was taken; false when the batch was started or dropped meanwhile."""
    return await _move(session, batch_id, OPEN, state=BatchState.ABANDONED, content=None, finished_at=now)


async def stop_batch(session: AsyncSession, batch_id: str, *, now: datetime) -> bool:
    """The file is erased and no further row is taken; what was taken stays, and can be undone. False when it has ended."""
    running = (BatchState.RUNNING,)
    return await _move(session, batch_id, running, state=BatchState.STOPPED, content=None, finished_at=now)


async def _move(session: AsyncSession, batch_id: str, origins: tuple[BatchState, ...], **values: object) -> bool:
    moved = await session.execute(
        update(ImportBatch)
        .where(ImportBatch.id == batch_id, ImportBatch.state.in_(origins))
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    return changed_rows(moved) == 1
