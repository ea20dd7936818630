"""Exports: immutable batches, and which entry went out in which."""

revision = "0037_exports"
down_revision = "0036_discuss"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled by its owner."""


def downgrade() -> None:
    """Filled by its owner."""
