"""A long time cut into windows that are read side by side and remembered one by one, so that a run that broke off goes on.

Windows lie on fixed days, so that every run cuts alike. One is done with when it was read whole after it had settled: lines
show up a little late, and change from pending to available within days.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.payments.marks import move_mark
from supporters.payments.models import SyncMark

WIDTH = timedelta(days=7)
SETTLED_AFTER = timedelta(days=10)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PREFIX = "window."


class Window(msgspec.Struct, frozen=True):
    """From `start` on, before `end`; an open one has no end. `is_whole` where it is one of the fixed ones, not a part."""

    start: datetime | None
    end: datetime | None
    is_whole: bool = False


def cut(since: datetime, until: datetime) -> list[Window]:
    """Windows that cover the time from `since` to `until`, the newest first."""
    found: list[Window] = []
    start = EPOCH + (since - EPOCH) // WIDTH * WIDTH
    while start < until:
        end = start + WIDTH
        is_whole = since <= start and end <= until
        found.append(Window(max(start, since), min(end, until), is_whole))
        start = end
    return found[::-1]


async def not_done(session: AsyncSession, kind: str, windows: Sequence[Window]) -> list[Window]:
    """Those that no run has finished."""
    done = set(await session.scalars(select(SyncMark.name).where(SyncMark.name.startswith(PREFIX + kind))))
    return [window for window in windows if not window.is_whole or _name(kind, window) not in done]


async def mark_done(session: AsyncSession, kind: str, window: Window, *, read_at: datetime) -> None:
    """The window need not be read again, if it had settled when it was."""
    if window.is_whole and window.end and window.end <= read_at - SETTLED_AFTER:
        await move_mark(session, _name(kind, window), until=window.end, now=read_at)


async def find_start(has_before: Callable[[datetime], Awaitable[bool]], *, until: datetime) -> datetime | None:
    """A moment before which there is nothing, in few questions; None where there is nothing at all before `until`."""
    if not await has_before(until):
        return None
    for reach in _reaches():
        since = until - reach
        if since <= EPOCH or not await has_before(since):
            return max(since, EPOCH)
    raise AssertionError("the reaches never end")


def _reaches() -> Iterator[timedelta]:
    """Short ones first: a house that has just begun has little to read."""
    yield from (timedelta(days=7), timedelta(days=28))
    reach = timedelta(days=112)
    while True:
        yield reach
        reach = reach * 2 if reach < timedelta(days=20_000) else timedelta(days=40_000)


def _name(kind: str, window: Window) -> str:
    assert window.start, "only closed windows are remembered"
    return f"{PREFIX}{kind}:{window.start:%Y-%m-%d}"
