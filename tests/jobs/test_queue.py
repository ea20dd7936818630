"""The queue: in the caller's transaction, once each, fenced, retried, buried where people see it."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from supporters.jobs import claims
from supporters.jobs.models import Job, WorkState
from supporters.jobs.places import Places
from supporters.jobs.queue import BURY_AFTER, LEASE, enqueue, oldest_due, purge_done, run_due
from supporters.jobs.timers import Timer, enqueue_due
from supporters.jobs.work import LeaseLost, TryLater, Work
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids


async def put(db: Database, ids: Ids, clock: FixedClock, count: int = 1, dedupe: str | None = None) -> None:
    async with db.unit_of_work() as session:
        for number in range(count):
            await enqueue(session, "count", {"number": number}, ids=ids, now=clock.now(), dedupe=dedupe)


async def jobs(db: Database) -> list[Job]:
    async with db.reading() as session:
        return list(await session.scalars(select(Job).order_by(Job.id)))


async def test_a_job_of_a_rolled_back_transaction_was_never_there(db: Database, ids: Ids, clock: FixedClock) -> None:
    with pytest.raises(RuntimeError):
        async with db.unit_of_work() as session:
            await enqueue(session, "count", {}, ids=ids, now=clock.now())
            raise RuntimeError

    assert await jobs(db) == []


async def test_several_workers_run_each_job_once(db: Database, ids: Ids, clock: FixedClock) -> None:
    ran: list[int] = []

    async def count(_work: Work, payload: dict[str, Any]) -> None:
        ran.append(payload["number"])

    await put(db, ids, clock, count=60)

    async def work() -> None:
        while await run_due(db, {"count": count}, clock=clock, ids=ids, limit=7):
            pass

    await asyncio.gather(*(work() for _ in range(4)))

    assert sorted(ran) == list(range(60))
    assert {job.state for job in await jobs(db)} == {WorkState.DONE}


async def test_a_slow_job_holds_no_other_and_is_finished_before_the_places_close(
    db: Database, ids: Ids, clock: FixedClock
) -> None:
    ended, may_end = list[int](), asyncio.Event()

    async def work(_work: Work, payload: dict[str, Any]) -> None:
        if payload["number"] == 0:
            await may_end.wait()
        ended.append(payload["number"])

    async with Places(db, {"count": work}, clock=clock, ids=ids, count=2) as places:
        await put(db, ids, clock, count=4)
        started = [await places.fill() for _time in range(5)]

        assert (started, sorted(ended)) == ([2, 1, 1, 0, 0], [1, 2, 3])
        may_end.set()

    assert sorted(ended) == [0, 1, 2, 3]
    assert {job.state for job in await jobs(db)} == {WorkState.DONE}


async def test_the_same_work_waits_once(db: Database, ids: Ids, clock: FixedClock) -> None:
    await put(db, ids, clock, count=3, dedupe="same")

    assert len(await jobs(db)) == 1


async def test_a_failing_job_is_tried_later_and_then_buried(db: Database, ids: Ids, clock: FixedClock) -> None:
    async def fail(_work: Work, _payload: dict[str, Any]) -> None:
        raise ValueError("no")

    await put(db, ids, clock)
    for attempt in range(1, BURY_AFTER + 1):
        assert await run_due(db, {"count": fail}, clock=clock, ids=ids) == 1
        (job,) = await jobs(db)
        assert job.attempts == attempt
        clock.advance(timedelta(hours=3))

    assert job.state == WorkState.BURIED
    assert job.last_error == "ValueError: no"
    assert await run_due(db, {"count": fail}, clock=clock, ids=ids) == 0


async def test_one_failing_job_does_not_stop_the_others(db: Database, ids: Ids, clock: FixedClock) -> None:
    async def fail_first(_work: Work, payload: dict[str, Any]) -> None:
        if payload["number"] == 0:
            raise ValueError("no")

    await put(db, ids, clock, count=5)
    await run_due(db, {"count": fail_first}, clock=clock, ids=ids)

    assert sorted(job.state for job in await jobs(db)) == [WorkState.DONE] * 4 + [WorkState.READY]


async def test_a_worker_that_lost_its_lease_stores_nothing(db: Database, ids: Ids, clock: FixedClock) -> None:
    lost: list[bool] = []

    async def slow(work: Work, _payload: dict[str, Any]) -> None:
        clock.advance(LEASE * 2)
        async with db.unit_of_work() as session:
            await claims.claim(session, Job, limit=1, now=clock.now(), lease=LEASE)
        try:
            async with work.db.unit_of_work() as session:
                await session.execute(update(Job).values(last_error="overwritten"))
                await work.finish(session)
        except LeaseLost:
            lost.append(True)
            raise

    await put(db, ids, clock)
    await run_due(db, {"count": slow}, clock=clock, ids=ids)

    (job,) = await jobs(db)
    assert lost == [True]
    assert (job.state, job.last_error, job.fence) == (WorkState.RUNNING, None, 2)


async def test_waiting_for_a_while_is_not_a_failure(db: Database, ids: Ids, clock: FixedClock) -> None:
    async def later(_work: Work, _payload: dict[str, Any]) -> None:
        raise TryLater("Stripe is resting", after=timedelta(minutes=10))

    await put(db, ids, clock)
    for _ in range(BURY_AFTER + 3):
        await run_due(db, {"count": later}, clock=clock, ids=ids)
        clock.advance(timedelta(minutes=11))

    assert (await jobs(db))[0].state == WorkState.READY


async def test_a_retry_gives_way_to_the_same_work_enqueued_meanwhile(db: Database, ids: Ids, clock: FixedClock) -> None:
    async def again_then_fail(_work: Work, _payload: dict[str, Any]) -> None:
        await put(db, ids, clock, dedupe="same")
        raise ValueError("no")

    await put(db, ids, clock, dedupe="same")
    await run_due(db, {"count": again_then_fail}, clock=clock, ids=ids)

    assert sorted(job.state for job in await jobs(db)) == [WorkState.DONE, WorkState.READY]


async def test_a_timer_fires_once_per_slot_whoever_asks(db: Database, ids: Ids, clock: FixedClock) -> None:
    timers = [Timer("count", every=timedelta(minutes=5))]

    async def ask() -> list[str]:
        async with db.unit_of_work() as session:
            return await enqueue_due(session, timers, ids=ids, now=clock.now())

    fired = [*await asyncio.gather(*(ask() for _ in range(5)))]
    assert sorted(map(len, fired)) == [0, 0, 0, 0, 1]
    clock.advance(timedelta(minutes=4))
    assert await ask() == []
    clock.advance(timedelta(minutes=1))
    assert await ask() == ["count"]


async def test_lag_is_known_and_old_work_is_swept_away(db: Database, ids: Ids, clock: FixedClock) -> None:
    async def fine(_work: Work, _payload: dict[str, Any]) -> None: ...

    await put(db, ids, clock)
    clock.advance(timedelta(minutes=7))
    async with db.reading() as session:
        assert await oldest_due(session, now=clock.now()) == timedelta(minutes=7)

    await run_due(db, {"count": fine}, clock=clock, ids=ids)
    clock.advance(timedelta(days=15))
    async with db.unit_of_work() as session:
        assert await oldest_due(session, now=clock.now()) == timedelta()
        assert await purge_done(session, now=clock.now()) == 1
