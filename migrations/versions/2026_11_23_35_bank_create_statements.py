"""Bank: accounts, files, statements and their lines."""

revision = "0035_statements"
down_revision = "0034_periods"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled by its owner."""


def downgrade() -> None:
    """Filled by its owner."""
