"""Files that went out and say what every account held at a month's end: they stop being right when that month changes."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.exports.models import BatchState, ExportBatch
from supporters.kit.errors import Refused
from supporters.kit.strings import gettext as _
from supporters.ledger.periods import first_day, next_month, say_month

EXPORT_LOCK = 7_303  # advisory lock on PostgreSQL: one batch is made at a time; SQLite has one writer anyway


class Claim(NamedTuple):
    """A batch that stands in the accountant's books and claims balances at the end of a month."""

    batch_id: str
    target: str
    file_name: str


class StillClaimed(Refused):
    """Files claim the month's balances, and nobody has said that they may stay as they are."""


async def lock_exports(session: AsyncSession) -> None:
    """Nobody else makes a batch, or opens a month that one claims, until the transaction ends."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(select(func.pg_advisory_xact_lock(EXPORT_LOCK)))


async def claims_on(session: AsyncSession, period: str) -> Sequence[Claim]:
    """The batches that claim what every account held at the end of this month, by their days."""
    batch, last = ExportBatch, next_month(first_day(period)) - timedelta(days=1)
    stands = (batch.state == BatchState.LIVE.value) & batch.reverses_id.is_(None)
    covers = (batch.starts_on <= last) & (batch.claims_until >= last)
    wanted = select(batch.id, batch.target, batch.file_name).where(stands, covers)
    return [Claim._make(row) for row in await session.execute(wanted.order_by(batch.starts_on, batch.id))]


async def require_unclaimed(session: AsyncSession, period: str, *, are_left: bool) -> None:
    """No file claims the month, or somebody has said that those stay as they are. *Raises* StillClaimed."""
    await lock_exports(session)
    found = await claims_on(session, period)
    if found and not are_left:
        said = {"month": say_month(period), "files": ", ".join(each.file_name for each in found)}
        words = _(
            "These files claim what every account held at the end of %(month)s: %(files)s. "
            "Take them back first, or say that they stay as they are. The month is still locked."
        )
        raise StillClaimed(words % said)
