"""Bounces, and what letters need for them.

Why: an address that bounces gets no further letter, and the letter that bounced says so. Locks `letter` for a moment: a column
without a default is added. The table is new.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017_mail_bounces"
down_revision = "0016_newsletters"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("letter", sa.Column("bounced_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "bounce",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("cause", sa.String(length=64), nullable=False),
        sa.Column("address_digest", sa.String(length=64), nullable=False),
        sa.Column("letter_id", sa.String(length=26), nullable=True),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("code", sa.String(length=12), nullable=False),
        sa.Column("source", sa.String(length=12), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bounce")),
        sa.UniqueConstraint("cause", name=op.f("uq_bounce_cause")),
    )
    op.create_index("ix_bounce_address", "bounce", ["address_digest", "at"])


def downgrade() -> None:
    op.drop_table("bounce")
    with op.batch_alter_table("letter") as batch:
        batch.drop_column("bounced_at")
