"""Letters and jobs as the desk lists them: those that gave up, and one letter to read."""

from datetime import datetime

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.jobs.models import Job, WorkState
from supporters.kit.errors import NotFound
from supporters.kit.strings import gettext as _
from supporters.mail.models import Letter


class StuckLine(msgspec.Struct, frozen=True):
    """A letter or a job that failed so often that a person must look."""

    id: str
    kind: str
    about: str | None
    since: datetime
    attempts: int
    last_error: str | None


class StuckCounts(msgspec.Struct, frozen=True):
    """How many letters and jobs gave up."""

    letters: int
    jobs: int


async def stuck_counts(session: AsyncSession) -> StuckCounts:
    """How many letters and jobs are buried."""
    letters = select(func.count()).select_from(Letter).where(Letter.state == WorkState.BURIED)
    jobs = select(func.count()).select_from(Job).where(Job.state == WorkState.BURIED)
    return StuckCounts(await session.scalar(letters) or 0, await session.scalar(jobs) or 0)


async def stuck_letters(session: AsyncSession, *, limit: int) -> list[StuckLine]:
    """Buried letters, the latest first."""
    columns = (Letter.id, Letter.kind, Letter.about, Letter.queued_at, Letter.attempts, Letter.last_error)
    query = select(*columns).where(Letter.state == WorkState.BURIED).order_by(Letter.id.desc())
    return [StuckLine(*row) for row in await session.execute(query.limit(limit))]


async def stuck_jobs(session: AsyncSession, *, limit: int) -> list[StuckLine]:
    """Buried jobs, the latest first."""
    query = select(Job.id, Job.kind, Job.created_at, Job.attempts, Job.last_error).where(Job.state == WorkState.BURIED)
    rows = await session.execute(query.order_by(Job.id.desc()).limit(limit))
    return [StuckLine(job_id, kind, None, at, tries, error) for job_id, kind, at, tries, error in rows]


async def find_letter(session: AsyncSession, letter_id: str) -> Letter:
    """The letter with this id. Raises NotFound."""
    letter = await session.get(Letter, letter_id)
    if letter is None:
        raise NotFound(_("There is no such letter."))
    return letter
