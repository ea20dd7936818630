"""Alive and ready, for machines that watch."""

from datetime import timedelta

from databases import Databases
from supporters.jobs.queue import enqueue
from supporters.kit.db import Database
from whole import Whole


async def test_a_process_that_answers_is_alive(site: Whole) -> None:
    answer = await site.reader.get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


async def test_ready_means_database_migrations_and_work(site: Whole) -> None:
    answer = await site.reader.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {"database": "ok", "migrations": "ok", "work": "ok"}


async def test_work_that_nobody_does_is_not_ready(site: Whole) -> None:
    async with site.db.unit_of_work() as session:
        await enqueue(session, "balance.pull", {}, ids=site.ids, now=site.clock.now())
    site.clock.advance(timedelta(minutes=6))

    answer = await site.reader.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["work"] == "360 s behind"


async def test_a_dead_worker_shows_by_its_timers_events_and_letters(site: Whole) -> None:
    await site.worker.tick()
    await site.settle()
    assert (await site.reader.get("/readyz")).status_code == 200
    given = await site.give()
    await site.pay(given)
    await site.sandbox.deliver_all()
    site.clock.advance(timedelta(minutes=6))
    assert (await site.reader.get("/readyz")).status_code == 503

    await site.worker.apply_events()
    site.clock.advance(timedelta(minutes=6))
    unsent = await site.reader.get("/readyz")

    assert unsent.status_code == 503


async def test_a_database_of_an_older_shape_is_not_ready(site: Whole, databases: Databases) -> None:
    async with databases.fresh("sqlite", migrated=False) as bare:
        site.app.state.house = replace_db(site.app.state.house, bare)
        answer = await site.reader.get("/readyz")

    assert answer.status_code == 503
    assert "supporters migrate" in answer.json()["migrations"]


def replace_db(house: object, db: Database) -> object:
    """The same house on another database."""
    from dataclasses import replace

    return replace(house, db=db)  # pyright: ignore[reportArgumentType, reportUnknownVariableType]
