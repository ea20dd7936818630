"""Reconciliation: money back, large lines matched to an account, and opening again ask a second person.

Two empty tables and columns that may be empty, which hold nobody up. What staff wrote of discrepancies until now stays
where it stands: with the discrepancy, and in the audit's details, which may be erased.
"""

import sqlalchemy as sa
from alembic import op

revision = "0047_ask_more"
down_revision = "0046_merged"
branch_labels = None
depends_on = None

SECOND = (
    ("other_refund", "agreed_by", "alone_reason"),
    ("match_action", "agreed_by", "alone_reason"),
    ("ledger_period", "reopen_agreed_by", "reopen_alone_reason"),
    ("ledger_period_before", "reopen_agreed_by", "reopen_alone_reason"),
)


def upgrade() -> None:
    op.create_table(
        "second_request",
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("subject", sa.String(120), nullable=False),
        sa.Column("wanted", sa.JSON(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(3), nullable=True),
        sa.Column("asked_by", sa.String(26), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject", name=op.f("pk_second_request")),
    )
    op.create_table(
        "discrepancy_reason",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("discrepancy_id", sa.String(26), nullable=False),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("salt", sa.String(32), nullable=True),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["discrepancy_id"], ["discrepancy.id"], name=op.f("fk_discrepancy_reason_discrepancy_id_discrepancy")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discrepancy_reason")),
    )
    op.create_index("ix_discrepancy_reason_discrepancy_id", "discrepancy_reason", ["discrepancy_id"])
    for table, agreed_by, alone_reason in SECOND:
        op.add_column(table, sa.Column(agreed_by, sa.String(26), nullable=True))
        op.add_column(table, sa.Column(alone_reason, sa.Text(), nullable=True))


def downgrade() -> None:
    for table, agreed_by, alone_reason in SECOND:
        op.drop_column(table, alone_reason)
        op.drop_column(table, agreed_by)
    op.drop_table("discrepancy_reason")
    op.drop_table("second_request")
