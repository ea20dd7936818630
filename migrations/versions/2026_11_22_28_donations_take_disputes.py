"""Donations: disputes, what a bank has taken back of each donation, and an index by the day of payment for reports.

Locks the donations for the moment that adding a column with a default takes; neither engine rewrites the table for that.
"""

import sqlalchemy as sa
from alembic import op

revision = "0028_disputes"
down_revision = "0027_monthly_offers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_donation_paid_at", "donation", ["paid_at"], unique=False)
    op.add_column("donation", sa.Column("returned_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.create_table(
        "dispute",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("donation_id", sa.String(length=26), nullable=False),
        sa.Column("stripe_dispute_id", sa.String(length=120), nullable=False),
        sa.Column("stripe_payment_intent_id", sa.String(length=120), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_dispute_amount")),
        sa.CheckConstraint(
            "(state IN ('won', 'lost', 'closed')) = (closed_at IS NOT NULL)", name=op.f("ck_dispute_closed_at")
        ),
        sa.ForeignKeyConstraint(["donation_id"], ["donation.id"], name=op.f("fk_dispute_donation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute")),
        sa.UniqueConstraint("stripe_dispute_id", name=op.f("uq_dispute_stripe_dispute_id")),
    )
    op.create_index("ix_dispute_donation_id", "dispute", ["donation_id"])
    op.create_index("ix_dispute_state", "dispute", ["state", "due_at"])


def downgrade() -> None:
    op.drop_index("ix_donation_paid_at", table_name="donation")
    op.drop_table("dispute")
    op.drop_column("donation", "returned_minor")
