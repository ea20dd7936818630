"""Payments: payouts as Stripe shows them, and what Stripe held at the end of each day.

The new tables lock nothing. The index on the mirror reads it once and keeps its writers waiting meanwhile: about a second
for a million lines.
"""

import sqlalchemy as sa
from alembic import op

revision = "0033_payouts"
down_revision = "0032_was_known"
branch_labels = None
depends_on = None

UNPROVED = "content IN ('unknown', 'collecting', 'off')"


def upgrade() -> None:
    op.create_table(
        "payout",
        sa.Column("stripe_payout_id", sa.String(length=120), nullable=False),
        sa.Column("account", sa.String(length=120), nullable=True),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("arrival_on", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("is_automatic", sa.Boolean(), nullable=False),
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reconciliation_status", sa.String(length=20), nullable=False),
        sa.Column("line_id", sa.String(length=120), nullable=True),
        sa.Column("failure_line_id", sa.String(length=120), nullable=True),
        sa.Column("failure_code", sa.String(length=80), nullable=True),
        sa.Column("original_payout_id", sa.String(length=120), nullable=True),
        sa.Column("reversed_by_id", sa.String(length=120), nullable=True),
        sa.Column("trace_id", sa.String(length=255), nullable=True),
        sa.Column("descriptor", sa.String(length=255), nullable=True),
        sa.Column("content", sa.String(length=16), nullable=False),
        sa.Column("content_off_minor", sa.BigInteger(), nullable=True),
        sa.Column("content_read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mirrored_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(currency) = 3 AND currency = upper(currency)", name=op.f("ck_payout_currency")),
        sa.PrimaryKeyConstraint("stripe_payout_id", name=op.f("pk_payout")),
    )
    op.create_index("ix_payout_created_at", "payout", ["created_at"])
    op.create_index("ix_payout_arrival_on", "payout", ["arrival_on"])
    op.create_index("ix_payout_amount", "payout", ["currency", "amount_minor"])
    op.create_index(
        "ix_payout_unproved",
        "payout",
        ["created_at"],
        postgresql_where=sa.text(UNPROVED),
        sqlite_where=sa.text(UNPROVED),
    )
    op.create_table(
        "balance_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("available_minor", sa.BigInteger(), nullable=False),
        sa.Column("pending_minor", sa.BigInteger(), nullable=False),
        sa.Column("reserved_minor", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("day", "currency", name=op.f("pk_balance_day")),
    )
    op.create_index(
        "ix_balance_transaction_top_up",
        "balance_transaction",
        ["created_at"],
        postgresql_where=sa.text("reporting_category IN ('topup', 'topup_reversal')"),
        sqlite_where=sa.text("reporting_category IN ('topup', 'topup_reversal')"),
    )
    op.create_index(
        "ix_balance_transaction_payout",
        "balance_transaction",
        ["stripe_payout_id"],
        postgresql_where=sa.text("stripe_payout_id IS NOT NULL"),
        sqlite_where=sa.text("stripe_payout_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_balance_transaction_payout", table_name="balance_transaction")
    op.drop_index("ix_balance_transaction_top_up", table_name="balance_transaction")
    op.drop_table("balance_day")
    op.drop_table("payout")
