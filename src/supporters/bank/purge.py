"""Files that nobody went on with are erased after a week."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.files import drop_file, forget_refusal, set_ready
from supporters.bank.models import FileState
from supporters.bank.queries import refusals_said, stale_files
from supporters.jobs.queue import is_at_work

KEEP_FILES = timedelta(days=7)
TAKE = "bank.take"


async def purge_files(session: AsyncSession, *, now: datetime) -> int:
    """No file waits for longer than 7 days, nor why one was refused; returns how many were dropped."""
    for file_id in await stale_files(session, before=now - KEEP_FILES, states=(FileState.TAKING,)):
        if not await is_at_work(session, TAKE, file_id):  # given up, and nothing of it was taken
            await set_ready(session, file_id)
    stale = await stale_files(session, before=now - KEEP_FILES)
    for file_id in await refusals_said(session, before=now - KEEP_FILES):
        await forget_refusal(session, file_id)
    return sum([await drop_file(session, file_id, actor_id=None, now=now) for file_id in stale])
