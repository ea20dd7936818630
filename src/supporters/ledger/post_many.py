"""Posting by the database itself: one statement for as many transactions as a query names, each of two entries.

The same door's rules hold: each pair sums to zero by construction, the triggers look at every transaction as it arrives,
a fact of a locked month stands in the first open month after it, and the same fact posts once or not at all.
"""

from datetime import datetime

from sqlalchemy import Date, Integer, String, Subquery, case, cast, func, insert, literal, null, select, true, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.db import changed_rows
from supporters.ledger.lock import lock_ledger
from supporters.ledger.models import LedgerEntry, LedgerTransaction
from supporters.ledger.periods import first_day, locked_months, month_of, open_after

DEBIT, CREDIT = "D", "C"


async def post_pairs(session: AsyncSession, pairs: Subquery, *, source_kind: str, purpose: str, now: datetime) -> int:
    """Each row of `pairs` is a transaction of two entries in the ledger; says how many.

    The query has the columns `transaction_id` (26 characters, the first of them a letter), `source_id`, `booked_on`,
    `plus` and `minus` (accounts), `amount_minor` (signed: what `plus` gets), `currency`, `memo`, `stripe_payout_id` and
    `bank_line_id`. *Raises* what the database raises where a fact stands in the ledger already: then nothing is posted.
    """
    await lock_ledger(session)
    locked = await locked_months(session)
    await _insert_entries(session, pairs)
    return await _insert_transactions(session, pairs, locked, source_kind=source_kind, purpose=purpose, now=now)


async def _insert_entries(session: AsyncSession, pairs: Subquery) -> None:
    """Both entries of each row by one statement: the pairs are looked up once, and what belongs together lies together."""
    entry = LedgerEntry
    legs = union_all(select(literal(DEBIT, String()).label("letter")), select(literal(CREDIT, String()))).subquery(
        "legs"
    )
    is_plus = legs.c.letter == DEBIT
    rows = select(
        legs.c.letter + func.substr(pairs.c.transaction_id, 2),
        pairs.c.transaction_id,
        case((is_plus, pairs.c.plus), else_=pairs.c.minus),
        case((is_plus, pairs.c.amount_minor), else_=-pairs.c.amount_minor),
        pairs.c.currency,
        pairs.c.stripe_payout_id,
        pairs.c.bank_line_id,
    ).select_from(pairs.join(legs, true()))
    into = [
        entry.id, entry.transaction_id, entry.account, entry.amount_minor, entry.currency,
        entry.stripe_payout_id, entry.bank_line_id,
    ]  # fmt: skip
    await session.execute(insert(entry).from_select(into, rows))


async def _insert_transactions(
    session: AsyncSession, pairs: Subquery, locked: frozenset[str], *, source_kind: str, purpose: str, now: datetime
) -> int:
    row = LedgerTransaction
    month = func.substr(cast(pairs.c.booked_on, String(10)), 1, 7)
    booked_on, period, effective_on = pairs.c.booked_on, month, cast(null(), Date())
    if locked:
        is_late, later = month <= max(locked), open_after(first_day(max(locked)), locked)
        booked_on = case((is_late, literal(later, Date())), else_=booked_on)
        period = case((is_late, literal(month_of(later))), else_=month)
        effective_on = case((is_late, pairs.c.booked_on), else_=cast(null(), Date()))
    rows = select(
        pairs.c.transaction_id,
        literal(source_kind, String()),
        pairs.c.source_id,
        literal(purpose, String()),
        cast(literal(0), Integer()),
        booked_on,
        period,
        effective_on,
        pairs.c.memo,
        literal(now, row.posted_at.type),
    )
    into = [
        row.id, row.source_kind, row.source_id, row.purpose, row.revision, row.booked_on, row.period, row.effective_on,
        row.memo, row.posted_at,
    ]  # fmt: skip
    return changed_rows(await session.execute(insert(row).from_select(into, rows)))
