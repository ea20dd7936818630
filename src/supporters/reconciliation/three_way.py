"""The three ways beside each other, payout by payout: Stripe's lines, the ledger, and the bank. Reads only.

One pass over each side in the database; what comes back is sums, and only those payouts that do not agree. So it costs the
same memory for a million lines as for ten.
"""

from datetime import date, timedelta
from typing import Any

import msgspec
from sqlalchemy import Date, TextClause, bindparam, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankFile, BankStatement, FileState
from supporters.reconciliation.detect_bank import ARRIVES_WITHIN

MOST_SHOWN = 200
A_WEEKEND = 2  # days that may lie among the working days that a payout takes
WORK_MEMORY_MB = 64  # of PostgreSQL, for this transaction: what it can't hold, it writes to disk and reads again


class PayoutProof(msgspec.Struct, frozen=True, kw_only=True):
    """One payout on all three sides. *Money*: minor units of its currency, signed as at the bank; None: nothing is there."""

    payout_id: str
    currency: str
    amount_minor: int
    lines: int
    lines_minor: int | None  # the nets of what went out with it
    books_minor: int | None  # what the ledger has of those lines on the Stripe balance
    bank_minor: int | None  # what bank lines were found to be it
    is_itemised: bool  # Stripe says what is in it
    is_due: bool  # the bank should show it by now

    @property
    def differences(self) -> list[str]:
        """Which sides do not agree: lines, books, bank."""
        found: list[str] = []
        if self.is_itemised and self.lines_minor != self.amount_minor:
            found.append("lines")
        if self.is_itemised and self.books_minor != self.lines_minor:
            found.append("books")
        if self.bank_minor is None and self.is_due:
            found.append("bank")
        if self.bank_minor is not None and self.bank_minor != self.amount_minor:
            found.append("bank")
        return found


class ThreeWay(msgspec.Struct, frozen=True, kw_only=True):
    """What came of laying the sides beside each other. *Money*: minor units, by currency."""

    payouts: int
    lines: int
    paid_out: dict[str, int]
    in_bank: dict[str, int]
    agreeing: int
    off: list[PayoutProof]


# A payout's own line is no part of what is in it; that of an earlier one by hand is, and so is what put an earlier one's
# money back. A ledger transaction that was reversed counts for nothing. Payouts that do not agree are named in the same
# statement as the sums: a second one would look at every line again.
_OFF = """
(is_itemised AND (lines_minor IS NULL OR lines_minor <> amount_minor OR books_minor IS NULL OR books_minor <> lines_minor))
OR (bank_minor IS NULL AND is_due) OR (bank_minor IS NOT NULL AND bank_minor <> amount_minor)
"""

_SIDES = f"""
WITH line AS NOT MATERIALIZED (
    SELECT b.stripe_balance_transaction_id AS id, b.stripe_payout_id AS payout, b.net_minor
    FROM payout p JOIN balance_transaction b ON b.stripe_payout_id = p.stripe_payout_id
    WHERE p.arrival_on >= :since AND p.arrival_on < :until
    AND NOT (b.reporting_category = 'payout' AND coalesce(b.source_id, b.stripe_payout_id) = b.stripe_payout_id)
), inside AS (
    SELECT payout, count(*) AS lines, sum(net_minor) AS lines_minor FROM line GROUP BY payout
), booked AS (
    SELECT line.payout, sum(e.amount_minor) AS books_minor
    FROM line JOIN ledger_transaction t ON t.source_id = line.id AND t.source_kind = 'balance_transaction'
    JOIN ledger_entry e ON e.transaction_id = t.id AND e.account = '1100'
    WHERE NOT EXISTS (SELECT 1 FROM ledger_transaction r WHERE r.reverses_id = t.id AND r.reverses_id IS NOT NULL)
    GROUP BY line.payout
), arrived AS (
    SELECT ref_id AS payout, sum(amount_minor) AS bank_minor FROM bank_match
    WHERE state = 'confirmed' AND side = 'payout' GROUP BY ref_id
), side AS (
    SELECT p.stripe_payout_id AS payout_id, p.currency, p.amount_minor, coalesce(i.lines, 0) AS lines, i.lines_minor,
    b.books_minor, a.bank_minor, p.content IN ('verified', 'off', 'collecting') AS is_itemised,
    p.status = 'paid' AND p.arrival_on <= :due AS is_due
    FROM payout p LEFT JOIN inside i ON i.payout = p.stripe_payout_id LEFT JOIN booked b ON b.payout = p.stripe_payout_id
    LEFT JOIN arrived a ON a.payout = p.stripe_payout_id
    WHERE p.arrival_on >= :since AND p.arrival_on < :until
), judged AS MATERIALIZED (SELECT side.*, CASE WHEN {_OFF} THEN 1 ELSE 0 END AS is_off FROM side)
"""  # noqa: S608 - fixed text

