"""Donations: money that never met Stripe: cash, cheques and transfers, what is paid in together, and promises of it.

Locks nothing for long: the tables are new.
"""

import sqlalchemy as sa
from alembic import op

from supporters.kit.db import UTCDateTime

revision = "0038_other_money"
down_revision = "0037_exports"
branch_labels = None
depends_on = None

TABLES = ("giving_account", "other_payment", "promise", "deposit")


def upgrade() -> None:
    _create_deposits()
    _create_promises()
    _create_payments()
    op.create_table(
        "giving_account",
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("holder", sa.String(120), nullable=False),
        sa.Column("numbers", sa.String(400), nullable=False),
        sa.Column("is_shown", sa.Boolean(), nullable=False),
        sa.Column("changed_by", sa.String(26), nullable=False),
        sa.Column("changed_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("currency", name=op.f("pk_giving_account")),
    )


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)


def _create_deposits() -> None:
    op.create_table(
        "deposit",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("reference", sa.String(40), nullable=False),
        sa.Column("bank_account_id", sa.String(26), nullable=True),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("counted_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_in_on", sa.Date(), nullable=False),
        sa.Column("made_by", sa.String(26), nullable=False),
        sa.Column("made_at", UTCDateTime(), nullable=False),
        sa.Column("undone_by", sa.String(26), nullable=True),
        sa.Column("undone_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("counted_minor > 0", name=op.f("ck_deposit_counted")),
        sa.CheckConstraint("(state = 'undone') = (undone_at IS NOT NULL)", name=op.f("ck_deposit_undone_at")),
        sa.ForeignKeyConstraint(
            ["bank_account_id"], ["bank_account.id"], name=op.f("fk_deposit_bank_account_id_bank_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deposit")),
        sa.UniqueConstraint("reference", name=op.f("uq_deposit_reference")),
    )
    op.create_index("ix_deposit_state", "deposit", ["state", "paid_in_on"])


def _create_promises() -> None:
    op.create_table(
        "promise",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("attempt_id", sa.String(26), nullable=False),
        sa.Column("reference", sa.String(16), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("frequency", sa.String(12), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("fund_id", sa.String(26), nullable=False),
        sa.Column("appeal_id", sa.String(26), nullable=False),
        sa.Column("attribution_id", sa.String(26), nullable=False),
        sa.Column("supporter_id", sa.String(26), nullable=True),
        sa.Column("plan_id", sa.String(26), nullable=True),
        sa.Column("locale", sa.String(12), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("expected_on", sa.Date(), nullable=False),
        sa.Column("payer_hash", sa.String(43), nullable=False),
        sa.Column("network_digest", sa.String(43), nullable=True),
        sa.Column("made_by", sa.String(26), nullable=True),
        sa.Column("made_at", UTCDateTime(), nullable=False),
        sa.Column("closed_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_promise_amount")),
        sa.CheckConstraint("(state IN ('open', 'running')) = (closed_at IS NULL)", name=op.f("ck_promise_closed_at")),
        *_points_to("promise", "fund", "appeal", "attribution", "supporter"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promise")),
        sa.UniqueConstraint("attempt_id", name=op.f("uq_promise_attempt_id")),
        sa.UniqueConstraint("reference", name=op.f("uq_promise_reference")),
    )
    op.create_index("ix_promise_state", "promise", ["state", "expected_on"])
    op.create_index("ix_promise_supporter_id", "promise", ["supporter_id"])
    op.create_index("ix_promise_made_at", "promise", ["made_at"])
    op.create_index("ix_promise_network_digest", "promise", ["network_digest", "made_at"])


def _create_payments() -> None:
    op.create_table(
        "other_payment",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("donation_id", sa.String(26), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("deposit_id", sa.String(26), nullable=True),
        sa.Column("promise_id", sa.String(26), nullable=True),
        sa.Column("promise_turn", sa.Integer(), nullable=True),
        sa.Column("cheque_number", sa.String(40), nullable=False),
        sa.Column("note", sa.String(400), nullable=True),
        sa.Column("recorded_by", sa.String(26), nullable=True),
        sa.Column("recorded_at", UTCDateTime(), nullable=False),
        sa.Column("ended_by", sa.String(26), nullable=True),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("end_note", sa.String(400), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_other_payment_amount")),
        sa.CheckConstraint(
            "(state IN ('bounced', 'void')) = (ended_at IS NOT NULL)", name=op.f("ck_other_payment_ended_at")
        ),
        *_points_to("other_payment", "donation", "deposit", "promise"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_other_payment")),
        sa.UniqueConstraint("donation_id", name=op.f("uq_other_payment_donation_id")),
    )
    op.create_index("ix_other_payment_state", "other_payment", ["state", "received_on"])
    op.create_index("ix_other_payment_received_on", "other_payment", ["received_on", "id"])
    op.create_index("ix_other_payment_deposit_id", "other_payment", ["deposit_id"])
    op.create_index("uq_other_payment_promise_turn", "other_payment", ["promise_id", "promise_turn"], unique=True)


def _points_to(table: str, *others: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint([f"{other}_id"], [f"{other}.id"], name=op.f(f"fk_{table}_{other}_id_{other}"))
        for other in others
    ]
