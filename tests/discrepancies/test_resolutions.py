"""Closing a discrepancy moves its money where a person says it belongs; opening it again takes that back; never a penny else."""

import pytest
from sqlalchemy import insert, select, update

from books import NOW, add_donations, add_lines, donation_id, donation_row, found, line_row, refund_line_row
from closing import LATER, RULES, STRICT, ZONE, add_staff, balances, books_hold, close_it, it_is, opened
from engines import on_sqlite
from supporters.audit.models import AuditEntry
from supporters.discrepancies.codes import Code, Resolution
from supporters.discrepancies.models import Discrepancy, DiscrepancyState
from supporters.donations.models import Dispute, Donation
from supporters.kit.db import Database
from supporters.kit.errors import Conflict, Refused
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.ledger.models import LedgerEntry
from supporters.reconciliation.detect import open_left
from supporters.reconciliation.disputes import close_disputes
from supporters.reconciliation.poster import post_new
from supporters.reconciliation.resolutions import Outcome, agree, decline, reopen
from supporters.staff.models import Staff


async def mismatch(db: Database, ids: Ids) -> str:
    """A payment of £25.00 that does not fit its donation, on the balance and in suspense."""
    async with db.unit_of_work() as session:
        await found(session)
        await add_donations(session, range(1, 2))
    which = await opened(db, ids, Code.DUPLICATE_PAYMENT, "pi_9", donation_id=donation_id(1), amount=Money(2500, "GBP"))
    async with db.unit_of_work() as session:
        await add_lines(session, line_row(1), line_row(9))
        await post_new(session, ids=ids, now=NOW, time_zone=ZONE)
    assert (await balances(db))["2000"] == -2500
    return which


@pytest.mark.parametrize(
    ("way", "account"),
    [
        (Resolution.AS_DONATION, "4000"),
        (Resolution.AS_OTHER_INCOME, "4100"),
        (Resolution.NOT_A_DONATION, "2010"),
        (Resolution.OWED_BACK, "2100"),
    ],
)
async def test_suspense_goes_where_the_resolution_says(
    sqlite_db: Database, ids: Ids, way: Resolution, account: str
) -> None:
    which = await mismatch(sqlite_db, ids)
    before = (await balances(sqlite_db)).get(account, 0)

    assert await close_it(sqlite_db, ids, which, way) is Outcome.CLOSED

    after = await balances(sqlite_db)
    assert "2000" not in after
    assert after[account] - before == -2500
    assert (await it_is(sqlite_db, which)).resolution == way.value
    await books_hold(sqlite_db)


async def test_opening_again_reverses_and_another_way_then_counts(db: Database, ids: Ids) -> None:
    which = await mismatch(db, ids)
    start = await balances(db)
    await close_it(db, ids, which, Resolution.AS_DONATION)

    async with db.unit_of_work() as session:
        await reopen(session, which, reason="Wrong fund.", rules=RULES, actor_id="dana", ids=ids, now=LATER)
    reopened = await balances(db)
    await close_it(db, ids, which, Resolution.OWED_BACK)

    assert reopened == start
    assert (await balances(db))["2100"] == -2500
    assert (await it_is(db, which)).postings == 2
    async with db.reading() as session:
        deeds = list(await session.scalars(select(AuditEntry.action).order_by(AuditEntry.seq)))
    assert deeds == ["discrepancy.resolve", "discrepancy.reopen", "discrepancy.resolve"]
    await books_hold(db)


async def test_nothing_is_moved_before_the_balance_shows_the_money(sqlite_db: Database, ids: Ids) -> None:
    which = await opened(sqlite_db, ids, Code.PAYMENT_MISMATCH, "pi_7", amount=Money(2500, "GBP"))

    with pytest.raises(Refused, match="or not yet"):
        await close_it(sqlite_db, ids, which, Resolution.OWED_BACK)

    assert (await it_is(sqlite_db, which)).state == DiscrepancyState.OPEN


async def test_a_way_of_another_kind_and_a_closed_one_are_refused(sqlite_db: Database, ids: Ids) -> None:
    which = await opened(sqlite_db, ids, Code.STATEMENT_GAP, "2026-11")

    with pytest.raises(Refused):
        await close_it(sqlite_db, ids, which, Resolution.AS_DONATION)
    await close_it(sqlite_db, ids, which, Resolution.FIXED_HERE)
    with pytest.raises(Conflict):
        await close_it(sqlite_db, ids, which, Resolution.FIXED_HERE)


