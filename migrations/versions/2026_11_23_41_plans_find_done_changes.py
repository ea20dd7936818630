"""Plans: what was changed of late is found by an index; where nothing ever was, each plan was looked at for it.

One index, made while changes of plans wait: a moment, as there are few.
"""

from alembic import op

revision = "0041_done_changes"
down_revision = "0040_months"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_plan_change_done_at", "plan_change", ["kind", "state", "done_at"])


def downgrade() -> None:
    op.drop_index("ix_plan_change_done_at", "plan_change")
