"""From the mirror to the ledger: each line once, to the right accounts, and what nobody knows to suspense."""

import asyncio
import time
from collections.abc import Sequence

import pytest
from sqlalchemy import func, select, text

from books import NOW, add_donations, add_lines, add_payment, donation_id, found, line_row, refund_line_row
from engines import on_sqlite
from supporters.checks import run_checks
from supporters.discrepancies.codes import Code
from supporters.discrepancies.models import Discrepancy
from supporters.discrepancies.open import open_discrepancy
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.ledger.models import LedgerEntry, LedgerTransaction
from supporters.payments.models import BalanceTransaction
from supporters.reconciliation.drift import find_drift, report_drift
from supporters.reconciliation.poster import post_new
from supporters.reconciliation.queries import count_unposted

BOOKS = ("ledger_", "line_", "stripe_balance", "mirror_")


async def post_all(db: Database, ids: Ids, *, limit: int = 500) -> int:
    async with db.unit_of_work() as session:
        return await post_new(session, ids=ids, now=NOW, time_zone="Europe/London", limit=limit)


async def balances(db: Database) -> dict[str, int]:
    async with db.reading() as session:
        query = select(LedgerEntry.account, func.sum(LedgerEntry.amount_minor)).group_by(LedgerEntry.account)
        return {account: int(total) for account, total in await session.execute(query)}


async def broken_books(db: Database) -> list[str]:
    async with db.reading() as session:
        return [found.name for found in await run_checks(session, now=NOW) if found.name.startswith(BOOKS)]


async def discrepancies(db: Database) -> Sequence[tuple[str, str]]:
    async with db.reading() as session:
        rows = await session.execute(select(Discrepancy.code, Discrepancy.subject).order_by(Discrepancy.subject))
        return [(code, subject) for code, subject in rows]


async def test_charge_and_refund_of_a_donation_are_posted_with_its_dimensions(db: Database, ids: Ids) -> None:
    async with db.unit_of_work() as session:
        await found(session)
        await add_donations(session, range(1, 2))
        await add_lines(session, line_row(1), refund_line_row(1, 1000))

    posted = await post_all(db, ids)

    assert posted == 2
    assert await balances(db) == {"1100": 1435, "5000": 65, "4000": -2500, "4090": 1000}
    async with db.reading() as session:
        assert set(await session.scalars(select(LedgerEntry.donation_id))) == {donation_id(1)}
    assert await broken_books(db) == []


@on_sqlite
async def test_posting_again_posts_nothing(db: Database, ids: Ids) -> None:
    async with db.unit_of_work() as session:
        await found(session)
        await add_donations(session, range(1, 4))
        await add_lines(session, *(line_row(n) for n in range(1, 4)))
    await post_all(db, ids)
    before = await balances(db)

    assert await post_all(db, ids) == 0

    assert await balances(db) == before


@on_sqlite
async def test_a_line_whose_mark_was_lost_is_not_posted_twice(db: Database, ids: Ids) -> None:
    async with db.unit_of_work() as session:
        await found(session)
        await add_donations(session, range(1, 2))
        await add_lines(session, line_row(1))
    await post_all(db, ids)
    async with db.unit_of_work() as session:
        await session.execute(text("UPDATE balance_transaction SET posted_at = NULL"))

    await post_all(db, ids)

    assert (await balances(db))["1100"] == 2435
    assert await broken_books(db) == []


async def test_posters_at_the_same_time_post_each_line_once(db: Database, ids: Ids) -> None:
    async with db.unit_of_work() as session:
        await found(session)
        await add_donations(session, range(1, 61))
        await add_lines(session, *(line_row(n) for n in range(1, 61)))

    counts = await asyncio.gather(*(post_all(db, ids, limit=20) for _ in range(5)))

    assert sum(counts) <= 60
    while await post_all(db, ids):
        pass
    assert await balances(db) == {"1100": 60 * 2435, "5000": 60 * 65, "4000": -60 * 2500}
    assert await broken_books(db) == []


async def test_lines_whose_owner_is_not_known_wait_and_hold_up_nobody(db: Database, ids: Ids) -> None:
    async with db.unit_of_work() as session:
        await found(session)
        await add_donations(session, range(4, 5))
        await add_payment(session, 2, "unknown")
        await add_payment(session, 3, "ours")  # of nobody's donation
        await add_lines(session, *(line_row(number) for number in range(1, 5)))

    posted = await post_all(db, ids, limit=1)

    assert posted == 1
    async with db.reading() as session:
        assert await count_unposted(session) == 3
        waiting = await session.scalars(
            select(BalanceTransaction.stripe_balance_transaction_id).where(BalanceTransaction.posted_at.is_(None))
        )
        assert sorted(waiting) == ["txn_1", "txn_2", "txn_3"]
    assert await post_all(db, ids) == 0


