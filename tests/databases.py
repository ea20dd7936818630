"""Empty migrated databases, made fast: a template is migrated once per run and copied for each test."""

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from postgres import Postgres
from supporters.kit.db import Database
from supporters.kit.migrate import migrate

TEMPLATE = "supporters_template"
_numbers = itertools.count(1)


def share_statements(db: Database, first: Database) -> None:
    """Statements that `first` has put into words need not be put into words again for `db`, on the same engine.

    Every engine compiles each statement once; with a new engine for each test that was a fifth of the tests' time.
    """
    known = first.engine.sync_engine
    known._compiled_cache.capacity = 10_000  # a whole run says more than one process of the house ever does
    readers = db._readers.kw["bind"].sync_engine
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
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def fresh(self, kind: str, *, migrated: bool = True) -> AsyncIterator[Database]:
        """A database of `kind` (sqlite, postgresql), migrated unless told otherwise, gone afterwards."""
        url = await self.make(kind, migrated=migrated)
        db = Database(url)
        if kind in self._first:
            share_statements(db, self._first[kind])
        try:
            yield db
        finally:
            await db.close()
            await self.drop(kind, url)

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
                shutil.copyfile(self._folder / f"{TEMPLATE}.db", path)
            return f"sqlite:///{path}"
        template = f"TEMPLATE {TEMPLATE} STRATEGY file_copy" if migrated else ""
        await self._admin(f"CREATE DATABASE {name} {template}")
        return self._postgres.url(name)

    async def drop(self, kind: str, url: str) -> None:
        """The database is gone."""
        if kind == "sqlite":
            for path in self._folder.glob(Path(url.removeprefix("sqlite:///")).name + "*"):
                path.unlink()
        else:
            name = url.partition("@/")[2].partition("?")[0]
            await self._admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

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
        return db

    async def _admin(self, statement: str) -> None:
        connection = await asyncpg.connect(
            host=str(self._postgres.socket_dir), port=self._postgres.port, user="postgres", database="postgres"
        )
        try:
            await connection.execute(statement)
        finally:
            await connection.close()
