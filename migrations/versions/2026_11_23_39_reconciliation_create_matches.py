"""Reconciliation: which bank line is which payout or deposit, why, and the rules learned from it. Makes three tables."""

import sqlalchemy as sa
from alembic import op

from supporters.kit.db import UTCDateTime

revision = "0039_matches"
down_revision = "0038_other_money"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_actions_and_rules()
    op.create_table(
        "bank_match",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("action_id", sa.String(26), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("bank_line_id", sa.String(26), nullable=False),
        sa.Column("side", sa.String(16), nullable=False),
        sa.Column("ref_id", sa.String(120), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("confidence", sa.String(12), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("rule_id", sa.String(26), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("undone_by", sa.String(26), nullable=True),
        sa.Column("undone_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_match")),
        sa.ForeignKeyConstraint(["rule_id"], ["match_rule.id"], name=op.f("fk_bank_match_rule_id_match_rule")),
        sa.ForeignKeyConstraint(["bank_line_id"], ["bank_line.id"], name=op.f("fk_bank_match_bank_line_id_bank_line")),
    )
    op.create_index("ix_bank_match_action_id", "bank_match", ["action_id"])
    op.create_index("ix_bank_match_bank_line_id", "bank_match", ["bank_line_id"])
    op.create_index("ix_bank_match_ref_id", "bank_match", ["ref_id", "side"])


def _create_actions_and_rules() -> None:
    op.create_table(
        "match_action",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("made_by", sa.String(26), nullable=True),
        sa.Column("made_at", UTCDateTime(), nullable=False),
        sa.Column("matches", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_match_action")),
    )
    op.create_index("ix_match_action_made_at", "match_action", ["made_at"])
    op.create_table(
        "match_rule",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("words", sa.String(200), nullable=False),
        sa.Column("target", sa.String(120), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("tested", sa.JSON(), nullable=True),
        sa.Column("learnt_from", sa.Integer(), nullable=False),
        sa.Column("made_at", UTCDateTime(), nullable=False),
        sa.Column("switched_by", sa.String(26), nullable=True),
        sa.Column("switched_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_match_rule")),
    )
    op.create_index("uq_match_rule", "match_rule", ["kind", "words", "target"], unique=True)


def downgrade() -> None:
    for table in ("bank_match", "match_rule", "match_action"):
        op.drop_table(table)
