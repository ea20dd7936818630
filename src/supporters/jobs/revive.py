"""Giving work that was buried another chance. For the desk."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.jobs.models import Job, WorkState
from supporters.kit.errors import Conflict, NotFound
from supporters.kit.strings import gettext as _


async def revive(session: AsyncSession, job_id: str, *, now: datetime) -> None:
    """A buried job is due again, from its first try. Raises NotFound, Conflict when it is not buried or waits already."""
    job = await session.get(Job, job_id, with_for_update=True)
    if job is None:
        raise NotFound(_("There is no such job."))
    if job.state != WorkState.BURIED:
        raise Conflict(_("That job is not stuck any more. Nothing was changed."))
    if job.dedupe is not None and await _waits_already(session, job):
        raise Conflict(_("The same work waits already, and will be done. Nothing was changed."))
    values = {"state": WorkState.READY, "run_at": now, "attempts": 0, "lease_until": None}
    await session.execute(update(Job).where(Job.id == job_id).values(values))


async def _waits_already(session: AsyncSession, job: Job) -> bool:
    same = (Job.kind == job.kind) & (Job.dedupe == job.dedupe) & (Job.state == WorkState.READY)
    return await session.scalar(select(Job.id).where(same).limit(1)) is not None
