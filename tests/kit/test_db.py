"""The commit point: everything or nothing, no lost updates, both engines alike."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from databases import Databases
from supporters.appeals.models import Fund
from supporters.guard.models import GuardCount
from supporters.kit.db import Database, normalise_url
from supporters.kit.errors import DatabaseBusy

WHEN = datetime(2026, 11, 22, 9, 36, tzinfo=UTC)


async def test_a_unit_of_work_stores_everything_or_nothing(db: Database) -> None:
    with pytest.raises(RuntimeError, match="half-way"):
        async with db.unit_of_work() as session:
            await session.execute(insert(Fund).values(id="1" * 26, code="a", name="A"))
            raise RuntimeError("half-way")

    async with db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Fund)) == 0


async def test_a_commit_that_fails_is_an_error_and_stores_nothing(db: Database) -> None:
    with pytest.raises(IntegrityError):
        async with db.unit_of_work() as session:
            session.add(Fund(id="1" * 26, code="same", name="A"))
            session.add(Fund(id="2" * 26, code="same", name="B"))

    async with db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Fund)) == 0


async def test_nothing_can_be_changed_through_a_reading(db: Database) -> None:
    with suppress(DBAPIError):  # PostgreSQL refuses, SQLite drops
        async with db.reading() as session:
            await session.execute(insert(Fund).values(id="1" * 26, code="a", name="A"))

    async with db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Fund)) == 0


async def test_a_reading_sees_one_moment(db: Database) -> None:
    async with db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Fund)) == 0
        async with db.unit_of_work() as other:
            await other.execute(insert(Fund).values(id="1" * 26, code="a", name="A"))

        assert await session.scalar(select(func.count()).select_from(Fund)) == 0


async def test_a_database_that_is_away_is_busy_and_not_a_fault() -> None:
    db = Database("postgresql://nobody@127.0.0.1:9/nothing")

    with pytest.raises(DatabaseBusy):
        async with db.unit_of_work() as session:
            await session.execute(select(Fund))
    with pytest.raises(DatabaseBusy):
        async with db.reading() as session:
            await session.execute(select(Fund))
    await db.close()


async def test_a_row_that_is_held_for_long_is_busy_and_not_a_hang(db: Database) -> None:
    async with db.unit_of_work() as session:
        await session.execute(insert(Fund).values(id="1" * 26, code="a", name="A"))
    rename = update(Fund).values(name="B")
    async with db.unit_of_work() as holder:
        await holder.execute(rename)
        with pytest.raises(DatabaseBusy):
            async with db.unit_of_work() as other:
                if not db.is_sqlite:
                    await other.execute(text("SET LOCAL lock_timeout = '50ms'"))
                await other.execute(rename)


async def test_a_pool_without_a_free_connection_is_busy(databases: Databases) -> None:
    url = await databases.make("postgresql")
    db = Database(url, pool_size=1)
    monkey = db.engine.pool
    monkey._timeout = 0.05  # pyright: ignore[reportAttributeAccessIssue] - the wait itself is not what is tested
    async with db.unit_of_work() as one, db.unit_of_work() as two:
        await one.execute(select(Fund))
        await two.execute(select(Fund))
        with pytest.raises(DatabaseBusy):
            async with db.unit_of_work() as three:
                await three.execute(select(Fund))
    await db.close()
    await databases.drop("postgresql", url)


async def test_errors_do_not_quote_what_was_stored(db: Database) -> None:
    with pytest.raises(IntegrityError) as raised:
        async with db.unit_of_work() as session:
            await session.execute(insert(Fund).values(id="1" * 26, code="a", name="canary"))
            await session.execute(insert(Fund).values(id="2" * 26, code="a", name="canary"))

    assert "canary" not in str(raised.value)


async def test_concurrent_read_then_write_loses_no_update(db: Database) -> None:
    async with db.unit_of_work() as session:
        await session.execute(insert(GuardCount).values(key="k", window_start=WHEN, count=0))

    async def add_one() -> None:
        for _ in range(10):
            async with db.unit_of_work() as session:
                wanted = select(GuardCount.count).where(GuardCount.key == "k").with_for_update()
                count = (await session.scalars(wanted)).one()
                await session.execute(update(GuardCount).where(GuardCount.key == "k").values(count=count + 1))

    await asyncio.gather(*(add_one() for _ in range(8)))

    async with db.reading() as session:
        assert await session.scalar(select(GuardCount.count)) == 80


async def test_times_come_back_aware_and_in_utc(db: Database) -> None:
    there = WHEN.astimezone(timezone(timedelta(hours=5)))
    async with db.unit_of_work() as session:
        await session.execute(insert(GuardCount).values(key="k", window_start=there, count=1))

    async with db.reading() as session:
        found = (await session.scalars(select(GuardCount.window_start))).one()
    assert found == WHEN
    assert found.utcoffset() == timedelta(0)


async def test_naive_times_are_refused(db: Database) -> None:
    with pytest.raises(Exception, match="aware"):
        async with db.unit_of_work() as session:
            await session.execute(insert(GuardCount).values(key="k", window_start=WHEN.replace(tzinfo=None), count=1))


async def test_statistics_say_that_a_unique_value_is_found_once_though_most_rows_have_none(sqlite_db: Database) -> None:
    async with sqlite_db.unit_of_work() as session:
        await session.execute(text("CREATE TABLE postcard (id INTEGER PRIMARY KEY, answers TEXT UNIQUE)"))
        await session.execute(text("INSERT INTO postcard (answers) VALUES (NULL), (NULL), (NULL), ('first')"))

    await sqlite_db.keep_statistics()

    async with sqlite_db.reading() as session:
        known = select(text("stat")).select_from(text("sqlite_stat1")).where(text("tbl = 'postcard'"))
        assert await session.scalar(known) == "4 1"


def test_addresses_get_the_drivers_of_the_house() -> None:
    assert normalise_url("postgres://u:p@h/d") == "postgresql+asyncpg://u:p@h/d"
    assert normalise_url("postgresql://h/d") == "postgresql+asyncpg://h/d"
    assert normalise_url("sqlite:////tmp/x.db") == "sqlite+aiosqlite:////tmp/x.db"
