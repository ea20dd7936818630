"""Ledger: months that are closed, how accounts are called outside, and the day on which the books began.

Reads the ledger's entries once for two indexes, and keeps those who post waiting meanwhile: about a second for a million.
The new column of ledger transactions is empty.
"""

import sqlalchemy as sa
from alembic import op

revision = "0034_periods"
down_revision = "0033_payouts"
branch_labels = None
depends_on = None

CREATE = {
    "sqlite": [
        "CREATE TRIGGER ledger_transaction_open_month BEFORE INSERT ON ledger_transaction BEGIN SELECT RAISE(ABORT, 'ledger: this month is locked') WHERE EXISTS (SELECT 1 FROM ledger_period WHERE period = NEW.period AND state = 'locked'); END",
    ],
    "postgresql": [
        "CREATE FUNCTION ledger_transaction_open_month() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(7302); IF EXISTS (SELECT 1 FROM arrived a JOIN ledger_period p ON p.period = a.period AND p.state = 'locked') THEN RAISE EXCEPTION 'ledger: this month is locked' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NULL; END $$",
        "CREATE TRIGGER ledger_transaction_open_month AFTER INSERT ON ledger_transaction REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION ledger_transaction_open_month()",
    ],
}
DROP = {
    "sqlite": ["DROP TRIGGER IF EXISTS ledger_transaction_open_month"],
    "postgresql": [
        "DROP TRIGGER IF EXISTS ledger_transaction_open_month ON ledger_transaction",
        "DROP FUNCTION IF EXISTS ledger_transaction_open_month()",
    ],
}


DIMENSIONS = ("stripe_payout_id", "bank_line_id")


def upgrade() -> None:
    for column in DIMENSIONS:
        only = sa.text(f"{column} IS NOT NULL")
        op.create_index(f"ix_ledger_entry_{column}", "ledger_entry", [column], sqlite_where=only, postgresql_where=only)
    op.add_column("ledger_transaction", sa.Column("effective_on", sa.Date(), nullable=True))
    _create_periods()
    _create_mapping()
    op.create_table(
        "books_start",
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(length=26), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_by", sa.String(length=26), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("revision", name=op.f("pk_books_start")),
    )
    op.create_table(
        "books_verdict",
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("broken", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("taken_at", name=op.f("pk_books_verdict")),
    )
    for statement in CREATE[op.get_bind().dialect.name]:
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    for statement in DROP[op.get_bind().dialect.name]:
        op.get_bind().exec_driver_sql(statement)
    for table in ("books_verdict", "books_start", "account_mapping", "ledger_period"):
        op.drop_table(table)
    op.drop_column("ledger_transaction", "effective_on")
    for column in DIMENSIONS:
        op.drop_index(f"ix_ledger_entry_{column}", table_name="ledger_entry")


def _create_periods() -> None:
    op.create_table(
        "ledger_period",
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("bank_proof", sa.String(length=12), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("locked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("locked_by", sa.String(length=26), nullable=True),
        sa.Column("transactions", sa.Integer(), nullable=True),
        sa.Column("reopened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reopened_by", sa.String(length=26), nullable=True),
        sa.Column("reopened_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("length(period) = 7", name=op.f("ck_ledger_period_month")),
        sa.PrimaryKeyConstraint("period", name=op.f("pk_ledger_period")),
    )


def _create_mapping() -> None:
    op.create_table(
        "account_mapping",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("account", sa.String(length=8), nullable=False),
        sa.Column("fund_id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("outside_code", sa.String(length=60), nullable=False),
        sa.Column("outside_name", sa.String(length=200), nullable=False),
        sa.Column("tax_code", sa.String(length=60), nullable=False),
        sa.Column("tracking", sa.String(length=120), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_mapping")),
        sa.UniqueConstraint("account", "fund_id", "kind", name=op.f("uq_account_mapping_account_fund_id_kind")),
    )
