"""One writer of the ledger at a time."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

LEDGER_LOCK = 7_302  # advisory lock on PostgreSQL, taken by the triggers too; SQLite has one writer at a time anyway


async def lock_ledger(session: AsyncSession) -> None:
    """Nobody else posts, locks a month or begins the books until this transaction ends."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(select(func.pg_advisory_xact_lock(LEDGER_LOCK)))
