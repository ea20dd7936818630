"""People: the few who were merged into somebody else are found without a look at all others, as reports count people.

One index over those few rows.
"""

import sqlalchemy as sa
from alembic import op

revision = "0046_merged"
down_revision = "0045_match_faster"
branch_labels = None
depends_on = None

MERGED = sa.text("merged_into_id IS NOT NULL")


def upgrade() -> None:
    op.create_index("ix_supporter_merged", "supporter", ["id"], postgresql_where=MERGED, sqlite_where=MERGED)


def downgrade() -> None:
    op.drop_index("ix_supporter_merged", "supporter")
