"""Between a resolution and the next look somebody did something else: the books stay right, and nothing is asked for ever."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select, text

from books import NOW, add_donations, add_lines, donation_id, found, line_row
from closing import LATER, RULES, STRICT, ZONE, add_staff, balances, books_hold, close_it, it_is, opened
from discrepancies.test_bank_credits import credit, state_of
from discrepancies.test_detect import search
from discrepancies.test_resolutions import mismatch
from engines import on_sqlite
from supporters.discrepancies.codes import Code, Resolution
from supporters.discrepancies.discuss import ask_second
from supporters.donations.models import Dispute
from supporters.kit.db import Database
from supporters.kit.errors import Conflict
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.ledger.lock import lock_ledger
from supporters.ledger.models import LedgerEntry, LedgerTransaction
from supporters.payments.models import Payout
from supporters.reconciliation.detect import open_left
from supporters.reconciliation.detect_bank import settle_dealt_with
from supporters.reconciliation.disputes import close_disputes
from supporters.reconciliation.matches import Because, Part, confirm, undo
from supporters.reconciliation.models import Side
from supporters.reconciliation.poster import post_new
from supporters.reconciliation.resolutions import agree, reopen, what_moves

TONIGHT = NOW + timedelta(days=8)


async def taken_up_otherwise(db: Database, ids: Ids, line: str, account: str) -> None:
    """A colleague opens the line on its own page and says that it is something else."""
    async with db.unit_of_work() as session:
        await undo(session, line, actor_id="fay", ids=ids, now=LATER)
    async with db.unit_of_work() as session:
        part = Part(Side.ACCOUNT, account, 4000)
        await confirm(session, [line], [part], because=Because(), actor_id="fay", ids=ids, now=LATER)
        await settle_dealt_with(session, now=LATER)  # as that page does


@on_sqlite
async def test_a_credit_that_a_colleague_books_otherwise_is_not_income_twice(db: Database, ids: Ids) -> None:
    line, which = await credit(db, ids)
    await close_it(db, ids, which, Resolution.AS_DONATION, fund_id="F" * 26)
    await taken_up_otherwise(db, ids, line, "2010")

    await search(db, ids, at=TONIGHT)

    assert await balances(db) == {"1000": 4000, "2010": -4000}
    assert (await it_is(db, which)).state == "resolved"
    await books_hold(db)


async def test_opening_it_again_leaves_what_a_colleague_said_of_the_line(sqlite_db: Database, ids: Ids) -> None:
    line, which = await credit(sqlite_db, ids)
    await close_it(sqlite_db, ids, which, Resolution.AS_DONATION, fund_id="F" * 26)
    await taken_up_otherwise(sqlite_db, ids, line, "2010")

    async with sqlite_db.unit_of_work() as session:
        await reopen(session, which, reason="Look again.", rules=RULES, actor_id="dana", ids=ids, now=LATER)

    assert (await balances(sqlite_db), await state_of(sqlite_db, line)) == ({"1000": 4000, "2010": -4000}, "matched")


@on_sqlite
async def test_a_credit_whose_match_is_undone_waits_for_a_person_again(db: Database, ids: Ids) -> None:
    line, which = await credit(db, ids)
    async with db.unit_of_work() as session:
        part = Part(Side.ACCOUNT, "4100", 4000)
        await confirm(session, [line], [part], because=Because(), actor_id="fay", ids=ids, now=LATER)
    await search(db, ids, at=TONIGHT)
    closed = await it_is(db, which)
    async with db.unit_of_work() as session:
        await undo(session, line, actor_id="fay", ids=ids, now=TONIGHT)

    await search(db, ids, at=TONIGHT)
    again = await it_is(db, which)
    await close_it(db, ids, which, Resolution.EXPLAINED)
    await search(db, ids, at=TONIGHT)

    assert (closed.state, closed.resolved_by) == ("resolved", None)
    assert (again.state, again.resolution, again.resolved_at) == ("open", None, None)
    assert (await it_is(db, which)).state == "resolved", "a person has said what it is: that stays"


async def test_a_payout_that_has_failed_is_not_looked_for_in_the_bank_any_more(sqlite_db: Database, ids: Ids) -> None:
    failed = {
        "stripe_payout_id": "po_1", "livemode": False, "created_at": NOW, "arrival_on": NOW.date(), "amount_minor": 2442,
        "currency": "GBP", "is_automatic": True, "method": "standard", "status": "failed", "content": "verified",
        "reconciliation_status": "completed", "mirrored_at": NOW, "changed_at": NOW,
    }  # fmt: skip
    which = await opened(sqlite_db, ids, Code.PAYOUT_NOT_IN_BANK, "po_1", amount=Money(2442, "GBP"))
    async with sqlite_db.unit_of_work() as session:
        await session.execute(insert(Payout).values(failed))

    async with sqlite_db.unit_of_work() as session:
        assert await settle_dealt_with(session, now=LATER) == 1

    assert (await it_is(sqlite_db, which)).state == "resolved"


async def test_what_a_person_leaves_in_suspense_is_not_asked_about_every_night(sqlite_db: Database, ids: Ids) -> None:
    which = await mismatch(sqlite_db, ids)
    await close_it(sqlite_db, ids, which, Resolution.AS_DONATION)
    async with sqlite_db.unit_of_work() as session:
        await reopen(session, which, reason="It goes back.", rules=RULES, actor_id="dana", ids=ids, now=LATER)
    await close_it(sqlite_db, ids, which, Resolution.EXPLAINED)

    async with sqlite_db.unit_of_work() as session:
        assert await open_left(session, now=LATER) == 0

    assert (await it_is(sqlite_db, which)).state == "resolved"


async def test_money_of_two_discrepancies_about_one_payment_is_moved_once(sqlite_db: Database, ids: Ids) -> None:
    first = await mismatch(sqlite_db, ids)
    second = await opened(sqlite_db, ids, Code.PAYMENT_MISMATCH, "pi_9", donation_id=donation_id(1))
    await close_it(sqlite_db, ids, first, Resolution.OWED_BACK)

    async with sqlite_db.reading() as session:
        moves = await what_moves(session, await it_is(sqlite_db, second))

    assert moves[Resolution.OWED_BACK] == ()


async def test_suspense_is_left_in_the_fund_in_which_it_waited(sqlite_db: Database, ids: Ids) -> None:
    which = await mismatch(sqlite_db, ids)
    await close_it(sqlite_db, ids, which, Resolution.AS_DONATION)

    async with sqlite_db.reading() as session:
        of, minor = LedgerEntry.fund_id, func.sum(LedgerEntry.amount_minor)
        query = select(of, minor).where(LedgerEntry.account == "2000").group_by(of).having(minor != 0)
        assert (await session.execute(query)).all() == []


async def test_a_written_off_dispute_whose_money_came_stays_at_nothing_when_it_is_opened_again(
    db: Database, ids: Ids
) -> None:
    line = {"stripe_balance_transaction_id": "txn_d", "reporting_category": "dispute", "type": "adjustment"}
    taken = line_row(1, **line, gross_minor=-2500, fee_minor=2000, fee_details=[], source_id="du_1")
    dispute = {
        "id": "U" * 26, "donation_id": donation_id(1), "stripe_dispute_id": "du_1", "amount_minor": 2500,
        "stripe_payment_intent_id": "pi_1", "currency": "GBP", "state": "won", "reason": "fraudulent",
        "opened_at": NOW, "closed_at": NOW, "created_at": NOW, "updated_at": NOW,
    }  # fmt: skip
    back = {"stripe_balance_transaction_id": "txn_b", "reporting_category": "dispute_reversal", "type": "adjustment"}
    async with db.unit_of_work() as session:
        await found(session)
        await add_donations(session, range(1, 2))
        await session.execute(insert(Dispute).values(dispute))
        await add_lines(session, line_row(1), taken)
        await post_new(session, ids=ids, now=NOW, time_zone=ZONE)
    which = await opened(db, ids, Code.DISPUTE_UNPAID, "du_1", donation_id=donation_id(1), amount=Money(2500, "GBP"))
    await close_it(db, ids, which, Resolution.WRITTEN_OFF)
    async with db.unit_of_work() as session:
        await add_lines(session, line_row(1, **back, fee_minor=0, fee_details=[], source_id="du_1"))
        await post_new(session, ids=ids, now=LATER, time_zone=ZONE)
        await close_disputes(session, ids=ids, now=LATER, time_zone=ZONE)

    async with db.unit_of_work() as session:
        await reopen(session, which, reason="It came.", rules=RULES, actor_id="dana", ids=ids, now=LATER)

    assert not {"1160", "4095"} & (await balances(db)).keys()
    await books_hold(db)


async def test_nobody_agrees_to_something_that_they_did_not_see(db: Database, ids: Ids) -> None:
    await add_staff(db, "dana", "fay")
    which = await mismatch(db, ids)
    await close_it(db, ids, which, Resolution.NOT_A_DONATION, rules=STRICT)
    seen = (await it_is(db, which)).asked_at
    asked = {"resolution": Resolution.OWED_BACK, "reason": "Rather so.", "fund_id": None}
    async with db.unit_of_work() as session:
        await ask_second(session, which, **asked, actor_id="dana", now=LATER + timedelta(seconds=1))

    async with db.unit_of_work() as session:
        with pytest.raises(Conflict, match="else is asked"):
            await agree(session, which, rules=STRICT, actor_id="fay", ids=ids, now=LATER, seen_at=seen)

    assert (await balances(db))["2000"] == -2500


async def test_an_unknown_credit_can_be_looked_at_by_those_who_only_read(db: Database, ids: Ids) -> None:
    _line, which = await credit(db, ids)

    async with db.reading() as session:
        moves = await what_moves(session, await it_is(db, which))

    assert moves[Resolution.TO_SUSPENSE]


async def test_closing_waits_for_the_ledger_before_it_holds_the_line(db: Database, ids: Ids) -> None:
    line, which = await credit(db, ids)
    if db.is_sqlite:
        return
    async with db.unit_of_work() as session:
        await lock_ledger(session)
        closing = asyncio.create_task(close_it(db, ids, which, Resolution.TO_SUSPENSE))
        await asyncio.sleep(0.2)
        for table, key in (("bank_line", line), ("discrepancy", which)):
            await session.execute(text(f"SELECT 1 FROM {table} WHERE id = :id FOR UPDATE NOWAIT"), {"id": key})

    await closing


async def test_income_of_a_credit_that_is_opened_again_leaves_the_month_in_which_it_stood(
    sqlite_db: Database, ids: Ids
) -> None:
    _line, which = await credit(sqlite_db, ids)
    await close_it(sqlite_db, ids, which, Resolution.AS_OTHER_INCOME)

    async with sqlite_db.unit_of_work() as session:
        later = NOW + timedelta(days=30)
        await reopen(session, which, reason="It was rent.", rules=RULES, actor_id="dana", ids=ids, now=later)

    async with sqlite_db.reading() as session:
        t, minor = LedgerTransaction, func.sum(LedgerEntry.amount_minor)
        query = select(t.period, LedgerEntry.account, minor).join(t, t.id == LedgerEntry.transaction_id)
        assert (await session.execute(query.group_by(t.period, LedgerEntry.account).having(minor != 0))).all() == []
