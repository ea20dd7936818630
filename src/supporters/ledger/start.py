"""The day on which these books began: nothing before it is posted."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.ledger.models import BooksStart

OPENING = "opening"  # the purpose of every posting that says what was there on that day


async def read_start(session: AsyncSession) -> BooksStart | None:
    """When the books began, or None where they hold everything that ever happened."""
    return await session.scalar(select(BooksStart).where(BooksStart.withdrawn_at.is_(None)))


async def start_moment(session: AsyncSession) -> datetime | None:
    """The moment before which nothing is posted (UTC), or None."""
    start = await read_start(session)
    return start.starts_at if start else None
