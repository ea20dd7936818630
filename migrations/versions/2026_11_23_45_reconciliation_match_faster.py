"""Reconciliation: a year of bank lines is matched and posted in seconds, and the books are checked in fewer.

PostgreSQL looks at all that arrives at once. Makes two indexes of the ledger anew: one holds all that the checks ask of a
transaction, one only what has a donation. About four seconds for a million entries, in which nobody posts.
"""

import sqlalchemy as sa
from alembic import op

revision = "0045_match_faster"
down_revision = "0044_evidence"
branch_labels = None
depends_on = None

LOCK = "PERFORM pg_advisory_xact_lock(7302); "
STATE = "USING ERRCODE = 'integrity_constraint_violation'; END IF; "
MINE = "FROM arrived a LEFT JOIN ledger_entry e ON e.transaction_id = a.id"
ODD = "count(e.id) < 2 OR sum(e.amount_minor) <> 0 OR min(e.currency) <> max(e.currency)"
UNLESS_ODD = f"IF NOT EXISTS (SELECT 1 {MINE} GROUP BY a.id HAVING {ODD}) THEN RETURN NULL; END IF; "
BALANCED = (
    f"IF EXISTS (SELECT 1 {MINE} GROUP BY a.id HAVING count(e.id) < 2) THEN "
    f"RAISE EXCEPTION 'ledger: a transaction needs two or more entries' {STATE}"
    f"IF EXISTS (SELECT 1 {MINE} GROUP BY a.id, e.currency HAVING sum(e.amount_minor) <> 0) THEN "
    f"RAISE EXCEPTION 'ledger: the entries do not sum to zero' {STATE}"
)
PAIR_BY_PAIR = "EXISTS (SELECT 1 FROM arrived a JOIN ledger_period p ON p.period >= a.period AND p.state = 'locked')"
AT_ONCE = "(SELECT min(period) FROM arrived) <= (SELECT max(period) FROM ledger_period WHERE state = 'locked')"
# Every line is changed once, when it is found to be something: room is left for that where it stands in these.
CHANGED_ONCE = ("pk_bank_line", "uq_bank_line_live", "ix_bank_line_booked_on", "ix_bank_line_bank_file_id")
LOCKED = f"THEN RAISE EXCEPTION 'ledger: this month is locked' {STATE}"


def upgrade() -> None:
    _index("donation_id", only=sa.text("donation_id IS NOT NULL"))
    _index("transaction_id", "currency", "account", "amount_minor")
    _guard(UNLESS_ODD, AT_ONCE)
    _leave_room("SET (fillfactor = 50)")


def downgrade() -> None:
    _leave_room("RESET (fillfactor)")
    _guard("", PAIR_BY_PAIR)
    _index("transaction_id")
    _index("donation_id")


def _index(column: str, *more: str, only: sa.TextClause | None = None) -> None:
    name, where = f"ix_ledger_entry_{column}", {} if only is None else {"sqlite_where": only, "postgresql_where": only}
    op.drop_index(name, table_name="ledger_entry")
    op.create_index(name, "ledger_entry", [column, *more], **where)


def _leave_room(how: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        for name in CHANGED_ONCE:
            op.execute(f"ALTER INDEX {name} {how}")


def _guard(unless_odd: str, is_locked: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    bodies = {
        "ledger_transaction_balanced": f"{LOCK}{unless_odd}{BALANCED}",
        "ledger_transaction_open_month": f"{LOCK}IF {is_locked} {LOCKED}",
    }
    for name, body in bodies.items():
        made = f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}RETURN NULL; END $$"
        op.get_bind().exec_driver_sql(made)
