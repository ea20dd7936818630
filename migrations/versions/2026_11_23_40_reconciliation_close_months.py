"""Reconciliation: months that were closed, and certificates of payouts and months."""

revision = "0040_months"
down_revision = "0039_matches"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled by its owner."""


def downgrade() -> None:
    """Filled by its owner."""
