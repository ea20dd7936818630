"""Cut-over: the books begin on a day with what was there, and nothing before it is ever posted."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from books import NOW, add_donations, add_lines, donation_id, found, line_row
from engines import on_postgresql, on_sqlite
from supporters.audit.models import AuditEntry
from supporters.checks import run_checks
from supporters.donations.models import Dispute, Donation
from supporters.kit.db import Database
from supporters.kit.errors import Conflict, NotFound, Refused
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.ledger.chart import Account
from supporters.ledger.models import BankProof, BooksStart, LedgerEntry, LedgerTransaction
from supporters.ledger.periods import lock_month
from supporters.ledger.post import Entry, Posting, post
from supporters.ledger.start import read_start
from supporters.reconciliation.disputes import close_disputes
from supporters.reconciliation.drift import find_drift
from supporters.reconciliation.opening import Opening, begin_books, withdraw_opening
from supporters.reconciliation.poster import post_new
from supporters.reconciliation.queries import count_unposted

ZONE = "Europe/London"
START = date(2026, 11, 1)
BEFORE = datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC)
FIRST = datetime(2026, 11, 1, tzinfo=UTC)
BOOKS = ("ledger_", "line_", "fees_kept", "stripe_balance", "disputes_", "payouts_", "payout_")
OPENING = Opening(
    starts_on=START,
    stripe=(Money(10_000, "GBP"), Money(0, "EUR"), Money(-700, "USD")),
    in_transit=(("po_old", Money(4_200, "GBP")),),
    others=((Account.STRIPE_RESERVE, Money(500, "GBP")), (Account.REFUNDS_PAYABLE, Money(-300, "GBP"))),
)


async def begin(db: Database, ids: Ids, opening: Opening = OPENING) -> int:
    async with db.unit_of_work() as session:
        return (await begin_books(session, opening, actor_id="dana", ids=ids, now=NOW, time_zone=ZONE)).posted


async def withdraw(db: Database, ids: Ids) -> None:
    async with db.unit_of_work() as session:
        await withdraw_opening(session, actor_id="dana", ids=ids, now=NOW)


async def post_all(db: Database, ids: Ids) -> int:
    async with db.unit_of_work() as session:
        return await post_new(session, ids=ids, now=NOW, time_zone=ZONE)


async def balances(db: Database) -> dict[str, int]:
    async with db.reading() as session:
        entry = LedgerEntry
        rows = await session.execute(
            select(entry.account, entry.currency, func.sum(entry.amount_minor)).group_by(entry.account, entry.currency)
        )
        return {f"{account} {currency}": int(total) for account, currency, total in rows if total}


async def broken(db: Database) -> list[str]:
    async with db.reading() as session:
        return [
            each.name for each in await run_checks(session, now=NOW + timedelta(days=9)) if each.name.startswith(BOOKS)
        ]


async def test_what_was_there_stands_against_opening_balances_and_the_books_hold(db: Database, ids: Ids) -> None:
    posted = await begin(db, ids)

    assert posted == 5
    assert await balances(db) == {
        "1100 GBP": 10_000, "1100 USD": -700, "1150 GBP": 4_200, "1110 GBP": 500, "2100 GBP": -300,
        "3000 GBP": -14_400, "3000 USD": 700,
    }  # fmt: skip
    assert await broken(db) == []
    async with db.reading() as session:
        assert {str(row) for row in await session.scalars(select(LedgerTransaction.booked_on))} == {"2026-11-01"}
        named = select(LedgerEntry.stripe_payout_id).where(LedgerEntry.account == Account.PAYOUTS_IN_TRANSIT)
        assert (await session.scalars(named)).all() == ["po_old"]
        assert (await session.scalars(select(AuditEntry.action))).all() == ["books.begin"]
        # What Stripe says it holds, available and pending: the reserve is none of it.
        assert await find_drift(session, {"GBP": 10_000, "USD": -700}) == []


@on_sqlite
async def test_lines_from_before_the_day_are_never_posted_and_nobody_waits_for_them(db: Database, ids: Ids) -> None:
    async with db.unit_of_work() as session:
        await found(session)
        await add_donations(session, range(1, 3))
        await add_lines(session, line_row(1, created_at=BEFORE), line_row(2, created_at=FIRST))
    await begin(db, ids)

    posted = await post_all(db, ids)

    assert posted == 1
    assert (await balances(db))["1100 GBP"] == 10_000 + 2_435
    async with db.reading() as session:
        assert await count_unposted(session) == 0
    assert await broken(db) == []


@pytest.mark.parametrize(("zone", "posts"), [("Europe/London", 0), ("Europe/Berlin", 1), ("America/New_York", 0)])
async def test_the_day_begins_at_midnight_of_the_books_time_zone(
    zone: str, posts: int, sqlite_db: Database, ids: Ids
) -> None:
    async with sqlite_db.unit_of_work() as session:
        await found(session)
        await add_donations(session, range(1, 2))
        await add_lines(session, line_row(1, created_at=BEFORE))
        await begin_books(session, OPENING, actor_id="dana", ids=ids, now=NOW, time_zone=zone)

        assert await post_new(session, ids=ids, now=NOW, time_zone=zone) == posts


async def test_an_opening_that_cannot_be_posts_nothing(sqlite_db: Database, ids: Ids) -> None:
    for opening, words in (
        (Opening(starts_on=date(2026, 11, 23)), "still to come"),
        (Opening(starts_on=START, stripe=(Money(1, "GBP"), Money(2, "GBP"))), "stripe:GBP is given twice"),
        (Opening(starts_on=START, in_transit=(("po_1", Money(1, "GBP")), ("po_1", Money(2, "EUR")))), "given twice"),
        (Opening(starts_on=START, others=((Account.STRIPE_BALANCE, Money(1, "GBP")),)), "1100 is not given here"),
        (Opening(starts_on=START, others=((Account.OPENING, Money(1, "GBP")),)), "3000 is not given here"),
        (Opening(starts_on=START, disputes=(("dp_1", Money(1, "GBP")),)), "no dispute dp_1"),
    ):
        with pytest.raises(Refused, match=words):
            await begin(sqlite_db, ids, opening)

        assert await balances(sqlite_db) == {}, words
        async with sqlite_db.reading() as session:
            assert await read_start(session) is None, words


@on_sqlite
async def test_books_begin_once_and_not_after_what_they_hold(db: Database, ids: Ids) -> None:
    await begin(db, ids)
    with pytest.raises(Conflict, match="already"):
        await begin(db, ids)
    async with db.unit_of_work() as session:
        await found(session)
        await add_donations(session, range(1, 2))
        await add_lines(session, line_row(1, created_at=FIRST))
    await post_all(db, ids)
    await withdraw(db, ids)

    cash = Posting(
        source_kind="other_payment", source_id="cash", purpose="record", booked_on=START, memo="",
        entries=tuple(Entry(account=each, amount_minor=minor, currency="GBP")
                      for each, minor in ((Account.UNDEPOSITED, 500), (Account.DONATIONS_ONCE, -500))),
    )  # fmt: skip
    async with db.unit_of_work() as session:
        await post(session, [cash], ids=ids, now=NOW)
    with pytest.raises(Conflict, match=r"2026-11-01 \(other_payment\)"):
        await begin(db, ids, Opening(starts_on=date(2026, 11, 2)))

    assert await balances(db) == {
        "1100 GBP": 2_435, "5000 GBP": 65, "4000 GBP": -3_000, "1200 GBP": 500
    }  # fmt: skip


async def test_what_the_worker_posted_before_the_day_was_named_is_taken_back(db: Database, ids: Ids) -> None:
    async with db.unit_of_work() as session:
        await found(session)
        await add_donations(session, range(1, 3))
        await add_lines(session, line_row(1, created_at=BEFORE), line_row(2, created_at=FIRST))
    await post_all(db, ids)

    async with db.unit_of_work() as session:
        begun = await begin_books(session, OPENING, actor_id="dana", ids=ids, now=NOW, time_zone=ZONE)
    left = await post_all(db, ids)
    async with db.reading() as session:
        waiting = await count_unposted(session)
        fees = list(await session.scalars(select(Donation.fee_minor).order_by(Donation.id)))

    assert (begun, left, waiting) == ((5, 1), 0, 0)
    assert (await balances(db))["4000 GBP"] == -2_500
    assert fees == [0, 65]
    assert await broken(db) == []


@on_sqlite
async def test_what_came_so_late_that_it_stands_in_the_opening_month_is_taken_back_too(db: Database, ids: Ids) -> None:
    async with db.unit_of_work() as session:
        await found(session)
        await add_donations(session, range(1, 2))
        await add_lines(session, line_row(1, created_at=BEFORE))
        await lock_month(session, "2026-10", bank_proof=BankProof.ELSEWHERE, actor_id="dana", now=NOW, time_zone=ZONE)
    await post_all(db, ids)

    async with db.unit_of_work() as session:
        begun = await begin_books(session, OPENING, actor_id="dana", ids=ids, now=NOW, time_zone=ZONE)

    assert begun.taken_back == 1
    assert (await balances(db))["1100 GBP"] == 10_000
    assert await broken(db) == []


@on_postgresql
async def test_what_is_about_to_be_posted_while_the_books_begin_is_left_to_older_books(db: Database, ids: Ids) -> None:
    async with db.unit_of_work() as session:
        await found(session)
        await add_donations(session, range(1, 2))
        await add_lines(session, line_row(1, created_at=BEFORE))

    async with db.unit_of_work() as session:
        await begin_books(session, OPENING, actor_id="dana", ids=ids, now=NOW, time_zone=ZONE)
        posting = asyncio.create_task(post_all(db, ids))
        await asyncio.sleep(0.3)

    assert await posting == 0
    assert (await balances(db))["1100 GBP"] == 10_000


async def test_a_wrong_opening_is_withdrawn_and_given_again(db: Database, ids: Ids) -> None:
    await begin(db, ids)

    await withdraw(db, ids)

    assert await balances(db) == {}
    with pytest.raises(NotFound):
        await withdraw(db, ids)
    await begin(db, ids, Opening(starts_on=date(2026, 11, 3), stripe=(Money(10_001, "GBP"),)))
    assert await balances(db) == {"1100 GBP": 10_001, "3000 GBP": -10_001}
    assert await broken(db) == []
    async with db.reading() as session:
        starts = (await session.scalars(select(BooksStart).order_by(BooksStart.revision))).all()
    assert [(row.revision, row.withdrawn_by) for row in starts] == [(1, "dana"), (2, None)]


@on_sqlite
async def test_between_a_withdrawn_opening_and_the_next_nothing_older_is_posted(db: Database, ids: Ids) -> None:
    async with db.unit_of_work() as session:
        await found(session)
        await add_donations(session, range(1, 2))
        await add_lines(session, line_row(1, created_at=BEFORE))
    await begin(db, ids)
    await withdraw(db, ids)

    assert await post_all(db, ids) == 0

    assert await begin(db, ids) == 5
    assert await post_all(db, ids) == 0
    assert await broken(db) == []


async def test_a_locked_month_takes_no_opening(sqlite_db: Database, ids: Ids) -> None:
    async with sqlite_db.unit_of_work() as session:
        await lock_month(session, "2026-10", bank_proof=BankProof.ELSEWHERE, actor_id="dana", now=NOW, time_zone=ZONE)

    with pytest.raises(Refused, match="locked"):
        await begin(sqlite_db, ids, Opening(starts_on=date(2026, 10, 1)))


def dispute_row(state: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": "P" * 26, "donation_id": donation_id(1), "stripe_dispute_id": "dp_1", "stripe_payment_intent_id": "pi_1",
        "amount_minor": 2500, "currency": "GBP", "state": state, "reason": "general", "opened_at": BEFORE, "closed_at": NOW,
        "created_at": BEFORE, "updated_at": NOW, **changes,
    }  # fmt: skip


def dispute_line(category: str, gross: int, at: datetime) -> dict[str, Any]:
    return line_row(
        1, stripe_balance_transaction_id=f"txn_{category}", type="adjustment", reporting_category=category, gross_minor=gross,
        fee_minor=0, fee_details=[], source_id="dp_1", created_at=at,
    )  # fmt: skip


async def dispute_that_ended(db: Database, ids: Ids, state: str, *lines: dict[str, Any], **changes: Any) -> None:
    async with db.unit_of_work() as session:
        await found(session)
        await add_donations(session, range(1, 2))
        await add_lines(session, *lines)
        await session.execute(insert(Dispute).values(dispute_row(state, **changes)))


async def close(db: Database, ids: Ids) -> int:
    async with db.unit_of_work() as session:
        return await close_disputes(session, ids=ids, now=NOW, time_zone=ZONE)


HELD = Opening(starts_on=START, disputes=(("dp_1", Money(2_500, "GBP")),))


async def test_a_dispute_from_before_that_is_lost_is_written_off(db: Database, ids: Ids) -> None:
    await dispute_that_ended(db, ids, "lost", dispute_line("dispute", -2500, BEFORE))
    await begin(db, ids, HELD)
    await post_all(db, ids)

    assert await close(db, ids) == 1

    assert await balances(db) == {"4095 GBP": 2_500, "3000 GBP": -2_500}
    assert await broken(db) == []


@on_sqlite
async def test_a_dispute_from_before_that_is_won_leaves_nothing_behind(db: Database, ids: Ids) -> None:
    lines = (dispute_line("dispute", -2500, BEFORE), dispute_line("dispute_reversal", 2500, FIRST))
    await dispute_that_ended(db, ids, "won", *lines)
    await begin(db, ids, HELD)
    await post_all(db, ids)

    assert await close(db, ids) == 0

    assert await balances(db) == {"1100 GBP": 2_500, "3000 GBP": -2_500}
    assert await broken(db) == []


@on_sqlite
async def test_an_opening_with_a_dispute_is_withdrawn_and_given_again(db: Database, ids: Ids) -> None:
    await dispute_that_ended(db, ids, "lost", dispute_line("dispute", -2500, BEFORE))
    await begin(db, ids, HELD)
    await withdraw(db, ids)

    assert await balances(db) == {}
    assert await broken(db) == []
    await begin(db, ids, Opening(starts_on=START, disputes=(("dp_1", Money(2_400, "GBP")),)))

    assert await close(db, ids) == 1
    assert await balances(db) == {"4095 GBP": 2_400, "3000 GBP": -2_400}
    assert await broken(db) == []


async def test_a_dispute_that_was_forgotten_or_given_wrongly_is_evened_out_again(db: Database, ids: Ids) -> None:
    await dispute_that_ended(db, ids, "lost", dispute_line("dispute", -2500, BEFORE))
    await begin(db, ids, Opening(starts_on=START))
    assert await close(db, ids) == 0
    await withdraw(db, ids)

    await begin(db, ids, HELD)
    assert await close(db, ids) == 1
    assert await balances(db) == {"4095 GBP": 2_500, "3000 GBP": -2_500}
    await withdraw(db, ids)
    await begin(db, ids, Opening(starts_on=START))
    assert await close(db, ids) == 1

    assert await balances(db) == {}
    assert await broken(db) == []


async def test_a_dispute_that_had_ended_before_the_books_began_is_evened_out_on_their_first_day(
    sqlite_db: Database, ids: Ids
) -> None:
    lines = dispute_line("dispute", -2500, BEFORE)
    await dispute_that_ended(sqlite_db, ids, "lost", lines, closed_at=BEFORE - timedelta(days=1))
    await begin(sqlite_db, ids, HELD)

    assert await close(sqlite_db, ids) == 1

    assert await balances(sqlite_db) == {"4095 GBP": 2_500, "3000 GBP": -2_500}
    assert await broken(sqlite_db) == []


@on_sqlite
async def test_what_a_won_dispute_lost_on_the_way_between_currencies_is_a_difference_of_exchange(
    db: Database, ids: Ids
) -> None:
    lines = (dispute_line("dispute", -1_980, FIRST), dispute_line("dispute_reversal", 1_950, NOW))
    await dispute_that_ended(db, ids, "won", *lines, currency="USD")
    await post_all(db, ids)

    assert await close(db, ids) == 1

    assert await balances(db) == {"1100 GBP": -30, "5090 GBP": 30}
    assert await broken(db) == []
