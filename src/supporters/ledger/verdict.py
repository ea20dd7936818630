"""What the last run of the books' checks found, kept so that every page of the desk can say so at once."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.ledger.models import BooksVerdict

KEPT_FOR = timedelta(days=400)


async def keep_verdict(session: AsyncSession, broken: Mapping[str, Sequence[str]], *, now: datetime) -> None:
    """What was found is the last verdict: the rows that break each check, by its name. Verdicts of last year are gone."""
    row = BooksVerdict
    found = [{"name": name, "rows": list(rows)} for name, rows in broken.items()]
    await session.execute(delete(row).where((row.taken_at < now - KEPT_FOR) | (row.taken_at == now)))
    await session.execute(insert(row).values(taken_at=now, broken=found))


async def last_verdict(session: AsyncSession) -> BooksVerdict | None:
    """The latest verdict, or None where the books were never checked."""
    return await session.scalar(select(BooksVerdict).order_by(BooksVerdict.taken_at.desc()).limit(1))
