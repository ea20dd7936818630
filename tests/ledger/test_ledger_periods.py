"""Months: what is locked takes nothing more, whoever asks; what is late stands in the next open one."""

import asyncio
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from engines import on_sqlite
from supporters.audit.models import AuditEntry
from supporters.checks import run_checks
from supporters.kit.db import Database
from supporters.kit.errors import Conflict, Refused
from supporters.kit.ids import Ids
from supporters.ledger.chart import Account
from supporters.ledger.models import BankProof, LedgerEntry, LedgerTransaction, Period
from supporters.ledger.periods import first_day, first_open_month, lock_month, month_of, open_after, reopen_month
from supporters.ledger.post import Entry, Posting, PostingRefused, in_open_month, post
from supporters.ledger.reverse import reverse

NOW = datetime(2027, 2, 3, 9, 36, tzinfo=UTC)
ZONE = "Europe/London"


def posting(source_id: str, day: date) -> Posting:
    pair = (
        Entry(account=Account.UNDEPOSITED, amount_minor=500, currency="GBP"),
        Entry(account=Account.OTHER_INCOME, amount_minor=-500, currency="GBP"),
    )
    return Posting(source_kind="test", source_id=source_id, purpose="test", booked_on=day, memo="", entries=pair)


async def book(db: Database, ids: Ids, *days: date) -> None:
    async with db.unit_of_work() as session:
        await post(session, [posting(day.isoformat(), day) for day in days], ids=ids, now=NOW)


async def lock(db: Database, *periods: str, now: datetime = NOW) -> None:
    async with db.unit_of_work() as session:
        for period in periods:
            await lock_month(
                session,
                period,
                bank_proof=BankProof.STATEMENT,
                note="as agreed",
                actor_id="dana",
                now=now,
                time_zone=ZONE,
            )


async def reopen(db: Database, period: str, reason: str = "a late invoice") -> None:
    async with db.unit_of_work() as session:
        await reopen_month(session, period, reason=reason, actor_id="dana", now=NOW)


async def stands(db: Database) -> dict[str, tuple[str, date, date | None]]:
    async with db.reading() as session:
        rows = await session.scalars(select(LedgerTransaction))
        return {row.source_id: (row.period, row.booked_on, row.effective_on) for row in rows}


async def test_a_late_fact_stands_in_the_first_open_month_and_keeps_its_day(db: Database, ids: Ids) -> None:
    await book(db, ids, date(2026, 11, 3))
    await lock(db, "2026-11", "2026-12")

    await book(db, ids, date(2026, 11, 30), date(2027, 1, 5))

    found = await stands(db)
    assert found["2026-11-03"] == ("2026-11", date(2026, 11, 3), None)
    assert found["2026-11-30"] == ("2027-01", date(2027, 1, 1), date(2026, 11, 30))
    assert found["2027-01-05"] == ("2027-01", date(2027, 1, 5), None)
    async with db.reading() as session:
        assert await run_checks(session, now=NOW) == []


async def test_a_month_before_a_locked_one_is_closed_with_it(db: Database, ids: Ids) -> None:
    await lock(db, "2026-12")

    await book(db, ids, date(2026, 11, 30))

    assert await stands(db) == {"2026-11-30": ("2027-01", date(2027, 1, 1), date(2026, 11, 30))}


@pytest.mark.parametrize(
    "day", [date(2026, 12, 4), date(2026, 11, 4), date(2026, 9, 4)], ids=["locked", "between", "before"]
)
async def test_the_database_itself_refuses_a_posting_in_or_before_a_locked_month(
    db: Database, ids: Ids, day: date
) -> None:
    await book(db, ids, date(2026, 10, 3))
    await lock(db, "2026-10", "2026-12")

    with pytest.raises(DBAPIError, match="this month is locked"):
        async with db.unit_of_work() as session:
            late = LedgerTransaction(
                id="late", source_kind="test", source_id="late", purpose="test", booked_on=day,
                period=month_of(day), memo="", posted_at=NOW,
            )  # fmt: skip
            pair = [("e1", 5), ("e2", -5)]
            session.add_all(
                LedgerEntry(id=each, transaction_id="late", account="1200", amount_minor=minor, currency="GBP")
                for each, minor in pair
            )
            await session.flush()
            session.add(late)


@on_sqlite
async def test_a_reversal_of_a_locked_month_stands_in_the_open_one(db: Database, ids: Ids) -> None:
    await book(db, ids, date(2026, 11, 3))
    await lock(db, "2026-11")

    async with db.unit_of_work() as session:
        wrong = (await session.scalars(select(LedgerTransaction))).one()
        await reverse(session, wrong.id, booked_on=wrong.booked_on, memo="wrong", ids=ids, now=NOW)

    async with db.reading() as session:
        back = (await session.scalars(select(LedgerTransaction).where(LedgerTransaction.reverses_id == wrong.id))).one()
    assert (back.period, back.effective_on) == ("2026-12", date(2026, 11, 3))


