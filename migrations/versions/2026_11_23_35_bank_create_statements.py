"""Bank: accounts, files, statements and their lines.

Locks nothing for long: the tables are new.
"""

import sqlalchemy as sa
from alembic import op

revision = "0035_statements"
down_revision = "0034_periods"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_accounts_and_files()
    _create_statements_and_lines()


def downgrade() -> None:
    for table in ("bank_sighting", "bank_line", "bank_statement", "bank_file", "bank_account"):
        op.drop_table(table)


def _create_accounts_and_files() -> None:
    op.create_table(
        "bank_account",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("last4", sa.String(length=4), nullable=False),
        sa.Column("account_hash", sa.String(length=43), nullable=False),
        sa.Column("also_hashes", sa.JSON(), nullable=False),
        sa.Column("profile", sa.JSON(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(length=26), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_account")),
    )
    op.create_table(
        "bank_file",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("bank_account_id", sa.String(length=26), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("format", sa.String(length=8), nullable=False),
        sa.Column("layout", sa.String(length=43), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("parsed", sa.LargeBinary(), nullable=True),
        sa.Column("profile", sa.JSON(), nullable=True),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("taken_by", sa.String(length=26), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("imported_by", sa.String(length=26), nullable=True),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.String(length=26), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["bank_account_id"], ["bank_account.id"], name=op.f("fk_bank_file_bank_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_file")),
    )
    op.create_index("ix_bank_file_bank_account_id", "bank_file", ["bank_account_id", "taken_at"], unique=False)
    op.create_index("ix_bank_file_sha256", "bank_file", ["sha256"], unique=False)
    op.create_index(
        "ix_bank_file_waiting",
        "bank_file",
        ["taken_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('uploaded', 'ready')"),
        sqlite_where=sa.text("state IN ('uploaded', 'ready')"),
    )


def _create_statements_and_lines() -> None:
    op.create_table(
        "bank_statement",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("bank_file_id", sa.String(length=26), nullable=False),
        sa.Column("bank_account_id", sa.String(length=26), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=60), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("opening_minor", sa.BigInteger(), nullable=True),
        sa.Column("closing_minor", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("starts_on <= ends_on", name=op.f("ck_bank_statement_days")),
        sa.ForeignKeyConstraint(
            ["bank_account_id"], ["bank_account.id"], name=op.f("fk_bank_statement_bank_account_id")
        ),
        sa.ForeignKeyConstraint(["bank_file_id"], ["bank_file.id"], name=op.f("fk_bank_statement_bank_file_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_statement")),
    )
    op.create_index(
        "ix_bank_statement_bank_account_id", "bank_statement", ["bank_account_id", "starts_on"], unique=False
    )
    op.create_index("ix_bank_statement_bank_file_id", "bank_statement", ["bank_file_id"], unique=False)
    op.create_table(
        "bank_line",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("bank_account_id", sa.String(length=26), nullable=False),
        sa.Column("bank_file_id", sa.String(length=26), nullable=False),
        sa.Column("bank_statement_id", sa.String(length=26), nullable=False),
        sa.Column("parent_id", sa.String(length=26), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("value_on", sa.Date(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("counterparty", sa.String(length=200), nullable=False),
        sa.Column("counterparty_hash", sa.String(length=43), nullable=False),
        sa.Column("counterparty_last4", sa.String(length=4), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("bank_reference", sa.String(length=120), nullable=False),
        sa.Column("end_to_end", sa.String(length=120), nullable=False),
        sa.Column("type_code", sa.String(length=60), nullable=False),
        sa.Column("is_reversal", sa.Boolean(), nullable=False),
        sa.Column("fingerprint", sa.String(length=43), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("layout", sa.String(length=43), nullable=False),
        sa.Column("is_kept_whole", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("state_note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["bank_account_id"], ["bank_account.id"], name=op.f("fk_bank_line_bank_account_id")),
        sa.ForeignKeyConstraint(["bank_file_id"], ["bank_file.id"], name=op.f("fk_bank_line_bank_file_id")),
        sa.ForeignKeyConstraint(
            ["bank_statement_id"], ["bank_statement.id"], name=op.f("fk_bank_line_bank_statement_id")
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["bank_line.id"], name=op.f("fk_bank_line_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_line")),
    )
    op.create_index("ix_bank_line_bank_file_id", "bank_line", ["bank_file_id"], unique=False)
    op.create_index("ix_bank_line_booked_on", "bank_line", ["bank_account_id", "booked_on"], unique=False)
    op.create_index(
        "ix_bank_line_open",
        "bank_line",
        ["amount_minor", "booked_on"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
        sqlite_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "ix_bank_line_parent_id",
        "bank_line",
        ["parent_id"],
        unique=False,
        postgresql_where=sa.text("parent_id IS NOT NULL"),
        sqlite_where=sa.text("parent_id IS NOT NULL"),
    )
    op.create_index(
        "ix_bank_line_payer",
        "bank_line",
        ["counterparty_hash", "booked_on"],
        unique=False,
        postgresql_where=sa.text("counterparty_hash <> ''"),
        sqlite_where=sa.text("counterparty_hash <> ''"),
    )
    op.create_index(
        "uq_bank_line_live",
        "bank_line",
        ["bank_account_id", "fingerprint", "occurrence"],
        unique=True,
        postgresql_where=sa.text("state <> 'undone'"),
        sqlite_where=sa.text("state <> 'undone'"),
    )
    op.create_table(
        "bank_sighting",
        sa.Column("bank_line_id", sa.String(length=26), nullable=False),
        sa.Column("bank_file_id", sa.String(length=26), nullable=False),
        sa.Column("bank_statement_id", sa.String(length=26), nullable=False),
        sa.ForeignKeyConstraint(["bank_file_id"], ["bank_file.id"], name=op.f("fk_bank_sighting_bank_file_id")),
        sa.ForeignKeyConstraint(["bank_line_id"], ["bank_line.id"], name=op.f("fk_bank_sighting_bank_line_id")),
        sa.ForeignKeyConstraint(
            ["bank_statement_id"], ["bank_statement.id"], name=op.f("fk_bank_sighting_bank_statement_id")
        ),
        sa.PrimaryKeyConstraint("bank_line_id", "bank_statement_id", name=op.f("pk_bank_sighting")),
    )
    op.create_index("ix_bank_sighting_bank_file_id", "bank_sighting", ["bank_file_id"], unique=False)
    op.create_index("ix_bank_sighting_bank_statement_id", "bank_sighting", ["bank_statement_id"], unique=False)
