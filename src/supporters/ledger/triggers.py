"""What the database itself refuses, whoever asks: SQL for both databases, executed by the migration.

- A transaction arrives only when two or more entries of it exist and sum to zero per currency.
- A transaction arrives only in a month after every locked one: an earlier one would change what a locked one opened with.
- An entry arrives only before its transaction; an entry whose transaction never arrives fails the deferred foreign key.
- Ledger and audit rows are never changed or removed; receipts keep their number; the mirror of Stripe keeps its amounts.

On PostgreSQL the ledger's triggers run once a statement and take the ledger's lock first. Without the lock, two sessions
could each add to the same transaction unseen by the other. On SQLite one writer runs at a time; there, inserts
that would replace a row are refused as well, because REPLACE removes rows without running the delete trigger.
"""

# ruff: noqa: S608 - the statements are made of this file's own constants
from collections.abc import Mapping
from typing import NamedTuple

from supporters.ledger.lock import LEDGER_LOCK

FROZEN_TABLES = ("ledger_transaction", "ledger_entry", "audit_entry")
FROZEN_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "receipt": ("id", "year", "sequence", "number", "donation_id", "amount_minor", "currency", "issued_at"),
    "balance_transaction": (
        "stripe_balance_transaction_id",
        "currency",
        "gross_minor",
        "fee_minor",
        "net_minor",
        "source_id",
        "created_at",
    ),
}
UNIQUE_KEYS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "ledger_transaction": (("id",), ("source_kind", "source_id", "purpose", "revision"), ("reverses_id",)),
    "ledger_entry": (("id",),),
    "audit_entry": (("seq",), ("digest",), ("previous_digest",)),
}
TOO_FEW = "ledger: a transaction needs two or more entries"
NOT_BALANCED = "ledger: the entries do not sum to zero"
LOCKED_MONTH = "ledger: this month is locked"
SEALED = "ledger: this transaction is sealed"
APPEND_ONLY = "append-only: rows are neither changed nor removed"
KEPT = "kept: this row is never removed"
FIXED = "fixed: these columns never change"


class Trigger(NamedTuple):
    """One trigger, with the statements that make it, its function first where the dialect needs one."""

    name: str
    table: str
    statements: tuple[str, ...]


def create_statements(dialect: str) -> list[str]:
    """Every statement that puts the triggers in place, in order. `dialect` is "sqlite" or "postgresql"."""
    return [statement for trigger in _triggers(dialect) for statement in trigger.statements]


def drop_statements(dialect: str) -> list[str]:
    """Every statement that takes the triggers away again, in order."""
    if dialect == "sqlite":
        return [f"DROP TRIGGER IF EXISTS {trigger.name}" for trigger in _triggers(dialect)]
    triggers = [f"DROP TRIGGER IF EXISTS {trigger.name} ON {trigger.table}" for trigger in _triggers(dialect)]
    return triggers + [f"DROP FUNCTION IF EXISTS {trigger.name}()" for trigger in _triggers(dialect)]


def _triggers(dialect: str) -> list[Trigger]:
    if dialect == "sqlite":
        frozen = [trigger for table in FROZEN_TABLES for trigger in _sqlite_frozen(table)]
        kept = [trigger for table in FROZEN_COLUMNS for trigger in _sqlite_kept(table)]
        return [_sqlite_balanced(), _sqlite_sealed(), _sqlite_open_month(), *frozen, *kept]
    frozen = [_postgresql_frozen(table) for table in FROZEN_TABLES]
    kept = [trigger for table in FROZEN_COLUMNS for trigger in _postgresql_kept(table)]
    return [_postgresql_balanced(), _postgresql_sealed(), _postgresql_open_month(), *frozen, *kept]


def _sqlite(name: str, table: str, when: str, body: str) -> Trigger:
    return Trigger(name, table, (f"CREATE TRIGGER {name} {when} BEGIN {body} END",))


def _sqlite_balanced() -> Trigger:
    mine = "FROM ledger_entry WHERE transaction_id = NEW.id"
    body = (
        f"SELECT RAISE(ABORT, '{TOO_FEW}') WHERE (SELECT count(*) {mine}) < 2; "
        f"SELECT RAISE(ABORT, '{NOT_BALANCED}') "
        f"WHERE EXISTS (SELECT 1 {mine} GROUP BY currency HAVING sum(amount_minor) <> 0);"
    )
    return _sqlite("ledger_transaction_balanced", "ledger_transaction", "BEFORE INSERT ON ledger_transaction", body)


def _sqlite_sealed() -> Trigger:
    body = (
        f"SELECT RAISE(ABORT, '{SEALED}') "
        "WHERE EXISTS (SELECT 1 FROM ledger_transaction WHERE id = NEW.transaction_id);"
    )
    return _sqlite("ledger_entry_sealed", "ledger_entry", "BEFORE INSERT ON ledger_entry", body)


def _sqlite_open_month() -> Trigger:
    body = (
        f"SELECT RAISE(ABORT, '{LOCKED_MONTH}') "
        "WHERE EXISTS (SELECT 1 FROM ledger_period WHERE period >= NEW.period AND state = 'locked');"
    )
    return _sqlite("ledger_transaction_open_month", "ledger_transaction", "BEFORE INSERT ON ledger_transaction", body)


