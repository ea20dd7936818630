"""Twins that no reader may swallow, and lines that nobody may bring twice, where statements share a day."""

import pytest
from banking import NUMBER, Bank, line, statement
from sqlalchemy import select

from engines import on_sqlite
from supporters.bank.checks import checks
from supporters.bank.models import BankStatement
from supporters.bank.parsed import Unreadable
from supporters.checks import run_one
from supporters.kit.errors import Conflict

TEN = line(5, 1000, "DONATION", counterparty="Jo")
LAMP = line(5, 2500, "LAMP", counterparty="Ada")
BACK = line(5, -1000, "REFUND", counterparty="Jo")


async def broken(bank: Bank) -> list[str]:
    async with bank.db.reading() as session:
        found = [await run_one(session, check, now=bank.now) for check in checks()]
    return [f"{each.name} {row}" for each in found for row in each.rows]


@on_sqlite
async def test_twin_on_the_next_page_of_the_day_is_kept_though_it_comes_in_a_file_of_its_own(bank: Bank) -> None:
    await bank.load(statement(LAMP, TEN, opening=0, number="7/1"))
    await bank.load(statement(TEN, opening=3500, number="7/2"))
    again = await bank.load(statement(TEN, TEN, opening=4500, number="7/3"))

    assert await bank.amounts() == [1000, 1000, 1000, 1000, 2500]
    assert (again.new, again.again) == (2, 0)
    assert await broken(bank) == []


async def test_whole_day_after_its_pages_brings_nothing_twice(one_bank: Bank) -> None:
    await one_bank.load(statement(LAMP, TEN, opening=0, number="7/1"))
    await one_bank.load(statement(TEN, opening=3500, number="7/2"))
    whole = await one_bank.load(statement(LAMP, TEN, TEN, opening=0, number="7"))
    page = await one_bank.load(statement(TEN, opening=3500, number="7/2"))

    assert (whole.new, page.new) == (0, 0)
    assert await one_bank.amounts() == [1000, 1000, 2500]


async def test_day_that_moves_nothing_is_not_taken_for_two_pages(one_bank: Bank) -> None:
    await one_bank.load(statement(TEN, BACK, opening=500, number="1"))
    again = await one_bank.load(statement(TEN, BACK, LAMP, opening=500, number="2"))

    assert (again.new, again.again) == (1, 2)


@pytest.mark.parametrize("numbers", [("", ""), ("7", "7"), ("7/1", "7/2")])
async def test_twin_on_the_next_page_in_one_file_is_kept_however_pages_are_numbered(
    one_bank: Bank, numbers: tuple[str, str]
) -> None:
    first, second = statement(LAMP, TEN, opening=0, number=numbers[0]), statement(TEN, opening=3500, number=numbers[1])

    assert (await one_bank.load(first, second)).new == 3


async def test_same_day_twice_in_one_file_is_brought_once(one_bank: Bank) -> None:
    day = statement(TEN, BACK, opening=500, number="1")

    assert (await one_bank.load(day, day)).new == 2


async def test_file_of_another_account_teaches_no_second_account_its_number(bank: Bank) -> None:
    await bank.load(statement(TEN, opening=0, account=NUMBER))
    await bank.open(number="", name="Unity once more")

    with pytest.raises(Unreadable, match="“Unity”"):
        await bank.bring(statement(TEN, opening=0, account=NUMBER))

    assert len(await bank.lines()) == 1


async def test_two_accounts_that_would_learn_one_number_at_once_do_not(one_bank: Bank) -> None:
    other = "GB94BARC10201530093459"
    one = await one_bank.open(number="", name="One")
    first = await one_bank.bring(statement(TEN, opening=0, account=other))
    await one_bank.open(number="", name="Two")
    second = await one_bank.bring(statement(TEN, opening=0, account=other))
    await one_bank.take(second)
    one_bank.account_id = one

    with pytest.raises(Conflict, match="“Two”"):
        await one_bank.take(first)

    assert len(await one_bank.lines()) == 1


async def test_statement_without_a_day_is_left_out(one_bank: Bank) -> None:
    await one_bank.load(statement(TEN, opening=0), statement(opening=1000))

    async with one_bank.db.reading() as session:
        assert set(await session.scalars(select(BankStatement.ends_on))) == {TEN.booked_on}
