"""Ledger: months that are closed, how accounts are called outside, and opening balances."""

revision = "0034_periods"
down_revision = "0033_payouts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled by its owner."""


def downgrade() -> None:
    """Filled by its owner."""
