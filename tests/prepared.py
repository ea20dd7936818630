"""Databases that are prepared already: what every installation needs takes longer to work out than most tests last.

What was written into the first database is laid into the next one that nobody has used yet, for the same settings at the
same moment. Its ids are of chance: those that a test seeds are all still to come.
"""

import io
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from databases import LAST_WRITER, TEMPLATE, driver_of, table_names, unwritten
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.worker import Tools, prepare

MOST_KEPT = 20  # where each test has settings of its own, keeping costs and brings nothing


@dataclass
class Kept:
    """What a database held when it was prepared: SQLite's file, or rows and counters of PostgreSQL's tables."""

    file: Path | None = None
    rows: dict[str, bytes] = field(default_factory=dict[str, bytes])
    counters: dict[str, int] = field(default_factory=dict[str, int])


_kept: dict[Any, Kept] = {}


async def prepare_once(tools: Tools) -> None:
    """As `prepare`: the database holds what every installation needs."""
    if not await _is_untouched(tools.db):
        await prepare(tools)
        return
    key = file_of(tools.db).parent if tools.db.is_sqlite else None, tools.settings, tools.clock.now()
    if key in _kept:
        await _lay(tools.db, _kept[key])
        return
    tools.ids, own = Ids(tools.clock), tools.ids
    await prepare(tools)
    tools.ids = own
    if len(_kept) < MOST_KEPT:
        _kept[key] = await _keep(tools.db, number=len(_kept))


async def _is_untouched(db: Database) -> bool:
    """Whether nobody has written into it since it was made or emptied."""
    if not db.is_sqlite:
        async with db.engine.connect() as connection:
            return await (await driver_of(connection)).fetchval(LAST_WRITER) == unwritten.get(db)
    if db.engine.pool.checkedin() or db.engine.pool.checkedout():  # pyright: ignore[reportAttributeAccessIssue]
        return False
    path = file_of(db)
    template = path.with_name(f"{TEMPLATE}.db")
    was_written = path.with_name(f"{path.name}-wal").exists()
    return template.exists() and not was_written and path.stat().st_mtime_ns == template.stat().st_mtime_ns


def file_of(db: Database) -> Path:
    """SQLite's file."""
    return Path(db.engine.url.database or "")


async def _keep(db: Database, *, number: int) -> Kept:
    if db.is_sqlite:
        kept = file_of(db).with_name(f"prepared{number}.db")
        with closing(sqlite3.connect(file_of(db))) as used, closing(sqlite3.connect(kept)) as copy:
            used.backup(copy)
        return Kept(kept)
    found = Kept()
    async with db.engine.connect() as connection:
        driver = await driver_of(connection)
        for table in await table_names(driver):
            if await driver.fetchval(f'SELECT EXISTS (SELECT FROM "{table}")'):
                rows = io.BytesIO()
                await driver.copy_from_table(table, output=rows, format="binary")
                found.rows[table] = rows.getvalue()
        counters = "SELECT sequencename, last_value FROM pg_sequences WHERE last_value IS NOT NULL"
        found.counters = dict(await driver.fetch(counters))
    return found


async def _lay(db: Database, kept: Kept) -> None:
    if kept.file:
        shutil.copyfile(kept.file, file_of(db))
        return
    async with db.engine.connect() as connection:
        driver = await driver_of(connection)
        async with driver.transaction():
            deletes = "".join(f'DELETE FROM "{table}";' for table in kept.rows)
            counted = "".join(f"SELECT setval('{name}', {value});" for name, value in kept.counters.items())
            await driver.execute(
                f"SET LOCAL session_replication_role = replica; {deletes} {counted}"
            )  # triggers asleep
            for table, rows in kept.rows.items():
                await driver.copy_to_table(table, source=io.BytesIO(rows), format="binary")
