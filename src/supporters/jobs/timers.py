"""Timers: each slot of a timer is run by one process of however many there are."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.jobs.models import Schedule
from supporters.jobs.queue import enqueue
from supporters.kit.db import changed_rows, insert_for
from supporters.kit.ids import Ids


class Timer(NamedTuple):
    """A job that is due every so often; the first time at once."""

    kind: str
    every: timedelta


async def enqueue_due(session: AsyncSession, timers: Sequence[Timer], *, ids: Ids, now: datetime) -> list[str]:
    """Every timer whose time has come has put its job into the queue and moved on; returns their kinds."""
    for timer in timers:
        first = insert_for(session, Schedule).values(name=timer.kind, next_at=now)
        await session.execute(first.on_conflict_do_nothing())
    found = await session.scalars(select(Schedule).where(Schedule.next_at <= now))
    due = {row.name: row.next_at for row in found}
    ran: list[str] = []
    for timer in timers:
        if timer.kind in due and await _move_on(session, timer, due[timer.kind], now=now):
            await enqueue(session, timer.kind, {}, ids=ids, now=now, dedupe="timer")
            ran.append(timer.kind)
    return ran


async def _move_on(session: AsyncSession, timer: Timer, seen: datetime, *, now: datetime) -> bool:
    mine = (Schedule.name == timer.kind) & (Schedule.next_at == seen)
    moved = await session.execute(update(Schedule).where(mine).values(next_at=now + timer.every))
    return changed_rows(moved) == 1
