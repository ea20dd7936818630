"""Databases that take minutes to fill: filled once, kept in a folder, and copied for every run.

A database that is whole has its own name; one that was being filled when somebody pressed Ctrl-C begins anew.
"""

import asyncio
import multiprocessing
import os
import shutil
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common import free_port, keep_house
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from supporters.kit.db import Database
from supporters.kit.migrate import migrate

RUN, PARTLY = "run", "partly"
Fill = Callable[[Database, int], Coroutine[Any, Any, None]]


class Shelf:
    """The kept databases of one engine, each of a number of rows. `fill` is a function of a module: it runs elsewhere."""

    def __init__(self, folder: Path, server: Any, name: str, fill: Fill) -> None:
        self._folder, self._server, self._name, self._fill = folder, server, name, fill

    @contextmanager
    def copy(self, rows: int) -> Iterator[str]:
        """The address of a fresh copy of the database with so many rows, filled before if it is not there."""
        whole = f"{self._name}_{rows}"
        if not self._has(whole):
            self._drop(PARTLY)
            self._make(PARTLY)
            elsewhere(_fill, self._url(PARTLY), self._fill, rows)
            self._rename(PARTLY, whole)
        self._drop(RUN)
        self._take(whole, RUN)
        elsewhere(_migrate, self._url(RUN))
        try:
            yield self._url(RUN)
        finally:
            self._drop(RUN)

    def _url(self, name: str) -> str:
        return self._server.url(name) if self._server else f"sqlite:///{self._file(name)}"

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.db"

    def _has(self, name: str) -> bool:
        if not self._server:
            return self._file(name).exists()
        return bool(self._say(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"))

    def _make(self, name: str) -> None:
        if self._server:
            self._say(f"CREATE DATABASE {name}")

    def _rename(self, name: str, other: str) -> None:
        if self._server:
            self._say(f"ALTER DATABASE {name} RENAME TO {other}")
        else:
            self._file(name).rename(self._file(other))

    def _take(self, name: str, other: str) -> None:
        if self._server:
            self._say(f"CREATE DATABASE {other} TEMPLATE {name} STRATEGY file_copy")
        else:
            shutil.copyfile(self._file(name), self._file(other))

    def _drop(self, name: str) -> None:
        if self._server:
            self._say(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            return
        for each in self._folder.glob(f"{name}.db*"):
            each.unlink()

    def _say(self, words: str) -> list[Any]:
        return asyncio.run(_say(self._server.url("postgres"), words))


@contextmanager
def shelf(kind: str, folder: Path, name: str, fill: Fill) -> Iterator[Shelf]:
    """The kept databases of this folder. PostgreSQL keeps what it says it keeps: fsync is on."""
    from postgres import running_postgres

    folder.mkdir(parents=True, exist_ok=True)
    if kind == "sqlite":
        yield Shelf(folder, None, name, fill)
        return
    data = folder / "postgresql"
    if not data.exists():
        data.mkdir()
        _owned(data)
    with running_postgres(fsync=True, port=free_port(), kept=data) as server:
        yield Shelf(folder, server, name, fill)


def _owned(folder: Path) -> None:
    """The folder is that of whoever runs PostgreSQL, which refuses to run as root."""
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")


def elsewhere(work: Callable[..., Any], *asked: Any) -> Any:
    """What `work`, a function of a module, answers in a process of its own: one that has done nothing else before."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, asked)


def _fill(url: str, fill: Fill, rows: int) -> None:
    async def work() -> None:
        db = Database(url)
        await migrate(db)
        await fill(db, rows)
        await keep_house(db)
        await db.close()

    asyncio.run(work())


def _migrate(url: str) -> None:
    """It may have been kept since before the latest change of tables."""

    async def work() -> None:
        db = Database(url)
        await migrate(db)
        await db.close()

    asyncio.run(work())


async def _say(url: str, words: str) -> list[Any]:
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        found = await connection.execute(text(words))
        rows = list(found.all()) if found.returns_rows else []
    await engine.dispose()
    return rows
