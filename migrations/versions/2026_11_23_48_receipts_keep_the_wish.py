"""Receipts: each payment keeps the wish for receipts that stood when it was paid.

Two tables: the payments that have no receipt of their own because their giver wanted one statement a year, and the statements
that were sent. Old payments are told apart by the history of their plan; one that was booked at the very moment at which the
wish changed is marked as unknown. Where a receipt was due and is missing, nothing is written, so that the check finds it.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0048_wish_kept"
down_revision = "0047_ask_more"
branch_labels = None
depends_on = None

WAITING = sa.text("statement_id IS NULL")
EACH, YEARLY, UNKNOWN = "each", "yearly", "unknown"
PORTION = 1_000

# Payments of plans without a receipt, with the moment at which they were booked, and every change of the plan's wish.
WITHOUT_RECEIPT = """
SELECT i.donation_id, i.plan_id, p.receipts, coalesce(max(e.at), max(i.created_at)) AS booked_at
FROM instalment i JOIN plan p ON p.id = i.plan_id JOIN donation d ON d.id = i.donation_id
LEFT JOIN receipt r ON r.donation_id = d.id
LEFT JOIN donation_event e ON e.donation_id = d.id AND e.kind = 'paid'
WHERE d.state = 'paid' AND r.id IS NULL
GROUP BY i.donation_id, i.plan_id, p.receipts
"""
CHANGES = """
SELECT e.plan_id, e.at FROM plan_event e
WHERE e.kind = 'changed_receipts' ORDER BY e.plan_id, e.at
"""


def upgrade() -> None:
    op.create_table(
        "year_statement",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("supporter_id", sa.String(26), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("payments", sa.Integer(), nullable=False),
        sa.Column("has_letter", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["supporter_id"], ["supporter.id"], name=op.f("fk_year_statement_supporter_id_supporter")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_year_statement")),
    )
    op.create_index("ix_year_statement_supporter_id", "year_statement", ["supporter_id", "year"])
    stated = op.create_table(
        "stated_payment",
        sa.Column("donation_id", sa.String(26), nullable=False),
        sa.Column("wished", sa.String(8), nullable=False),
        sa.Column("statement_id", sa.String(26), nullable=True),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["donation_id"], ["donation.id"], name=op.f("fk_stated_payment_donation_id_donation")),
        sa.ForeignKeyConstraint(
            ["statement_id"], ["year_statement.id"], name=op.f("fk_stated_payment_statement_id_year_statement")
        ),
        sa.PrimaryKeyConstraint("donation_id", name=op.f("pk_stated_payment")),
    )
    op.create_index(
        "ix_stated_payment_waiting", "stated_payment", ["donation_id"], sqlite_where=WAITING, postgresql_where=WAITING
    )
    rows = list(known_wishes(op.get_bind()))
    for first in range(0, len(rows), PORTION):
        op.bulk_insert(stated, rows[first : first + PORTION])


def downgrade() -> None:
    op.drop_table("stated_payment")
    op.drop_table("year_statement")


def known_wishes(bind: sa.Connection) -> Iterator[dict[str, Any]]:
    """The payments that their giver wanted in the statement, as far as the history tells."""
    moment = sa.DateTime(timezone=True)
    changes: dict[str, list[datetime]] = {}
    for plan_id, at in bind.execute(sa.text(CHANGES).columns(plan_id=sa.String, at=moment)):
        changes.setdefault(plan_id, []).append(at)
    found = sa.text(WITHOUT_RECEIPT).columns(
        donation_id=sa.String, plan_id=sa.String, receipts=sa.String, booked_at=moment
    )
    for donation_id, plan_id, now, booked_at in bind.execute(found):
        wished = _wish_then(now, changes.get(plan_id, []), booked_at)
        if wished != EACH:
            yield {"donation_id": donation_id, "wished": wished, "statement_id": None, "kept_at": booked_at}


def _wish_then(now: str, changes: list[datetime], booked_at: datetime) -> str:
    """The plan's wish as the payment was booked: there are two, and each change is from one to the other."""
    if booked_at in changes:
        return UNKNOWN
    later = sum(at > booked_at for at in changes)
    return now if later % 2 == 0 else (YEARLY if now == EACH else EACH)
