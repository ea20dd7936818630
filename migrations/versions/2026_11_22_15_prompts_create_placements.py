"""Placements, published prompt files, vetoes, reminders and where snippets were seen.

Locks nothing for long: the tables are new.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015_prompts"
down_revision = "0014_appeals_history"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_files()
    op.create_table(
        "ask_veto",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("path", sa.String(length=500), nullable=True),
        sa.Column("tag", sa.String(length=100), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("made_by", sa.String(length=26), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_by", sa.String(length=26), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ask_veto")),
    )
    op.create_table(
        "reminder",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("is_confirmed", sa.Boolean(), nullable=False),
        sa.Column("letters", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminder")),
    )
    op.create_index("ix_reminder_month", "reminder", ["month"])
    op.create_table(
        "site_seen",
        sa.Column("site", sa.String(length=253), nullable=False),
        sa.Column("placement", sa.String(length=40), nullable=False),
        sa.Column("form", sa.String(length=12), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("site", "placement", "form", name=op.f("pk_site_seen")),
    )


def _create_files() -> None:
    op.create_table(
        "placement",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("appeal_slug", sa.String(length=60), nullable=False),
        sa.Column("newsletter_slug", sa.String(length=60), nullable=True),
        sa.Column("heading", sa.String(length=120), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_placement")),
    )
    op.create_table(
        "prompt_file",
        sa.Column("placement", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("json", sa.LargeBinary(), nullable=False),
        sa.Column("html", sa.LargeBinary(), nullable=False),
        sa.Column("words_digest", sa.String(length=64), nullable=False),
        sa.Column("etag", sa.String(length=40), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["placement"], ["placement.code"], name=op.f("fk_prompt_file_placement")),
        sa.PrimaryKeyConstraint("placement", "version", name=op.f("pk_prompt_file")),
    )


def downgrade() -> None:
    for table in ("site_seen", "reminder", "ask_veto", "prompt_file", "placement"):
        op.drop_table(table)
