"""Donations: which of them renew a plan, what the ledger holds of their fees, and indexes for the desk.

Reads the ledger once and writes every donation, so it holds the donations for some seconds where there are very many.
"""

import sqlalchemy as sa
from alembic import op

revision = "0029_sums"
down_revision = "0028_disputes"
branch_labels = None
depends_on = None

SUMMED = [
    "state",
    "currency",
    "frequency",
    "is_renewal",
    "paid_at",
    "amount_minor",
    "refunded_minor",
    "returned_minor",
    "fee_minor",
    "attribution_id",
]

FILL = """
UPDATE donation SET fee_minor = (
    SELECT sum(CASE WHEN e.account LIKE '5%' THEN e.amount_minor ELSE 0 END) FROM ledger_entry e
    WHERE e.donation_id = donation.id AND e.currency = donation.currency
)
"""

RENEW = """
UPDATE donation SET is_renewal = true WHERE frequency <> 'once'
AND id IN (SELECT donation_id FROM instalment) AND id NOT IN (SELECT first_donation_id FROM plan)
"""


def upgrade() -> None:
    renewal = sa.Column("is_renewal", sa.Boolean(), server_default=sa.false(), nullable=False)
    op.add_column("donation", renewal)
    op.get_bind().exec_driver_sql(RENEW)
    op.add_column("donation", sa.Column("fee_minor", sa.BigInteger(), nullable=True))
    op.get_bind().exec_driver_sql(FILL)
    op.create_index("ix_donation_giver", "donation", ["email", "name"], unique=False)
    op.create_index("ix_donation_sums", "donation", SUMMED, unique=False)
    op.create_index("ix_plan_stopped_at", "plan", ["stopped_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_plan_stopped_at", table_name="plan")
    op.drop_index("ix_donation_sums", table_name="donation")
    op.drop_index("ix_donation_giver", table_name="donation")
    op.drop_column("donation", "fee_minor")
    op.drop_column("donation", "is_renewal")
