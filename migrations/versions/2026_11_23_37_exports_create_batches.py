"""Exports: immutable batches, and which entry went out in which.

New tables only: locks nothing. Triggers keep a batch as it was made: only its state may turn, once, and nothing goes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0037_exports"
down_revision = "0036_discuss"
branch_labels = None
depends_on = None

BATCH_COLUMNS = (
    "id", "target", "mode", "starts_on", "ends_on", "file_name", "body", "journals", "sha256", "size_bytes",
    "transactions", "journal_count", "line_count", "totals", "made_by", "made_at", "reverses_id",
)  # fmt: skip
ITEM_COLUMNS = ("batch_id", "ledger_transaction_id", "target")
TABLES = (("export_batch", BATCH_COLUMNS), ("export_item", ITEM_COLUMNS))
KEPT = "kept: this row is never removed"
FIXED = "fixed: these columns never change"


def upgrade() -> None:
    op.create_table(
        "export_batch",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("target", sa.String(length=12), nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("file_name", sa.String(length=120), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("journals", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("transactions", sa.Integer(), nullable=False),
        sa.Column("journal_count", sa.Integer(), nullable=False),
        sa.Column("line_count", sa.Integer(), nullable=False),
        sa.Column("totals", sa.JSON(), nullable=False),
        sa.Column("made_by", sa.String(length=26), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("reverses_id", sa.String(length=26), nullable=True),
        sa.Column("reversed_by_batch_id", sa.String(length=26), nullable=True),
        sa.CheckConstraint("starts_on <= ends_on", name=op.f("ck_export_batch_days")),
        sa.CheckConstraint(
            "(state = 'reversed') = (reversed_by_batch_id IS NOT NULL)", name=op.f("ck_export_batch_reversed")
        ),
        sa.ForeignKeyConstraint(["reverses_id"], ["export_batch.id"], name=op.f("fk_export_batch_reverses_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export_batch")),
        sa.UniqueConstraint("reverses_id", name=op.f("uq_export_batch_reverses_id")),
        sa.UniqueConstraint("reversed_by_batch_id", name=op.f("uq_export_batch_reversed_by_batch_id")),
    )
    op.create_index("ix_export_batch_made_at", "export_batch", ["made_at"])
    op.create_table(
        "export_item",
        sa.Column("batch_id", sa.String(length=26), nullable=False),
        sa.Column("ledger_transaction_id", sa.String(length=26), nullable=False),
        sa.Column("target", sa.String(length=12), nullable=False),
        sa.Column("is_live", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["export_batch.id"],
            name=op.f("fk_export_item_batch_id"),
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.ForeignKeyConstraint(
            ["ledger_transaction_id"], ["ledger_transaction.id"], name=op.f("fk_export_item_ledger_transaction_id")
        ),
        sa.PrimaryKeyConstraint("batch_id", "ledger_transaction_id", name=op.f("pk_export_item")),
    )
    op.create_index(
        "ux_export_item_live",
        "export_item",
        ["target", "ledger_transaction_id"],
        unique=True,
        sqlite_where=sa.text("is_live"),
        postgresql_where=sa.text("is_live"),
    )
    op.create_index("ix_export_item_ledger_transaction_id", "export_item", ["ledger_transaction_id"])
    make = _postgresql if op.get_bind().dialect.name == "postgresql" else _sqlite
    for table, columns in TABLES:
        for statement in make(table, columns):
            op.execute(statement)


def downgrade() -> None:
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for table, _ in reversed(TABLES):
        op.drop_table(table)  # its triggers go with it
        if is_postgresql:
            op.execute(f"DROP FUNCTION {table}_kept()")
            op.execute(f"DROP FUNCTION {table}_fixed()")


def _sqlite(table: str, columns: tuple[str, ...]) -> list[str]:
    changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in columns)
    turned = " OR OLD.state = 'reversed'" if table == "export_batch" else " OR NOT OLD.is_live"
    return [
        f"CREATE TRIGGER {table}_kept BEFORE DELETE ON {table} BEGIN SELECT RAISE(ABORT, '{KEPT}'); END",
        f"CREATE TRIGGER {table}_fixed BEFORE UPDATE ON {table} WHEN {changed}{turned} "
        f"BEGIN SELECT RAISE(ABORT, '{FIXED}'); END",
    ]


def _postgresql(table: str, columns: tuple[str, ...]) -> list[str]:
    # JSON has no equality on PostgreSQL: compared as text.
    changed = " OR ".join(
        f"OLD.{name}{cast} IS DISTINCT FROM NEW.{name}{cast}"
        for name, cast in ((name, "::text" if name == "totals" else "") for name in columns)
    )
    turned = " OR OLD.state = 'reversed'" if table == "export_batch" else " OR NOT OLD.is_live"
    body = "BEGIN RAISE EXCEPTION '{}' USING ERRCODE = 'integrity_constraint_violation'; END"
    return [
        f"CREATE FUNCTION {table}_kept() RETURNS trigger LANGUAGE plpgsql AS $$ {body.format(KEPT)} $$",
        f"CREATE TRIGGER {table}_kept BEFORE DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_kept()",
        f"CREATE FUNCTION {table}_fixed() RETURNS trigger LANGUAGE plpgsql AS $$ {body.format(FIXED)} $$",
        f"CREATE TRIGGER {table}_fixed BEFORE UPDATE ON {table} FOR EACH ROW WHEN ({changed}{turned}) "
        f"EXECUTE FUNCTION {table}_fixed()",
    ]
