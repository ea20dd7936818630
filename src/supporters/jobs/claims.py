"""Claiming waiting work: one statement takes many rows, on both databases; a fence keeps late workers out."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.jobs.models import Claimable, WorkState
from supporters.kit.db import changed_rows

FIRST_RETRY = timedelta(seconds=5)
LONGEST_RETRY = timedelta(hours=2)
ERROR_CHARS = 2_000

M = TypeVar("M", bound=Claimable)


async def claim(
    session: AsyncSession, model: type[M], *, limit: int, now: datetime, lease: timedelta, kinds: Sequence[str] = ()
) -> list[M]:
    """Up to `limit` due rows are this worker's until `now + lease`; rows whose lease ran out are taken again.

    The caller commits at once and works without a transaction. Each row's `fence` tells this claim from a later one.
    """
    ready = and_(model.state == WorkState.READY, model.run_at <= now)
    lapsed = and_(model.state == WorkState.RUNNING, model.lease_until <= now)
    due = select(model.id).where(or_(ready, lapsed)).order_by(model.run_at, model.id).limit(limit)
    due = due.with_for_update(skip_locked=True)
    taken = (
        update(model)
        .where(model.id.in_(due))
        .values(state=WorkState.RUNNING, lease_until=now + lease, fence=model.fence + 1, attempts=model.attempts + 1)
        .returning(model)
        .execution_options(synchronize_session=False)
    )
    rows = (await session.scalars(taken, execution_options={"populate_existing": True})).all()
    return sorted(rows, key=lambda row: row.id)


async def finish(session: AsyncSession, row: Claimable) -> bool:
    """The row is done. False when another worker holds it by now: then the caller's effects must be rolled back."""
    return await _leave(session, row, state=WorkState.DONE, lease_until=None, last_error=None)


async def retry_later(
    session: AsyncSession, row: Claimable, *, error: str, now: datetime, bury_after: int, delay: timedelta | None = None
) -> bool:
    """The row waits again, twice as long as before, or is buried after `bury_after` tries. False when it was lost."""
    if row.attempts >= bury_after:
        return await _leave(session, row, state=WorkState.BURIED, lease_until=None, last_error=error[:ERROR_CHARS])
    pause = delay or min(FIRST_RETRY * 2 ** min(row.attempts - 1, 20), LONGEST_RETRY)
    return await _leave(
        session, row, state=WorkState.READY, run_at=now + pause, lease_until=None, last_error=error[:ERROR_CHARS]
    )


async def _leave(session: AsyncSession, row: Claimable, **values: object) -> bool:
    model = type(row)
    mine = and_(model.id == row.id, model.fence == row.fence, model.state == WorkState.RUNNING)
    done = await session.execute(
        update(model).where(mine).values(**values).execution_options(synchronize_session=False)
    )
    return changed_rows(done) == 1
