"""Donations: how a payment page may be paid, which cards are kept for a day, and what came of offering monthly.

Locks the pages for the moment that adding columns with a default takes; neither engine rewrites the table for that.
"""

import sqlalchemy as sa
from alembic import op

revision = "0027_monthly_offers"
down_revision = "0026_supporters_in"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "checkout", sa.Column("excluded_methods", sa.String(length=120), server_default=sa.text("''"), nullable=False)
    )
    op.add_column("checkout", sa.Column("saves_method", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("checkout", sa.Column("forget_method_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_checkout_forget_method_at", "checkout", ["forget_method_at"])
    op.create_table(
        "monthly_offer",
        sa.Column("donation_id", sa.String(length=26), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("plan_id", sa.String(length=26), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.String(length=60), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_monthly_offer_amount")),
        sa.ForeignKeyConstraint(["donation_id"], ["donation.id"], name=op.f("fk_monthly_offer_donation_id")),
        sa.PrimaryKeyConstraint("donation_id", name=op.f("pk_monthly_offer")),
    )


def downgrade() -> None:
    op.drop_table("monthly_offer")
    op.drop_index("ix_checkout_forget_method_at", table_name="checkout")
    for name in ("forget_method_at", "saves_method", "excluded_methods"):
        op.drop_column("checkout", name)
