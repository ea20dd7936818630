"""Connectors to newsletter senders.

Locks nothing for long: the tables are new.
"""

revision = "0019_connectors"
down_revision = "0018_outgoing"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
