"""Newsletters, signups, consent evidence.

Why: a list may be written to only with proof of consent, and the proof must not change afterwards. Locks nothing for long:
the tables are new. The database itself refuses to change or remove evidence and wordings.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016_newsletters"
down_revision = "0015_prompts"
branch_labels = None
depends_on = None

FROZEN = ("newsletter_wording", "consent")
APPEND_ONLY = "append-only: rows are neither changed nor removed"


def upgrade() -> None:
    _create_lists()
    _create_subscribers()
    _create_evidence()
    for table in FROZEN:
        for statement in _freeze(table, op.get_bind().dialect.name):
            op.get_bind().exec_driver_sql(statement)


def _create_lists() -> None:
    op.create_table(
        "newsletter",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("how_often", sa.String(length=120), nullable=False),
        sa.Column("sender_name", sa.String(length=120), nullable=False),
        sa.Column("wording", sa.String(length=400), nullable=False),
        sa.Column("wording_id", sa.String(length=26), nullable=False),
        sa.Column("is_double_opt_in", sa.Boolean(), nullable=False),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_newsletter")),
        sa.UniqueConstraint("slug", name=op.f("uq_newsletter_slug")),
    )
    op.create_table(
        "newsletter_wording",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("newsletter_id", sa.String(length=26), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["newsletter_id"], ["newsletter.id"], name=op.f("fk_newsletter_wording_newsletter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_newsletter_wording")),
        sa.UniqueConstraint("newsletter_id", "sha256", name=op.f("uq_newsletter_wording_newsletter_id_sha256")),
    )


def _create_subscribers() -> None:
    op.create_table(
        "subscriber",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("address_digest", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriber")),
        sa.UniqueConstraint("address_digest", name=op.f("uq_subscriber_address_digest")),
    )
    op.create_table(
        "signup",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("subscriber_id", sa.String(length=26), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("letters", sa.Integer(), nullable=False),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name=op.f("fk_signup_subscriber_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signup")),
        sa.UniqueConstraint("subscriber_id", name=op.f("uq_signup_subscriber_id")),
    )
    op.create_index("ix_signup_expires_at", "signup", ["expires_at"])
    op.create_table(
        "signup_choice",
        sa.Column("signup_id", sa.String(length=26), nullable=False),
        sa.Column("newsletter_id", sa.String(length=26), nullable=False),
        sa.Column("wording_id", sa.String(length=26), nullable=False),
        sa.Column("form", sa.String(length=20), nullable=False),
        sa.Column("path", sa.String(length=500), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["signup_id"], ["signup.id"], name=op.f("fk_signup_choice_signup_id")),
        sa.ForeignKeyConstraint(["newsletter_id"], ["newsletter.id"], name=op.f("fk_signup_choice_newsletter_id")),
        sa.ForeignKeyConstraint(["wording_id"], ["newsletter_wording.id"], name=op.f("fk_signup_choice_wording_id")),
        sa.PrimaryKeyConstraint("signup_id", "newsletter_id", name=op.f("pk_signup_choice")),
    )


def _create_evidence() -> None:
    op.create_table(
        "subscription",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("subscriber_id", sa.String(length=26), nullable=False),
        sa.Column("newsletter_id", sa.String(length=26), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("consent_id", sa.String(length=26), nullable=False),
        sa.Column("batch_id", sa.String(length=26), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name=op.f("fk_subscription_subscriber_id")),
        sa.ForeignKeyConstraint(["newsletter_id"], ["newsletter.id"], name=op.f("fk_subscription_newsletter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription")),
        sa.UniqueConstraint("subscriber_id", "newsletter_id", name=op.f("uq_subscription_subscriber_id_newsletter_id")),
    )
    op.create_index("ix_subscription_newsletter_state", "subscription", ["newsletter_id", "state"])
    op.create_index("ix_subscription_batch_id", "subscription", ["batch_id"])
    op.create_table(
        "consent",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("subscriber_id", sa.String(length=26), nullable=False),
        sa.Column("newsletter_id", sa.String(length=26), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("basis", sa.String(length=40), nullable=False),
        sa.Column("method", sa.String(length=30), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wording_id", sa.String(length=26), nullable=True),
        sa.Column("wording_sha256", sa.String(length=64), nullable=True),
        sa.Column("form", sa.String(length=20), nullable=False),
        sa.Column("path", sa.String(length=500), nullable=False),
        sa.Column("batch_id", sa.String(length=26), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["newsletter_id"], ["newsletter.id"], name=op.f("fk_consent_newsletter_id")),
        sa.ForeignKeyConstraint(["wording_id"], ["newsletter_wording.id"], name=op.f("fk_consent_wording_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    op.create_index("ix_consent_subscriber_id", "consent", ["subscriber_id", "id"])
    op.create_index("ix_consent_newsletter_id", "consent", ["newsletter_id", "id"])


def _freeze(table: str, dialect: str) -> list[str]:
    if dialect == "sqlite":
        refuse = f"SELECT RAISE(ABORT, '{APPEND_ONLY}')"
        return [
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} BEGIN {refuse}; END",
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} BEGIN {refuse}; END",
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "  # noqa: S608 - the tables are named above
            f"WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id) BEGIN {refuse}; END",
        ]
    raise_it = f"RAISE EXCEPTION '{APPEND_ONLY}' USING ERRCODE = 'integrity_constraint_violation';"
    return [
        f"CREATE FUNCTION {table}_frozen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {raise_it} END $$",
        f"CREATE TRIGGER {table}_frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_frozen()",
    ]


def downgrade() -> None:
    for table in ("consent", "subscription", "signup_choice", "signup", "subscriber"):
        op.drop_table(table)
    op.drop_table("newsletter_wording")
    op.drop_table("newsletter")
    if op.get_bind().dialect.name == "postgresql":
        for table in FROZEN:
            op.get_bind().exec_driver_sql(f"DROP FUNCTION IF EXISTS {table}_frozen()")
