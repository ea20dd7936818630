"""Corrections: a transaction is never changed, it is reversed."""

from datetime import date, datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.errors import Conflict, NotFound
from supporters.kit.ids import Ids
from supporters.ledger.chart import Account
from supporters.ledger.models import LedgerEntry, LedgerTransaction
from supporters.ledger.post import Entry, Posting, post

REVERSAL = "reversal"


async def reverse(
    session: AsyncSession, transaction_id: str, *, booked_on: date, memo: str, ids: Ids, now: datetime
) -> None:
    """A transaction with every entry mirrored stands beside the given one; together they are nothing.

    *Raises* NotFound, and Conflict when it was reversed before. `booked_on` is the day in the book's time zone.
    """
    if await session.get(LedgerTransaction, transaction_id) is None:
        raise NotFound("There is no such ledger transaction.")
    entries = await _mirrored(session, transaction_id)
    posting = Posting(
        source_kind=REVERSAL,
        source_id=transaction_id,
        purpose=REVERSAL,
        booked_on=booked_on,
        memo=memo,
        entries=entries,
        reverses_id=transaction_id,
    )
    if not await post(session, [posting], ids=ids, now=now):
        raise Conflict("This ledger transaction has been reversed before. Nothing was posted.")


async def _mirrored(session: AsyncSession, transaction_id: str) -> tuple[Entry, ...]:
    rows = await session.scalars(select(LedgerEntry).where(LedgerEntry.transaction_id == transaction_id))
    return tuple(_mirror(row) for row in rows)


def _mirror(row: LedgerEntry) -> Entry:
    same = {name: getattr(row, name) for name in Entry.__struct_fields__}
    return msgspec.structs.replace(Entry(**same), account=Account(row.account), amount_minor=-row.amount_minor)
