"""Storing single rows for many callers at once: whoever asks while a statement runs shares the next one and its commit.

A durable commit costs one write to the disk, however many rows it carries. Nobody is answered before the commit of their
row, and a row that the database refuses fails for its own caller alone.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

MOST_ROWS = 200
Row = dict[str, Any]


class _Ask(NamedTuple):
    statement: Insert
    rows: Sequence[Row]
    stored: asyncio.Future[None]


class GroupCommit:
    """One statement at a time, with the rows of everyone who waits. `as_error` words what the driver raises."""

    def __init__(self, engine: AsyncEngine, as_error: Callable[[Exception], Exception]) -> None:
        self._engine = engine
        self._is_sqlite = engine.dialect.name == "sqlite"
        self._as_error = as_error
        self._waiting: list[_Ask] = []
        self._runner: asyncio.Task[None] | None = None
        self._connection: AsyncConnection | None = None

    async def store(self, statement: Insert, rows: Sequence[Row]) -> None:
        """`rows` are durably stored when this returns. Raises what `as_error` makes of the driver's error."""
        ask = _Ask(statement, rows, asyncio.get_running_loop().create_future())
        self._waiting.append(ask)
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())
        await ask.stored

    async def close(self) -> None:
        """What was asked for is stored, and the connection is given back."""
        if self._runner is not None:
            await self._runner
        await self._drop_connection()

    async def _run(self) -> None:
        while self._waiting:
            group = self._next_group()
            try:
                await self._insert(group[0].statement, [row for ask in group for row in ask.rows])
            except Exception as error:  # whatever it is, somebody waits for the answer
                await self._answer_each(group, error)
            else:
                for ask in group:
                    _answer(ask, None)

    def _next_group(self) -> list[_Ask]:
        """Those who wait for the same statement as the first, up to so many rows."""
        first = self._waiting[0]
        group: list[_Ask] = []
        count = 0
        for ask in self._waiting:
            if ask.statement is first.statement and (not group or count + len(ask.rows) <= MOST_ROWS):
                group.append(ask)
                count += len(ask.rows)
        taken = {id(ask.stored) for ask in group}
        self._waiting = [ask for ask in self._waiting if id(ask.stored) not in taken]
        return group

    async def _answer_each(self, group: list[_Ask], error: Exception) -> None:
        """One bad row spoils the statement of all: each is tried alone, unless it is the database that is away."""
        if len(group) == 1 or not isinstance(error, DBAPIError) or error.connection_invalidated:
            for ask in group:
                _answer(ask, self._as_error(error))
            return
        for ask in group:
            try:
                await self._insert(ask.statement, ask.rows)
            except Exception as own:  # see above
                _answer(ask, self._as_error(own))
            else:
                _answer(ask, None)

    async def _insert(self, statement: Insert, rows: Sequence[Row]) -> None:
        """In the order of the key, so that two processes with the same rows wait for each other and don't deadlock."""
        names = [column.name for column in statement.table.primary_key]
        ordered = sorted(rows, key=lambda row: [row[name] for name in names])
        if self._is_sqlite:
            async with self._engine.begin() as connection:
                await connection.execute(statement, ordered)
            return
        try:
            await self._send(statement, ordered)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            await self._send(statement, ordered)  # the server had dropped the kept connection: once more on a new one

    async def _send(self, statement: Insert, rows: Sequence[Row]) -> None:
        """One round trip: the driver sends all rows together and the server commits them together."""
        if self._connection is None:
            own = self._engine.execution_options(isolation_level="AUTOCOMMIT")
            self._connection = await own.connect()
        try:
            await self._connection.execute(statement, list(rows))
            await self._connection.commit()  # ends SQLAlchemy's own bookkeeping; nothing is sent
        except BaseException:
            await self._drop_connection()
            raise

    async def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


def _answer(ask: _Ask, error: Exception | None) -> None:
    if ask.stored.done():  # whoever asked has gone away
        return
    if error is None:
        ask.stored.set_result(None)
    else:
        ask.stored.set_exception(error)
