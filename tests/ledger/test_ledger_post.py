"""Posting: balanced, once, sealed by the database itself."""

import asyncio
from datetime import UTC, date, datetime

import msgspec
import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import DBAPIError

from supporters.kit.db import Database
from supporters.kit.errors import Conflict, NotFound
from supporters.kit.ids import Ids
from supporters.ledger.chart import Account, describe
from supporters.ledger.models import LedgerEntry, LedgerTransaction
from supporters.ledger.post import Entry, Posting, PostingRefused, post
from supporters.ledger.reverse import reverse

NOW = datetime(2026, 11, 22, 9, 36, tzinfo=UTC)
TODAY = date(2026, 11, 22)


def entry(account: Account, amount_minor: int, currency: str = "GBP") -> Entry:
    return Entry(account=account, amount_minor=amount_minor, currency=currency)


def posting(source_id: str = "txn_1", *entries: Entry) -> Posting:
    given = entries or (
        entry(Account.STRIPE_BALANCE, 2435),
        entry(Account.PROCESSING_FEES, 65),
        entry(Account.DONATIONS_ONCE, -2500),
    )
    return Posting(
        source_kind="balance_transaction",
        source_id=source_id,
        purpose="settle",
        booked_on=TODAY,
        memo="charge",
        entries=given,
    )


async def balance_of(db: Database, account: Account) -> int:
    async with db.reading() as session:
        total = select(func.sum(LedgerEntry.amount_minor)).where(LedgerEntry.account == account)
        return await session.scalar(total) or 0


async def count_transactions(db: Database) -> int:
    async with db.reading() as session:
        return await session.scalar(select(func.count()).select_from(LedgerTransaction)) or 0


async def test_posting_writes_a_balanced_transaction_in_its_period(db: Database, ids: Ids) -> None:
    async with db.unit_of_work() as session:
        posted = await post(session, [posting()], ids=ids, now=NOW)

    assert posted == 1
    async with db.reading() as session:
        transaction = (await session.scalars(select(LedgerTransaction))).one()
        entries = (await session.scalars(select(LedgerEntry))).all()
    assert (transaction.period, transaction.booked_on, transaction.posted_at) == ("2026-11", TODAY, NOW)
    assert sorted(e.amount_minor for e in entries) == [-2500, 65, 2435]
    assert {e.transaction_id for e in entries} == {transaction.id}


async def test_same_posting_again_posts_nothing(db: Database, ids: Ids) -> None:
    async with db.unit_of_work() as session:
        await post(session, [posting()], ids=ids, now=NOW)

    async with db.unit_of_work() as session:
        posted = await post(session, [posting(), posting("txn_2"), posting("txn_2")], ids=ids, now=NOW)

    assert posted == 1
    assert await balance_of(db, Account.STRIPE_BALANCE) == 2 * 2435


async def test_two_posters_at_once_post_once(db: Database, ids: Ids) -> None:
    async def run() -> int:
        async with db.unit_of_work() as session:
            return await post(session, [posting(f"txn_{n}") for n in range(20)], ids=ids, now=NOW)

    assert sorted(await asyncio.gather(*(run() for _ in range(6)))) == [0, 0, 0, 0, 0, 20]
    assert await count_transactions(db) == 20


async def test_a_second_revision_of_the_same_source_posts(db: Database, ids: Ids) -> None:
    async with db.unit_of_work() as session:
        await post(session, [posting()], ids=ids, now=NOW)
        posted = await post(session, [msgspec.structs.replace(posting(), revision=1)], ids=ids, now=NOW)

    assert posted == 1


async def test_wrong_postings_are_refused_whole(sqlite_db: Database, ids: Ids) -> None:
    for entries, words in (
        ((entry(Account.STRIPE_BALANCE, 5),), "two entries"),
        ((entry(Account.STRIPE_BALANCE, 5), entry(Account.SUSPENSE, -4)), "GBP sum to 1"),
        ((entry(Account.STRIPE_BALANCE, 5), entry(Account.SUSPENSE, -5, "EUR")), "GBP sum to 5"),
        ((entry(Account.STRIPE_BALANCE, 0), entry(Account.SUSPENSE, 0)), "zero"),
    ):
        with pytest.raises(PostingRefused, match=words):
            async with sqlite_db.unit_of_work() as session:
                await post(session, [posting("txn_good"), posting("txn_bad", *entries)], ids=ids, now=NOW)

        assert await count_transactions(sqlite_db) == 0, words


async def test_reversal_leaves_every_account_at_nothing(db: Database, ids: Ids) -> None:
    async with db.unit_of_work() as session:
        await post(session, [posting()], ids=ids, now=NOW)
        original = (await session.scalars(select(LedgerTransaction.id))).one()

    async with db.unit_of_work() as session:
        await reverse(session, original, booked_on=TODAY, memo="posted to the wrong fund", ids=ids, now=NOW)

    for account in (Account.STRIPE_BALANCE, Account.PROCESSING_FEES, Account.DONATIONS_ONCE):
        assert await balance_of(db, account) == 0
    async with db.reading() as session:
        reversal = (await session.scalars(select(LedgerTransaction).where(LedgerTransaction.id != original))).one()
    assert (reversal.reverses_id, reversal.source_kind, reversal.source_id) == (original, "reversal", original)


