"""SQLite's thread: every row comes, every change is counted, and what a caller gave up leaves nothing open."""

import asyncio
import sqlite3

import pytest
from sqlalchemy import func, insert, literal, select, text, update

from supporters.appeals.models import Fund
from supporters.kit import sqlite
from supporters.kit.db import Database, changed_rows

MANY = sqlite.FIRST_ROWS + 5


async def fill(db: Database, count: int) -> None:
    rows = [{"id": f"{number:026}", "code": f"c{number}", "name": "A"} for number in range(count)]
    async with db.unit_of_work() as session:
        await session.execute(insert(Fund), rows)


@pytest.mark.parametrize("count", [1, sqlite.FIRST_ROWS - 1, sqlite.FIRST_ROWS, MANY])
async def test_every_row_comes_once_and_in_order(sqlite_db: Database, count: int) -> None:
    await fill(sqlite_db, count)

    async with sqlite_db.reading() as session:
        ids = (await session.scalars(select(Fund.id).order_by(Fund.id))).all()

    assert ids == [f"{number:026}" for number in range(count)]


async def test_rows_can_be_taken_in_portions(sqlite_db: Database) -> None:
    await fill(sqlite_db, MANY)

    async with sqlite_db.reading() as session:
        told = await session.stream_scalars(select(Fund.id).order_by(Fund.id))
        portions = [len(portion) async for portion in told.partitions(700)]

    assert portions == [700, MANY - 700]


@pytest.mark.parametrize("count", [3, MANY])
async def test_changed_rows_are_counted_also_when_they_are_given_back(sqlite_db: Database, count: int) -> None:
    await fill(sqlite_db, count)

    async with sqlite_db.unit_of_work() as session:
        plain = await session.execute(update(Fund).values(name="B"))
        told = await session.execute(update(Fund).values(name="C").returning(Fund.id))

        assert changed_rows(plain) == len(told.all()) == count


async def test_a_unit_of_work_that_says_nothing_keeps_nobody_waiting(sqlite_db: Database) -> None:
    async with sqlite_db.unit_of_work() as silent:
        await silent.connection()  # has begun, as far as SQLAlchemy knows
        await fill(sqlite_db, 1)

    async with sqlite_db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Fund)) == 1


async def test_a_statement_that_its_caller_gave_up_leaves_no_transaction_open(
    sqlite_db: Database,
) -> None:
    path = sqlite_db.url.partition("///")[2]
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def write() -> None:
        async with sqlite_db.unit_of_work() as session:
            await session.execute(text("INSERT INTO fund (id, code, name) VALUES ('1', 'given-up', 'A')"))

    writing = asyncio.create_task(write())
    await asyncio.sleep(0.05)  # it waits for the other, in its thread
    writing.cancel()
    asyncio.get_running_loop().call_later(0.05, other.rollback)
    with pytest.raises(asyncio.CancelledError):
        await writing

    other.execute("PRAGMA busy_timeout=2000")
    other.execute("BEGIN IMMEDIATE")
    assert other.execute("SELECT count(*) FROM fund").fetchone() == (0,)
    other.rollback()
    other.close()
    await fill(sqlite_db, 1)
    async with sqlite_db.reading() as session:
        assert await session.scalar(select(literal(1)).select_from(Fund)) == 1
