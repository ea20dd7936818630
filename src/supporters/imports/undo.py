"""A whole batch taken back: what it did, and nothing that people did themselves since."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.imports.models import BatchState, ImportBatch
from supporters.imports.take import note
from supporters.kit.db import changed_rows
from supporters.kit.ids import Ids
from supporters.newsletters import imported
from supporters.settings import Settings


async def undo_portion(session: AsyncSession, batch_id: str, *, settings: Settings, ids: Ids, now: datetime) -> bool:
    """People who came by this batch alone are off the list again; whoever confirmed or stopped since stays so.

    As many as `newsletters.imported` takes back at once. True when none are left: then the batch is undone.
    """
    if not await _set(session, batch_id, undone_count=ImportBatch.undone_count):  # of two workers one waits here
        return True
    undone = await imported.undo_batch(session, batch_id, settings=settings, ids=ids, now=now)
    if undone:
        await _set(session, batch_id, undone_count=ImportBatch.undone_count + undone)
        return False
    await _set(session, batch_id, state=BatchState.UNDONE)
    count = await session.scalar(select(ImportBatch.undone_count).where(ImportBatch.id == batch_id))
    await note(session, batch_id, "import.undone", actor_id=None, detail={"taken_off": count}, now=now)
    return True


async def _set(session: AsyncSession, batch_id: str, **values: object) -> bool:
    """The batch, if it is being undone, has these values."""
    mine = (ImportBatch.id == batch_id) & (ImportBatch.state == BatchState.UNDOING)
    changed = await session.execute(
        update(ImportBatch).where(mine).values(**values).execution_options(synchronize_session=False)
    )
    return changed_rows(changed) == 1
