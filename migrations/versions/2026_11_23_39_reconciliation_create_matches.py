"""Reconciliation: which bank line is which payout or deposit, why, and the rules learned from it."""

revision = "0039_matches"
down_revision = "0038_other_money"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled by its owner."""


def downgrade() -> None:
    """Filled by its owner."""
