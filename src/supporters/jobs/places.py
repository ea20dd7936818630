"""Places for jobs that run side by side: a free one takes the next due job, however long the job beside it takes."""

import asyncio
from collections.abc import Mapping
from types import TracebackType

import structlog

from supporters.jobs import claims
from supporters.jobs.models import Job
from supporters.jobs.queue import LEASE, run_one
from supporters.jobs.work import Handler, Work
from supporters.kit.clock import Clock
from supporters.kit.db import Database
from supporters.kit.ids import Ids

PLACES = 20
PLACES_BESIDE_ONE_WRITER = 6  # on SQLite: more of them would wait for each other, each with a connection
QUICK_SECONDS = 0.1  # jobs that end within it leave together, so that one claim fills many places

log = structlog.get_logger("jobs")


class Places:
    """Entered, it takes jobs; left, those at work are finished, or cancelled when an error is the reason."""

    def __init__(
        self, db: Database, handlers: Mapping[str, Handler], *, clock: Clock, ids: Ids, count: int | None = None
    ) -> None:
        self._db, self._handlers, self._clock, self._ids = db, handlers, clock, ids
        self._count = count or (PLACES_BESIDE_ONE_WRITER if db.is_sqlite else PLACES)
        self._at_work: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Places":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            for task in self._at_work:
                task.cancel()
        await asyncio.gather(*self._at_work, return_exceptions=True)

    async def fill(self) -> int:
        """Every free place has a due job, as far as there are any; returns how many were started."""
        if self._at_work:
            await asyncio.wait(self._at_work, timeout=QUICK_SECONDS)
        free = self._count - len(self._at_work)
        if not free:
            return 0
        async with self._db.unit_of_work() as session:
            jobs = await claims.claim(session, Job, limit=free, now=self._clock.now(), lease=LEASE)
        for job in jobs:
            task = asyncio.create_task(run_one(Work(self._db, self._clock, self._ids, job), self._handlers))
            self._at_work.add(task)
            task.add_done_callback(self._leave)
        return len(jobs)

    def _leave(self, task: asyncio.Task[None]) -> None:
        self._at_work.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:  # not even put back: it is taken again when its lease has run out
            log.error("job_left_behind", error=type(error).__name__)
