"""What is kept of a list no longer than it is needed."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.imports.actions import drop_batch, stop_batch
from supporters.imports.models import ImportBatch, ImportFault
from supporters.imports.queries import stale_batches, stuck_batches
from supporters.imports.take import note

KEEP_FILES = timedelta(days=7)
KEEP_FAULTS = timedelta(days=30)


async def purge_imports(session: AsyncSession, *, now: datetime) -> int:
    """Files that nobody or no worker went on with are erased after 7 days, rows that were not taken after 30; returns how
    many batches.
    """
    stale = await stale_batches(session, before=now - KEEP_FILES)
    for batch_id in stale:
        if await drop_batch(session, batch_id, now=now):
            await note(session, batch_id, "import.abandon", actor_id=None, detail={}, now=now)
    stuck = await stuck_batches(session, before=now - KEEP_FILES)
    for batch_id in stuck:
        if await stop_batch(session, batch_id, now=now):
            await note(session, batch_id, "import.stop", actor_id=None, detail={}, now=now)
    old = ImportBatch.faults_erased_at.is_(None) & (ImportBatch.finished_at < now - KEEP_FAULTS)
    ended = (await session.scalars(select(ImportBatch.id).where(old))).all()
    await session.execute(delete(ImportFault).where(ImportFault.batch_id.in_(ended)))
    await session.execute(
        update(ImportBatch)
        .where(ImportBatch.id.in_(ended))
        .values(faults_erased_at=now)
        .execution_options(synchronize_session=False)
    )
    return len(stale) + len(stuck) + len(ended)
