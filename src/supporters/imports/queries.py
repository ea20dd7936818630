"""Every SELECT of imports, and what it must know of lists and addresses."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.imports.models import BatchState, ImportBatch, ImportFault
from supporters.imports.rows import Reason
from supporters.newsletters.models import Newsletter

OPEN = (BatchState.UPLOADED, BatchState.READY)
AT_ONCE = 1_000


async def find_batch(session: AsyncSession, batch_id: str) -> ImportBatch | None:
    """The batch without its file."""
    return await session.get(ImportBatch, batch_id)


async def find_file(session: AsyncSession, batch_id: str) -> bytes | None:
    """The batch's file, as long as it is kept."""
    return await session.scalar(select(ImportBatch.content).where(ImportBatch.id == batch_id))


async def list_batches(session: AsyncSession, *, limit: int) -> Sequence[ImportBatch]:
    """The latest batches first."""
    return (await session.scalars(select(ImportBatch).order_by(ImportBatch.id.desc()).limit(limit))).all()


async def count_open(session: AsyncSession) -> int:
    """How many files wait to be mapped or started."""
    query = select(func.count()).select_from(ImportBatch).where(ImportBatch.state.in_(OPEN))
    return await session.scalar(query) or 0


async def same_file_before(session: AsyncSession, batch: ImportBatch) -> ImportBatch | None:
    """The latest other batch that took rows from the very same file, if there is one."""
    taken = (BatchState.RUNNING, BatchState.STOPPED, BatchState.DONE, BatchState.UNDOING, BatchState.UNDONE)
    query = select(ImportBatch).where(
        ImportBatch.file_digest == batch.file_digest, ImportBatch.id != batch.id, ImportBatch.state.in_(taken)
    )
    return await session.scalar(query.order_by(ImportBatch.id.desc()).limit(1))


async def mapped_like(session: AsyncSession, layout: str) -> ImportBatch | None:
    """The latest batch with these column names that a person has mapped."""
    query = select(ImportBatch).where(ImportBatch.layout_digest == layout, ImportBatch.previewed_at.is_not(None))
    return await session.scalar(query.order_by(ImportBatch.id.desc()).limit(1))


async def count_faults(session: AsyncSession, batch_id: str) -> dict[str, int]:
    """How many rows were not taken, by reason."""
    query = select(ImportFault.reason, func.count().label("rows")).where(ImportFault.batch_id == batch_id)
    found = {row.reason: row.rows for row in await session.execute(query.group_by(ImportFault.reason))}
    return {reason: found[reason] for reason in Reason if reason in found}


async def faults_in_portions(session: AsyncSession, batch_id: str) -> AsyncIterator[Sequence[ImportFault]]:
    """Every row that was not taken, in the order of the file."""
    after = 0
    while True:
        query = select(ImportFault).where(ImportFault.batch_id == batch_id, ImportFault.row_number > after)
        rows = (await session.scalars(query.order_by(ImportFault.row_number).limit(AT_ONCE))).all()
        if not rows:
            return
        yield rows
        after = rows[-1].row_number


async def stale_batches(session: AsyncSession, *, before: datetime) -> Sequence[str]:
    """Batches that nobody went on with since then."""
    query = select(ImportBatch.id).where(
        ImportBatch.state.in_(OPEN), func.coalesce(ImportBatch.previewed_at, ImportBatch.created_at) < before
    )
    return (await session.scalars(query)).all()


async def stuck_batches(session: AsyncSession, *, before: datetime) -> Sequence[str]:
    """Batches that were started before then and still run: their work was given up."""
    query = select(ImportBatch.id).where(ImportBatch.state == BatchState.RUNNING, ImportBatch.started_at < before)
    return (await session.scalars(query)).all()


async def list_choices(session: AsyncSession) -> Sequence[tuple[str, str]]:
    """Every list as (slug, name)."""
    rows = await session.execute(select(Newsletter.slug, Newsletter.name).order_by(Newsletter.name))
    return [(row.slug, row.name) for row in rows]
