"""Appeals get their wording for every place, a history and a ticker; issues and articles are records.

Why: editors change words from the desk, and money is shown by article and issue. Locks `appeal` and `attribution` for a
moment: columns are added with constant defaults, which neither engine writes to each row.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014_appeals_history"
down_revision = "0013_books"
branch_labels = None
depends_on = None


def appeal_columns() -> tuple[sa.Column[object], ...]:
    """What `appeal` gains."""
    return (
        sa.Column("name", sa.String(length=120), server_default=sa.text("''"), nullable=False),
        sa.Column("ask", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("goal_people", sa.Integer(), nullable=True),
        sa.Column("has_ticker", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("if_more", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("sources", sa.JSON(), nullable=True),
        sa.Column("letter_subject", sa.String(length=150), server_default=sa.text("''"), nullable=False),
        sa.Column("letter_signoff", sa.String(length=300), server_default=sa.text("''"), nullable=False),
        sa.Column("share_title", sa.String(length=120), server_default=sa.text("''"), nullable=False),
        sa.Column("share_text", sa.String(length=300), server_default=sa.text("''"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="0", nullable=False),
    )


def attribution_columns() -> tuple[sa.Column[object], ...]:
    """What `attribution` gains."""
    return (
        sa.Column("article_id", sa.String(length=26), nullable=True),
        sa.Column("site", sa.String(length=200), nullable=True),
        sa.Column("first_touch", sa.JSON(), nullable=True),
    )


def upgrade() -> None:
    for column in appeal_columns():
        op.add_column("appeal", column)
    for column in attribution_columns():
        op.add_column("attribution", column)
    op.create_index(op.f("ix_attribution_article_id"), "attribution", ["article_id"])
    _create_versions()
    _create_issues_and_articles()


def _create_versions() -> None:
    op.create_table(
        "appeal_version",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("appeal_id", sa.String(length=26), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("saved_by", sa.String(length=26), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("publish_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["appeal_id"], ["appeal.id"], name=op.f("fk_appeal_version_appeal_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appeal_version")),
        sa.UniqueConstraint("appeal_id", "number", name=op.f("uq_appeal_version_appeal_id_number")),
    )
    op.create_index("ix_appeal_version_publish_at", "appeal_version", ["publish_at"])


def _create_issues_and_articles() -> None:
    op.create_table(
        "print_issue",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("published_on", sa.Date(), nullable=True),
        sa.Column("cover_url", sa.String(length=1000), nullable=False),
        sa.Column("pdf_url", sa.String(length=1000), nullable=False),
        sa.Column("appeal_slug", sa.String(length=60), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_print_issue")),
        sa.UniqueConstraint("number", name=op.f("uq_print_issue_number")),
    )
    op.create_table(
        "article",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("site", sa.String(length=200), nullable=False),
        sa.Column("path", sa.String(length=500), nullable=False),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("issue", sa.String(length=20), nullable=True),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_verified", sa.Boolean(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_article")),
        sa.UniqueConstraint("site", "path", name=op.f("uq_article_site_path")),
    )
    op.create_index("ix_article_issue", "article", ["issue"])


def downgrade() -> None:
    op.drop_table("article")
    op.drop_table("print_issue")
    op.drop_table("appeal_version")
    op.drop_index(op.f("ix_attribution_article_id"), "attribution")
    with op.batch_alter_table("attribution") as batch:
        for column in reversed(attribution_columns()):
            batch.drop_column(column.name)
    with op.batch_alter_table("appeal") as batch:
        for column in reversed(appeal_columns()):
            batch.drop_column(column.name)