async def test_money_of_an_unknown_line_needs_a_fund_to_be_a_donation(sqlite_db: Database, ids: Ids) -> None:
    async with sqlite_db.unit_of_work() as session:
        await found(session)
        await add_lines(session, line_row(3, reporting_category="surprise", fee_minor=0, fee_details=[]))
        await post_new(session, ids=ids, now=NOW, time_zone=ZONE)
    async with sqlite_db.reading() as session:
        which = (await session.scalars(select(Discrepancy.id))).one()

    with pytest.raises(Refused, match="fund"):
        await close_it(sqlite_db, ids, which, Resolution.AS_DONATION)
    await close_it(sqlite_db, ids, which, Resolution.AS_DONATION, fund_id="F" * 26)

    async with sqlite_db.reading() as session:
        income = (await session.scalars(select(LedgerEntry).where(LedgerEntry.account == "4000"))).one()
    assert (income.amount_minor, income.fund_id, income.donation_id) == (-2500, "F" * 26, None)
    await books_hold(sqlite_db)


@on_sqlite
async def test_above_the_limit_a_second_person_agrees_and_not_the_first(db: Database, ids: Ids) -> None:
    await add_staff(db, "dana", "fay")
    which = await mismatch(db, ids)
    before = await balances(db)

    outcome = await close_it(db, ids, which, Resolution.NOT_A_DONATION, rules=STRICT)
    waiting = await balances(db)
    async with db.unit_of_work() as session:
        with pytest.raises(Refused, match="yourself"):
            await agree(session, which, rules=STRICT, actor_id="dana", ids=ids, now=LATER)
    async with db.unit_of_work() as session:
        await agree(session, which, rules=STRICT, actor_id="fay", ids=ids, now=LATER)

    assert outcome is Outcome.ASKED
    assert waiting == before
    assert (await balances(db))["2010"] == -2500
    closed = await it_is(db, which)
    assert (closed.resolved_by, closed.agreed_by, closed.asked_by) == ("dana", "fay", None)


async def test_the_second_person_may_say_no(sqlite_db: Database, ids: Ids) -> None:
    await add_staff(sqlite_db, "dana", "fay")
    which = await mismatch(sqlite_db, ids)
    await close_it(sqlite_db, ids, which, Resolution.NOT_A_DONATION, rules=STRICT)

    async with sqlite_db.unit_of_work() as session:
        await decline(session, which, actor_id="fay", now=LATER)

    it = await it_is(sqlite_db, which)
    assert (it.state, it.asked_by) == ("open", None)
    async with sqlite_db.unit_of_work() as session:
        with pytest.raises(Conflict):
            await agree(session, which, rules=STRICT, actor_id="fay", ids=ids, now=LATER)


async def test_whoever_works_alone_says_why(sqlite_db: Database, ids: Ids) -> None:
    await add_staff(sqlite_db, "dana")
    which = await mismatch(sqlite_db, ids)

    with pytest.raises(Refused, match="alone"):
        await close_it(sqlite_db, ids, which, Resolution.NOT_A_DONATION, rules=STRICT)
    await close_it(sqlite_db, ids, which, Resolution.NOT_A_DONATION, rules=STRICT, alone="There is only me.")

    assert (await it_is(sqlite_db, which)).alone_reason == "There is only me."


async def test_what_comes_into_suspense_afterwards_is_looked_at_too(db: Database, ids: Ids) -> None:
    which = await mismatch(db, ids)
    await close_it(db, ids, which, Resolution.OWED_BACK)
    async with db.unit_of_work() as session:
        calm = await open_left(session, now=LATER)
        await add_lines(session, refund_line_row(9, 2500))
        await post_new(session, ids=ids, now=LATER, time_zone=ZONE)

    async with db.unit_of_work() as session:
        opened_again = await open_left(session, now=LATER)
    it = await it_is(db, which)
    await close_it(db, ids, which, Resolution.OWED_BACK)

    assert (calm, opened_again, it.state, it.detail["left_minor"]) == (0, 1, "open", 2500)
    assert not {"2000", "2100"} & (await balances(db)).keys()
    await books_hold(db)


