"""Plans: standing promises, their payments, their history, and what is wanted of them.

Locks nothing for long: the tables are new.
"""

import sqlalchemy as sa
from alembic import op

revision = "0025_plans"
down_revision = "0024_ownership"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_plans()
    _create_instalments()
    _create_plan_events()
    _create_plan_changes()


def downgrade() -> None:
    op.drop_table("plan_change")
    op.drop_table("plan_event")
    op.drop_table("instalment")
    op.drop_table("plan")


def _create_plans() -> None:
    op.create_table(
        "plan",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("reference", sa.String(length=12), nullable=False),
        sa.Column("supporter_id", sa.String(length=26), nullable=False),
        sa.Column("first_donation_id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("tax_code", sa.String(length=40), nullable=False),
        sa.Column("frequency", sa.String(length=12), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("method_brand", sa.String(length=20), nullable=True),
        sa.Column("method_last4", sa.String(length=4), nullable=True),
        sa.Column("method_expires_on", sa.Date(), nullable=True),
        sa.Column("is_updated_by_network", sa.Boolean(), nullable=False),
        sa.Column("fund_id", sa.String(length=26), nullable=False),
        sa.Column("appeal_id", sa.String(length=26), nullable=False),
        sa.Column("attribution_id", sa.String(length=26), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("receipts", sa.String(length=8), nullable=False),
        sa.Column("locale", sa.String(length=12), nullable=False),
        sa.Column("stripe_subscription_id", sa.String(length=120), nullable=True),
        sa.Column("stripe_item_id", sa.String(length=120), nullable=True),
        sa.Column("stripe_customer_id", sa.String(length=120), nullable=True),
        sa.Column("stripe_payment_method_id", sa.String(length=120), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stops_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stop_reason", sa.String(length=20), nullable=True),
        sa.Column("failed_invoice_id", sa.String(length=120), nullable=True),
        sa.Column("failure_code", sa.String(length=60), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("needs_action", sa.Boolean(), nullable=False),
        sa.Column("action_url", sa.String(length=2000), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(state = 'stopped') = (stopped_at IS NOT NULL)", name=op.f("ck_plan_stopped_at")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_plan_amount")),
        sa.CheckConstraint("length(currency) = 3 AND currency = upper(currency)", name=op.f("ck_plan_currency")),
        sa.ForeignKeyConstraint(["appeal_id"], ["appeal.id"], name=op.f("fk_plan_appeal_id")),
        sa.ForeignKeyConstraint(["attribution_id"], ["attribution.id"], name=op.f("fk_plan_attribution_id")),
        sa.ForeignKeyConstraint(["first_donation_id"], ["donation.id"], name=op.f("fk_plan_first_donation_id")),
        sa.ForeignKeyConstraint(["fund_id"], ["fund.id"], name=op.f("fk_plan_fund_id")),
        sa.ForeignKeyConstraint(["supporter_id"], ["supporter.id"], name=op.f("fk_plan_supporter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan")),
        sa.UniqueConstraint("first_donation_id", name=op.f("uq_plan_first_donation_id")),
        sa.UniqueConstraint("reference", name=op.f("uq_plan_reference")),
        sa.UniqueConstraint("stripe_subscription_id", name=op.f("uq_plan_stripe_subscription_id")),
    )
    op.create_index("ix_plan_method", "plan", ["stripe_payment_method_id"], unique=False)
    op.create_index("ix_plan_started_at", "plan", ["started_at"], unique=False)
    op.create_index("ix_plan_state", "plan", ["state", "next_at"], unique=False)
    op.create_index("ix_plan_supporter_id", "plan", ["supporter_id"], unique=False)


def _create_instalments() -> None:
    op.create_table(
        "instalment",
        sa.Column("donation_id", sa.String(length=26), nullable=False),
        sa.Column("plan_id", sa.String(length=26), nullable=False),
        sa.Column("stripe_invoice_id", sa.String(length=120), nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["donation_id"], ["donation.id"], name=op.f("fk_instalment_donation_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_instalment_plan_id")),
        sa.PrimaryKeyConstraint("donation_id", name=op.f("pk_instalment")),
        sa.UniqueConstraint("stripe_invoice_id", name=op.f("uq_instalment_stripe_invoice_id")),
    )
    op.create_index("ix_instalment_plan_id", "instalment", ["plan_id"], unique=False)


def _create_plan_events() -> None:
    op.create_table(
        "plan_event",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("plan_id", sa.String(length=26), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("cause", sa.String(length=120), nullable=False),
        sa.Column("actor", sa.String(length=12), nullable=False),
        sa.Column("actor_id", sa.String(length=26), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_plan_event_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_event")),
    )
    op.create_index("uq_plan_event_cause", "plan_event", ["plan_id", "kind", "cause"], unique=True)


def _create_plan_changes() -> None:
    op.create_table(
        "plan_change",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("plan_id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("was", sa.JSON(), nullable=False),
        sa.Column("wanted", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("actor", sa.String(length=12), nullable=False),
        sa.Column("actor_id", sa.String(length=26), nullable=True),
        sa.Column("idempotency_key", sa.String(length=120), nullable=False),
        sa.Column("stripe_session_id", sa.String(length=255), nullable=True),
        sa.Column("failure", sa.String(length=200), nullable=True),
        sa.Column("reason", sa.String(length=400), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_plan_change_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_change")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_plan_change_idempotency_key")),
        sa.UniqueConstraint("stripe_session_id", name=op.f("uq_plan_change_stripe_session_id")),
    )
    op.create_index("ix_plan_change_plan_id", "plan_change", ["plan_id"], unique=False)
    op.create_index(
        "uq_plan_change_open",
        "plan_change",
        ["plan_id"],
        unique=True,
        postgresql_where=sa.text("state = 'requested'"),
        sqlite_where=sa.text("state = 'requested'"),
    )