def _sqlite_frozen(table: str) -> list[Trigger]:
    refuse = f"SELECT RAISE(ABORT, '{APPEND_ONLY}');"
    verbs = [
        _sqlite(f"{table}_no_{verb.lower()}", table, f"BEFORE {verb} ON {table}", refuse)
        for verb in ("UPDATE", "DELETE")
    ]
    return [*verbs, _sqlite_no_replace(table)]


def _sqlite_no_replace(table: str) -> Trigger:
    clash = " OR ".join(f"({' AND '.join(f'{name} = NEW.{name}' for name in key)})" for key in UNIQUE_KEYS[table])
    body = f"SELECT RAISE(ABORT, '{APPEND_ONLY}') WHERE EXISTS (SELECT 1 FROM {table} WHERE {clash});"
    return _sqlite(f"{table}_no_replace", table, f"BEFORE INSERT ON {table}", body)


def _sqlite_kept(table: str) -> list[Trigger]:
    changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in FROZEN_COLUMNS[table])
    return [
        _sqlite(f"{table}_no_delete", table, f"BEFORE DELETE ON {table}", f"SELECT RAISE(ABORT, '{KEPT}');"),
        _sqlite(
            f"{table}_fixed",
            table,
            f"BEFORE UPDATE ON {table} WHEN {changed}",
            f"SELECT RAISE(ABORT, '{FIXED}');",
        ),
    ]


def _postgresql(name: str, table: str, when: str, body: str) -> Trigger:
    function = f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$"
    return Trigger(name, table, (function, f"CREATE TRIGGER {name} {when} EXECUTE FUNCTION {name}()"))


def _postgresql_balanced() -> Trigger:
    """Looks at all that have arrived in one go; only where something is odd, or in two currencies, at what it is."""
    mine = "FROM arrived a LEFT JOIN ledger_entry e ON e.transaction_id = a.id"
    odd = "count(e.id) < 2 OR sum(e.amount_minor) <> 0 OR min(e.currency) <> max(e.currency)"
    body = (
        f"PERFORM pg_advisory_xact_lock({LEDGER_LOCK}); "
        f"IF NOT EXISTS (SELECT 1 {mine} GROUP BY a.id HAVING {odd}) THEN RETURN NULL; END IF; "
        f"IF EXISTS (SELECT 1 {mine} GROUP BY a.id HAVING count(e.id) < 2) THEN "
        f"RAISE EXCEPTION '{TOO_FEW}' USING ERRCODE = 'integrity_constraint_violation'; END IF; "
        f"IF EXISTS (SELECT 1 {mine} GROUP BY a.id, e.currency HAVING sum(e.amount_minor) <> 0) THEN "
        f"RAISE EXCEPTION '{NOT_BALANCED}' USING ERRCODE = 'integrity_constraint_violation'; END IF; "
        "RETURN NULL;"
    )
    return _postgresql("ledger_transaction_balanced", "ledger_transaction", _arriving("ledger_transaction"), body)


def _postgresql_sealed() -> Trigger:
    body = (
        f"PERFORM pg_advisory_xact_lock({LEDGER_LOCK}); "
        "IF EXISTS (SELECT 1 FROM arrived a JOIN ledger_transaction t ON t.id = a.transaction_id) THEN "
        f"RAISE EXCEPTION '{SEALED}' USING ERRCODE = 'integrity_constraint_violation'; END IF; "
        "RETURN NULL;"
    )
    return _postgresql("ledger_entry_sealed", "ledger_entry", _arriving("ledger_entry"), body)


def _postgresql_open_month() -> Trigger:
    body = (
        f"PERFORM pg_advisory_xact_lock({LEDGER_LOCK}); "
        "IF (SELECT min(period) FROM arrived) <= (SELECT max(period) FROM ledger_period WHERE state = 'locked') THEN "
        f"RAISE EXCEPTION '{LOCKED_MONTH}' USING ERRCODE = 'integrity_constraint_violation'; END IF; "
        "RETURN NULL;"
    )
    return _postgresql("ledger_transaction_open_month", "ledger_transaction", _arriving("ledger_transaction"), body)


def _arriving(table: str) -> str:
    return f"AFTER INSERT ON {table} REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT"


def _postgresql_frozen(table: str) -> Trigger:
    when = f"BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT"
    body = f"RAISE EXCEPTION '{APPEND_ONLY}' USING ERRCODE = 'integrity_constraint_violation';"
    return _postgresql(f"{table}_frozen", table, when, body)


def _postgresql_kept(table: str) -> list[Trigger]:
    columns = ", ".join(FROZEN_COLUMNS[table])
    changed = " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in FROZEN_COLUMNS[table])
    kept = f"RAISE EXCEPTION '{KEPT}' USING ERRCODE = 'integrity_constraint_violation';"
    fixed = f"RAISE EXCEPTION '{FIXED}' USING ERRCODE = 'integrity_constraint_violation';"
    return [
        _postgresql(f"{table}_kept", table, f"BEFORE DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT", kept),
        _postgresql(
            f"{table}_fixed", table, f"BEFORE UPDATE OF {columns} ON {table} FOR EACH ROW WHEN ({changed})", fixed
        ),
    ]
