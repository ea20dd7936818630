"""Payments: payouts as Stripe shows them, and what Stripe held at the end of each day."""

revision = "0033_payouts"
down_revision = "0032_was_known"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled by its owner."""


def downgrade() -> None:
    """Filled by its owner."""
