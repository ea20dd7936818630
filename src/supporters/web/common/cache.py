"""A value kept in this process for a few seconds, so that a busy page asks the database once for many readers."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import msgspec

from supporters.kit.clock import Clock
from supporters.kit.errors import DatabaseBusy

Value = TypeVar("Value")
KEEP = timedelta(seconds=5)
LONGEST_STALE = timedelta(minutes=5)
MOST_KEYS = 500
NAMES_REST = timedelta(seconds=1)


class _Kept(msgspec.Struct, Generic[Value], frozen=True):
    value: Value
    loaded_at: datetime
    turn: int  # how often everything had been marked old when its loading began


class Cached(Generic[Value]):
    """Keeps what `load` gives for a key. While one request loads a key, the others wait for the same answer.

    When the database is busy the last known value is used for up to five minutes: readers see the page, not the trouble.
    """

    def __init__(self, load: Callable[[str], Awaitable[Value]], clock: Clock, *, keep: timedelta = KEEP) -> None:
        self._load = load
        self._clock = clock
        self._keep = keep
        self._kept: OrderedDict[str, _Kept[Value]] = OrderedDict()
        self._loading: dict[str, asyncio.Future[Value]] = {}
        self._turn = 0

    async def get(self, key: str) -> Value:
        """The value for `key`, at most a few seconds old. Raises DatabaseBusy when there is none at all."""
        kept = self._kept.get(key)
        if kept is not None and kept.turn == self._turn and self._clock.now() - kept.loaded_at < self._keep:
            self._kept.move_to_end(key)
            return kept.value
        return await self._load_once(key)

    def forget(self) -> None:
        """All that is kept is old: the next reader's request asks again, and has the old value should that fail."""
        self._turn += 1

    async def _load_once(self, key: str) -> Value:
        running = self._loading.get(key)
        if running is None:
            running = self._loading[key] = asyncio.ensure_future(self._refresh(key))
            running.add_done_callback(lambda _: self._loading.pop(key, None))
        return await asyncio.shield(running)

    async def _refresh(self, key: str) -> Value:
        turn = self._turn
        try:
            value = await self._load(key)
        except DatabaseBusy:
            kept = self._kept.get(key)
            if kept is None or self._clock.now() - kept.loaded_at > LONGEST_STALE:
                raise
            return kept.value
        self._kept[key] = _Kept(value, self._clock.now(), turn)
        self._kept.move_to_end(key)
        if len(self._kept) > MOST_KEYS:
            self._kept.popitem(last=False)  # the one that nobody has asked for longest
        return value


class Named(Generic[Value]):
    """A cache for a known set of names: what anybody may invent costs no question of its own, and takes nobody's place.

    For an unknown name the set is read again, at most once a second however many are asked for.
    """

    def __init__(
        self,
        names: Callable[[], Awaitable[Collection[str]]],
        load: Callable[[str], Awaitable[Value]],
        clock: Clock,
        *,
        keep: timedelta = KEEP,
    ) -> None:
        self._read_names = names
        self._clock = clock
        self._values = Cached(load, clock, keep=keep)
        self._names: frozenset[str] = frozenset()
        self._asked_at: datetime | None = None
        self._asking: asyncio.Future[None] | None = None
        self._failed: DatabaseBusy | None = None

    async def get(self, name: str) -> Value | None:
        """The value of that name, or None when there is none. Raises DatabaseBusy when that can't be known."""
        if name not in self._names:
            await self._read_once()
        return await self._values.get(name) if name in self._names else None

    def forget(self) -> None:
        """All that is kept is old, the set of names too."""
        self._values.forget()
        self._asked_at = None

    async def _read_once(self) -> None:
        if self._asking is None:
            if self._asked_at is None or not timedelta() <= self._clock.now() - self._asked_at < NAMES_REST:
                self._asking = asyncio.ensure_future(self._read())
                self._asking.add_done_callback(self._has_read)
            elif self._failed is not None:
                raise DatabaseBusy(self._failed.message)
            else:
                return
        await asyncio.shield(self._asking)

    def _has_read(self, _asking: asyncio.Future[None]) -> None:
        self._asking = None

    async def _read(self) -> None:
        self._asked_at, self._failed = self._clock.now(), None
        try:
            self._names = frozenset(await self._read_names())
        except DatabaseBusy as busy:
            self._failed = busy
            raise


class Latest(Generic[Value]):
    """Keeps the values used last, at most `size` of them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[bytes, Value] = OrderedDict()

    def peek(self, key: bytes) -> Value | None:
        """The value for `key`, if it is kept."""
        return self._values.get(key)

    def put(self, key: bytes, value: Value) -> None:
        """`value` is kept for `key`; the one that was put longest ago may go."""
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._size:
            self._values.popitem(last=False)
