"""Stripe's lines, the ledger and the bank beside each other, payout by payout."""

from datetime import date, timedelta

from sqlalchemy import insert, text, update

from arrivals import ARRIVED, arrive, bank_line_row, found_bank, payout_id, payout_row
from promises import settled_rows
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.ledger.models import LedgerEntry, LedgerTransaction
from supporters.payments.models import BalanceTransaction
from supporters.reconciliation.automatic import match_certain
from supporters.reconciliation.three_way import SIDES_SQLITE, ThreeWay, shown_until, three_way

UNTIL = date(2027, 1, 1)
GROSS, FEE = 1000, 35
NETS = 2 * (GROSS - FEE)


async def seen(db: Database, due: date) -> ThreeWay:
    async with db.reading() as session:
        return await three_way(session, since=date(2026, 1, 1), until=UNTIL, due=due)


async def test_payouts_that_lack_something_on_one_side_are_named_with_the_side(
    db: Database, ids: Ids, clock: FixedClock
) -> None:
    settled = [settled_rows(number, nth, minor=GROSS) for number in range(4) for nth in range(2)]
    lines = [
        line | {"stripe_payout_id": payout_id(place // 2)} for place, (line, _booked, _entries) in enumerate(settled)
    ]
    shown = [0, 1, 2]  # the bank shows no line for the last
    async with db.unit_of_work() as session:
        await found_bank(session)
        await arrive(
            session,
            [payout_row(number, amount_minor=NETS) for number in range(4)],
            [bank_line_row(number, amount_minor=NETS) for number in shown],
        )
        await session.execute(insert(BalanceTransaction), [line | {"net_minor": GROSS - FEE} for line in lines])
        entries = [entry for place, (_line, _booked, each) in enumerate(settled) for entry in each if place != 2]
        await session.execute(insert(LedgerEntry), entries)  # one line of payout 1 is not in the books
        booked = [booked for place, (_line, booked, _entries) in enumerate(settled) if place != 2]
        await session.execute(insert(LedgerTransaction), booked)
        await match_certain(session, ids=ids, now=clock.now())
        other = update(BalanceTransaction).where(
            BalanceTransaction.stripe_balance_transaction_id == lines[4]["stripe_balance_transaction_id"]
        )
        await session.execute(other.values(stripe_payout_id=None))  # one line of payout 2 is not in it

    found = await seen(db, ARRIVED)

    assert (found.payouts, found.lines, found.agreeing) == (4, 7, 1)
    assert found.paid_out == {"GBP": 4 * NETS}
    assert found.in_bank == {"GBP": 3 * NETS}
    assert {each.payout_id: each.differences for each in found.off} == {
        payout_id(1): ["books"],
        payout_id(2): ["lines"],
        payout_id(3): ["bank"],
    }
    early = await seen(db, ARRIVED - timedelta(days=1))
    assert early.agreeing == 2, "the bank need not show the last one yet"


async def test_the_bank_need_not_show_what_no_statement_reaches(db: Database) -> None:
    async with db.reading() as session:
        nothing = await shown_until(session)
    async with db.unit_of_work() as session:
        await found_bank(session)
        reached = await shown_until(session)

    assert nothing == date.min
    assert date(2026, 12, 1) < reached < date(2026, 12, 31)


async def test_sqlite_sorts_no_lines_however_many_there_are(sqlite_db: Database) -> None:
    days = {"since": "2026-01-01", "until": "2027-01-01", "due": "2026-12-31"}

    async with sqlite_db.reading() as session:
        plan = (await session.execute(text(f"EXPLAIN QUERY PLAN {SIDES_SQLITE} SELECT * FROM judged"), days)).all()

    said = [row[3] for row in plan]
    assert any("ledger_entry" in each or each.startswith("SEARCH e ") for each in said), said
    assert not [each for each in said if "TEMP B-TREE" in each or "AUTOMATIC" in each], said