# The same for SQLite, payout by payout in the order of their names and line by line: nothing is sorted, so nothing is held
# but the payouts. The plus keeps the database from another order.
SIDES_SQLITE = f"""
WITH side AS (
    SELECT p.stripe_payout_id AS payout_id, p.currency, p.amount_minor, count(b.net_minor) AS lines,
    sum(b.net_minor) AS lines_minor, sum((
        SELECT sum(e.amount_minor) FROM ledger_transaction t CROSS JOIN ledger_entry e
        WHERE t.source_kind = 'balance_transaction' AND t.source_id = b.stripe_balance_transaction_id
        AND e.transaction_id = t.id AND e.account = '1100'
        AND NOT EXISTS (SELECT 1 FROM ledger_transaction r WHERE r.reverses_id = t.id AND r.reverses_id IS NOT NULL)
    )) AS books_minor, (
        SELECT sum(m.amount_minor) FROM bank_match m
        WHERE m.ref_id = p.stripe_payout_id AND m.side = 'payout' AND m.state = 'confirmed'
    ) AS bank_minor, p.content IN ('verified', 'off', 'collecting') AS is_itemised,
    p.status = 'paid' AND p.arrival_on <= :due AS is_due
    FROM payout p LEFT JOIN balance_transaction b ON b.stripe_payout_id = p.stripe_payout_id
    AND NOT (b.reporting_category = 'payout' AND coalesce(b.source_id, b.stripe_payout_id) = b.stripe_payout_id)
    WHERE +p.arrival_on >= :since AND +p.arrival_on < :until
    GROUP BY p.stripe_payout_id
), judged AS MATERIALIZED (SELECT side.*, CASE WHEN {_OFF} THEN 1 ELSE 0 END AS is_off FROM side)
"""  # noqa: S608 - fixed text

_SUMS_AND_OFF = """
SELECT NULL AS payout_id, currency, sum(amount_minor) AS amount_minor, sum(lines) AS lines, NULL AS lines_minor,
NULL AS books_minor, sum(bank_minor) AS bank_minor, NULL AS is_itemised, NULL AS is_due, count(*) AS payouts,
sum(is_off) AS off
FROM judged GROUP BY currency
UNION ALL
SELECT * FROM (
    SELECT payout_id, currency, amount_minor, lines, lines_minor, books_minor, bank_minor, is_itemised, is_due, 1, 1
    FROM judged WHERE is_off = 1 ORDER BY payout_id LIMIT :most
) AS shown
"""


async def shown_until(session: AsyncSession) -> date:
    """The last day of arrival that the bank should show by now; the first of all days where no statement was loaded."""
    alive = select(BankFile.id).where(BankFile.state == FileState.IMPORTED.value)
    last = await session.scalar(select(func.max(BankStatement.ends_on)).where(BankStatement.bank_file_id.in_(alive)))
    return last - timedelta(days=ARRIVES_WITHIN + A_WEEKEND) if last else date.min


async def three_way(session: AsyncSession, *, since: date, until: date, due: date) -> ThreeWay:
    """Every payout that arrives from `since` on and before `until`, on all sides; up to 200 that do not agree are named.

    `due` is the last day of arrival that the bank should show by now.
    """
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    if not is_sqlite:
        await session.execute(text(f"SET LOCAL work_mem = '{WORK_MEMORY_MB}MB'"))
    window, sides = {"since": since, "until": until, "due": due}, SIDES_SQLITE if is_sqlite else _SIDES
    asked = _asked(sides + _SUMS_AND_OFF, window).bindparams(most=MOST_SHOWN)
    rows = (await session.execute(asked)).mappings().all()
    sums = [row for row in rows if row["payout_id"] is None]
    payouts = sum(int(row["payouts"]) for row in sums)
    return ThreeWay(
        payouts=payouts,
        lines=sum(int(row["lines"]) for row in sums),
        paid_out={row["currency"]: int(row["amount_minor"]) for row in sums},
        in_bank={row["currency"]: int(row["bank_minor"] or 0) for row in sums},
        agreeing=payouts - sum(int(row["off"]) for row in sums),
        off=[_proof(row) for row in rows if row["payout_id"] is not None],
    )


def _asked(sql: str, window: dict[str, date]) -> TextClause:
    return text(sql).bindparams(*(bindparam(name, day, type_=Date()) for name, day in window.items()))


def _proof(row: Any) -> PayoutProof:
    minors = {
        name: None if row[name] is None else int(row[name]) for name in ("lines_minor", "books_minor", "bank_minor")
    }
    return PayoutProof(
        payout_id=row["payout_id"],
        currency=row["currency"],
        amount_minor=row["amount_minor"],
        lines=int(row["lines"]),
        is_itemised=bool(row["is_itemised"]),
        is_due=bool(row["is_due"]),
        **minors,
    )
