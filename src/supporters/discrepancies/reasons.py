"""Why people did what they did about a discrepancy: the words stand with it, where they may be erased, the audit has a digest.

Whoever reads the history finds the words by their digest: words that were changed since, or erased, are not found.
"""

from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import digest_detail
from supporters.discrepancies.models import Reason
from supporters.kit.ids import RandomSource, SystemRandom

_RANDOM = SystemRandom()


async def keep_reason(
    session: AsyncSession, discrepancy_id: str, words: str, *, now: datetime, random: RandomSource = _RANDOM
) -> str:
    """The words stand with the discrepancy; returns their digest, for the audit, in hex."""
    salt = random.token_bytes(16).hex()
    row = {"discrepancy_id": discrepancy_id, "words": words, "salt": salt, "written_at": now}
    await session.execute(insert(Reason).values(**row))
    return _digest(words, salt)


async def reasons_of(session: AsyncSession, discrepancy_id: str) -> dict[str, str]:
    """The words that were not erased, by their digest."""
    mine = select(Reason.words, Reason.salt).where(Reason.discrepancy_id == discrepancy_id)
    rows = await session.execute(mine.where(Reason.words.is_not(None), Reason.salt.is_not(None)))
    return {_digest(row.words, row.salt): row.words for row in rows}


def _digest(words: str, salt: str) -> str:
    return digest_detail({"words": words}, salt=salt)