async def test_a_transaction_is_reversed_once(db: Database, ids: Ids) -> None:
    async with db.unit_of_work() as session:
        await post(session, [posting()], ids=ids, now=NOW)
        original = (await session.scalars(select(LedgerTransaction.id))).one()
        await reverse(session, original, booked_on=TODAY, memo="once", ids=ids, now=NOW)

    with pytest.raises(Conflict):
        async with db.unit_of_work() as session:
            await reverse(session, original, booked_on=TODAY, memo="twice", ids=ids, now=NOW)

    assert await count_transactions(db) == 2


async def test_what_is_not_there_cannot_be_reversed(sqlite_db: Database, ids: Ids) -> None:
    with pytest.raises(NotFound):
        async with sqlite_db.unit_of_work() as session:
            await reverse(session, "0" * 26, booked_on=TODAY, memo="nothing", ids=ids, now=NOW)


def test_every_account_says_what_it_is_for() -> None:
    words = [describe(account) for account in Account]

    assert all(name and about.endswith(".") for name, about in words)
    assert len({name for name, _ in words}) == len(Account)


def raw_entry(entry_id: str, transaction_id: str, amount_minor: int, currency: str = "GBP") -> dict[str, object]:
    return {
        "id": entry_id,
        "transaction_id": transaction_id,
        "account": "1100",
        "amount_minor": amount_minor,
        "currency": currency,
    }


def raw_transaction(transaction_id: str, source_id: str = "x") -> dict[str, object]:
    return {
        "id": transaction_id,
        "source_kind": "test",
        "source_id": source_id,
        "purpose": "test",
        "revision": 0,
        "booked_on": TODAY,
        "period": "2026-11",
        "memo": "",
        "posted_at": NOW,
    }


async def test_the_database_refuses_a_transaction_that_is_not_balanced(db: Database) -> None:
    unbalanced: list[tuple[list[dict[str, object]], str]] = [
        ([], "two or more"),
        ([raw_entry("e1", "t1", 5)], "two or more"),
        ([raw_entry("e1", "t1", 5), raw_entry("e2", "t1", -4)], "sum to zero"),
        ([raw_entry("e1", "t1", 5), raw_entry("e2", "t1", -5, "EUR")], "sum to zero"),
        ([raw_entry("e1", "t1", 5), raw_entry("e2", "t1", 0)], "not_zero"),
        ([raw_entry("e1", "t1", 5, "gbp"), raw_entry("e2", "t1", -5, "gbp")], "currency"),
    ]
    for entries, words in unbalanced:
        with pytest.raises(DBAPIError, match=words):
            await insert_raw(db, entries, [raw_transaction("t1")])

        assert await count_transactions(db) == 0, entries


async def test_one_statement_with_one_bad_transaction_among_good_ones_is_refused(db: Database) -> None:
    entries = [
        raw_entry(f"e{t}{n}", f"t{t}", sign * (5 + (t == 3 and n))) for t in range(5) for n, sign in ((0, 1), (1, -1))
    ]

    with pytest.raises(DBAPIError, match="sum to zero"):
        await insert_raw(db, entries, [raw_transaction(f"t{t}", f"s{t}") for t in range(5)])


async def test_entries_without_their_transaction_are_refused_at_commit(db: Database) -> None:
    with pytest.raises(DBAPIError, match=r"(?i)foreign key"):
        await insert_raw(db, [raw_entry("e1", "t1", 5), raw_entry("e2", "t1", -5)], [])


async def test_nothing_is_added_to_a_sealed_transaction(db: Database, ids: Ids) -> None:
    async with db.unit_of_work() as session:
        await post(session, [posting()], ids=ids, now=NOW)
        sealed = (await session.scalars(select(LedgerTransaction.id))).one()

    with pytest.raises(DBAPIError, match="sealed"):
        await insert_raw(db, [raw_entry("e1", sealed, 5), raw_entry("e2", sealed, -5)], [])


async def insert_raw(db: Database, entries: list[dict[str, object]], transactions: list[dict[str, object]]) -> None:
    """Entries, then transactions, past the house's own code; many rows in one statement each."""
    async with db.unit_of_work() as session:
        if entries:
            await session.execute(insert(LedgerEntry).returning(LedgerEntry.id), entries)
        if transactions:
            await session.execute(insert(LedgerTransaction).returning(LedgerTransaction.id), transactions)


async def test_two_sessions_cannot_fill_one_transaction_unseen_by_each_other(db: Database) -> None:
    filled = asyncio.Event()

    async def first() -> None:
        async with db.unit_of_work() as session:
            await session.execute(insert(LedgerEntry), [raw_entry("e1", "t1", 5), raw_entry("e2", "t1", -5)])
            filled.set()
            await asyncio.sleep(0.2)
            await session.execute(insert(LedgerTransaction), [raw_transaction("t1")])

    async def second() -> None:
        await filled.wait()
        async with db.unit_of_work() as session:
            await session.execute(insert(LedgerEntry), [raw_entry("e3", "t1", 7), raw_entry("e4", "t1", -7)])

    outcomes = await asyncio.gather(first(), second(), return_exceptions=True)

    assert outcomes[0] is None
    assert isinstance(outcomes[1], DBAPIError)
    assert "sealed" in str(outcomes[1])
