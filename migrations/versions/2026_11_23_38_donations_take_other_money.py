"""Donations: money that never met Stripe: cash, cheques, transfers, promises of them."""

revision = "0038_other_money"
down_revision = "0037_exports"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled by its owner."""


def downgrade() -> None:
    """Filled by its owner."""
