"""What a batch would hold, before it is made: journals, totals, and what a person should know first."""

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import ColumnElement

from supporters.exports.gather import BANK_FED, Wanted, gather, is_earlier, is_unfit, may_go_out, read_names
from supporters.exports.journals import Balance, Journal, sum_up
from supporters.exports.queries import live_batches
from supporters.exports.targets import Mode
from supporters.ledger.mapping import read_mapping
from supporters.ledger.models import LedgerTransaction

SHOWN_JOURNALS = 10


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What would go out. `earlier`: transactions before these days that have not gone out; `unfit`: left to the bank feed."""

    transactions: int
    journals: int
    lines: int
    first: tuple[Journal, ...]
    totals: tuple[Balance, ...]
    earlier: int
    unfit: int
    covered: tuple[str, ...]  # files of live batches that reach into these days or past them


async def preview_batch(session: AsyncSession, wanted: Wanted) -> Preview:
    """What a batch would hold if it were made now. Reads only."""
    condition = may_go_out(wanted)
    names = await read_names(session, await read_mapping(session))
    # Totals are the same either way, and sums of payouts are few; lines are shown from a few of their first journals.
    journals = await gather(session, condition, mode=Mode.PAYOUT, names=names, number="…")
    transactions = await count(session, condition)
    live = await live_batches(session, wanted.target)
    is_summed = wanted.mode is Mode.PAYOUT
    in_days = LedgerTransaction.booked_on.between(wanted.starts_on, wanted.ends_on)
    return Preview(
        transactions=transactions,
        journals=len(journals) if is_summed else transactions,
        lines=sum(len(journal.lines) for journal in journals) if is_summed else 0,
        first=tuple(journals[:SHOWN_JOURNALS]),
        totals=tuple(sum_up(journals)),
        earlier=await count(session, is_earlier(wanted)),
        unfit=await count(session, in_days & is_unfit(wanted)) if wanted.target in BANK_FED else 0,
        covered=tuple(each.file_name for each in live if each.ends_on >= wanted.starts_on),
    )


async def count(session: AsyncSession, condition: ColumnElement[bool]) -> int:
    """How many ledger transactions fit."""
    found = await session.execute(select(func.count()).select_from(LedgerTransaction).where(condition))
    return found.scalar_one()
