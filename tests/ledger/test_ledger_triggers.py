"""What nobody may do to the books, shown by trying it with plain SQL on the migrated database."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from books import add_donations, add_lines, found, line_row
from databases import Databases
from supporters.audit.record import record
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.ledger.chart import Account
from supporters.ledger.post import Entry, Posting, post
from supporters.ledger.triggers import FROZEN_COLUMNS, FROZEN_TABLES, create_statements, drop_statements
from supporters.payments.models import BalanceTransaction
from supporters.receipts.models import Receipt

NOW = datetime(2026, 11, 22, 9, 36, tzinfo=UTC)


async def fill(db: Database, ids: Ids) -> None:
    pair = (
        Entry(account=Account.STRIPE_BALANCE, amount_minor=5, currency="GBP"),
        Entry(account=Account.SUSPENSE, amount_minor=-5, currency="GBP"),
    )
    fact = Posting(
        source_kind="test", source_id="1", purpose="test", booked_on=date(2026, 11, 22), memo="", entries=pair
    )
    async with db.unit_of_work() as session:
        await post(session, [fact], ids=ids, now=NOW)
        await found(session)
        await add_donations(session, range(1, 2), with_receipts=True)
        await add_lines(session, line_row(1))
        await record(
            session,
            actor_kind="system",
            actor_id=None,
            action="test.do",
            record_kind="test",
            record_id="1",
            detail={"a": 1},
            now=NOW,
        )


async def run(db: Database, statement: str) -> None:
    async with db.unit_of_work() as session:
        await session.execute(text(statement))


REWRITES = (
    ("UPDATE ledger_entry SET amount_minor = 7", "append-only"),
    ("UPDATE ledger_entry SET fund_id = 'other'", "append-only"),
    ("DELETE FROM ledger_entry", "append-only"),
    ("UPDATE ledger_transaction SET memo = 'x'", "append-only"),
    ("DELETE FROM ledger_transaction", "append-only"),
    ("UPDATE audit_entry SET action = 'x'", "append-only"),
    ("DELETE FROM audit_entry", "append-only"),
    ("UPDATE balance_transaction SET gross_minor = 1, net_minor = -64", "fixed"),
    ("UPDATE balance_transaction SET currency = 'EUR'", "fixed"),
    ("UPDATE balance_transaction SET source_id = 'ch_other'", "fixed"),
    ("DELETE FROM balance_transaction", "kept"),
    ("UPDATE receipt SET number = 'R-2026-0002'", "fixed"),
    ("UPDATE receipt SET sequence = 2", "fixed"),
    ("UPDATE receipt SET year = 2027", "fixed"),
    ("UPDATE receipt SET amount_minor = 1", "fixed"),
    ("DELETE FROM receipt", "kept"),
)


async def test_the_books_cannot_be_rewritten(db: Database, ids: Ids) -> None:
    await fill(db, ids)

    for statement, words in REWRITES:
        with pytest.raises(DBAPIError, match=words):
            await run(db, statement)


async def test_sqlites_replace_cannot_rewrite_the_books(sqlite_db: Database, ids: Ids) -> None:
    await fill(sqlite_db, ids)

    for table in ("ledger_entry", "ledger_transaction", "audit_entry"):
        with pytest.raises(DBAPIError, match=r"append-only|sealed"):
            await run(sqlite_db, f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")


async def test_sqlites_replace_cannot_steal_an_entry_for_a_new_transaction(sqlite_db: Database, ids: Ids) -> None:
    await fill(sqlite_db, ids)
    steal = (
        "INSERT OR REPLACE INTO ledger_entry (id, transaction_id, account, amount_minor, currency) "
        "SELECT id, 'new', account, amount_minor, currency FROM ledger_entry"
    )

    with pytest.raises(DBAPIError, match="append-only"):
        await run(sqlite_db, steal)


async def test_what_may_change_on_a_mirrored_line_still_changes(db: Database, ids: Ids) -> None:
    await fill(db, ids)

    await run(db, "UPDATE balance_transaction SET status = 'available', stripe_payout_id = 'po_1', gross_minor = 2500")

    async with db.reading() as session:
        assert (await session.scalars(select(BalanceTransaction.status))).one() == "available"


async def test_postgresqls_truncate_cannot_empty_the_books(databases: Databases) -> None:
    async with databases.fresh("postgresql") as db:
        for statement in ("TRUNCATE ledger_entry CASCADE", "TRUNCATE audit_entry CASCADE", "TRUNCATE receipt"):
            with pytest.raises(DBAPIError, match=r"append-only|kept"):
                await run(db, statement)


async def test_a_receipts_address_may_be_corrected(db: Database, ids: Ids) -> None:
    await fill(db, ids)

    await run(db, "UPDATE receipt SET email = 'ben@new.example', number = 'R-2026-0001'")

    async with db.reading() as session:
        assert (await session.scalars(select(Receipt.email))).one() == "ben@new.example"


async def test_the_migration_holds_exactly_the_triggers_of_the_code(db: Database) -> None:
    kind = "sqlite" if db.is_sqlite else "postgresql"
    async with db.engine.begin() as connection:
        migrated = await _definitions(connection, kind)
        for statement in drop_statements(kind):
            await connection.exec_driver_sql(statement)
        assert await _definitions(connection, kind) == []
        for statement in create_statements(kind):
            await connection.exec_driver_sql(statement)

        assert await _definitions(connection, kind) == migrated


async def _definitions(connection: AsyncConnection, kind: str) -> list[str]:
    ours = "('" + "', '".join((*FROZEN_TABLES, *FROZEN_COLUMNS)) + "')"  # other tables have triggers of other rooms
    asked = {
        "sqlite": f"SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN {ours} ORDER BY name",
        "postgresql": "SELECT pg_get_triggerdef(t.oid) || pg_get_functiondef(t.tgfoid) FROM pg_trigger t "
        f"WHERE NOT tgisinternal AND tgrelid::regclass::text IN {ours} ORDER BY tgname",
    }
    return [row[0] for row in await connection.exec_driver_sql(asked[kind])]
