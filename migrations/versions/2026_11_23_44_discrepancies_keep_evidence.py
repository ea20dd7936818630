"""Discrepancies keep what colleagues bring to explain them: files, and who a comment names; staff keep how lists look.

Two empty tables and one column with a constant default, which hold nobody up.
"""

import sqlalchemy as sa
from alembic import op

revision = "0044_evidence"
down_revision = "0043_rhythm"
branch_labels = None
depends_on = None

STANDS = sa.text("erased_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "discrepancy_mention",
        sa.Column("comment_id", sa.String(26), nullable=False),
        sa.Column("staff_id", sa.String(26), nullable=False),
        sa.Column("discrepancy_id", sa.String(26), nullable=False),
        sa.ForeignKeyConstraint(
            ["comment_id"],
            ["discrepancy_comment.id"],
            name=op.f("fk_discrepancy_mention_comment_id_discrepancy_comment"),
        ),
        sa.ForeignKeyConstraint(
            ["discrepancy_id"], ["discrepancy.id"], name=op.f("fk_discrepancy_mention_discrepancy_id_discrepancy")
        ),
        sa.PrimaryKeyConstraint("comment_id", "staff_id", name=op.f("pk_discrepancy_mention")),
    )
    op.create_index("ix_discrepancy_mention_staff_id", "discrepancy_mention", ["staff_id", "discrepancy_id"])
    op.create_table(
        "discrepancy_evidence",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("discrepancy_id", sa.String(26), nullable=False),
        sa.Column("name", sa.String(120), nullable=True),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("added_by", sa.String(26), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("erased_by", sa.String(26), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["discrepancy_id"], ["discrepancy.id"], name=op.f("fk_discrepancy_evidence_discrepancy_id_discrepancy")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discrepancy_evidence")),
    )
    op.create_index(
        "uq_discrepancy_evidence_file",
        "discrepancy_evidence",
        ["discrepancy_id", "sha256"],
        unique=True,
        sqlite_where=STANDS,
        postgresql_where=STANDS,
    )
    op.add_column("staff", sa.Column("likes_compact", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("staff", "likes_compact")
    op.drop_table("discrepancy_evidence")
    op.drop_table("discrepancy_mention")
