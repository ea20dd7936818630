"""One database, two engines, one commit point.

`unit_of_work()` is the only place where anything is committed (with `accept()`, its one-statement form for webhooks).
SQLite opens its write transactions with BEGIN IMMEDIATE: with the driver's default, concurrent read-then-write
transactions lose updates without an error. `reading()` opens a plain read transaction that blocks nobody.
"""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import CursorResult, DateTime, Insert, MetaData, Result, event, types
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from supporters.kit.accept import GroupCommit
from supporters.kit.errors import DatabaseBusy

BUSY_SECONDS = 5
BUSY_WORDS = "The database did not answer in time. Nothing was stored; please try again."
NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class UTCDateTime(types.TypeDecorator[datetime]):
    """A moment: aware in, aware UTC out, on both databases. Naive times are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored time must be aware")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Every table of the house. Columns that hold personal data carry `info={"personal": "<why>"}`."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {datetime: UTCDateTime()}  # noqa: RUF012 - SQLAlchemy's own form


class Database:
    """The engine and its two doors: `unit_of_work()` to write, `reading()` to read."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = normalise_url(url)
        self.is_sqlite = self.url.startswith("sqlite")
        self.engine = _make_engine(self.url, pool_size=pool_size)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False, autoflush=False)
        readonly = self.engine.execution_options(readonly=True)
        self._readers = async_sessionmaker(readonly, expire_on_commit=False, autoflush=False)
        self._accepting = GroupCommit(self.engine, _as_away)

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncGenerator[AsyncSession]:
        """All of the block is stored, or nothing: commit at its end, rollback on any error. Raises DatabaseBusy."""
        try:
            async with self._sessions() as session:
                yield session
                await session.commit()
        except DBAPIError as error:
            raise _as_busy(error) from error

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncSession]:
        """A consistent view for reading; whatever was changed in it is dropped."""
        try:
            async with self._readers() as session:
                yield session
        except DBAPIError as error:
            raise _as_busy(error) from error

    async def accept(self, statement: Insert, rows: list[dict[str, Any]] | dict[str, Any]) -> None:
        """`rows` are durably stored by one statement, committed before this returns. Raises DatabaseBusy.

        Callers at the same moment share one statement and one commit; a row that fails, fails for its caller alone.
        """
        await self._accepting.store(statement, rows if isinstance(rows, list) else [rows])

    async def close(self) -> None:
        """Every connection is closed."""
        await self._accepting.close()
        await self.engine.dispose()


def normalise_url(url: str) -> str:
    """The address with the driver that the house uses: asyncpg for PostgreSQL, aiosqlite for SQLite."""
    url = re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql+asyncpg://", url)
    return re.sub(r"^sqlite(\+\w+)?:", "sqlite+aiosqlite:", url)


def _make_engine(url: str, *, pool_size: int) -> AsyncEngine:
    if not url.startswith("sqlite"):
        return create_async_engine(
            url, pool_size=pool_size, max_overflow=pool_size, pool_pre_ping=True, pool_timeout=10
        )
    engine = create_async_engine(url, poolclass=NullPool if ":memory:" in url else None)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={BUSY_SECONDS * 1000}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "recursive_triggers=ON",  # else INSERT OR REPLACE removes rows behind the triggers' back
        "temp_store=MEMORY",
        "cache_size=-16000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    readonly = connection.get_execution_options().get("readonly", False)
    connection.exec_driver_sql("BEGIN" if readonly else "BEGIN IMMEDIATE")


_GONE = ("QueuePool", "the database system is", "Connection refused", "connection is closed")


def _as_busy(error: DBAPIError) -> Exception:
    text = str(error.orig)
    busy = isinstance(error, OperationalError) and ("locked" in text or "busy" in text)
    if busy or error.connection_invalidated or any(word in text for word in _GONE):
        return DatabaseBusy(BUSY_WORDS)
    return error


def _as_away(error: Exception) -> Exception:
    """For `accept`, where nothing but the database can fail: no connection to be had is busy too."""
    if isinstance(error, (OSError, PoolTimeout)):
        return DatabaseBusy(BUSY_WORDS)
    return _as_busy(error) if isinstance(error, DBAPIError) else error


def changed_rows(result: Result[Any]) -> int:
    """How many rows a statement has inserted, changed or removed."""
    return cast("CursorResult[Any]", result).rowcount


def insert_for(session: AsyncSession, table: type[Base]) -> PostgresInsert | SqliteInsert:
    """An INSERT for this session's database that knows ON CONFLICT."""
    dialect = session.get_bind().dialect.name
    return sqlite_insert(table) if dialect == "sqlite" else postgres_insert(table)
