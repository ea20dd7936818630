"""The nightly search: each kind is found once, for information by month and without names, and looking again changes nothing."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from books import (
    NOW,
    add_donations,
    add_lines,
    add_payment,
    donation_id,
    donation_row,
    found,
    line_row,
    refund_line_row,
)
from engines import on_sqlite
from supporters.discrepancies.codes import Code
from supporters.discrepancies.models import Discrepancy, DiscrepancyState
from supporters.donations.models import Dispute, Donation, Refund
from supporters.jobs.models import Job
from supporters.jobs.work import Work
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.ledger.models import Period
from supporters.payments.models import BalanceTransaction, InboxEvent
from supporters.reconciliation.detect import detect_all
from supporters.reconciliation.detect_balance import Usual, learn_usual
from supporters.reconciliation.detect_look import look_back
from supporters.reconciliation.poster import post_new

ZONE = "Europe/London"
TONIGHT = NOW + timedelta(days=3)
HELD = {
    "gross_minor": -5000,
    "fee_minor": 0,
    "fee_details": [],
    "stripe_charge_id": None,
    "stripe_payment_intent_id": None,
}


def line(name: str, category: str, **changes: Any) -> dict[str, Any]:
    """A line of the balance that belongs to no payment."""
    named = {"stripe_balance_transaction_id": f"txn_{name}", "reporting_category": category, "source_id": name}
    return line_row(0, **{**HELD, "type": category, **named, **changes})


def refund(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"{number:026d}", "donation_id": donation_id(number), "amount_minor": 2500, "currency": "GBP",
        "reason": "other", "state": "succeeded", "origin": "desk", "stripe_refund_id": f"re_{number}",
        "created_at": NOW, "updated_at": NOW, **changes,
    }  # fmt: skip


def dispute(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"U{number:025d}", "donation_id": donation_id(number), "stripe_dispute_id": f"du_{number}",
        "stripe_payment_intent_id": f"pi_{number}", "amount_minor": 2500, "currency": "GBP", "state": "lost",
        "reason": "fraudulent", "opened_at": NOW, "closed_at": NOW, "created_at": NOW, "updated_at": NOW, **changes,
    }  # fmt: skip


def event(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "source": "stripe", "stripe_event_id": f"evt_{number}", "livemode": False, "type": "charge.updated",
        "occurred_at": NOW, "received_at": NOW, "via": "webhook", "state": "handled", "run_at": NOW, "attempts": 0,
        **changes,
    }  # fmt: skip


async def search(db: Database, ids: Ids, *, at: datetime = TONIGHT) -> Mapping[tuple[str, str], Discrepancy]:
    work = Work(db=db, clock=FixedClock(at), ids=ids, job=Job(id="j", kind="discrepancies.detect"))
    await detect_all(work, {}, time_zone=ZONE, livemode=False, account="acct_ours")
    async with db.reading() as session:
        rows = (await session.scalars(select(Discrepancy))).all()
    return {(row.code, row.subject): row for row in rows}


async def payments(db: Database, count: int, **changes: Any) -> None:
    """So many paid donations, half a day apart so that none is like another, each with its line unless told otherwise."""
    async with db.unit_of_work() as session:
        await found(session)
        rows = [donation_row(n, paid_at=NOW - timedelta(hours=12 * n)) | changes for n in range(1, count + 1)]
        await session.execute(insert(Donation), rows)
        await add_lines(session, *(line_row(n) for n in range(1, count + 1)))


async def add(db: Database, table: Any, *rows: dict[str, Any]) -> None:
    async with db.unit_of_work() as session:
        await session.execute(insert(table), list(rows))


async def test_what_happened_to_donations_is_found_once(db: Database, ids: Ids) -> None:
    await payments(db, 8)
    async with db.unit_of_work() as session:
        await session.execute(
            insert(Donation),
            [donation_row(20, paid_at=NOW), donation_row(21, paid_at=NOW - timedelta(minutes=9), amount_minor=900),
             donation_row(22, paid_at=NOW, amount_minor=900)],
        )  # fmt: skip
        await add_lines(session, line_row(21), line_row(22))
        await session.execute(update(Donation).where(Donation.id == donation_id(3)).values(refunded_minor=2500))
    await add(
        db,
        Refund,
        refund(1, origin="external", state="succeeded"),
        refund(2, state="pending"),
        refund(3),
        refund(3, id="x" * 26, stripe_refund_id="re_3b", amount_minor=400),
    )
    await add(
        db,
        Dispute,
        dispute(4),
        dispute(5, amount_minor=1000),
        dispute(6, currency="EUR", state="needs_answer", closed_at=None),
        dispute(7, reason="bank_cannot_process"),
    )
    await add(
        db, BalanceTransaction, refund_line_row(3, 2500), refund_line_row(8, 2500, reporting_category="charge_failure")
    )

    seen = await search(db, ids)
    again = await search(db, ids)

    assert set(seen) == {
        (Code.DONATION_NO_BT, donation_id(20)),
        (Code.DUPLICATE_DONATION, donation_id(22)),
        (Code.REFUND_EXTERNAL, "re_1"),
        (Code.REFUND_PENDING_FUNDS, "re_2"),
        (Code.REFUND_EXCEEDS, donation_id(3)),
        (Code.DISPUTE_LOST, "du_4"),
        (Code.DISPUTE_LOST, "du_5"),
        (Code.PARTIAL_DISPUTE, "du_5"),
        (Code.FX_DISPUTE, "du_6"),
        (Code.DEBIT_RETURNED, "pi_7"),
        (Code.DEBIT_RETURNED, "pi_8"),
    }
    assert seen[Code.REFUND_EXCEEDS, donation_id(3)].amount_minor == 400
    assert seen[Code.PARTIAL_DISPUTE, "du_5"].amount_minor == -1500
    assert {key: row.id for key, row in again.items()} == {key: row.id for key, row in seen.items()}


async def test_what_the_balance_shows_is_found_by_month_and_currency(db: Database, ids: Ids) -> None:
    await payments(db, 1)
    before = datetime(2026, 10, 31, 23, 30, tzinfo=UTC)  # the clocks went back on the 25th: still October in London
    async with db.unit_of_work() as session:
        await add_lines(
            session,
            line("fee1", "fee", gross_minor=-150),
            line("fee2", "tax", gross_minor=-30, created_at=before),
            line("hold", "risk_reserved_funds"),
            line("back", "risk_reserved_funds", gross_minor=2000),
            line("least", "payout_minimum_balance_hold"),
            line("tu_1", "topup", gross_minor=10000),
            line_row(50, exchange_rate="0.85", stripe_payment_intent_id="pi_shop", currency="EUR"),
        )
        await add_payment(session, 0, "not_ours")
        await session.execute(
            insert(Donation), [donation_row(60, paid_at=before, amount_minor=700), donation_row(61, paid_at=NOW)]
        )
        await add_lines(
            session, line_row(60, created_at=before + timedelta(hours=1)), line_row(61, stripe_payment_intent_id="pi_0")
        )
        await session.execute(update(Donation).where(Donation.id == donation_id(61)).values(state="expired"))

    seen = await search(db, ids)

    told = {key: (row.amount_minor, row.detail.get("count")) for key, row in seen.items()}
    assert told == {
        (Code.FEE_WITHOUT_CHARGE, "2026-11:GBP"): (-150, 1),
        (Code.FEE_WITHOUT_CHARGE, "2026-10:GBP"): (-30, 1),
        (Code.RESERVE_HELD, "GBP"): (3000, None),
        (Code.RESERVE_RELEASED, "2026-11:GBP"): (2000, 1),
        (Code.MIN_BALANCE_HOLD, "2026-11:GBP"): (-5000, 1),
        (Code.TOPUP, "txn_tu_1"): (10000, None),
        (Code.FX_CONVERSION, "2026-11:EUR"): (2500, 1),
        (Code.CHARGE_UNKNOWN, "2026-11:GBP"): (2500, 1),
        (Code.TIMEZONE_CUTOFF, "2026-11:GBP"): (2500, 1),
    }


@on_sqlite
async def test_money_that_goes_back_after_its_month_was_locked_is_told(db: Database, ids: Ids) -> None:
    october = datetime(2026, 10, 3, tzinfo=UTC)
    async with db.unit_of_work() as session:
        await found(session)
        await add_donations(session, range(1, 3))
        await session.execute(update(Donation).values(paid_at=october))
        await add_lines(session, line_row(1, created_at=october), line_row(2, created_at=october))
        await post_new(session, ids=ids, now=NOW, time_zone=ZONE)
    async with db.unit_of_work() as session:
        locked = {"period": "2026-10", "state": "locked", "note": "", "locked_at": NOW - timedelta(days=1)}
        await session.execute(insert(Period).values(locked))
        await add_lines(session, refund_line_row(1, 2500), refund_line_row(2, 900, created_at=NOW - timedelta(days=2)))

    seen = await search(db, ids)

    late = seen[Code.REFUND_PRIOR_PERIOD, "2026-11:GBP"]
    assert (late.amount_minor, late.detail["count"]) == (-2500, 1)


async def test_messages_are_counted_by_month_and_by_account(sqlite_db: Database, ids: Ids) -> None:
    await add(
        sqlite_db,
        InboxEvent,
        event(1, via="catchup"),
        event(2, via="catchup", account=None),
        event(3, livemode=True, state="parked"),
        event(4, account="acct_other", state="parked"),
        event(5, account="acct_ours", state="parked"),
    )

    seen = await search(sqlite_db, ids)

    assert {key: row.detail["count"] for key, row in seen.items()} == {
        (Code.WEBHOOK_MISSED, "2026-11"): 2,
        (Code.TEST_IN_LIVE, "2026-11"): 1,
        (Code.OTHER_ACCOUNT, "acct_other"): 1,
    }


@on_sqlite
async def test_what_is_in_order_again_closes_by_itself(db: Database, ids: Ids) -> None:
    await payments(db, 1)
    await add(db, Donation, donation_row(20))
    await search(db, ids)
    async with db.unit_of_work() as session:
        await add_lines(session, line_row(20))

    seen = await search(db, ids)

    closed = seen[Code.DONATION_NO_BT, donation_id(20)]
    assert (closed.state, closed.resolved_by) == (DiscrepancyState.RESOLVED, None)
    async with db.unit_of_work() as session:
        moved = update(BalanceTransaction).where(BalanceTransaction.source_id == "ch_20")
        await session.execute(moved.values(stripe_payment_intent_id="pi_other"))
    assert (await search(db, ids))[Code.DONATION_NO_BT, donation_id(20)].state == DiscrepancyState.OPEN


async def test_a_group_that_was_read_is_shown_again_only_when_it_grows(sqlite_db: Database, ids: Ids) -> None:
    await payments(sqlite_db, 1)
    await add(sqlite_db, BalanceTransaction, line("fee1", "fee", gross_minor=-150))
    key = (Code.FEE_WITHOUT_CHARGE, "2026-11:GBP")
    await search(sqlite_db, ids)
    async with sqlite_db.unit_of_work() as session:
        await session.execute(update(Discrepancy).values(state="resolved", resolution="noted", reason="Read."))

    same = (await search(sqlite_db, ids))[key].state
    await add(sqlite_db, BalanceTransaction, line("fee9", "fee", gross_minor=-50))
    grown = (await search(sqlite_db, ids))[key]

    assert (same, grown.state, grown.amount_minor) == ("resolved", "open", -200)


async def test_fees_far_from_what_is_usual_are_told(sqlite_db: Database, ids: Ids) -> None:
    async with sqlite_db.unit_of_work() as session:
        await found(session)
    usual = [line_row(n, gross_minor=100 * n, fee_minor=20 + n * 3 // 2) for n in range(5, 45)]
    strange = line_row(200, gross_minor=2500, fee_minor=250)
    await add(sqlite_db, BalanceTransaction, *usual, strange)

    seen = await search(sqlite_db, ids)

    told = seen[Code.FEE_RATE_OUTLIER, "2026-11:GBP"]
    assert (told.amount_minor, told.detail["count"]) == (250, 1)


@pytest.mark.parametrize(
    ("sums", "usual"),
    [
        ((29, 1, 1, 1, 1), None),
        ((40, 40 * 1000, 40 * 35, 40 * 1000**2, 40 * 35_000), Usual(35_000_000, 0)),
        ((40, 20 * 3000, 20 * 85, 20 * 5_000_000, 20 * (1000 * 35 + 2000 * 50)), Usual(20_000_000, 15_000)),
    ],
)
def test_what_is_usual_is_a_line_through_all_fees(sums: tuple[int, int, int, int, int], usual: Usual | None) -> None:
    assert learn_usual(*sums) == usual


def test_a_search_begins_with_a_month_of_the_books_time_zone() -> None:
    look = look_back(NOW, time_zone=ZONE, livemode=False, account=None, by=timedelta(days=30))

    assert look.since == datetime(2026, 9, 30, 23, 0, tzinfo=UTC)
    assert [name for name, _end in look.months] == ["2026-10", "2026-11"]
