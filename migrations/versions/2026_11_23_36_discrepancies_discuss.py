"""Discrepancies: comments, a second person, what a resolution did to the books, and what the difference looked like.

Adds nullable columns and one empty table, which holds nobody up.
"""

import sqlalchemy as sa
from alembic import op

revision = "0036_discuss"
down_revision = "0035_statements"
branch_labels = None
depends_on = None

NEW = (
    ("fingerprint", sa.String(120)),
    ("reopened_at", sa.DateTime(timezone=True)),
    ("asked_resolution", sa.String(40)),
    ("asked_reason", sa.Text()),
    ("asked_fund_id", sa.String(26)),
    ("asked_by", sa.String(26)),
    ("asked_at", sa.DateTime(timezone=True)),
    ("alone_reason", sa.Text()),
    ("agreed_by", sa.String(26)),
    ("postings", sa.Integer()),
)


def upgrade() -> None:
    for name, kind in NEW:
        op.add_column("discrepancy", sa.Column(name, kind, nullable=True))
    op.create_table(
        "discrepancy_comment",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("discrepancy_id", sa.String(26), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("written_by", sa.String(26), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["discrepancy_id"], ["discrepancy.id"], name=op.f("fk_discrepancy_comment_discrepancy_id_discrepancy")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discrepancy_comment")),
    )
    op.create_index("ix_discrepancy_comment_discrepancy_id", "discrepancy_comment", ["discrepancy_id"])


def downgrade() -> None:
    op.drop_table("discrepancy_comment")
    for name, _kind in reversed(NEW):
        op.drop_column("discrepancy", name)
