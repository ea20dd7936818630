"""Donations: the database itself keeps what they add up to day by day, so that the desk need not read them all.

Reads every donation once and keeps writers of donations waiting meanwhile: about a second for half a million.
"""

import sqlalchemy as sa
from alembic import op

revision = "0031_tally"
down_revision = "0030_called"
branch_labels = None
depends_on = None

CREATE = {
    "sqlite": [
        "CREATE TRIGGER donation_tally_insert AFTER INSERT ON donation BEGIN INSERT INTO donation_tally (since, currency, state, slot, donations, amount_minor, fees_known, fee_minor, refunds, refunded_minor, returns, returned_minor) VALUES (date(coalesce(NEW.paid_at, NEW.created_at)) || ' 00:00:00.000000', NEW.currency, NEW.state, 0, (1), (NEW.amount_minor), (CASE WHEN NEW.fee_minor IS NULL THEN 0 ELSE 1 END), (coalesce(NEW.fee_minor, 0)), (CASE WHEN NEW.refunded_minor > 0 THEN 1 ELSE 0 END), (NEW.refunded_minor), (CASE WHEN NEW.returned_minor > 0 THEN 1 ELSE 0 END), (NEW.returned_minor)) ON CONFLICT (since, currency, state, slot) DO UPDATE SET donations = donation_tally.donations + excluded.donations, amount_minor = donation_tally.amount_minor + excluded.amount_minor, fees_known = donation_tally.fees_known + excluded.fees_known, fee_minor = donation_tally.fee_minor + excluded.fee_minor, refunds = donation_tally.refunds + excluded.refunds, refunded_minor = donation_tally.refunded_minor + excluded.refunded_minor, returns = donation_tally.returns + excluded.returns, returned_minor = donation_tally.returned_minor + excluded.returned_minor; END",
        "CREATE TRIGGER donation_tally_update AFTER UPDATE OF state, currency, paid_at, created_at, amount_minor, fee_minor, refunded_minor, returned_minor ON donation WHEN OLD.state IS NOT NEW.state OR OLD.currency IS NOT NEW.currency OR OLD.paid_at IS NOT NEW.paid_at OR OLD.created_at IS NOT NEW.created_at OR OLD.amount_minor IS NOT NEW.amount_minor OR OLD.fee_minor IS NOT NEW.fee_minor OR OLD.refunded_minor IS NOT NEW.refunded_minor OR OLD.returned_minor IS NOT NEW.returned_minor BEGIN INSERT INTO donation_tally (since, currency, state, slot, donations, amount_minor, fees_known, fee_minor, refunds, refunded_minor, returns, returned_minor) VALUES (date(coalesce(OLD.paid_at, OLD.created_at)) || ' 00:00:00.000000', OLD.currency, OLD.state, 0, -(1), -(OLD.amount_minor), -(CASE WHEN OLD.fee_minor IS NULL THEN 0 ELSE 1 END), -(coalesce(OLD.fee_minor, 0)), -(CASE WHEN OLD.refunded_minor > 0 THEN 1 ELSE 0 END), -(OLD.refunded_minor), -(CASE WHEN OLD.returned_minor > 0 THEN 1 ELSE 0 END), -(OLD.returned_minor)) ON CONFLICT (since, currency, state, slot) DO UPDATE SET donations = donation_tally.donations + excluded.donations, amount_minor = donation_tally.amount_minor + excluded.amount_minor, fees_known = donation_tally.fees_known + excluded.fees_known, fee_minor = donation_tally.fee_minor + excluded.fee_minor, refunds = donation_tally.refunds + excluded.refunds, refunded_minor = donation_tally.refunded_minor + excluded.refunded_minor, returns = donation_tally.returns + excluded.returns, returned_minor = donation_tally.returned_minor + excluded.returned_minor; INSERT INTO donation_tally (since, currency, state, slot, donations, amount_minor, fees_known, fee_minor, refunds, refunded_minor, returns, returned_minor) VALUES (date(coalesce(NEW.paid_at, NEW.created_at)) || ' 00:00:00.000000', NEW.currency, NEW.state, 0, (1), (NEW.amount_minor), (CASE WHEN NEW.fee_minor IS NULL THEN 0 ELSE 1 END), (coalesce(NEW.fee_minor, 0)), (CASE WHEN NEW.refunded_minor > 0 THEN 1 ELSE 0 END), (NEW.refunded_minor), (CASE WHEN NEW.returned_minor > 0 THEN 1 ELSE 0 END), (NEW.returned_minor)) ON CONFLICT (since, currency, state, slot) DO UPDATE SET donations = donation_tally.donations + excluded.donations, amount_minor = donation_tally.amount_minor + excluded.amount_minor, fees_known = donation_tally.fees_known + excluded.fees_known, fee_minor = donation_tally.fee_minor + excluded.fee_minor, refunds = donation_tally.refunds + excluded.refunds, refunded_minor = donation_tally.refunded_minor + excluded.refunded_minor, returns = donation_tally.returns + excluded.returns, returned_minor = donation_tally.returned_minor + excluded.returned_minor; END",
        "CREATE TRIGGER donation_tally_delete AFTER DELETE ON donation BEGIN INSERT INTO donation_tally (since, currency, state, slot, donations, amount_minor, fees_known, fee_minor, refunds, refunded_minor, returns, returned_minor) VALUES (date(coalesce(OLD.paid_at, OLD.created_at)) || ' 00:00:00.000000', OLD.currency, OLD.state, 0, -(1), -(OLD.amount_minor), -(CASE WHEN OLD.fee_minor IS NULL THEN 0 ELSE 1 END), -(coalesce(OLD.fee_minor, 0)), -(CASE WHEN OLD.refunded_minor > 0 THEN 1 ELSE 0 END), -(OLD.refunded_minor), -(CASE WHEN OLD.returned_minor > 0 THEN 1 ELSE 0 END), -(OLD.returned_minor)) ON CONFLICT (since, currency, state, slot) DO UPDATE SET donations = donation_tally.donations + excluded.donations, amount_minor = donation_tally.amount_minor + excluded.amount_minor, fees_known = donation_tally.fees_known + excluded.fees_known, fee_minor = donation_tally.fee_minor + excluded.fee_minor, refunds = donation_tally.refunds + excluded.refunds, refunded_minor = donation_tally.refunded_minor + excluded.refunded_minor, returns = donation_tally.returns + excluded.returns, returned_minor = donation_tally.returned_minor + excluded.returned_minor; END",
    ],
    "postgresql": [
        "CREATE FUNCTION donation_tally_insert() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO donation_tally (since, currency, state, slot, donations, amount_minor, fees_known, fee_minor, refunds, refunded_minor, returns, returned_minor) SELECT date_trunc('day', coalesce(m.paid_at, m.created_at), 'UTC'), m.currency, m.state, pg_backend_pid(), sum(m.n * (1)), sum(m.n * (m.amount_minor)), sum(m.n * (CASE WHEN m.fee_minor IS NULL THEN 0 ELSE 1 END)), sum(m.n * (coalesce(m.fee_minor, 0))), sum(m.n * (CASE WHEN m.refunded_minor > 0 THEN 1 ELSE 0 END)), sum(m.n * (m.refunded_minor)), sum(m.n * (CASE WHEN m.returned_minor > 0 THEN 1 ELSE 0 END)), sum(m.n * (m.returned_minor)) FROM (SELECT 1 AS n, a.* FROM arrived a) AS m GROUP BY 1, 2, 3 HAVING sum(m.n * (1)) <> 0 OR sum(m.n * (m.amount_minor)) <> 0 OR sum(m.n * (CASE WHEN m.fee_minor IS NULL THEN 0 ELSE 1 END)) <> 0 OR sum(m.n * (coalesce(m.fee_minor, 0))) <> 0 OR sum(m.n * (CASE WHEN m.refunded_minor > 0 THEN 1 ELSE 0 END)) <> 0 OR sum(m.n * (m.refunded_minor)) <> 0 OR sum(m.n * (CASE WHEN m.returned_minor > 0 THEN 1 ELSE 0 END)) <> 0 OR sum(m.n * (m.returned_minor)) <> 0 ON CONFLICT (since, currency, state, slot) DO UPDATE SET donations = donation_tally.donations + excluded.donations, amount_minor = donation_tally.amount_minor + excluded.amount_minor, fees_known = donation_tally.fees_known + excluded.fees_known, fee_minor = donation_tally.fee_minor + excluded.fee_minor, refunds = donation_tally.refunds + excluded.refunds, refunded_minor = donation_tally.refunded_minor + excluded.refunded_minor, returns = donation_tally.returns + excluded.returns, returned_minor = donation_tally.returned_minor + excluded.returned_minor; RETURN NULL; END $$",
        "CREATE TRIGGER donation_tally_insert AFTER INSERT ON donation REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION donation_tally_insert()",
        "CREATE FUNCTION donation_tally_update() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO donation_tally (since, currency, state, slot, donations, amount_minor, fees_known, fee_minor, refunds, refunded_minor, returns, returned_minor) SELECT date_trunc('day', coalesce(m.paid_at, m.created_at), 'UTC'), m.currency, m.state, pg_backend_pid(), sum(m.n * (1)), sum(m.n * (m.amount_minor)), sum(m.n * (CASE WHEN m.fee_minor IS NULL THEN 0 ELSE 1 END)), sum(m.n * (coalesce(m.fee_minor, 0))), sum(m.n * (CASE WHEN m.refunded_minor > 0 THEN 1 ELSE 0 END)), sum(m.n * (m.refunded_minor)), sum(m.n * (CASE WHEN m.returned_minor > 0 THEN 1 ELSE 0 END)), sum(m.n * (m.returned_minor)) FROM (SELECT 1 AS n, a.* FROM arrived a UNION ALL SELECT -1, g.* FROM gone g) AS m GROUP BY 1, 2, 3 HAVING sum(m.n * (1)) <> 0 OR sum(m.n * (m.amount_minor)) <> 0 OR sum(m.n * (CASE WHEN m.fee_minor IS NULL THEN 0 ELSE 1 END)) <> 0 OR sum(m.n * (coalesce(m.fee_minor, 0))) <> 0 OR sum(m.n * (CASE WHEN m.refunded_minor > 0 THEN 1 ELSE 0 END)) <> 0 OR sum(m.n * (m.refunded_minor)) <> 0 OR sum(m.n * (CASE WHEN m.returned_minor > 0 THEN 1 ELSE 0 END)) <> 0 OR sum(m.n * (m.returned_minor)) <> 0 ON CONFLICT (since, currency, state, slot) DO UPDATE SET donations = donation_tally.donations + excluded.donations, amount_minor = donation_tally.amount_minor + excluded.amount_minor, fees_known = donation_tally.fees_known + excluded.fees_known, fee_minor = donation_tally.fee_minor + excluded.fee_minor, refunds = donation_tally.refunds + excluded.refunds, refunded_minor = donation_tally.refunded_minor + excluded.refunded_minor, returns = donation_tally.returns + excluded.returns, returned_minor = donation_tally.returned_minor + excluded.returned_minor; RETURN NULL; END $$",
        "CREATE TRIGGER donation_tally_update AFTER UPDATE ON donation REFERENCING OLD TABLE AS gone NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION donation_tally_update()",
        "CREATE FUNCTION donation_tally_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO donation_tally (since, currency, state, slot, donations, amount_minor, fees_known, fee_minor, refunds, refunded_minor, returns, returned_minor) SELECT date_trunc('day', coalesce(m.paid_at, m.created_at), 'UTC'), m.currency, m.state, pg_backend_pid(), sum(m.n * (1)), sum(m.n * (m.amount_minor)), sum(m.n * (CASE WHEN m.fee_minor IS NULL THEN 0 ELSE 1 END)), sum(m.n * (coalesce(m.fee_minor, 0))), sum(m.n * (CASE WHEN m.refunded_minor > 0 THEN 1 ELSE 0 END)), sum(m.n * (m.refunded_minor)), sum(m.n * (CASE WHEN m.returned_minor > 0 THEN 1 ELSE 0 END)), sum(m.n * (m.returned_minor)) FROM (SELECT -1 AS n, g.* FROM gone g) AS m GROUP BY 1, 2, 3 HAVING sum(m.n * (1)) <> 0 OR sum(m.n * (m.amount_minor)) <> 0 OR sum(m.n * (CASE WHEN m.fee_minor IS NULL THEN 0 ELSE 1 END)) <> 0 OR sum(m.n * (coalesce(m.fee_minor, 0))) <> 0 OR sum(m.n * (CASE WHEN m.refunded_minor > 0 THEN 1 ELSE 0 END)) <> 0 OR sum(m.n * (m.refunded_minor)) <> 0 OR sum(m.n * (CASE WHEN m.returned_minor > 0 THEN 1 ELSE 0 END)) <> 0 OR sum(m.n * (m.returned_minor)) <> 0 ON CONFLICT (since, currency, state, slot) DO UPDATE SET donations = donation_tally.donations + excluded.donations, amount_minor = donation_tally.amount_minor + excluded.amount_minor, fees_known = donation_tally.fees_known + excluded.fees_known, fee_minor = donation_tally.fee_minor + excluded.fee_minor, refunds = donation_tally.refunds + excluded.refunds, refunded_minor = donation_tally.refunded_minor + excluded.refunded_minor, returns = donation_tally.returns + excluded.returns, returned_minor = donation_tally.returned_minor + excluded.returned_minor; RETURN NULL; END $$",
        "CREATE TRIGGER donation_tally_delete AFTER DELETE ON donation REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION donation_tally_delete()",
    ],
}
DROP = {
    "sqlite": [
        "DROP TRIGGER IF EXISTS donation_tally_insert",
        "DROP TRIGGER IF EXISTS donation_tally_update",
        "DROP TRIGGER IF EXISTS donation_tally_delete",
    ],
    "postgresql": [
        "DROP TRIGGER IF EXISTS donation_tally_insert ON donation",
        "DROP TRIGGER IF EXISTS donation_tally_update ON donation",
        "DROP TRIGGER IF EXISTS donation_tally_delete ON donation",
        "DROP FUNCTION IF EXISTS donation_tally_insert()",
        "DROP FUNCTION IF EXISTS donation_tally_update()",
        "DROP FUNCTION IF EXISTS donation_tally_delete()",
    ],
}
FILL = {
    "sqlite": "INSERT INTO donation_tally (since, currency, state, slot, donations, amount_minor, fees_known, fee_minor, refunds, refunded_minor, returns, returned_minor) SELECT date(coalesce(paid_at, created_at)) || ' 00:00:00.000000', currency, state, 0, sum(1), sum(amount_minor), sum(CASE WHEN fee_minor IS NULL THEN 0 ELSE 1 END), sum(coalesce(fee_minor, 0)), sum(CASE WHEN refunded_minor > 0 THEN 1 ELSE 0 END), sum(refunded_minor), sum(CASE WHEN returned_minor > 0 THEN 1 ELSE 0 END), sum(returned_minor) FROM donation GROUP BY date(coalesce(paid_at, created_at)) || ' 00:00:00.000000', currency, state",
    "postgresql": "INSERT INTO donation_tally (since, currency, state, slot, donations, amount_minor, fees_known, fee_minor, refunds, refunded_minor, returns, returned_minor) SELECT date_trunc('day', coalesce(paid_at, created_at), 'UTC'), currency, state, 0, sum(1), sum(amount_minor), sum(CASE WHEN fee_minor IS NULL THEN 0 ELSE 1 END), sum(coalesce(fee_minor, 0)), sum(CASE WHEN refunded_minor > 0 THEN 1 ELSE 0 END), sum(refunded_minor), sum(CASE WHEN returned_minor > 0 THEN 1 ELSE 0 END), sum(returned_minor) FROM donation GROUP BY date_trunc('day', coalesce(paid_at, created_at), 'UTC'), currency, state",
}
PARTIAL = {
    "ix_donation_gone": ("paid_at", "refunded_minor > 0 OR returned_minor > 0"),
    "ix_donation_large": ("amount_minor", "amount_minor >= 10000"),
}


def upgrade() -> None:
    sums = [
        "donations",
        "amount_minor",
        "fees_known",
        "fee_minor",
        "refunds",
        "refunded_minor",
        "returns",
        "returned_minor",
    ]
    op.create_table(
        "donation_tally",
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in sums),
        sa.PrimaryKeyConstraint("since", "currency", "state", "slot", name=op.f("pk_donation_tally")),
    )
    dialect = op.get_bind().dialect.name
    for statement in (*CREATE[dialect], FILL[dialect]):  # the triggers first: nobody else writes from here on
        op.get_bind().exec_driver_sql(statement)
    for name, (column, only) in PARTIAL.items():
        op.create_index(name, "donation", [column], sqlite_where=sa.text(only), postgresql_where=sa.text(only))


def downgrade() -> None:
    for name in PARTIAL:
        op.drop_index(name, table_name="donation")
    for statement in DROP[op.get_bind().dialect.name]:
        op.get_bind().exec_driver_sql(statement)
    op.drop_table("donation_tally")
