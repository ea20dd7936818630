"""Bank: from which day on an account's months want a statement, and which opening balances were worked out here.

Both columns are empty of what was never known: statements that are here already have the opening balance that their bank gave.
"""

import sqlalchemy as sa
from alembic import op

revision = "0049_bank_more"
down_revision = "0048_wish_kept"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("bank_account", sa.Column("starts_on", sa.Date(), nullable=True))
    op.add_column(
        "bank_statement", sa.Column("is_opening_derived", sa.Boolean(), nullable=False, server_default=sa.false())
    )


def downgrade() -> None:
    op.drop_column("bank_statement", "is_opening_derived")
    op.drop_column("bank_account", "starts_on")
