"""One number for the whole books: two ways to the same facts lead to the same one, to the letter."""

from hashlib import sha256

from sqlalchemy import SQLColumnExpression, String, cast, collate, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from supporters.ledger.models import LedgerEntry, LedgerTransaction

PORTION = 5_000


async def fingerprint(session: AsyncSession) -> str:
    """SHA-256 over the sorted live entries of the ledger: source, account, amount, currency, the fact's day, fund.

    What was reversed and its reversal are left out. Ids, revisions and the time of posting do not count: books that were
    emptied and built again from the same facts have the same one, on either database.
    """
    entry, of = LedgerEntry, LedgerTransaction
    other = aliased(LedgerTransaction)
    reversal = select(other.id).where(other.reverses_id == of.id)
    source = of.source_kind + ":" + of.source_id + ":" + of.purpose
    day = func.coalesce(of.effective_on, of.booked_on)
    fund = func.coalesce(entry.fund_id, "")
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    order = [_bytewise(part, is_sqlite=is_sqlite) for part in (source, entry.account, entry.currency, fund)]
    query = (
        select(source, entry.account, entry.amount_minor, entry.currency, cast(day, String), fund)
        .join(of, of.id == entry.transaction_id)
        .where(of.reverses_id.is_(None), ~exists(reversal.correlate(of)))
        .order_by(*order, entry.amount_minor, cast(day, String))
    )
    digest = sha256()
    async for row in await session.stream(query.execution_options(yield_per=PORTION)):
        digest.update("\t".join(str(value) for value in row).encode() + b"\n")
    return digest.hexdigest()


def _bytewise(text: SQLColumnExpression[str], *, is_sqlite: bool) -> SQLColumnExpression[str]:
    """Sorted by bytes, as SQLite does by itself: a database's language must not change the order."""
    return text if is_sqlite else collate(text, "C")