async def test_a_payment_of_another_amount_becomes_income_of_its_donation(sqlite_db: Database, ids: Ids) -> None:
    async with sqlite_db.unit_of_work() as session:
        await found(session)
        await session.execute(
            insert(Donation).values(donation_row(1, state="started", paid_at=None, stripe_payment_intent_id=None))
        )
    which = await opened(sqlite_db, ids, Code.PAYMENT_MISMATCH, "pi_1", donation_id=donation_id(1))
    async with sqlite_db.unit_of_work() as session:
        await add_lines(session, line_row(1, gross_minor=2400))
        await post_new(session, ids=ids, now=NOW, time_zone=ZONE)

    await close_it(sqlite_db, ids, which, Resolution.AS_DONATION)

    assert (await balances(sqlite_db))["4000"] == -2400
    await books_hold(sqlite_db)


async def test_a_refused_refund_is_owed_until_it_is_paid(sqlite_db: Database, ids: Ids) -> None:
    async with sqlite_db.unit_of_work() as session:
        await found(session)
        await add_donations(session, range(1, 2))
    which = await opened(
        sqlite_db, ids, Code.REFUND_FAILED, "re_1", donation_id=donation_id(1), amount=Money(1000, "GBP")
    )

    await close_it(sqlite_db, ids, which, Resolution.OWED_BACK)

    assert await balances(sqlite_db) == {"4090": 1000, "2100": -1000}


@on_sqlite
async def test_a_won_dispute_that_is_written_off_leaves_nothing_owed_even_if_its_money_comes_later(
    db: Database, ids: Ids
) -> None:
    line = {"stripe_balance_transaction_id": "txn_d", "reporting_category": "dispute", "type": "adjustment"}
    taken = line_row(1, **line, gross_minor=-2500, fee_minor=2000, fee_details=[], source_id="du_1")
    dispute = {
        "id": "U" * 26, "donation_id": donation_id(1), "stripe_dispute_id": "du_1", "amount_minor": 2500,
        "stripe_payment_intent_id": "pi_1", "currency": "GBP", "state": "won", "reason": "fraudulent",
        "opened_at": NOW, "closed_at": NOW, "created_at": NOW, "updated_at": NOW,
    }  # fmt: skip
    async with db.unit_of_work() as session:
        await found(session)
        await add_donations(session, range(1, 2))
        await session.execute(insert(Dispute).values(dispute))
        await add_lines(session, line_row(1), taken)
        await post_new(session, ids=ids, now=NOW, time_zone=ZONE)
    which = await opened(db, ids, Code.DISPUTE_UNPAID, "du_1", donation_id=donation_id(1), amount=Money(2500, "GBP"))

    await close_it(db, ids, which, Resolution.WRITTEN_OFF)
    written = await balances(db)
    async with db.unit_of_work() as session:
        await reopen(session, which, reason="Stripe says it comes.", rules=RULES, actor_id="dana", ids=ids, now=LATER)
    undone = await balances(db)
    await close_it(db, ids, which, Resolution.WRITTEN_OFF)
    back = {"stripe_balance_transaction_id": "txn_b", "reporting_category": "dispute_reversal", "type": "adjustment"}
    async with db.unit_of_work() as session:
        await add_lines(session, line_row(1, **back, fee_minor=0, fee_details=[], source_id="du_1"))
        await post_new(session, ids=ids, now=LATER, time_zone=ZONE)
        await close_disputes(session, ids=ids, now=LATER, time_zone=ZONE)

    assert (written.get("1160"), written["4095"]) == (None, 2500)
    assert (undone["1160"], undone.get("4095")) == (2500, None)
    assert not {"1160", "4095"} & (await balances(db)).keys()
    await books_hold(db)


async def test_somebody_suspended_cannot_be_asked_to_agree(sqlite_db: Database, ids: Ids) -> None:
    await add_staff(sqlite_db, "dana", "fay")
    async with sqlite_db.unit_of_work() as session:
        await session.execute(update(Staff).where(Staff.id == "fay").values(is_active=False))
    which = await mismatch(sqlite_db, ids)

    with pytest.raises(Refused, match="alone"):
        await close_it(sqlite_db, ids, which, Resolution.NOT_A_DONATION, rules=STRICT)
