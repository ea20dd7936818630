"""Whose each payment is, was known; now also whose each subscription and each bill is. The table takes its new name.

Locks: copies the table of payments once (a second for some hundred thousand).
"""

import sqlalchemy as sa
from alembic import op

revision = "0024_ownership"
down_revision = "0023_staff"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create("ownership", key="stripe_id", made_by="made_by")
    op.execute(
        "INSERT INTO ownership (stripe_id, owner, made_by, stripe_charge_id, first_seen_at, asked_at) "
        "SELECT stripe_payment_intent_id, owner, stripe_session_id, stripe_charge_id, first_seen_at, asked_at FROM payment"
    )
    op.drop_table("payment")


def downgrade() -> None:
    _create("payment", key="stripe_payment_intent_id", made_by="stripe_session_id")
    op.execute(
        "INSERT INTO payment "
        "(stripe_payment_intent_id, owner, stripe_session_id, stripe_charge_id, first_seen_at, asked_at) "
        "SELECT stripe_id, owner, made_by, stripe_charge_id, first_seen_at, asked_at FROM ownership "
        "WHERE stripe_id LIKE 'pi!_%' ESCAPE '!'"
    )
    op.drop_table("ownership")


def _create(name: str, *, key: str, made_by: str) -> None:
    op.create_table(
        name,
        sa.Column(key, sa.String(length=120), nullable=False),
        sa.Column("owner", sa.String(length=12), nullable=False),
        sa.Column(made_by, sa.String(length=255), nullable=True),
        sa.Column("stripe_charge_id", sa.String(length=120), nullable=True),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint(key, name=op.f(f"pk_{name}")),
    )
    op.create_index(
        f"ix_{name}_unknown",
        name,
        ["first_seen_at"],
        postgresql_where=sa.text("owner = 'unknown'"),
        sqlite_where=sa.text("owner = 'unknown'"),
    )
