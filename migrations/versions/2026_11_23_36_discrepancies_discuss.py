"""Discrepancies: comments, a second person, and what a resolution did."""

revision = "0036_discuss"
down_revision = "0035_statements"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled by its owner."""


def downgrade() -> None:
    """Filled by its owner."""
