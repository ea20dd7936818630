"""Reconciliation: two people close a month; nothing is posted before a locked one; the weekly letter may be declined.

Three empty columns, two empty tables, and one trigger made anew: a moment, in which whoever posts waits.
"""

import sqlalchemy as sa
from alembic import op

revision = "0042_second_person"
down_revision = "0041_done_changes"
branch_labels = None
depends_on = None

# What is in the month of a locked one or before it is refused; until now only what is in it was.
BEFORE, NOW = "=", ">="


def upgrade() -> None:
    op.add_column("ledger_period", sa.Column("agreed_by", sa.String(length=26), nullable=True))
    op.add_column("ledger_period", sa.Column("alone_reason", sa.Text(), nullable=True))
    op.add_column("staff", sa.Column("no_money_letter_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "month_close_request",
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("bank_proof", sa.String(length=12), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.String(length=26), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("period", name=op.f("pk_month_close_request")),
    )
    op.create_table(
        "ledger_period_before",
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("turn", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("locked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("locked_by", sa.String(length=26), nullable=True),
        sa.Column("agreed_by", sa.String(length=26), nullable=True),
        sa.Column("bank_proof", sa.String(length=12), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("alone_reason", sa.Text(), nullable=True),
        sa.Column("reopened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reopened_by", sa.String(length=26), nullable=False),
        sa.Column("reopened_reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("period", "turn", name=op.f("pk_ledger_period_before")),
    )
    _refuse(NOW)


def downgrade() -> None:
    _refuse(BEFORE)
    op.drop_table("ledger_period_before")
    op.drop_table("month_close_request")
    op.drop_column("staff", "no_money_letter_at")
    op.drop_column("ledger_period", "alone_reason")
    op.drop_column("ledger_period", "agreed_by")


def _refuse(how: str) -> None:
    connection = op.get_bind()
    for statement in _sqlite(how) if connection.dialect.name == "sqlite" else _postgresql(how):
        connection.exec_driver_sql(statement)


def _sqlite(how: str) -> list[str]:
    return [
        "DROP TRIGGER ledger_transaction_open_month",
        f"CREATE TRIGGER ledger_transaction_open_month BEFORE INSERT ON ledger_transaction BEGIN SELECT RAISE(ABORT, 'ledger: this month is locked') WHERE EXISTS (SELECT 1 FROM ledger_period WHERE period {how} NEW.period AND state = 'locked'); END",  # noqa: S608 - fixed text
    ]


def _postgresql(how: str) -> list[str]:
    return [
        f"CREATE OR REPLACE FUNCTION ledger_transaction_open_month() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(7302); IF EXISTS (SELECT 1 FROM arrived a JOIN ledger_period p ON p.period {how} a.period AND p.state = 'locked') THEN RAISE EXCEPTION 'ledger: this month is locked' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NULL; END $$",  # noqa: S608 - fixed text
    ]
