"""Putting work into the queue and running what is due."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.jobs import claims
from supporters.jobs.models import Job, Schedule, WorkState
from supporters.jobs.work import Handler, LeaseLost, TryLater, Work
from supporters.kit.clock import Clock
from supporters.kit.db import Database, changed_rows, insert_for
from supporters.kit.errors import in_short
from supporters.kit.ids import Ids

LEASE = timedelta(minutes=2)
BURY_AFTER = 12  # with back-off this is about eight hours
BURY_LATER_AFTER = BURY_AFTER * 100  # tries of a job that says itself when the next one is due
KEEP_DONE = timedelta(days=14)

log = structlog.get_logger("jobs")


async def enqueue(
    session: AsyncSession,
    kind: str,
    payload: dict[str, Any],
    *,
    ids: Ids,
    now: datetime,
    run_at: datetime | None = None,
    dedupe: str | None = None,
) -> None:
    """The job waits in the caller's transaction. With `dedupe`, a ready job of that kind and key is enough for both."""
    row = {
        "id": ids.ulid(),
        "kind": kind,
        "payload": payload,
        "dedupe": dedupe,
        "created_at": now,
        "state": WorkState.READY,
        "run_at": run_at or now,
        "fence": 0,
        "attempts": 0,
    }
    await session.execute(insert_for(session, Job).values(**row).on_conflict_do_nothing())


async def is_at_work(session: AsyncSession, kind: str, dedupe: str) -> bool:
    """Whether a job of that kind and key waits or runs. A buried one does neither."""
    alive = Job.state.in_([WorkState.READY, WorkState.RUNNING])
    return (
        await session.scalar(select(Job.id).where(Job.kind == kind, Job.dedupe == dedupe, alive).limit(1)) is not None
    )


async def run_due(db: Database, handlers: Mapping[str, Handler], *, clock: Clock, ids: Ids, limit: int = 20) -> int:
    """Up to `limit` due jobs were claimed and run, side by side; returns how many."""
    async with db.unit_of_work() as session:
        jobs = await claims.claim(session, Job, limit=limit, now=clock.now(), lease=LEASE)
    await asyncio.gather(*(run_one(Work(db, clock, ids, job), handlers) for job in jobs))
    return len(jobs)


async def run_one(work: Work, handlers: Mapping[str, Handler]) -> None:
    """The claimed job is done, waits for its next try, or is buried."""
    try:
        await handlers[work.job.kind](work, work.job.payload)
        if not work.is_finished:
            async with work.db.unit_of_work() as session:
                await work.finish(session)
    except LeaseLost:
        log.warning("job_lease_lost", job_id=work.job.id, kind=work.job.kind)
    except TryLater as later:
        await _put_back(work, later.message, delay=later.after)
    except Exception as error:  # one job's failure must not stop the others
        log.exception("job_failed", job_id=work.job.id, kind=work.job.kind, attempts=work.job.attempts)
        await _put_back(work, in_short(error))


async def _put_back(work: Work, error: str, delay: timedelta | None = None) -> None:
    bury_after = BURY_AFTER if delay is None else BURY_LATER_AFTER
    try:
        async with work.db.unit_of_work() as session:
            await claims.retry_later(
                session, work.job, error=error, now=work.clock.now(), bury_after=bury_after, delay=delay
            )
    except IntegrityError:  # the same work was enqueued again meanwhile: that job does it
        async with work.db.unit_of_work() as session:
            await claims.finish(session, work.job)


async def oldest_due(session: AsyncSession, *, now: datetime) -> timedelta:
    """How long the oldest due job has been waiting, timers and jobs of dead workers included; zero when none does."""
    ready = select(func.min(Job.run_at)).where(Job.state == WorkState.READY, Job.run_at <= now)
    lapsed = select(func.min(Job.lease_until)).where(Job.state == WorkState.RUNNING, Job.lease_until <= now)
    timers = select(func.min(Schedule.next_at)).where(Schedule.next_at <= now)
    found = [await session.scalar(query) for query in (ready, lapsed, timers)]
    return max((now - at for at in found if at), default=timedelta())


async def purge_done(session: AsyncSession, *, now: datetime) -> int:
    """Jobs that were done long ago are gone; returns how many."""
    old = delete(Job).where(Job.state == WorkState.DONE, Job.run_at < now - KEEP_DONE)
    return changed_rows(await session.execute(old))
