"""Whether the books hold, asked of books with a year in them: how long it takes, check by check.

    .venv/bin/python bench/books_hold.py --database postgresql --transactions 100000

Every ledger transaction is the charge of a paid donation with its receipt and its letter; nine of ten are later payments of
a plan. Has no bar of its own: whoever hands the books on waits for it.
"""

import argparse
import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common import TICKS, database, machine, postgres_pids
from sqlalchemy import insert, text

from supporters import checks
from supporters.kit.db import Base, Database

NOW, AT_ONCE, OF_PLAN, SHOWN = datetime(2026, 12, 31, tzinfo=UTC), 20_000, 10, 12
NUMBERS = {
    "postgresql": "SELECT g AS n FROM generate_series(CAST(:low AS bigint), CAST(:high AS bigint)) g",
    "sqlite": "WITH RECURSIVE c(n) AS (SELECT :low UNION ALL SELECT n + 1 FROM c WHERE n < :high) SELECT n FROM c",
}
PADDED = {"postgresql": "lpad(CAST({} AS text), {}, '0')", "sqlite": "printf('%0{1}d', {0})"}


def first_rows() -> list[tuple[type[Base], dict[str, Any]]]:
    """The first donation with everything that belongs to it."""
    import books
    import promises
    from supporters.donations.models import Donation
    from supporters.ledger.models import LedgerEntry, LedgerTransaction
    from supporters.mail.models import Letter
    from supporters.payments.models import BalanceTransaction
    from supporters.plans.models import Instalment, Plan
    from supporters.receipts.models import Receipt

    line, booked, entries = promises.settled_rows(0, 0)
    line |= {"fee_details": [{"type": "stripe_fee", "amount_minor": 35, "currency": "GBP"}]}
    sums = {"amount_minor": 1000}
    return [
        (Donation, promises.payment_row(0, 0, books.NOW, fee_minor=35)),
        (Plan, promises.plan_row(0)),
        (Instalment, promises.instalment_row(0, 0)),
        (BalanceTransaction, line),
        *((LedgerEntry, entry) for entry in entries),
        (LedgerTransaction, booked),
        (Receipt, books.receipt_row(0, sequence=1) | sums),
        (Letter, books.letter_row(0)),
    ]


def numbered(table: str, kind: str) -> Mapping[str, str]:
    """What differs from row to row, made of the row's number n."""

    def padded(letter: str, value: str = "n", width: int = 25) -> str:
        return f"'{letter}' || {PADDED[kind].format(value, width)}"

    def told(word: str) -> str:
        return f"'{word}' || CAST(n AS VARCHAR(20))"

    donation, plan, text_of = padded("D"), padded("P", f"(n / {OF_PLAN})"), told
    renewal = f"n % {OF_PLAN} <> 0" if kind == "postgresql" else f"CASE WHEN n % {OF_PLAN} <> 0 THEN 1 ELSE 0 END"
    return {
        "donation": {
            "id": donation, "reference": padded("D-", width=8), "attempt_id": padded("", width=26), "is_renewal": renewal,
            "stripe_payment_intent_id": text_of("pi_"), "stripe_charge_id": text_of("ch_"),
        },
        "plan": {
            "id": padded("P"), "reference": padded("P-", width=8), "first_donation_id": padded("D", f"(n * {OF_PLAN})"),
            "stripe_subscription_id": text_of("sub_"),
        },
        "instalment": {"donation_id": donation, "plan_id": plan, "stripe_invoice_id": text_of("in_")},
        "balance_transaction": {
            "stripe_balance_transaction_id": text_of("txn_"), "source_id": text_of("ch_"),
            "stripe_charge_id": text_of("ch_"), "stripe_payment_intent_id": text_of("pi_"),
        },
        "ledger_transaction": {"id": padded("L"), "source_id": text_of("txn_")},
        "ledger_entry": {
            "id": f"substr(id, 1, 1) || {PADDED[kind].format('n', 25)}", "transaction_id": padded("L"),
            "donation_id": f"CASE WHEN donation_id IS NULL THEN NULL ELSE {donation} END",
        },
        "receipt": {
            "id": padded("R"), "donation_id": donation, "sequence": "n + 1", "number": text_of("R-2026-"),
        },
        "letter": {
            "id": padded("L"), "dedupe_key": text_of(""), "message_id": text_of("m"), "about": donation,
        },
    }[table]  # fmt: skip


def multiply(table: str, columns: list[str], kind: str) -> str:
    """The statement that makes rows :low to :high of the first ones, of which every one stands in `first_rows`."""
    changed = numbered(table, kind)
    made = ", ".join(changed.get(name, f"{table}.{name}") for name in columns)
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {made} FROM {table}, ({NUMBERS[kind]}) AS numbers "
        f"WHERE {'transaction_id' if table == 'ledger_entry' else FIRST.get(table, 'id')} = :first"
    )


FIRST = {"instalment": "donation_id", "balance_transaction": "stripe_balance_transaction_id"}


async def fill(db: Database, transactions: int) -> None:
    """So many of them; each table after those that it names."""
    import books
    from supporters.receipts.models import ReceiptCounter

    kind = "sqlite" if db.is_sqlite else "postgresql"
    rows = first_rows()
    async with db.unit_of_work() as session:
        await books.found(session)
        for table, row in rows:
            await session.execute(insert(table).values(row))
        await session.execute(insert(ReceiptCounter).values(year=2026, last=transactions))
    firsts = dict(rows)
    for low in range(1, transactions, AT_ONCE):
        async with db.unit_of_work() as session:
            for table, row in firsts.items():
                name, high = table.__tablename__, min(low + AT_ONCE, transactions) - 1
                key = "transaction_id" if name == "ledger_entry" else FIRST.get(name, "id")
                span = (low, high) if name != "plan" else (-(-low // OF_PLAN), high // OF_PLAN)
                statement = multiply(name, [column.name for column in table.__table__.columns], kind)
                await session.execute(text(statement), {"low": span[0], "high": span[1], "first": row[key]})
    await db.keep_statistics()
    if not db.is_sqlite:
        async with db.engine.connect() as connection:
            alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await alone.execute(text("VACUUM (ANALYZE)"))  # as PostgreSQL does by itself


def processor_seconds() -> float:
    """What this process and the database have used."""
    ticks = 0
    for pid in postgres_pids():
        with suppress(FileNotFoundError):
            ticks += sum(int(each) for each in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15])
    return time.process_time() + ticks / TICKS


async def run(url: str, transactions: int) -> None:
    """Fills, asks, then asks check by check."""
    db = Database(url)
    await fill(db, transactions)
    async with db.reading() as session:
        begun, used = time.perf_counter(), processor_seconds()
        broken = await checks.books_hold(session, now=NOW)
        took, used = time.perf_counter() - begun, processor_seconds() - used
        each: list[tuple[float, str]] = []
        for check in checks.all_checks():
            before = processor_seconds()
            await checks.run_one(session, check, now=NOW)
            each.append((processor_seconds() - before, check.name))
    await db.close()
    print(
        f"{transactions:,} transactions: {took:.2f} s, {used:.2f} s of the processor; broken: {[one.name for one in broken]}"
    )
    print(", ".join(f"{name} {seconds:.2f}" for seconds, name in sorted(each, reverse=True)[:SHOWN]))
    assert not broken, broken


def main() -> None:
    """Runs it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--transactions", type=int, default=100_000)
    asked = parser.parse_args()
    print(f"{machine()}, {asked.database}")
    with database(asked.database) as url:
        asyncio.run(run(url, asked.transactions))


if __name__ == "__main__":
    main()
