"""A value kept in this process for a few seconds, so that a busy page asks the database once for many readers."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import msgspec

from supporters.kit.clock import Clock
from supporters.kit.errors import DatabaseBusy

Value = TypeVar("Value")
KEEP = timedelta(seconds=5)
LONGEST_STALE = timedelta(minutes=5)
MOST_KEYS = 500


class _Kept(msgspec.Struct, Generic[Value], frozen=True):
    value: Value
    loaded_at: datetime


class Cached(Generic[Value]):
    """Keeps what `load` gives for a key. While one request loads a key, the others wait for the same answer.

    When the database is busy the last known value is used for up to five minutes: readers see the page, not the trouble.
    """

    def __init__(self, load: Callable[[str], Awaitable[Value]], clock: Clock, *, keep: timedelta = KEEP) -> None:
        self._load = load
        self._clock = clock
        self._keep = keep
        self._kept: dict[str, _Kept[Value]] = {}
        self._loading: dict[str, asyncio.Future[Value]] = {}

    async def get(self, key: str) -> Value:
        """The value for `key`, at most a few seconds old. Raises DatabaseBusy when there is none at all."""
        kept = self._kept.get(key)
        if kept is not None and self._clock.now() - kept.loaded_at < self._keep:
            return kept.value
        return await self._load_once(key)

    def forget(self) -> None:
        """Nothing is kept any more; the next reader's request asks again."""
        self._kept.clear()

    async def _load_once(self, key: str) -> Value:
        running = self._loading.get(key)
        if running is None:
            running = self._loading[key] = asyncio.ensure_future(self._refresh(key))
            running.add_done_callback(lambda _: self._loading.pop(key, None))
        return await asyncio.shield(running)

    async def _refresh(self, key: str) -> Value:
        try:
            value = await self._load(key)
        except DatabaseBusy:
            kept = self._kept.get(key)
            if kept is None or self._clock.now() - kept.loaded_at > LONGEST_STALE:
                raise
            return kept.value
        if len(self._kept) >= MOST_KEYS:
            self._kept.clear()
        self._kept[key] = _Kept(value, self._clock.now())
        return value


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