async def test_posting_again_after_the_lock_posts_nothing(db: Database, ids: Ids) -> None:
    await book(db, ids, date(2026, 11, 3))
    await lock(db, "2026-11")

    await book(db, ids, date(2026, 11, 3))

    assert len(await stands(db)) == 1


async def test_a_month_that_cannot_be_locked_is_not(sqlite_db: Database, ids: Ids) -> None:
    await book(sqlite_db, ids, date(2026, 11, 3))
    for period, now, words in (
        ("2026-12", NOW, "November 2026 is still open"),
        ("2027-02", NOW, "not over"),
        ("2027-01", datetime(2027, 1, 31, 23, 59, tzinfo=UTC), "not over"),
        ("2026-13", NOW, "written like"),
        ("november", NOW, "written like"),
        ("2026-1-1", NOW, "written like"),
        ("", NOW, "written like"),
    ):
        with pytest.raises(Refused, match=words):
            await lock(sqlite_db, period, now=now)

        async with sqlite_db.reading() as session:
            assert (await session.scalars(select(Period))).all() == [], period


async def test_locking_twice_is_told_and_the_audit_has_it_once(db: Database, ids: Ids) -> None:
    await lock(db, "2026-11")

    with pytest.raises(Conflict):
        await lock(db, "2026-11")

    async with db.reading() as session:
        assert (await session.scalars(select(AuditEntry.action))).all() == ["month.lock"]
        row = (await session.scalars(select(Period))).one()
    assert (row.state, row.bank_proof, row.note, row.locked_by, row.transactions) == (
        "locked", "statement", "as agreed", "dana", 0,
    )  # fmt: skip


async def test_only_the_last_locked_month_is_opened_again_and_for_a_reason(db: Database, ids: Ids) -> None:
    await book(db, ids, date(2026, 11, 3))
    await lock(db, "2026-11", "2026-12")
    with pytest.raises(Refused, match="December 2026 is locked"):
        await reopen(db, "2026-11")
    with pytest.raises(Refused, match="write why"):
        await reopen(db, "2026-12", " ")
    with pytest.raises(Conflict):
        await reopen(db, "2027-01")
    await reopen(db, "2026-12")
    await reopen(db, "2026-11")

    await book(db, ids, date(2026, 11, 4))
    await lock(db, "2026-11")

    assert (await stands(db))["2026-11-04"] == ("2026-11", date(2026, 11, 4), None)
    async with db.reading() as session:
        row = await session.get(Period, "2026-11")
    assert row is not None
    assert (row.state, row.transactions, row.reopened_reason) == ("locked", 2, "a late invoice")


async def test_locking_and_posting_at_the_same_time_leaves_nothing_in_a_month_after_its_lock(
    db: Database, ids: Ids
) -> None:
    await asyncio.gather(book(db, ids, date(2026, 11, 3)), lock(db, "2026-11"), book(db, ids, date(2026, 11, 4)))

    async with db.reading() as session:
        assert await run_checks(session, now=NOW) == []
        assert await first_open_month(session, after=date(2026, 11, 30)) == date(2026, 12, 1)
    assert len(await stands(db)) == 2


months = st.dates(min_value=date(2020, 1, 1), max_value=date(2030, 12, 31))


@given(months, st.frozensets(months.map(month_of), max_size=30))
def test_no_posting_ever_goes_to_a_locked_month_or_back_in_time(day: date, locked: frozenset[str]) -> None:
    moved = in_open_month(posting("1", day), locked)

    assert month_of(moved.booked_on) not in locked
    assert moved.booked_on >= day
    assert (moved.effective_on or moved.booked_on) == day
    assert open_after(day, locked).day == 1


@given(months)
def test_a_month_is_read_as_it_is_written(day: date) -> None:
    assert first_day(month_of(day)) == day.replace(day=1)


async def test_a_refused_posting_is_refused_in_a_locked_month_too(sqlite_db: Database, ids: Ids) -> None:
    await lock(sqlite_db, "2026-11")
    lopsided = Posting(
        source_kind="test", source_id="1", purpose="test", booked_on=date(2026, 11, 3), memo="", entries=()
    )

    with pytest.raises(PostingRefused):
        async with sqlite_db.unit_of_work() as session:
            await post(session, [lopsided], ids=ids, now=NOW)
