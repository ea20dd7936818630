"""Exports: until when a file claims what every account held.

Of files that are here already it is told by their days: a month of these that is closed counts as claimed, rather too
often than too seldom. It only asks a person who opens such a month again what becomes of the file.
"""

import sqlalchemy as sa
from alembic import op

revision = "0050_money_more"
down_revision = "0049_bank_more"
branch_labels = None
depends_on = None

CLAIMED = """
UPDATE export_batch SET claims_until = ends_on
WHERE target IN ('beancount', 'hledger') AND reverses_id IS NULL AND EXISTS (
    SELECT 1 FROM ledger_period p WHERE p.locked_at <= export_batch.made_at
    AND p.period BETWEEN substr(CAST(export_batch.starts_on AS VARCHAR(10)), 1, 7)
    AND substr(CAST(export_batch.ends_on AS VARCHAR(10)), 1, 7)
)
"""


def upgrade() -> None:
    op.add_column("export_batch", sa.Column("claims_until", sa.Date(), nullable=True))
    op.execute(CLAIMED)


def downgrade() -> None:
    op.drop_column("export_batch", "claims_until")