async def test_it_is_posted_once_its_owner_is_known(db: Database, ids: Ids) -> None:
    async with db.unit_of_work() as session:
        await found(session)
        await add_lines(session, line_row(1))
    assert await post_all(db, ids) == 0
    async with db.unit_of_work() as session:
        await add_donations(session, range(1, 2))

    assert await post_all(db, ids) == 1

    assert (await balances(db))["4000"] == -2500


async def test_money_of_a_shop_stays_outside_income_and_names_nobody(db: Database, ids: Ids) -> None:
    async with db.unit_of_work() as session:
        await add_payment(session, 1, "not_ours")
        await add_lines(
            session,
            line_row(1),
            refund_line_row(1, 500),
            line_row(2, stripe_payment_intent_id=None),  # a charge made the old way, without a payment intent
        )

    assert await post_all(db, ids) == 3

    assert await balances(db) == {"1100": 2435 + 2435 - 500, "2010": -2435 - 2435 + 500}
    assert await discrepancies(db) == []


@pytest.mark.parametrize("code", [Code.PAYMENT_MISMATCH, Code.DUPLICATE_PAYMENT])
async def test_a_payment_that_does_not_fit_goes_to_suspense_and_so_does_its_refund(
    code: Code, db: Database, ids: Ids
) -> None:
    async with db.unit_of_work() as session:
        await add_payment(session, 1, "ours")
        await open_discrepancy(session, code=code, subject="pi_1", ids=ids, now=NOW)
        await add_lines(session, line_row(1), refund_line_row(1, 2500))

    assert await post_all(db, ids) == 2

    assert await balances(db) == {"1100": -65, "5000": 65, "2000": 0}
    assert await discrepancies(db) == [(code, "pi_1")]


async def test_an_unknown_category_goes_to_suspense_and_is_seen(db: Database, ids: Ids) -> None:
    odd = line_row(1, reporting_category="other_adjustment", stripe_payment_intent_id=None, source_id="co_1")
    async with db.unit_of_work() as session:
        await add_lines(session, odd)

    assert await post_all(db, ids) == 1

    assert await balances(db) == {"1100": 2435, "2000": -2435}
    assert await discrepancies(db) == [("UNKNOWN_CATEGORY", "txn_1")]
    assert await broken_books(db) == []


async def test_a_line_that_names_no_payment_goes_to_suspense_and_is_seen(db: Database, ids: Ids) -> None:
    bare = refund_line_row(1, 500, stripe_payment_intent_id=None, stripe_charge_id=None)
    async with db.unit_of_work() as session:
        await add_lines(session, bare)

    await post_all(db, ids)

    assert await balances(db) == {"1100": -500, "2000": 500}
    assert await discrepancies(db) == [("PAYMENT_UNTRACED", "txn_re_1")]


@on_sqlite
async def test_a_line_of_nothing_is_done_without_a_transaction(db: Database, ids: Ids) -> None:
    nothing = line_row(
        1, reporting_category="fee", gross_minor=0, fee_minor=0, fee_details=[], stripe_payment_intent_id=None
    )
    async with db.unit_of_work() as session:
        await add_lines(session, nothing)

    assert await post_all(db, ids) == 1

    async with db.reading() as session:
        assert await count_unposted(session) == 0
        assert await session.scalar(select(func.count()).select_from(LedgerTransaction)) == 0
    assert await broken_books(db) == []


@on_sqlite
async def test_a_thousand_charges_and_a_hundred_refunds_take_seconds_and_add_up(db: Database, ids: Ids) -> None:
    async with db.unit_of_work() as session:
        await found(session)
        await add_donations(session, range(1, 1001))
        await add_lines(session, *(line_row(n) for n in range(1, 1001)))
        await add_lines(session, *(refund_line_row(n, 2500) for n in range(1, 101)))

    began = time.monotonic()
    while await post_all(db, ids):
        pass
    took = time.monotonic() - began

    assert await balances(db) == {"1100": 1000 * 2435 - 100 * 2500, "5000": 65_000, "4000": -2_500_000, "4090": 250_000}
    assert await broken_books(db) == []
    assert took < 10


async def test_drift_is_found_per_currency_and_reported_unless_waiting_lines_explain_it(db: Database, ids: Ids) -> None:
    async with db.unit_of_work() as session:
        await found(session)
        await add_donations(session, range(1, 2))
        await add_lines(session, line_row(1), line_row(2))
    await post_all(db, ids)

    async with db.unit_of_work() as session:
        assert await find_drift(session, {"GBP": 2435}) == []
        drifts = await find_drift(session, {"GBP": 2435 + 2435, "EUR": 7})
        await report_drift(session, drifts, ids=ids, now=NOW)

    assert [(d.currency, d.ledger_minor, d.stripe_minor, d.waiting_minor) for d in drifts] == [
        ("EUR", 0, 7, 0),
        ("GBP", 2435, 4870, 2435),
    ]
    assert await discrepancies(db) == [("BALANCE_DRIFT", "EUR")]
