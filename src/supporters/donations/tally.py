"""What donations add up to day by day, kept by the database itself: SQL for both databases, executed by the migration.

Whoever adds, changes or removes a donation also moves the sums of its day, state and currency, in the same transaction: so
they hold at every moment, for whatever program wrote. A row of sums that all wrote to would make them wait for each other.
So on PostgreSQL each connection has rows of its own (`slot`), which are read together; by night `fold_tally` puts them into
slot 0. On SQLite one writer runs at a time, and there is slot 0 alone. A migration that makes the table `donation` anew, as
SQLite needs for some changes, has to make the triggers anew: where they are missing the check `sums_kept` fails.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.models import DonationTally
from supporters.kit.db import Database, insert_for

A_DAY = timedelta(days=1)
AT_ONCE = 500  # rows that writers may wait for
FOLDED = 0  # the slot

# What one donation counts for, by the column of the sum. `{}` is the row, with its dot.
PARTS: Mapping[str, str] = {
    "donations": "1",
    "amount_minor": "{}amount_minor",
    "fees_known": "CASE WHEN {}fee_minor IS NULL THEN 0 ELSE 1 END",
    "fee_minor": "coalesce({}fee_minor, 0)",
    "refunds": "CASE WHEN {}refunded_minor > 0 THEN 1 ELSE 0 END",
    "refunded_minor": "{}refunded_minor",
    "returns": "CASE WHEN {}returned_minor > 0 THEN 1 ELSE 0 END",
    "returned_minor": "{}returned_minor",
}
LOOKED_AT = (
    "state", "currency", "paid_at", "created_at", "amount_minor", "fee_minor", "refunded_minor", "returned_minor",
)  # fmt: skip
DAY: Mapping[str, str] = {
    "sqlite": "date(coalesce({0}paid_at, {0}created_at)) || ' 00:00:00.000000'",
    "postgresql": "date_trunc('day', coalesce({0}paid_at, {0}created_at), 'UTC')",
}
_INTO = f"INSERT INTO donation_tally (since, currency, state, slot, {', '.join(PARTS)})"
_ADD = "ON CONFLICT (since, currency, state, slot) DO UPDATE SET " + ", ".join(
    f"{name} = donation_tally.{name} + excluded.{name}" for name in PARTS
)


def create_statements(dialect: str) -> list[str]:
    """Every statement that puts the triggers in place, in order. `dialect` is "sqlite" or "postgresql"."""
    return _sqlite() if dialect == "sqlite" else _postgresql()


def drop_statements(dialect: str) -> list[str]:
    """Every statement that takes the triggers away again, in order."""
    names = [f"donation_tally_{verb}" for verb in ("insert", "update", "delete")]
    if dialect == "sqlite":
        return [f"DROP TRIGGER IF EXISTS {name}" for name in names]
    triggers = [f"DROP TRIGGER IF EXISTS {name} ON donation" for name in names]
    return triggers + [f"DROP FUNCTION IF EXISTS {name}()" for name in names]


def fill_statement(dialect: str) -> str:
    """Adds up all donations that there are, into sums that are empty."""
    parts = ", ".join(f"sum({part.format('')})" for part in PARTS.values())
    day = DAY[dialect].format("")
    return f"{_INTO} SELECT {day}, currency, state, {FOLDED}, {parts} FROM donation GROUP BY {day}, currency, state"  # noqa: S608 - fixed text


def _sqlite() -> list[str]:
    changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in LOOKED_AT)
    update = f"UPDATE OF {', '.join(LOOKED_AT)} ON donation WHEN {changed}"
    return [
        f"CREATE TRIGGER donation_tally_insert AFTER INSERT ON donation BEGIN {_move('NEW.', '')} END",
        f"CREATE TRIGGER donation_tally_update AFTER {update} BEGIN {_move('OLD.', '-')} {_move('NEW.', '')} END",
        f"CREATE TRIGGER donation_tally_delete AFTER DELETE ON donation BEGIN {_move('OLD.', '-')} END",
    ]


def _move(row: str, sign: str) -> str:
    values = ", ".join(f"{sign}({part.format(row)})" for part in PARTS.values())
    return f"{_INTO} VALUES ({DAY['sqlite'].format(row)}, {row}currency, {row}state, {FOLDED}, {values}) {_ADD};"


def _postgresql() -> list[str]:
    arrived, gone = "NEW TABLE AS arrived", "OLD TABLE AS gone"
    return [
        *_trigger("insert", arrived, "SELECT 1 AS n, a.* FROM arrived a"),
        *_trigger("update", f"{gone} {arrived}", "SELECT 1 AS n, a.* FROM arrived a UNION ALL SELECT -1, g.* FROM gone g"),
        *_trigger("delete", gone, "SELECT -1 AS n, g.* FROM gone g"),
    ]  # fmt: skip


def _trigger(verb: str, tables: str, moved: str) -> list[str]:
    """Once a statement, however many rows it touches. What comes to nothing is not written."""
    sums = [f"sum(m.n * ({part.format('m.')}))" for part in PARTS.values()]
    something = " OR ".join(f"{each} <> 0" for each in sums)
    body = (
        f"{_INTO} SELECT {DAY['postgresql'].format('m.')}, m.currency, m.state, pg_backend_pid(), {', '.join(sums)} "  # noqa: S608 - fixed text
        f"FROM ({moved}) AS m GROUP BY 1, 2, 3 HAVING {something} {_ADD}; RETURN NULL;"
    )
    name = f"donation_tally_{verb}"
    return [
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$",
        f"CREATE TRIGGER {name} AFTER {verb.upper()} ON donation REFERENCING {tables} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()",
    ]


def kept_sums(since: datetime | None, until: datetime | None) -> Select[*tuple[Any, ...]]:
    """State, currency and each of PARTS, over the days from `since` on and before `until`: both the first moment of one."""
    sums = [func.sum(getattr(DonationTally, name)) for name in PARTS]
    days = [DonationTally.since >= since] if since else []
    days += [DonationTally.since < until] if until else []
    kept = select(DonationTally.state, DonationTally.currency, *sums).where(*days)
    return kept.group_by(DonationTally.state, DonationTally.currency).having(func.sum(DonationTally.donations) != 0)


def whole_days(start: datetime | None, end: datetime | None) -> tuple[datetime | None, datetime | None]:
    """The days that lie wholly between the two moments, as first moments: of the first, and of the one after the last."""
    return start and _midnight(start + A_DAY - timedelta.resolution), end and _midnight(end)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


async def fold_tally(db: Database) -> None:
    """What connections have kept for themselves is in slot 0. What somebody is writing meanwhile is left for another night."""
    taken = AT_ONCE
    while taken == AT_ONCE:
        async with db.unit_of_work() as session:
            taken = await fold_some(session)


async def fold_some(session: AsyncSession) -> int:
    """A part of it is, by one statement, so that writers wait for a moment at most; says how many rows. SQLite has none."""
    if session.get_bind().dialect.name == "sqlite":
        return 0
    tally = DonationTally
    key = (tally.since, tally.currency, tally.state, tally.slot)
    some = select(*key).where(tally.slot != FOLDED).order_by(*key).limit(AT_ONCE).with_for_update(skip_locked=True)
    gone = delete(tally).where(tuple_(*key).in_(some)).returning(tally).cte("gone")
    day = (gone.c.since, gone.c.currency, gone.c.state)
    sums = select(*day, literal(FOLDED), *(func.sum(gone.c[name]) for name in PARTS)).group_by(*day)
    put = insert_for(session, tally).from_select([*(each.key for each in key), *PARTS], sums)
    more = {name: getattr(tally, name) + put.excluded[name] for name in PARTS}
    folded = put.on_conflict_do_update(index_elements=[each.key for each in key], set_=more).returning(tally.slot)
    return await session.scalar(select(func.count()).select_from(gone).add_cte(folded.cte("folded"))) or 0
