"""A picture for links to an appeal that are shared.

Locks nothing for long: the table is new.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022_share_pictures"
down_revision = "0021_prompt_scripts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "share_picture",
        sa.Column("appeal_id", sa.String(length=26), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.String(length=20), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("alt", sa.String(length=300), nullable=False),
        sa.Column("saved_by", sa.String(length=26), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["appeal_id"], ["appeal.id"], name=op.f("fk_share_picture_appeal_id")),
        sa.PrimaryKeyConstraint("appeal_id", name=op.f("pk_share_picture")),
    )
    op.create_index("ix_share_picture_digest", "share_picture", ["digest"], unique=False)


def downgrade() -> None:
    op.drop_table("share_picture")
