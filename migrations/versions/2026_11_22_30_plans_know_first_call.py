"""Plans: a change knows when Stripe was first asked for it, so that one that waited for us is not taken for too old.

Adds an empty column, which holds nobody up.
"""

import sqlalchemy as sa
from alembic import op

revision = "0030_called"
down_revision = "0029_sums"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("plan_change", sa.Column("called_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("plan_change", "called_at")
