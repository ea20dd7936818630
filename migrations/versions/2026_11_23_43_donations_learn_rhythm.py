"""Donations: standing orders learned from their rhythm, gifts written down from a bank line, money that was paid back.

Adds columns that may be empty or have a default, an index of few rows and a new table, which holds nobody up.
"""

import sqlalchemy as sa
from alembic import op

from supporters.kit.db import UTCDateTime

revision = "0043_rhythm"
down_revision = "0042_second_person"
branch_labels = None
depends_on = None

LEARNED = "rule_id IS NOT NULL AND closed_at IS NULL"


def upgrade() -> None:
    op.add_column("other_payment", sa.Column("bank_line_id", sa.String(26), nullable=True))
    op.add_column("promise", sa.Column("payer_name", sa.String(200), server_default=sa.text("''"), nullable=False))
    op.add_column("promise", sa.Column("rule_id", sa.String(26), nullable=True))
    op.add_column("promise", sa.Column("receipts", sa.String(8), server_default=sa.text("'each'"), nullable=False))
    op.add_column("promise", sa.Column("missed", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.create_index(
        "uq_promise_rule_id",
        "promise",
        ["rule_id"],
        unique=True,
        postgresql_where=sa.text(LEARNED),
        sqlite_where=sa.text(LEARNED),
    )
    op.create_table(
        "other_refund",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("other_payment_id", sa.String(26), nullable=False),
        sa.Column("way", sa.String(12), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("recorded_by", sa.String(26), nullable=False),
        sa.Column("recorded_at", UTCDateTime(), nullable=False),
        sa.Column("ended_by", sa.String(26), nullable=True),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_other_refund_amount")),
        sa.CheckConstraint("(state = 'void') = (ended_at IS NOT NULL)", name=op.f("ck_other_refund_ended_at")),
        sa.ForeignKeyConstraint(["id"], ["refund.id"], name=op.f("fk_other_refund_id_refund")),
        sa.ForeignKeyConstraint(
            ["other_payment_id"], ["other_payment.id"], name=op.f("fk_other_refund_other_payment_id_other_payment")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_other_refund")),
    )
    op.create_index("ix_other_refund_other_payment_id", "other_refund", ["other_payment_id"])
    op.create_index("ix_other_refund_state", "other_refund", ["state", "paid_on"])


def downgrade() -> None:
    op.drop_table("other_refund")
    op.drop_index("uq_promise_rule_id", "promise")
    for column in ("missed", "receipts", "rule_id", "payer_name"):
        op.drop_column("promise", column)
    op.drop_column("other_payment", "bank_line_id")
