"""SQLite beside an event loop: every connection has a thread of its own, and every statement is one way there and back.

The driver's own cursor goes there four times for one statement: to be made, to run, to fetch, to be closed. Those ways
were most of what a short statement costs.
"""

import ctypes
import sqlite3
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import aiosqlite

from supporters.kit.text import has_one_like, plain_words, stands_in

M_ARENA_MAX = -8  # of malloc.h
FIRST_ROWS = 1000  # come with the statement itself; more of them are fetched when they are asked for
STATEMENTS = 64  # stay prepared on each connection, wide ones with 50 KB each


class Cursor:
    """What SQLAlchemy asks of a driver's cursor: it lives in the connection's thread from the statement on."""

    __slots__ = ("_connection", "_cursor", "_rows", "arraysize", "description", "lastrowid", "rowcount")

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self._cursor: sqlite3.Cursor | None = None
        self._rows: list[Any] = []
        self.arraysize = 1
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> "Cursor":
        return self

    async def execute(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        """The statement has run, and its first rows are here."""
        await self._connection.there(self._run, statement, parameters)

    async def executemany(self, statement: str, parameters: Sequence[Sequence[Any]]) -> None:
        """The statement has run once with each of the parameters."""
        await self._connection.there(self._run_many, statement, parameters)

    async def fetchone(self) -> Any:
        """The next row, or None."""
        rows = await self.fetchmany(1)
        return rows[0] if rows else None

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        """The next rows, so many at most."""
        wanted = self.arraysize if size is None else size
        if len(self._rows) < wanted and self._cursor is not None:
            self._rows += await self._connection.there(self._cursor.fetchmany, wanted - len(self._rows))
        taken, self._rows = self._rows[:wanted], self._rows[wanted:]
        return taken

    async def fetchall(self) -> list[Any]:
        """Every row that is left."""
        cursor, self._cursor = self._cursor, None
        if cursor is not None:
            await self._connection.there(self._run_out, cursor)
        taken, self._rows = self._rows, []
        return taken

    async def close(self) -> None:
        """Nothing is left open on the connection."""
        cursor, self._cursor = self._cursor, None
        if cursor is not None:
            await self._connection.there(cursor.close)

    def _run(self, statement: str, parameters: Sequence[Any]) -> None:
        cursor = self._connection.begun().execute(statement, parameters)
        self._rows = cursor.fetchmany(FIRST_ROWS)
        self._read_off(cursor)
        if len(self._rows) == FIRST_ROWS:
            self._cursor = cursor
        else:
            cursor.close()

    def _run_out(self, cursor: sqlite3.Cursor) -> None:
        self._rows += cursor.fetchall()
        self._read_off(cursor)  # how many rows it has changed is known now
        cursor.close()

    def _run_many(self, statement: str, parameters: Sequence[Sequence[Any]]) -> None:
        cursor = self._connection.begun().executemany(statement, parameters)
        self._read_off(cursor)
        cursor.close()

    def _read_off(self, cursor: sqlite3.Cursor) -> None:
        self.description, self.rowcount, self.lastrowid = cursor.description, cursor.rowcount, cursor.lastrowid


class Connection(aiosqlite.Connection):
    """The driver's connection, with the cursor above. What `begin` says goes along with the next statement."""

    begin = ""

    def cursor(self) -> Cursor:  # pyright: ignore[reportIncompatibleMethodOverride] - SQLAlchemy only enters it
        return Cursor(self)

    async def commit(self) -> None:
        """What was said since `begin` is stored."""
        await self.there(self._end, sqlite3.Connection.commit)

    async def rollback(self) -> None:
        """What was said since `begin` never happened."""
        await self.there(self._end, sqlite3.Connection.rollback)

    def begun(self) -> sqlite3.Connection:
        """SQLite's own connection, in its transaction; only for its thread. Raises ValueError when it is closed."""
        if self.begin:
            self._conn.execute(self.begin).close()
            self.begin = ""
        return self._conn

    async def there(self, work: Any, *parameters: Any) -> Any:
        """What `work` answers in the connection's thread. Raises what it raises, and ValueError when it is closed."""
        return await self._execute(work, *parameters)  # pyright: ignore[reportUnknownMemberType] - it has no types

    def _end(self, how: Callable[[sqlite3.Connection], None]) -> None:
        # Looked at in the thread: a statement that its caller has given up may be on the way there still.
        if self.begin:
            self.begin = ""  # nothing was said
        else:
            how(self._conn)


def connection(path: str, *, pragmas: Sequence[str], **options: Any) -> Connection:
    """A connection that opens when it is awaited, with these pragmas, and leaves transactions to its user.

    `options` are those of `sqlite3.connect`, as an address may name them.
    """
    share_memory()
    told: dict[str, Any] = {"cached_statements": STATEMENTS, **options, "isolation_level": None}

    def opened() -> sqlite3.Connection:
        made: sqlite3.Connection = sqlite3.connect(path, **told)
        try:
            for pragma in pragmas:
                made.execute(f"PRAGMA {pragma}").close()
            made.create_function("plain_words", 1, plain_words, deterministic=True)
            made.create_function("stands_in", 2, stands_in, deterministic=True)
            made.create_function("has_one_like", 2, has_one_like, deterministic=True)
        except BaseException:
            made.close()
            raise
        return made

    made = Connection(opened, iter_chunk_size=64)
    made._thread.daemon = True  # pyright: ignore[reportPrivateUsage] - as SQLAlchemy does: no process waits for it
    return made


@cache
def share_memory() -> None:
    """The threads of connections take their memory from two places, where glibc would give each a place of its own.

    What one connection has let go another can use then; in places of their own a dozen of them kept forty megabytes. Other
    C libraries have no such places. Source: man 3 mallopt, M_ARENA_MAX.
    """
    mallopt = _of_glibc("mallopt")
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 2)


def give_memory_back() -> None:
    """What the process holds and does not use is the system's again: twenty megabytes after a busy day, in 4 ms.

    glibc keeps what lies between pieces that are in use. Other C libraries see to it themselves. Source: man 3 malloc_trim.
    """
    trim = _of_glibc("malloc_trim")
    if trim is not None:
        trim(0)


@cache
def _of_glibc(name: str) -> Any:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
