"""Money in the bank that nobody knows: booked once, where a person says, and its line says so."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import insert

from books import NOW, found
from closing import LATER, RULES, ZONE, balances, books_hold, close_it, it_is, opened
from engines import on_postgresql
from supporters.bank.models import BankAccount, BankFile, BankLine, BankStatement
from supporters.discrepancies.codes import Code, Resolution
from supporters.kit.db import Base, Database
from supporters.kit.errors import Conflict, Refused
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.reconciliation.detect import open_unmatched
from supporters.reconciliation.matches import Because, Part, confirm, undo
from supporters.reconciliation.models import Side
from supporters.reconciliation.resolutions import reopen
from supporters.reconciliation.second_request import Deed, all_waiting, ask, withdraw
from supporters.reconciliation.two_deeds import Who, agree_to_open_discrepancy


def blank(table: type[Base]) -> dict[str, Any]:
    """Empty words for every column that must have some."""
    columns = table.__table__.columns
    return {each.name: "" for each in columns if not each.nullable and each.type.python_type is str}


async def credit(db: Database, ids: Ids) -> tuple[str, str]:
    """£40.00 that came into the bank and that nobody knows: its line and its discrepancy."""
    account, file, statement, line = "B" * 26, "I" * 26, "T" * 26, "L" * 26
    at = {"bank_account_id": account, "bank_file_id": file}
    days = {"starts_on": NOW.date(), "ends_on": NOW.date()}
    money = {"booked_on": NOW.date(), "amount_minor": 4000, "currency": "GBP", "occurrence": 0}
    flags = {"is_reversal": False, "is_kept_whole": True, "state": "open"}
    async with db.unit_of_work() as session:
        await found(session)
        for table, row in (
            (BankAccount, {"id": account, "currency": "GBP", "also_hashes": [], "created_at": NOW}),
            (BankFile, {"id": file, "bank_account_id": account, "size_bytes": 1, "counts": {}, "taken_at": NOW}),
            (BankStatement, {"id": statement, **at, "position": 0, **days}),
            (BankLine, {"id": line, **at, "bank_statement_id": statement, "position": 0, **money, **flags}),
        ):
            await session.execute(insert(table).values(blank(table) | row))
    return line, await opened(db, ids, Code.BANK_CREDIT_UNKNOWN, line, amount=Money(4000, "GBP"))


async def state_of(db: Database, line: str) -> str:
    async with db.reading() as session:
        return (await session.get_one(BankLine, line)).state


async def test_an_unknown_credit_becomes_income_and_its_line_is_matched(db: Database, ids: Ids) -> None:
    line, which = await credit(db, ids)

    await close_it(db, ids, which, Resolution.AS_DONATION, fund_id="F" * 26)

    assert (await balances(db), await state_of(db, line)) == ({"1000": 4000, "4000": -4000}, "matched")
    await books_hold(db)
    async with db.unit_of_work() as session:
        await reopen(session, which, reason="It was rent.", rules=RULES, actor_id="dana", ids=ids, now=LATER)
    assert (await balances(db), await state_of(db, line)) == ({}, "open")
    await books_hold(db)


async def test_an_unknown_credit_may_wait_in_suspense(sqlite_db: Database, ids: Ids) -> None:
    line, which = await credit(sqlite_db, ids)

    await close_it(sqlite_db, ids, which, Resolution.TO_SUSPENSE)

    assert (await balances(sqlite_db), await state_of(sqlite_db, line)) == ({"1000": 4000, "2000": -4000}, "matched")
    await books_hold(sqlite_db)


async def test_a_credit_that_was_matched_meanwhile_is_not_booked_twice(sqlite_db: Database, ids: Ids) -> None:
    line, which = await credit(sqlite_db, ids)
    async with sqlite_db.unit_of_work() as session:
        part = Part(Side.ACCOUNT, "4100", 4000)
        await confirm(session, [line], [part], because=Because(), actor_id="fay", ids=ids, now=LATER)

    with pytest.raises(Refused, match="or not yet"):
        await close_it(sqlite_db, ids, which, Resolution.AS_OTHER_INCOME)
    await close_it(sqlite_db, ids, which, Resolution.FIXED_HERE)

    assert await balances(sqlite_db) == {"1000": 4000, "4100": -4000}
    await books_hold(sqlite_db)


async def test_a_line_that_is_taken_back_on_its_own_page_leaves_nothing_behind(db: Database, ids: Ids) -> None:
    line, which = await credit(db, ids)
    await close_it(db, ids, which, Resolution.AS_OTHER_INCOME)
    async with db.unit_of_work() as session:
        calm = await open_unmatched(session, time_zone=ZONE, ids=ids, now=LATER)
        await ask(session, Deed.OPEN_DISCREPANCY, which, {}, amount=None, actor_id="eve", now=LATER)
        await undo(session, line, actor_id="fay", ids=ids, now=LATER)
        waiting = await all_waiting(session, but="dana")

    assert (calm, waiting, await balances(db)) == (0, [], {})
    assert (await it_is(db, which)).state == "open"
    async with db.unit_of_work() as session:
        assert await open_unmatched(session, time_zone=ZONE, ids=ids, now=LATER) == 0  # it was done at once
    await books_hold(db)


@on_postgresql
async def test_what_is_taken_back_while_a_colleague_agrees_is_not_done(db: Database, ids: Ids) -> None:
    _line, which = await credit(db, ids)
    await close_it(db, ids, which, Resolution.AS_OTHER_INCOME)
    async with db.unit_of_work() as session:
        words = {"reason": "It was a gift."}
        await ask(session, Deed.OPEN_DISCREPANCY, which, words, amount=None, actor_id="dana", now=LATER)

    async def agree() -> None:
        async with db.unit_of_work() as session:
            eve = Who(actor_id="eve", ids=ids, now=LATER)
            await agree_to_open_discrepancy(session, which, eve, rules=RULES, seen_at=None)

    async with db.unit_of_work() as session:
        await withdraw(session, Deed.OPEN_DISCREPANCY, which, actor_id="dana", now=LATER)
        agreeing = asyncio.create_task(agree())
        await asyncio.sleep(0.3)

    with pytest.raises(Conflict, match="any more"):
        await agreeing
    assert (await it_is(db, which)).state == "resolved"
