"""Supporters sign in by a mailed link or code, stay signed in for a while, and may take another address.

Locks nothing for long: three new tables, and one new column that is empty.
"""

import sqlalchemy as sa
from alembic import op

revision = "0026_supporters_in"
down_revision = "0025_plans"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("email_address", sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True))
    _create_sign_ins()
    _create_sessions()
    _create_address_changes()


def downgrade() -> None:
    op.drop_table("address_change")
    op.drop_table("supporter_session")
    op.drop_table("sign_in")
    op.drop_column("email_address", "retired_at")


def _create_sign_ins() -> None:
    op.create_table(
        "sign_in",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("nonce_hash", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("network_digest", sa.String(length=43), nullable=False),
        sa.Column("target", sa.String(length=200), nullable=False),
        sa.Column("address_id", sa.String(length=26), nullable=True),
        sa.Column("token_hash", sa.String(length=64), nullable=True),
        sa.Column("code_digest", sa.String(length=43), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["address_id"], ["email_address.id"], name=op.f("fk_sign_in_address_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sign_in_token_hash")),
    )
    op.create_index("ix_sign_in_nonce_hash", "sign_in", ["nonce_hash"], unique=False)
    op.create_index("ix_sign_in_expires_at", "sign_in", ["expires_at"], unique=False)
    op.create_index("ix_sign_in_address_id", "sign_in", ["address_id"], unique=False)


def _create_sessions() -> None:
    op.create_table(
        "supporter_session",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("supporter_id", sa.String(length=26), nullable=False),
        sa.Column("address_id", sa.String(length=26), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["address_id"], ["email_address.id"], name=op.f("fk_supporter_session_address_id")),
        sa.ForeignKeyConstraint(["supporter_id"], ["supporter.id"], name=op.f("fk_supporter_session_supporter_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_supporter_session")),
    )
    op.create_index("ix_supporter_session_supporter_id", "supporter_session", ["supporter_id"], unique=False)
    op.create_index("ix_supporter_session_address_id", "supporter_session", ["address_id"], unique=False)
    op.create_index("ix_supporter_session_expires_at", "supporter_session", ["expires_at"], unique=False)


def _create_address_changes() -> None:
    op.create_table(
        "address_change",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("supporter_id", sa.String(length=26), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["supporter_id"], ["supporter.id"], name=op.f("fk_address_change_supporter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address_change")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_address_change_token_hash")),
    )
    op.create_index("ix_address_change_supporter_id", "address_change", ["supporter_id"], unique=False)
    op.create_index("ix_address_change_expires_at", "address_change", ["expires_at"], unique=False)
