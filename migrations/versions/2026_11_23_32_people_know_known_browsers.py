"""People: a sign-in knows whether it was counted for the browser alone, so that it gives back no place that it did not take.

Adds one column with a default, which holds nobody up.
"""

import sqlalchemy as sa
from alembic import op

revision = "0032_was_known"
down_revision = "0031_tally"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sign_in", sa.Column("was_known", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column("sign_in", "was_known")
