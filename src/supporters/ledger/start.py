"""The day on which these books began: nothing before it is posted."""

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.ledger.models import BooksStart

OPENING = "opening"  # the purpose of every posting that says what was there on that day


async def read_start(session: AsyncSession) -> BooksStart | None:
    """When the books began, or None where they hold everything that ever happened."""
    return await session.scalar(select(BooksStart).where(BooksStart.withdrawn_at.is_(None)))


async def start_moment(session: AsyncSession) -> datetime | None:
    """The moment before which nothing is posted (UTC), or None. A day that was withdrawn counts until another is given:
    else all that is older would be posted meanwhile, and could not be taken out again.
    """
    return await session.scalar(select(BooksStart.starts_at).order_by(BooksStart.revision.desc()).limit(1))


async def start_day(session: AsyncSession) -> date | None:
    """The day before which nothing is posted, in the book's time zone, or None; as `start_moment` counts it."""
    return await session.scalar(select(BooksStart.starts_on).order_by(BooksStart.revision.desc()).limit(1))
