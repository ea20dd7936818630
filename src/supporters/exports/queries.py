"""All that is asked of exports: batches, their files, and where a ledger transaction went."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.exports.models import ExportBatch, ExportItem
from supporters.exports.targets import Target
from supporters.ledger.models import LedgerEntry


class Live(NamedTuple):
    """One batch that stands in the accountant's books, or did until another took it back."""

    id: str
    file_name: str
    starts_on: date
    ends_on: date
    totals: list[list[str | int]]
    taken_back_by: str | None
    claims_until: date | None


async def live_batches(session: AsyncSession, target: Target) -> list[Live]:
    """Every batch that stands in the accountant's books, by its days."""
    return [each for each in await all_batches(session, target) if each.taken_back_by is None]


async def all_batches(session: AsyncSession, target: Target) -> list[Live]:
    """Every batch that stands in the accountant's books or ever did, by its days; none that takes another back."""
    batch = ExportBatch
    rows = await session.execute(
        select(
            batch.id, batch.file_name, batch.starts_on, batch.ends_on, batch.totals, batch.reversed_by_batch_id,
            batch.claims_until,
        )
        .where(batch.target == target, batch.reverses_id.is_(None))
        .order_by(batch.starts_on, batch.id)
    )  # fmt: skip
    return [Live._make(row) for row in rows]


async def list_batches(session: AsyncSession, *, limit: int) -> Sequence[ExportBatch]:
    """The latest batches, newest first, without their files."""
    batch = ExportBatch
    return (await session.scalars(select(batch).order_by(batch.made_at.desc(), batch.id.desc()).limit(limit))).all()


async def find_batch(session: AsyncSession, batch_id: str) -> ExportBatch | None:
    """One batch, without its file."""
    return await session.get(ExportBatch, batch_id)


async def read_body(session: AsyncSession, batch_id: str) -> bytes | None:
    """The bytes of a batch's file, as they were made."""
    found = await session.execute(select(ExportBatch.body).where(ExportBatch.id == batch_id))
    return found.scalar_one_or_none()


async def batches_of(session: AsyncSession, donation_id: str) -> Sequence[ExportBatch]:
    """The live batches in which entries of this donation went out: the end of its money trail."""
    batch, item, entry = ExportBatch, ExportItem, LedgerEntry
    mine = (
        select(item.batch_id)
        .join(entry, entry.transaction_id == item.ledger_transaction_id)
        .where(entry.donation_id == donation_id, item.is_live)
    )
    return (await session.scalars(select(batch).where(batch.id.in_(mine)).order_by(batch.made_at, batch.id))).all()


async def count_items(session: AsyncSession, batch_id: str) -> int:
    """How many ledger transactions the batch names."""
    item = ExportItem
    found = await session.execute(select(func.count()).select_from(item).where(item.batch_id == batch_id))
    return found.scalar_one()
