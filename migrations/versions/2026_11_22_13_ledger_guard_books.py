"""The database itself keeps the books: triggers that refuse what bookkeeping forbids.

Locks nothing for long: no row is read.
"""

from alembic import op

revision = "0013_books"
down_revision = "0012_receipts"
branch_labels = None
depends_on = None

CREATE = {
    "sqlite": [
        "CREATE TRIGGER ledger_transaction_balanced BEFORE INSERT ON ledger_transaction BEGIN SELECT RAISE(ABORT, 'ledger: a transaction needs two or more entries') WHERE (SELECT count(*) FROM ledger_entry WHERE transaction_id = NEW.id) < 2; SELECT RAISE(ABORT, 'ledger: the entries do not sum to zero') WHERE EXISTS (SELECT 1 FROM ledger_entry WHERE transaction_id = NEW.id GROUP BY currency HAVING sum(amount_minor) <> 0); END",
        "CREATE TRIGGER ledger_entry_sealed BEFORE INSERT ON ledger_entry BEGIN SELECT RAISE(ABORT, 'ledger: this transaction is sealed') WHERE EXISTS (SELECT 1 FROM ledger_transaction WHERE id = NEW.transaction_id); END",
        "CREATE TRIGGER ledger_transaction_no_update BEFORE UPDATE ON ledger_transaction BEGIN SELECT RAISE(ABORT, 'append-only: rows are neither changed nor removed'); END",
        "CREATE TRIGGER ledger_transaction_no_delete BEFORE DELETE ON ledger_transaction BEGIN SELECT RAISE(ABORT, 'append-only: rows are neither changed nor removed'); END",
        "CREATE TRIGGER ledger_transaction_no_replace BEFORE INSERT ON ledger_transaction BEGIN SELECT RAISE(ABORT, 'append-only: rows are neither changed nor removed') WHERE EXISTS (SELECT 1 FROM ledger_transaction WHERE (id = NEW.id) OR (source_kind = NEW.source_kind AND source_id = NEW.source_id AND purpose = NEW.purpose AND revision = NEW.revision) OR (reverses_id = NEW.reverses_id)); END",
        "CREATE TRIGGER ledger_entry_no_update BEFORE UPDATE ON ledger_entry BEGIN SELECT RAISE(ABORT, 'append-only: rows are neither changed nor removed'); END",
        "CREATE TRIGGER ledger_entry_no_delete BEFORE DELETE ON ledger_entry BEGIN SELECT RAISE(ABORT, 'append-only: rows are neither changed nor removed'); END",
        "CREATE TRIGGER ledger_entry_no_replace BEFORE INSERT ON ledger_entry BEGIN SELECT RAISE(ABORT, 'append-only: rows are neither changed nor removed') WHERE EXISTS (SELECT 1 FROM ledger_entry WHERE (id = NEW.id)); END",
        "CREATE TRIGGER audit_entry_no_update BEFORE UPDATE ON audit_entry BEGIN SELECT RAISE(ABORT, 'append-only: rows are neither changed nor removed'); END",
        "CREATE TRIGGER audit_entry_no_delete BEFORE DELETE ON audit_entry BEGIN SELECT RAISE(ABORT, 'append-only: rows are neither changed nor removed'); END",
        "CREATE TRIGGER audit_entry_no_replace BEFORE INSERT ON audit_entry BEGIN SELECT RAISE(ABORT, 'append-only: rows are neither changed nor removed') WHERE EXISTS (SELECT 1 FROM audit_entry WHERE (seq = NEW.seq) OR (digest = NEW.digest) OR (previous_digest = NEW.previous_digest)); END",
        "CREATE TRIGGER receipt_no_delete BEFORE DELETE ON receipt BEGIN SELECT RAISE(ABORT, 'kept: this row is never removed'); END",
        "CREATE TRIGGER receipt_fixed BEFORE UPDATE ON receipt WHEN OLD.id IS NOT NEW.id OR OLD.year IS NOT NEW.year OR OLD.sequence IS NOT NEW.sequence OR OLD.number IS NOT NEW.number OR OLD.donation_id IS NOT NEW.donation_id OR OLD.amount_minor IS NOT NEW.amount_minor OR OLD.currency IS NOT NEW.currency OR OLD.issued_at IS NOT NEW.issued_at BEGIN SELECT RAISE(ABORT, 'fixed: these columns never change'); END",
        "CREATE TRIGGER balance_transaction_no_delete BEFORE DELETE ON balance_transaction BEGIN SELECT RAISE(ABORT, 'kept: this row is never removed'); END",
        "CREATE TRIGGER balance_transaction_fixed BEFORE UPDATE ON balance_transaction WHEN OLD.stripe_balance_transaction_id IS NOT NEW.stripe_balance_transaction_id OR OLD.currency IS NOT NEW.currency OR OLD.gross_minor IS NOT NEW.gross_minor OR OLD.fee_minor IS NOT NEW.fee_minor OR OLD.net_minor IS NOT NEW.net_minor OR OLD.source_id IS NOT NEW.source_id OR OLD.created_at IS NOT NEW.created_at BEGIN SELECT RAISE(ABORT, 'fixed: these columns never change'); END",
    ],
    "postgresql": [
        "CREATE FUNCTION ledger_transaction_balanced() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(7302); IF EXISTS (SELECT 1 FROM arrived a LEFT JOIN ledger_entry e ON e.transaction_id = a.id GROUP BY a.id HAVING count(e.id) < 2) THEN RAISE EXCEPTION 'ledger: a transaction needs two or more entries' USING ERRCODE = 'integrity_constraint_violation'; END IF; IF EXISTS (SELECT 1 FROM arrived a LEFT JOIN ledger_entry e ON e.transaction_id = a.id GROUP BY a.id, e.currency HAVING sum(e.amount_minor) <> 0) THEN RAISE EXCEPTION 'ledger: the entries do not sum to zero' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NULL; END $$",
        "CREATE TRIGGER ledger_transaction_balanced AFTER INSERT ON ledger_transaction REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION ledger_transaction_balanced()",
        "CREATE FUNCTION ledger_entry_sealed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(7302); IF EXISTS (SELECT 1 FROM arrived a JOIN ledger_transaction t ON t.id = a.transaction_id) THEN RAISE EXCEPTION 'ledger: this transaction is sealed' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NULL; END $$",
        "CREATE TRIGGER ledger_entry_sealed AFTER INSERT ON ledger_entry REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION ledger_entry_sealed()",
        "CREATE FUNCTION ledger_transaction_frozen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'append-only: rows are neither changed nor removed' USING ERRCODE = 'integrity_constraint_violation'; END $$",
        "CREATE TRIGGER ledger_transaction_frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transaction FOR EACH STATEMENT EXECUTE FUNCTION ledger_transaction_frozen()",
        "CREATE FUNCTION ledger_entry_frozen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'append-only: rows are neither changed nor removed' USING ERRCODE = 'integrity_constraint_violation'; END $$",
        "CREATE TRIGGER ledger_entry_frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry FOR EACH STATEMENT EXECUTE FUNCTION ledger_entry_frozen()",
        "CREATE FUNCTION audit_entry_frozen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'append-only: rows are neither changed nor removed' USING ERRCODE = 'integrity_constraint_violation'; END $$",
        "CREATE TRIGGER audit_entry_frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_frozen()",
        "CREATE FUNCTION receipt_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'kept: this row is never removed' USING ERRCODE = 'integrity_constraint_violation'; END $$",
        "CREATE TRIGGER receipt_kept BEFORE DELETE OR TRUNCATE ON receipt FOR EACH STATEMENT EXECUTE FUNCTION receipt_kept()",
        "CREATE FUNCTION receipt_fixed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'fixed: these columns never change' USING ERRCODE = 'integrity_constraint_violation'; END $$",
        "CREATE TRIGGER receipt_fixed BEFORE UPDATE OF id, year, sequence, number, donation_id, amount_minor, currency, issued_at ON receipt FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id OR OLD.year IS DISTINCT FROM NEW.year OR OLD.sequence IS DISTINCT FROM NEW.sequence OR OLD.number IS DISTINCT FROM NEW.number OR OLD.donation_id IS DISTINCT FROM NEW.donation_id OR OLD.amount_minor IS DISTINCT FROM NEW.amount_minor OR OLD.currency IS DISTINCT FROM NEW.currency OR OLD.issued_at IS DISTINCT FROM NEW.issued_at) EXECUTE FUNCTION receipt_fixed()",
        "CREATE FUNCTION balance_transaction_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'kept: this row is never removed' USING ERRCODE = 'integrity_constraint_violation'; END $$",
        "CREATE TRIGGER balance_transaction_kept BEFORE DELETE OR TRUNCATE ON balance_transaction FOR EACH STATEMENT EXECUTE FUNCTION balance_transaction_kept()",
        "CREATE FUNCTION balance_transaction_fixed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'fixed: these columns never change' USING ERRCODE = 'integrity_constraint_violation'; END $$",
        "CREATE TRIGGER balance_transaction_fixed BEFORE UPDATE OF stripe_balance_transaction_id, currency, gross_minor, fee_minor, net_minor, source_id, created_at ON balance_transaction FOR EACH ROW WHEN (OLD.stripe_balance_transaction_id IS DISTINCT FROM NEW.stripe_balance_transaction_id OR OLD.currency IS DISTINCT FROM NEW.currency OR OLD.gross_minor IS DISTINCT FROM NEW.gross_minor OR OLD.fee_minor IS DISTINCT FROM NEW.fee_minor OR OLD.net_minor IS DISTINCT FROM NEW.net_minor OR OLD.source_id IS DISTINCT FROM NEW.source_id OR OLD.created_at IS DISTINCT FROM NEW.created_at) EXECUTE FUNCTION balance_transaction_fixed()",
    ],
}
DROP = {
    "sqlite": [
        "DROP TRIGGER IF EXISTS ledger_transaction_balanced",
        "DROP TRIGGER IF EXISTS ledger_entry_sealed",
        "DROP TRIGGER IF EXISTS ledger_transaction_no_update",
        "DROP TRIGGER IF EXISTS ledger_transaction_no_delete",
        "DROP TRIGGER IF EXISTS ledger_transaction_no_replace",
        "DROP TRIGGER IF EXISTS ledger_entry_no_update",
        "DROP TRIGGER IF EXISTS ledger_entry_no_delete",
        "DROP TRIGGER IF EXISTS ledger_entry_no_replace",
        "DROP TRIGGER IF EXISTS audit_entry_no_update",
        "DROP TRIGGER IF EXISTS audit_entry_no_delete",
        "DROP TRIGGER IF EXISTS audit_entry_no_replace",
        "DROP TRIGGER IF EXISTS receipt_no_delete",
        "DROP TRIGGER IF EXISTS receipt_fixed",
        "DROP TRIGGER IF EXISTS balance_transaction_no_delete",
        "DROP TRIGGER IF EXISTS balance_transaction_fixed",
    ],
    "postgresql": [
        "DROP TRIGGER IF EXISTS ledger_transaction_balanced ON ledger_transaction",
        "DROP TRIGGER IF EXISTS ledger_entry_sealed ON ledger_entry",
        "DROP TRIGGER IF EXISTS ledger_transaction_frozen ON ledger_transaction",
        "DROP TRIGGER IF EXISTS ledger_entry_frozen ON ledger_entry",
        "DROP TRIGGER IF EXISTS audit_entry_frozen ON audit_entry",
        "DROP TRIGGER IF EXISTS receipt_kept ON receipt",
        "DROP TRIGGER IF EXISTS receipt_fixed ON receipt",
        "DROP TRIGGER IF EXISTS balance_transaction_kept ON balance_transaction",
        "DROP TRIGGER IF EXISTS balance_transaction_fixed ON balance_transaction",
        "DROP FUNCTION IF EXISTS ledger_transaction_balanced()",
        "DROP FUNCTION IF EXISTS ledger_entry_sealed()",
        "DROP FUNCTION IF EXISTS ledger_transaction_frozen()",
        "DROP FUNCTION IF EXISTS ledger_entry_frozen()",
        "DROP FUNCTION IF EXISTS audit_entry_frozen()",
        "DROP FUNCTION IF EXISTS receipt_kept()",
        "DROP FUNCTION IF EXISTS receipt_fixed()",
        "DROP FUNCTION IF EXISTS balance_transaction_kept()",
        "DROP FUNCTION IF EXISTS balance_transaction_fixed()",
    ],
}


def upgrade() -> None:
    for statement in CREATE[op.get_bind().dialect.name]:
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    for statement in DROP[op.get_bind().dialect.name]:
        op.get_bind().exec_driver_sql(statement)
