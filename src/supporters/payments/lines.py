"""Reading Stripe's balance window by window into the mirror."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec

from supporters.kit.clock import Clock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.payments import windows as cutting
from supporters.payments.balance import differing, mirror
from supporters.payments.facts import BalanceLine
from supporters.payments.gateway import Gateway
from supporters.payments.pace import Pace, side_by_side
from supporters.payments.windows import Window

KIND = "balance"


class Read(msgspec.Struct):
    """What came of reading: how many lines, how many of them new; whether every window was read. Of a dry run, the diff."""

    lines: int = 0
    added: int = 0
    changed: int = 0
    is_whole: bool = True
    fresh: list[BalanceLine] = []
    differing: list[str] = []


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """With what and how a list is read. A dry run stores nothing. `told` hears of every window that is finished."""

    db: Database
    gateway: Gateway
    clock: Clock
    ids: Ids
    pace: Pace
    is_dry: bool = False
    told: Callable[[Window, Read], None] = lambda _window, _read: None


async def read_windows(reading: Reading, windows: Sequence[Window], *, at_most: timedelta | None = None) -> Read:
    """The mirror has every line of these windows, a few read at once; each is remembered when it is done.

    After `at_most` no further window is begun, and `is_whole` says so. Raises the gateway's errors: what is done stays done.
    """
    read = Read()
    ends_at = reading.clock.now() + at_most if at_most else None

    async def one(window: Window) -> None:
        if ends_at and reading.clock.now() >= ends_at:
            read.is_whole = False
        else:
            await _read_window(reading, window, read)

    await side_by_side(windows, one, at_once=reading.pace.at_once)
    return read


async def _read_window(reading: Reading, window: Window, read: Read) -> None:
    read_at = reading.clock.now()
    cursor: str | None = None
    while True:
        page = await reading.pace.ask(
            lambda after=cursor: reading.gateway.list_balance_transactions(
                created_gte=window.start, created_lt=window.end, starting_after=after
            )
        )
        await (_compare(reading, page.items, read) if reading.is_dry else _store(reading, page.items, read))
        cursor = page.next_after
        if cursor is None:
            break
    if not reading.is_dry:
        async with reading.db.unit_of_work() as session:
            await cutting.mark_done(session, KIND, window, read_at=read_at)
    reading.told(window, read)


async def _store(reading: Reading, lines: Sequence[BalanceLine], read: Read) -> None:
    if lines:
        async with reading.db.unit_of_work() as session:
            now, is_live = reading.clock.now(), reading.gateway.is_live
            read.added += await mirror(session, lines, livemode=is_live, account=None, ids=reading.ids, now=now)
    read.lines += len(lines)


async def _compare(reading: Reading, lines: Sequence[BalanceLine], read: Read) -> None:
    """As `_store`, and nothing is stored: only what would be is noted."""
    async with reading.db.reading() as session:
        fresh, other = await differing(session, lines)
    read.fresh += fresh
    read.differing += other
    read.lines += len(lines)
    read.added, read.changed = len(read.fresh), len(read.differing)


async def start_of_lines(reading: Reading, *, until: datetime) -> datetime | None:
    """A moment before which Stripe's balance has no line; None where it has none at all."""
    has_before = reading.gateway.money.has_lines_before
    return await cutting.find_start(lambda at: reading.pace.ask(lambda: has_before(at)), until=until)
