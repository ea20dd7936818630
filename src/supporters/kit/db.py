"""One database, two engines, one commit point.

`unit_of_work()` is the only place where anything is committed (with `accept()`, its one-statement form for webhooks).
SQLite opens its write transactions with BEGIN IMMEDIATE: with the driver's default, concurrent read-then-write
transactions lose updates without an error. `reading()` opens a plain read transaction that blocks nobody.
"""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

from sqlalchemy import CursorResult, DateTime, Insert, MetaData, Result, event, text, types
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import NullPool

from supporters.kit import sqlite
from supporters.kit.accept import GroupCommit
from supporters.kit.errors import DatabaseBusy

SAMPLED_ROWS = 400  # of each index, as SQLite's authors advise
BUSY_SECONDS = 5
# On PostgreSQL nobody waits for ever: not for a lock, not for a statement, not for a transaction left open.
PATIENCE = {
    "lock_timeout": f"{BUSY_SECONDS}s",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
    "jit": "off",  # compiling a query takes longer than any of ours
}
PRAGMAS = (
    f"busy_timeout={BUSY_SECONDS * 1000}",
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "recursive_triggers=ON",  # else INSERT OR REPLACE removes rows behind the triggers' back
    "temp_store=MEMORY",
    "cache_size=-2000",  # KiB for each connection; the system keeps the file at hand besides
)
# The last figure of an index is how many rows have the same value in all its columns.
FOUND_ONCE = """
UPDATE sqlite_stat1 SET stat = rtrim(stat, '0123456789') || '1'
WHERE EXISTS (SELECT 1 FROM pragma_index_list(sqlite_stat1.tbl) i WHERE i.name = sqlite_stat1.idx AND i."unique" = 1)
"""
SQLITE_READS = {"readonly": True}
POSTGRES_READS = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
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
        readonly = self.engine.execution_options(**(SQLITE_READS if self.is_sqlite else POSTGRES_READS))
        self._readers = async_sessionmaker(readonly, expire_on_commit=False, autoflush=False)
        self._accepting = GroupCommit(self.engine, _in_words)

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncGenerator[AsyncSession]:
        """All of the block is stored, or nothing: commit at its end, rollback on any error. Raises DatabaseBusy."""
        try:
            async with self._sessions() as session:
                yield session
                await session.commit()
        except (DBAPIError, PoolTimeout, OSError) as error:
            raise _in_words(error) from error

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncSession]:
        """One consistent view of the data, for reading only. Raises DatabaseBusy."""
        try:
            async with self._readers() as session:
                yield session
        except (DBAPIError, PoolTimeout, OSError) as error:
            raise _in_words(error) from error

    async def accept(self, statement: Insert, rows: list[dict[str, Any]] | dict[str, Any]) -> None:
        """`rows` are durably stored by one statement, committed before this returns. Raises DatabaseBusy.

        Callers at the same moment share one statement and one commit; a row that fails, fails for its caller alone.
        """
        await self._accepting.store(statement, rows if isinstance(rows, list) else [rows])

    async def keep_statistics(self) -> None:
        """SQLite knows how its tables are filled: without that it reads whole tables where an index is at hand.

        A sample is enough for most, and nobody else can write meanwhile. Of an index in which one value fills the sample it
        says next to nothing: that is looked at whole, each for itself. Of one in which a value stands once, however many
        rows have none, it would count those that have none as alike, and look at whole tables again. PostgreSQL sees to it
        by itself. Connections that are open already learn of it when they are made anew.
        """
        if not self.is_sqlite:
            return
        async with self.unit_of_work() as session:
            await session.execute(text(f"PRAGMA analysis_limit={SAMPLED_ROWS}"))
            await session.execute(text("ANALYZE"))
            known = (await session.execute(text("SELECT idx, stat FROM sqlite_stat1 WHERE idx IS NOT NULL"))).all()
        for index, stat in known:
            if int(stat.split()[1]) > SAMPLED_ROWS:
                async with self.unit_of_work() as session:
                    await session.execute(text("PRAGMA analysis_limit=0"))
                    await session.execute(text(f'ANALYZE "{index}"'))
        async with self.unit_of_work() as session:
            await session.execute(text(FOUND_ONCE))
            await session.execute(text("ANALYZE sqlite_schema"))  # this connection reads them again

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
            url,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=True,
            pool_timeout=BUSY_SECONDS,
            pool_use_lifo=True,
            hide_parameters=True,
            connect_args={"timeout": BUSY_SECONDS, "command_timeout": 60, "server_settings": PATIENCE},
        )
    # The connection that was used last is used first: it has its pages and its statements at hand, others stay small.
    pool: dict[str, Any] = {"poolclass": NullPool} if ":memory:" in url else {"pool_use_lifo": True}
    engine = create_async_engine(
        url,
        **pool,
        hide_parameters=True,
        connect_args={"async_creator_fn": partial(sqlite.connection, pragmas=PRAGMAS)},
    )
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _begin_sqlite(connection: Connection) -> None:
    readonly = connection.get_execution_options().get("readonly", False)
    driver = cast("sqlite.Connection", connection.connection.driver_connection)
    driver.begin = "BEGIN" if readonly else "BEGIN IMMEDIATE"


# Locked, deadlocked, cancelled, full, stopping: nothing was stored, and trying again is right.
_BUSY_STATES = frozenset(["40001", "40P01", "55P03", "57014", "53300", "57P01", "57P02", "57P03", "25P03"])
_BUSY_WORDS = (
    "database is locked",
    "database table is locked",
    "is busy",
    "connection is closed",
    "connection was closed",
)


def _in_words(error: Exception) -> Exception:
    """What the caller is told: DatabaseBusy where waiting helps, else the error itself."""
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None)
        is_busy = state in _BUSY_STATES or any(words in str(error.orig) for words in _BUSY_WORDS)
        return DatabaseBusy(BUSY_WORDS) if is_busy or error.connection_invalidated else error
    if isinstance(error, OSError) and not _is_drivers(error):
        return error
    return DatabaseBusy(BUSY_WORDS)


def _is_drivers(error: OSError) -> bool:
    """Whether the driver raised it: no connection could be had, or it broke."""
    trace = error.__traceback__
    while trace is not None:
        if "asyncpg" in trace.tb_frame.f_code.co_filename:
            return True
        trace = trace.tb_next
    return False


def changed_rows(result: Result[Any]) -> int:
    """How many rows a statement has inserted, changed or removed."""
    return cast("CursorResult[Any]", result).rowcount


def insert_for(session: AsyncSession, table: type[Base]) -> PostgresInsert | SqliteInsert:
    """An INSERT for this session's database that knows ON CONFLICT."""
    dialect = session.get_bind().dialect.name
    return sqlite_insert(table) if dialect == "sqlite" else postgres_insert(table)
