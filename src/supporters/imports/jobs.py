"""Background work of imports."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any

from supporters.imports.actions import TAKE, UNDO
from supporters.imports.models import BatchState, ImportBatch
from supporters.imports.preview import judged_rows
from supporters.imports.purge import purge_imports
from supporters.imports.queries import find_batch, find_file
from supporters.imports.take import PORTION, finish_batch, take_portion
from supporters.imports.undo import undo_portion
from supporters.jobs.backstage import Backstage
from supporters.jobs.queue import enqueue
from supporters.jobs.timers import Timer
from supporters.jobs.work import Handler, Work
from supporters.kit.clock import local_date
from supporters.settings import Settings

PURGE = "imports.purge"
PORTIONS_A_RUN = 40  # well within one lease; the next job goes on
PAUSE_SECONDS = 0.12  # longer than anybody who waits for SQLite sleeps between two looks
TIMERS: tuple[Timer, ...] = (Timer(PURGE, every=timedelta(hours=24)),)


def handlers(backstage: Backstage) -> dict[str, Handler]:
    """The jobs of this room by kind."""
    return {
        TAKE: partial(take_batch, settings=backstage.settings),
        UNDO: partial(undo_batch, settings=backstage.settings),
        PURGE: purge,
    }


async def take_batch(work: Work, payload: dict[str, Any], *, settings: Settings) -> None:
    """Up to 2,000 rows of the batch are taken, from where it stands; the rest waits for the next job."""
    batch_id = str(payload["batch_id"])
    async with work.db.reading() as session:
        batch, content = await find_batch(session, batch_id), await find_file(session, batch_id)
    if batch is None or batch.state != BatchState.RUNNING or batch.started_at is None or content is None:
        return
    today = local_date(batch.started_at, settings.time_zone)
    rows = await judged_rows(batch, content, today=today)
    start = batch.done_rows
    stop = min(len(rows), start + PORTION * PORTIONS_A_RUN)
    while start < stop:
        portion = rows[start : min(start + PORTION, stop)]
        async with work.db.unit_of_work() as session:
            now = work.clock.now()
            mine = await take_portion(session, batch, portion, start=start, settings=settings, ids=work.ids, now=now)
        if not mine:
            return  # the worker that has got further goes on
        start += len(portion)
        await asyncio.sleep(PAUSE_SECONDS)
    await _end_of_run(work, batch, is_all=stop == len(rows))


async def undo_batch(work: Work, payload: dict[str, Any], *, settings: Settings) -> None:
    """What the batch did is taken back, and nothing that people did themselves since."""
    batch_id, is_over = str(payload["batch_id"]), False
    for _ in range(PORTIONS_A_RUN):
        async with work.db.unit_of_work() as session:
            is_over = await undo_portion(session, batch_id, settings=settings, ids=work.ids, now=work.clock.now())
        if is_over:
            return
        await asyncio.sleep(PAUSE_SECONDS)
    async with work.db.unit_of_work() as session:
        await enqueue(session, UNDO, payload, ids=work.ids, now=work.clock.now(), dedupe=batch_id)
        await work.finish(session)


async def purge(work: Work, _payload: dict[str, Any]) -> None:
    """What is kept no longer than it is needed is gone."""
    async with work.db.unit_of_work() as session:
        await purge_imports(session, now=work.clock.now())
        await work.finish(session)


async def _end_of_run(work: Work, batch: ImportBatch, *, is_all: bool) -> None:
    """The batch is done, or the next job goes on with it; this job is done in either case."""
    now = work.clock.now()
    async with work.db.unit_of_work() as session:
        if is_all:
            await finish_batch(session, batch.id, now=now)
        else:
            await enqueue(session, TAKE, {"batch_id": batch.id}, ids=work.ids, now=now, dedupe=batch.id)
        await work.finish(session)
