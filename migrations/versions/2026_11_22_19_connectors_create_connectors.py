"""Connectors to newsletter senders.

Locks nothing for long: the tables are new.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019_connectors"
down_revision = "0018_outgoing"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_connectors()
    _create_lists()
    _create_addresses()


def _create_connectors() -> None:
    op.create_table(
        "connector",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("label", sa.String(length=80), nullable=False),
        sa.Column("base_url", sa.String(length=300), nullable=False),
        sa.Column("secret_sealed", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("why_paused", sa.String(length=20), nullable=True),
        sa.Column("last_error", sa.String(length=300), nullable=True),
        sa.Column("cursor", sa.String(length=26), nullable=False),
        sa.Column("giving_cursor", sa.String(length=26), nullable=False),
        sa.Column("heard_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("synced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rest_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("busy_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("sent_count", sa.Integer(), nullable=False),
        sa.Column("heard_count", sa.Integer(), nullable=False),
        sa.Column("refused_count", sa.Integer(), nullable=False),
        sa.Column("made_by", sa.String(length=26), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connector")),
    )


def _create_lists() -> None:
    op.create_table(
        "connector_list",
        sa.Column("connector_id", sa.String(length=26), nullable=False),
        sa.Column("list_slug", sa.String(length=40), nullable=False),
        sa.Column("outside_id", sa.String(length=60), nullable=False),
        sa.Column("outside_title", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["connector_id"], ["connector.id"], name=op.f("fk_connector_list_connector_id")),
        sa.PrimaryKeyConstraint("connector_id", "list_slug", name=op.f("pk_connector_list")),
        sa.UniqueConstraint("connector_id", "outside_id", name=op.f("uq_connector_list_connector_id_outside_id")),
    )


def _create_addresses() -> None:
    op.create_table(
        "connector_address",
        sa.Column("connector_id", sa.String(length=26), nullable=False),
        sa.Column("list_slug", sa.String(length=40), nullable=False),
        sa.Column("address_digest", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("is_theirs", sa.Boolean(), nullable=False),
        sa.Column("change_id", sa.String(length=26), nullable=False),
        sa.Column("standing", sa.String(length=16), nullable=True),
        sa.Column("problem", sa.String(length=200), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["connector_id"], ["connector.id"], name=op.f("fk_connector_address_connector_id")),
        sa.PrimaryKeyConstraint("connector_id", "list_slug", "address_digest", name=op.f("pk_connector_address")),
    )


def downgrade() -> None:
    op.drop_table("connector_address")
    op.drop_table("connector_list")
    op.drop_table("connector")
