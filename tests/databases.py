"""Empty migrated databases, made fast: a template is migrated once per run and copied for each test.

A PostgreSQL database that a test has left in its first shape is emptied and used again, with the connections that are
open: making and dropping one for each test took a tenth of a run.
"""

import asyncio
import io
import itertools
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from postgres import Postgres
from supporters.kit.db import Database
from supporters.kit.migrate import migrate

TEMPLATE = "supporters_template"
MOST_BYTES = 16_000_000  # what a test has made larger is not worth emptying; an empty one has ten million
# Whoever changes a table, a trigger or a function writes a row of the catalogue anew.
SHAPE = " UNION ALL ".join(
    f"SELECT count(*), max(xmin::text::bigint) FROM {catalogue}"
    for catalogue in ("pg_class", "pg_attribute", "pg_trigger", "pg_proc", "pg_constraint", "pg_index", "pg_rewrite")
)
OTHERS = "pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
LAST_WRITER = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
# Databases of PostgreSQL that were emptied, with the number of the last transaction that has written by then.
unwritten: WeakKeyDictionary[Database, int] = WeakKeyDictionary()
_numbers = itertools.count(1)


def share_statements(db: Database, first: Database) -> None:
    """Statements that `first` has put into words need not be put into words again for `db`, on the same engine.

    Every engine compiles each statement once; with a new engine for each test that was a fifth of the tests' time.
    """
    known = first.engine.sync_engine
    known._compiled_cache.capacity = 10_000  # a whole run says more than one process of the house ever does
    readers = db._readers.kw["bind"].sync_engine
    vars(db.engine.sync_engine.dialect).update(
        vars(known.dialect)
    )  # what it learns of a server with the first connection
    for engine in (db.engine.sync_engine, readers):
        engine.dialect = known.dialect
        engine._compiled_cache = known._compiled_cache
    db.engine.pool._dialect = known.dialect


class Databases:
    """Makes databases of both kinds, each a copy of a migrated template."""

    def __init__(self, folder: Path, postgres: Postgres) -> None:
        self._folder = folder
        self._postgres = postgres
        self._first: dict[str, Database] = {}
        self._shape: list[Any] = []
        self._rows: dict[str, bytes] = {}
        self._free: list[Database] = []
        self._empty = ""
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def fresh(self, kind: str, *, migrated: bool = True) -> AsyncIterator[Database]:
        """A database of `kind` (sqlite, postgresql), migrated unless told otherwise, gone afterwards."""
        used = self._free.pop() if self._free and migrated and kind == "postgresql" else None
        db = Database(used.url if used else await self.make(kind, migrated=migrated))
        if kind in self._first:
            share_statements(db, self._first[kind])
        if used:  # its connections have everything at hand: opening new ones took longer than most tests
            db.engine.sync_engine.pool = used.engine.sync_engine.pool
            unwritten[db] = unwritten.pop(used)
        try:
            yield db
        finally:
            await db._accepting.close()
            if kind == "postgresql" and migrated and await self._emptied(db):
                self._free.append(db)
            else:
                await db.close()
                await self.drop(kind, db.url)

    async def make(self, kind: str, *, migrated: bool = True) -> str:
        """The address of a new database."""
        if migrated:
            async with self._lock:
                if kind not in self._first:
                    self._first[kind] = await self._make_template(kind)
        name = f"t{next(_numbers)}"
        if kind == "sqlite":
            path = self._folder / f"{name}.db"
            if migrated:
                shutil.copy2(self._folder / f"{TEMPLATE}.db", path)  # its time says that nobody has written
            return f"sqlite:///{path}"
        template = f"TEMPLATE {TEMPLATE} STRATEGY file_copy" if migrated else ""
        await self._admin(f"CREATE DATABASE {name} {template}")
        return self._postgres.url(name)

    async def drop(self, kind: str, url: str) -> None:
        """The database is gone."""
        if kind == "sqlite":
            for path in self._folder.glob(Path(url.partition(":///")[2]).name + "*"):
                path.unlink()
        else:
            name = url.partition("@/")[2].partition("?")[0]
            await self._admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def close(self) -> None:
        """Nobody is connected any more."""
        for db in self._free:
            await db.close()

    async def _make_template(self, kind: str) -> Database:
        if kind == "sqlite":
            db = Database(f"sqlite:///{self._folder}/{TEMPLATE}.db")
        else:
            await self._admin(f"CREATE DATABASE {TEMPLATE}")
            db = Database(self._postgres.url(TEMPLATE))
        await migrate(db)
        if kind == "sqlite":
            async with db.engine.connect() as connection:
                await connection.exec_driver_sql("ROLLBACK")
                await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                await connection.exec_driver_sql("BEGIN")
        await db.close()
        if kind == "postgresql":
            await self._remember_template()
        return db

    async def _remember_template(self) -> None:
        """Which shape a migrated database has, and which rows are in it before anybody has used it."""
        async with self._connection(TEMPLATE) as template:
            self._shape = await template.fetch(SHAPE)
            for table in await table_names(template):
                if await template.fetchval(f'SELECT EXISTS (SELECT FROM "{table}")'):
                    rows = io.BytesIO()
                    await template.copy_from_table(table, output=rows, format="binary")
                    self._rows[table] = rows.getvalue()
            # In one go, triggers asleep: also what may never be deleted goes.
            deletes = "".join(f'DELETE FROM "{table}";' for table in await table_names(template))
            self._empty = f"SET LOCAL session_replication_role = replica; {deletes}"

    async def _emptied(self, db: Database) -> bool:
        """Whether the database is again as a new one: no rows but the template's, the same shape, no strangers."""
        if db.engine.pool.checkedout():  # pyright: ignore[reportAttributeAccessIssue] - of the pool that it has
            await db.engine.dispose()
        async with db.engine.connect() as connection:
            driver = await driver_of(connection)
            known = db.engine.pool.checkedin()  # pyright: ignore[reportAttributeAccessIssue] - see above
            if await driver.fetchval(f"SELECT count(*) FROM {OTHERS}") != known:
                await driver.execute(f"SELECT pg_terminate_backend(pid) FROM {OTHERS}")
                return False
            size = await driver.fetchval("SELECT pg_database_size(current_database())")
            if size > MOST_BYTES or await driver.fetch(SHAPE) != self._shape:
                return False
            async with driver.transaction():
                await driver.execute(self._empty)
                for table, rows in self._rows.items():
                    await driver.copy_to_table(table, source=io.BytesIO(rows), format="binary")
                await driver.execute("SELECT setval(seqrelid, seqstart, false) FROM pg_sequence")
            unwritten[db] = await driver.fetchval(LAST_WRITER)
        return True

    async def _admin(self, statement: str) -> None:
        async with self._connection("postgres") as connection:
            await connection.execute(statement)

    @asynccontextmanager
    async def _connection(self, name: str) -> AsyncIterator[Any]:
        connection = await asyncpg.connect(
            host=str(self._postgres.socket_dir), port=self._postgres.port, user="postgres", database=name
        )
        try:
            yield connection
        finally:
            await connection.close()


async def driver_of(connection: AsyncConnection) -> Any:
    """The driver's own connection, for what is said to PostgreSQL alone."""
    return (await connection.get_raw_connection()).driver_connection


async def table_names(connection: Any) -> list[str]:
    """Every table of the house."""
    found = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return [row["tablename"] for row in found]
