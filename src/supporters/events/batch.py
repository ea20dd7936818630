"""Events out of the inbox, many in one transaction, a savepoint each where one fails."""

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.events.books import Books, Tools
from supporters.kit.db import Database
from supporters.kit.errors import DatabaseBusy
from supporters.payments import inbox
from supporters.payments.facts import ids_of
from supporters.payments.news import News, Outcome, file_all, read

log = structlog.stdlib.get_logger("events")


async def apply_batch(db: Database, context: Tools, *, limit: int = 100) -> int:
    """Up to `limit` due events are applied in one transaction; returns how many were looked at.

    All are tried together first. When that fails, each gets a savepoint of its own, so that the one at fault waits for
    its next try, or is parked after eight, and the others go on. Raises DatabaseBusy.
    """
    try:
        return await _apply(db, context, limit=limit, is_careful=False)
    except DatabaseBusy:
        raise
    except Exception as error:  # whose fault it is shows in the second run
        log.warning("batch_failed", error=type(error).__name__)
        return await _apply(db, context, limit=limit, is_careful=True)


async def _apply(db: Database, context: Tools, *, limit: int, is_careful: bool) -> int:
    async with db.unit_of_work() as session:
        return await apply_due(session, context, limit=limit, is_careful=is_careful)


async def apply_due(session: AsyncSession, context: Tools, *, limit: int, is_careful: bool = False) -> int:
    """As `apply_batch`, in the caller's transaction and all or nothing."""
    now = context.clock.now()
    rows = await inbox.take_batch(session, limit=limit, now=now)
    if rows:
        books = Books(session, context, now)
        news = sorted((read(row) for row in rows), key=lambda one: one.rank)
        await books.hold(ids_of([fact for one in news for fact in one.facts]))
        outcomes: list[tuple[News, Outcome]] = []
        for one in news:
            outcome = await (books.apply_carefully(one) if is_careful else books.apply_news(one))
            outcomes.append((one, outcome))
        await file_all(session, outcomes, now=now)
        await books.close()
    return len(rows)
