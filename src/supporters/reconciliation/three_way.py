"""The three ways beside each other, payout by payout: Stripe's lines, the ledger, and the bank. Reads only.

One pass over each side in the database; what comes back is sums, and only those payouts that do not agree. So it costs the
same memory for a million lines as for ten.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

import msgspec
from sqlalchemy import Date, TextClause, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

MOST_SHOWN = 200


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
# money back. A ledger transaction that was reversed counts for nothing.
_SIDES = """
WITH line AS (
    SELECT b.stripe_balance_transaction_id AS id, b.stripe_payout_id AS payout, b.net_minor
    FROM balance_transaction b
    WHERE b.stripe_payout_id IS NOT NULL
    AND NOT (b.reporting_category = 'payout' AND coalesce(b.source_id, b.stripe_payout_id) = b.stripe_payout_id)
), booked AS (
    SELECT t.source_id AS id, sum(e.amount_minor) AS minor
    FROM ledger_transaction t JOIN ledger_entry e ON e.transaction_id = t.id AND e.account = '1100'
    WHERE t.source_kind = 'balance_transaction'
    AND NOT EXISTS (SELECT 1 FROM ledger_transaction r WHERE r.reverses_id = t.id)
    GROUP BY t.source_id
), inside AS (
    SELECT line.payout, count(*) AS lines, sum(line.net_minor) AS lines_minor, sum(booked.minor) AS books_minor
    FROM line LEFT JOIN booked ON booked.id = line.id GROUP BY line.payout
), arrived AS (
    SELECT ref_id AS payout, sum(amount_minor) AS bank_minor FROM bank_match
    WHERE state = 'confirmed' AND side = 'payout' GROUP BY ref_id
), side AS (
    SELECT p.stripe_payout_id AS payout_id, p.currency, p.amount_minor, coalesce(i.lines, 0) AS lines, i.lines_minor,
    i.books_minor, a.bank_minor, p.content IN ('verified', 'off', 'collecting') AS is_itemised,
    p.status = 'paid' AND p.arrival_on <= :due AS is_due
    FROM payout p LEFT JOIN inside i ON i.payout = p.stripe_payout_id
    LEFT JOIN arrived a ON a.payout = p.stripe_payout_id
    WHERE p.arrival_on >= :since AND p.arrival_on < :until
)
"""

_OFF = """
(is_itemised AND (lines_minor IS NULL OR lines_minor <> amount_minor OR books_minor IS NULL OR books_minor <> lines_minor))
OR (bank_minor IS NULL AND is_due) OR (bank_minor IS NOT NULL AND bank_minor <> amount_minor)
"""

_SUMS = f"""{_SIDES}
SELECT currency, count(*) AS payouts, sum(lines) AS lines, sum(amount_minor) AS paid_out,
sum(coalesce(bank_minor, 0)) AS in_bank, sum(CASE WHEN {_OFF} THEN 1 ELSE 0 END) AS off
FROM side GROUP BY currency
"""  # noqa: S608 - fixed text

_SHOWN = f"{_SIDES} SELECT * FROM side WHERE {_OFF} ORDER BY payout_id LIMIT :most"  # noqa: S608 - fixed text


async def three_way(session: AsyncSession, *, since: date, until: date, due: date) -> ThreeWay:
    """Every payout that arrives from `since` on and before `until`, on all sides; up to 200 that do not agree are named.

    `due` is the last day of arrival that the bank should show by now.
    """
    window = {"since": since, "until": until, "due": due}
    sums = (await session.execute(_asked(_SUMS, window))).all()
    off: Sequence[Any] = ()
    if any(row.off for row in sums):
        off = (await session.execute(_asked(_SHOWN, window).bindparams(most=MOST_SHOWN))).mappings().all()
    payouts = sum(int(row.payouts) for row in sums)
    return ThreeWay(
        payouts=payouts,
        lines=sum(int(row.lines) for row in sums),
        paid_out={row.currency: int(row.paid_out) for row in sums},
        in_bank={row.currency: int(row.in_bank) for row in sums},
        agreeing=payouts - sum(int(row.off) for row in sums),
        off=[_proof(row) for row in off],
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
