"""Whoever closes a discrepancy says only what the records show; above the limit two people say it, whatever they call it."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update

from arrivals import arrive, bank_line_row, found_bank, payout_row
from books import NOW, add_donations, add_lines, donation_id, found, line_row, refund_line_row
from closing import LATER, RULES, STRICT, ZONE, add_staff, balances, books_hold, close_it, it_is, opened
from discrepancies.test_resolutions import mismatch
from engines import on_sqlite
from supporters.bank.models import BankLine
from supporters.discrepancies.codes import Code, Resolution
from supporters.discrepancies.examples import EXAMPLES
from supporters.discrepancies.rules import ways
from supporters.donations.models import Dispute, Donation, Refund
from supporters.kit.db import Database
from supporters.kit.errors import Refused
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.mail.models import Letter
from supporters.payments.models import Payout
from supporters.reconciliation.disputes import close_disputes
from supporters.reconciliation.poster import post_new
from supporters.reconciliation.refund_told import tell_giver, telling_of
from supporters.reconciliation.resolution_facts import CLAIMS, look_at
from supporters.reconciliation.resolutions import Outcome, agree, reopen, what_moved
from supporters.settings import Settings

MUCH = Money(500_000, "GBP")
R = Resolution


async def add_refund(db: Database, number: int, minor: int, **changes: Any) -> None:
    row = {
        "id": f"{number:026d}", "donation_id": donation_id(1), "amount_minor": minor, "currency": "GBP", "reason": "other",
        "state": "succeeded", "origin": "external", "stripe_refund_id": f"re_{number}", "created_at": LATER, "updated_at": LATER,
    } | changes  # fmt: skip
    async with db.unit_of_work() as session:
        await session.execute(insert(Refund).values(row))


async def add_books(db: Database, ids: Ids, *lines: dict[str, Any]) -> None:
    async with db.unit_of_work() as session:
        await add_lines(session, *lines)
        await post_new(session, ids=ids, now=LATER, time_zone=ZONE)


@pytest.mark.parametrize("way", [R.EXPLAINED, R.ACCEPTED])
async def test_no_word_for_it_spares_the_second_person(sqlite_db: Database, ids: Ids, way: Resolution) -> None:
    await add_staff(sqlite_db, "dana", "fay")
    which = await mismatch(sqlite_db, ids)

    asked = await close_it(sqlite_db, ids, which, way, rules=STRICT)
    async with sqlite_db.unit_of_work() as session:
        await agree(session, which, rules=STRICT, actor_id="fay", ids=ids, now=LATER)

    assert asked is Outcome.ASKED
    assert (await it_is(sqlite_db, which)).agreed_by == "fay"


async def test_what_waits_in_the_books_counts_and_what_is_only_read_does_not(sqlite_db: Database, ids: Ids) -> None:
    await add_staff(sqlite_db, "dana", "fay")
    await mismatch(sqlite_db, ids)
    bare = await opened(sqlite_db, ids, Code.PAYMENT_MISMATCH, "pi_9", donation_id=donation_id(1))
    quiet = await opened(sqlite_db, ids, Code.FX_CONVERSION, "2026-11:GBP", amount=MUCH)
    other = await opened(sqlite_db, ids, Code.FX_CONVERSION, "2026-10:GBP", amount=MUCH)

    came = [
        await close_it(sqlite_db, ids, bare, R.EXPLAINED, rules=STRICT),
        await close_it(sqlite_db, ids, quiet, R.NOTED, rules=STRICT),
        await close_it(sqlite_db, ids, other, R.EXPLAINED, rules=STRICT),
    ]

    assert came == [Outcome.ASKED, Outcome.CLOSED, Outcome.ASKED]


async def test_a_payment_is_refunded_when_the_books_have_the_refund(sqlite_db: Database, ids: Ids) -> None:
    which = await mismatch(sqlite_db, ids)

    for way in (R.REFUNDED, R.FIXED_AT_STRIPE):
        with pytest.raises(Refused, match="still open"):
            await close_it(sqlite_db, ids, which, way)
    await add_books(sqlite_db, ids, refund_line_row(9, 1000))
    with pytest.raises(Refused, match="no refund of all of it"):
        await close_it(sqlite_db, ids, which, R.REFUNDED)
    await add_books(sqlite_db, ids, refund_line_row(9, 1500, stripe_balance_transaction_id="txn_re_9b"))

    assert await close_it(sqlite_db, ids, which, R.REFUNDED) is Outcome.CLOSED
    assert "2000" not in await balances(sqlite_db)


async def test_a_gift_is_refunded_when_as_much_was_asked_for(sqlite_db: Database, ids: Ids) -> None:
    async with sqlite_db.unit_of_work() as session:
        await found(session)
        await add_donations(session, range(1, 2))
    money = {"donation_id": donation_id(1), "amount": Money(2500, "GBP")}
    twice = await opened(sqlite_db, ids, Code.DUPLICATE_DONATION, donation_id(1), **money)
    failed = await opened(sqlite_db, ids, Code.REFUND_FAILED, f"{1:026d}", **money)
    await add_refund(sqlite_db, 1, 2500, state="failed")

    for which in (twice, failed):
        with pytest.raises(Refused, match=r"no (other refund|refund of it)"):
            await close_it(sqlite_db, ids, which, R.REFUNDED)
    await add_refund(sqlite_db, 2, 2500, state="requested", created_at=LATER + timedelta(hours=1))

    assert [await close_it(sqlite_db, ids, which, R.REFUNDED) for which in (twice, failed)] == [Outcome.CLOSED] * 2


async def test_a_payout_is_put_right_when_it_arrived_or_came_back(sqlite_db: Database, ids: Ids) -> None:
    async with sqlite_db.unit_of_work() as session:
        await session.execute(insert(Payout).values(payout_row(1)))
        payout = (await session.scalars(select(Payout.stripe_payout_id))).one()
    which = await opened(sqlite_db, ids, Code.PAYOUT_NOT_IN_BANK, payout, amount=Money(121_548, "GBP"))

    with pytest.raises(Refused, match="as it was"):
        await close_it(sqlite_db, ids, which, R.FIXED_HERE)
    async with sqlite_db.unit_of_work() as session:
        await session.execute(update(Payout).values(status="failed"))

    assert await close_it(sqlite_db, ids, which, R.FIXED_HERE) is Outcome.CLOSED


async def test_every_claim_is_looked_at_on_either_database(db: Database, ids: Ids) -> None:
    refused, unknown = set[tuple[Code, Resolution]](), set[tuple[Code, Resolution]]()
    for code in Code:
        it = EXAMPLES[code]
        row = await it_is(
            db, await opened(db, ids, code, it.subject, amount=Money(1000, "GBP"), detail={"payment": "pi_1"})
        )
        async with db.reading() as session:
            for way in CLAIMS.intersection(ways(code)):
                fact = await look_at(session, row, way)
                assert fact is not None
                assert fact.is_shown or fact.words
                refused |= {(code, way)} if fact.is_shown is False else set()
                unknown |= {(code, way)} if fact.is_shown is None else set()

    assert {code for code, way in refused if way is R.REFUNDED} >= {Code.DUPLICATE_PAYMENT, Code.FRAUD_WARNING}
    assert {(Code.BALANCE_DRIFT, R.FIXED_HERE), (Code.TOPUP, R.FIXED_HERE), (Code.BANK_SPLIT, R.FIXED_HERE)} <= refused
    assert {(Code.CHANGE_NOT_MADE, R.FIXED_AT_STRIPE), (Code.TEST_IN_LIVE, R.FIXED_AT_STRIPE)} <= unknown


@on_sqlite
@pytest.mark.parametrize("end", ["open", "lost", "won"])
async def test_what_a_bank_takes_more_than_was_given_is_a_difference_of_exchange(
    db: Database, ids: Ids, end: str
) -> None:
    dispute = {
        "id": "U" * 26, "donation_id": donation_id(1), "stripe_dispute_id": "du_1", "amount_minor": 2700,
        "stripe_payment_intent_id": "pi_1", "currency": "GBP", "state": "needs_answer", "reason": "fraudulent",
        "opened_at": NOW, "created_at": NOW, "updated_at": NOW,
    }  # fmt: skip
    bank: dict[str, Any] = {"type": "adjustment", "fee_minor": 0, "fee_details": [], "source_id": "du_1"}
    taken = line_row(1, stripe_balance_transaction_id="txn_d", reporting_category="dispute", gross_minor=-2700, **bank)
    async with db.unit_of_work() as session:
        await found(session)
        await add_donations(session, range(1, 2))
        await session.execute(insert(Dispute).values(dispute))
        await session.execute(update(Donation).values(returned_minor=2500))
    await add_books(db, ids, line_row(1), taken)
    which = await opened(db, ids, Code.PARTIAL_DISPUTE, "du_1", donation_id=donation_id(1), amount=Money(200, "GBP"))

    if end == "lost":  # decided before a person looks
        await end_dispute(db, ids, "lost")
    start = await balances(db)

    await close_it(db, ids, which, R.AS_EXCHANGE)
    closed = await balances(db)
    async with db.unit_of_work() as session:
        booked = await what_moved(session, await it_is(db, which))
        await reopen(session, which, reason="Not so.", rules=RULES, actor_id="dana", ids=ids, now=LATER)
    undone = await balances(db)
    await close_it(db, ids, which, R.AS_EXCHANGE)
    if end == "won":  # and all of it comes back
        kept: dict[str, Any] = {
            **bank,
            "stripe_balance_transaction_id": "txn_b",
            "reporting_category": "dispute_reversal",
        }
        await add_books(db, ids, line_row(1, **kept, gross_minor=2700))
        await end_dispute(db, ids, "won")
        async with db.unit_of_work() as session:
            await session.execute(update(Donation).values(returned_minor=0))

    stands_on = "4095" if end == "lost" else "1160"
    assert (start[stands_on], closed[stands_on], closed["5090"]) == (2700, 2500, 200)
    assert [each.amount_minor for each in booked] == [-200, 200]
    assert undone == start
    if end == "won":
        assert not {"1160", "4095", "5090"} & (await balances(db)).keys()
    await books_hold(db)


async def end_dispute(db: Database, ids: Ids, state: str) -> None:
    async with db.unit_of_work() as session:
        await session.execute(update(Dispute).values(state=state, closed_at=NOW))
        await close_disputes(session, ids=ids, now=LATER, time_zone=ZONE)


async def test_the_giver_of_a_refund_made_at_stripe_is_told_once_when_somebody_says_so(
    sqlite_db: Database, ids: Ids, settings: Settings
) -> None:
    async with sqlite_db.unit_of_work() as session:
        await found(session)
        await add_donations(session, range(1, 2))
    await add_refund(sqlite_db, 1, 1000, state="pending")
    which = await opened(sqlite_db, ids, Code.REFUND_EXTERNAL, "re_1", donation_id=donation_id(1))
    row = await it_is(sqlite_db, which)
    who: Any = {"actor_id": "dana", "ids": ids, "now": LATER, "settings": settings}

    async with sqlite_db.unit_of_work() as session:
        with pytest.raises(Refused, match="can't be told"):
            await tell_giver(session, row, **who)
        await session.execute(update(Refund).values(state="succeeded"))
        told = [await tell_giver(session, row, **who), await tell_giver(session, row, **who)]
        telling = await telling_of(session, row)
        letters = await session.scalar(select(func.count()).where(Letter.kind == "refund"))

    assert (told, letters) == ([True, False], 1)
    assert telling is not None
    assert (telling.is_possible, telling.written_at) == (False, LATER)


async def test_money_that_nobody_knows_went_back_when_a_later_line_shows_it(sqlite_db: Database, ids: Ids) -> None:
    async with sqlite_db.unit_of_work() as session:
        await found_bank(session)
        await arrive(
            session,
            [],
            [bank_line_row(1, amount_minor=4_000), bank_line_row(2, amount_minor=-4_000, state="set_aside")],
        )
        await session.execute(update(BankLine).where(BankLine.amount_minor < 0).values(booked_on=date(2026, 1, 1)))
        line_id = (await session.scalars(select(BankLine.id).where(BankLine.amount_minor > 0))).one()
    which = await opened(sqlite_db, ids, Code.BANK_CREDIT_UNKNOWN, line_id, amount=Money(4_000, "GBP"))

    for way, why in ((R.REFUNDED, "No later bank line"), (R.FIXED_HERE, "as it was")):
        with pytest.raises(Refused, match=why):
            await close_it(sqlite_db, ids, which, way)
    async with sqlite_db.unit_of_work() as session:
        await session.execute(update(BankLine).where(BankLine.amount_minor < 0).values(booked_on=date(2027, 1, 1)))

    assert await close_it(sqlite_db, ids, which, R.REFUNDED) is Outcome.CLOSED
