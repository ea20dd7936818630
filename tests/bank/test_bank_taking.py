"""Files of statements are taken once, whatever they overlap with, and undone as one."""

from datetime import timedelta

import msgspec
import pytest
from banking import Bank, line, statement
from sqlalchemy import select, update

from engines import on_sqlite
from supporters.bank.check import prepare_file
from supporters.bank.checks import checks
from supporters.bank.files import parsed_of
from supporters.bank.fingerprint import Keys
from supporters.bank.models import BankFile, BankLine, LineState
from supporters.bank.parsed import Unreadable
from supporters.bank.purge import purge_files
from supporters.bank.queries import find_account, find_bank_file, find_body, standings
from supporters.bank.take import take_file
from supporters.checks import run_one
from supporters.discrepancies.codes import Code
from supporters.discrepancies.models import Discrepancy
from supporters.discrepancies.open import open_discrepancy
from supporters.kit.errors import Conflict, Refused

JO = line(3, 1000, "DONATION", counterparty="Jo", bank_reference="A1")
ADA = line(3, 2500, "LAMP", counterparty="Ada", bank_reference="A2")
PAYOUT = line(4, 14980, "STRIPE PAYOUT", counterparty="STRIPE", bank_reference="A3")
RENT = line(5, -90000, "RENT", counterparty="A Landlord", account="GB94BARC10201530093459", bank_reference="A4")
ALL = (JO, ADA, PAYOUT, RENT)


async def broken(bank: Bank) -> list[str]:
    async with bank.db.reading() as session:
        found = [await run_one(session, check, now=bank.now) for check in checks()]
    return [f"{each.name} {row}" for each in found for row in each.rows]


async def discrepancies(bank: Bank, code: Code) -> list[tuple[str, int | None, str]]:
    async with bank.db.reading() as session:
        rows = await session.scalars(select(Discrepancy).where(Discrepancy.code == code.value).order_by(Discrepancy.id))
        return [(row.state, row.amount_minor, row.subject) for row in rows]


async def test_every_line_of_a_file_is_here_once_it_is_taken(bank: Bank) -> None:
    findings = await bank.load(statement(*ALL, opening=100_000))

    assert (findings.new, findings.again, findings.whole) == (4, 0, 3)
    assert (findings.opening_minor, findings.closing_minor) == (100_000, 28_480)
    assert await bank.amounts() == [1000, 2500, 14980, -90000]
    assert await broken(bank) == []
    async with bank.db.reading() as session:
        standing = (await standings(session))[bank.account_id]
    assert (standing.closing_minor, standing.lines, standing.open_lines) == (28_480, 4, 3)


@on_sqlite
async def test_of_a_line_that_is_nobodys_business_only_day_and_amount_are_kept(bank: Bank) -> None:
    await bank.load(statement(*ALL))

    rent = (await bank.lines())[-1]

    assert (rent.booked_on, rent.amount_minor, rent.state) == (RENT.booked_on, -90000, "set_aside")
    words = (rent.counterparty, rent.text, rent.counterparty_hash, rent.counterparty_last4, rent.bank_reference)
    assert words == ("", "", "", "", "")
    async with bank.db.reading() as session:
        assert b"Landlord" not in repr((await session.execute(select(BankFile.counts))).all()).encode()


@on_sqlite
async def test_the_same_file_again_brings_nothing(bank: Bank) -> None:
    await bank.load(statement(*ALL, opening=0))

    findings = await bank.load(statement(*ALL, opening=0))

    assert (findings.new, findings.again) == (0, 4)
    assert len(await bank.amounts()) == 4
    assert await broken(bank) == []
    assert [state for state, _amount, _subject in await discrepancies(bank, Code.BANK_DUPLICATE_IMPORT)] == ["open"]


@on_sqlite
async def test_overlapping_files_bring_each_line_once(bank: Bank) -> None:
    await bank.load(statement(JO, ADA, PAYOUT, opening=0))

    findings = await bank.load(statement(PAYOUT, RENT, opening=3500))

    assert (findings.new, findings.again) == (1, 1)
    assert await bank.amounts() == [1000, 2500, 14980, -90000]
    assert await broken(bank) == []


@on_sqlite
async def test_true_twins_of_one_day_stay_two_and_are_not_four_the_second_time(bank: Bank) -> None:
    twin = line(7, 500, "standing order")

    first = await bank.load(statement(twin, twin), form="qif")
    second = await bank.load(statement(twin, twin, twin), form="qif")

    assert (first.new, first.twins) == (2, 1)
    assert (second.new, second.again) == (1, 2)
    assert await bank.amounts() == [500, 500, 500]


@on_sqlite
async def test_a_file_of_another_format_brings_no_line_twice(bank: Bank) -> None:
    await bank.load(statement(*ALL, opening=0), form="camt")
    worded_otherwise = [line(each.booked_on.day, each.amount_minor, f"other words {n}") for n, each in enumerate(ALL)]

    findings = await bank.load(statement(*worded_otherwise, line(5, 1000, "new")), form="csv")

    assert (findings.new, findings.again, findings.alike) == (1, 0, 4)
    assert await bank.amounts() == [1000, 2500, 14980, -90000, 1000]
    assert await broken(bank) == []


async def test_whoever_looks_may_take_lines_that_only_day_and_amount_make_alike(one_bank: Bank) -> None:
    await one_bank.load(statement(JO), form="camt")

    findings = await one_bank.load(statement(line(3, 1000, "another giver")), form="csv", takes_alike=True)

    assert (findings.new, findings.alike) == (1, 0)
    assert await one_bank.amounts() == [1000, 1000]


async def test_a_line_that_the_bank_has_worded_anew_is_noticed_by_the_balance(one_bank: Bank) -> None:
    await one_bank.load(statement(line(2, 500), JO, PAYOUT, opening=0), form="csv")
    worded_anew = line(3, 1000, "DONATION, Jo", counterparty="Jo", bank_reference="A1")

    odd = await one_bank.bring(statement(worded_anew, opening=500), form="csv")
    even = await one_bank.bring(statement(JO, ADA, opening=500), form="csv")

    async with one_bank.db.reading() as session:
        files = [await find_bank_file(session, each) for each in (odd, even)]
    assert [each.counts["too_much_minor"] for each in files if each] == [1000, 0]


async def test_a_line_that_may_be_one_in_other_words_is_new_until_a_person_says_that_it_is_not(bank: Bank) -> None:
    await bank.load(statement(line(2, 500), JO, ADA), form="csv")
    worded_anew = statement(line(3, 1000, "DONATION, Jo"), line(3, 1000, "Max"), ADA)

    counted = (await bank.file_of(await bank.bring(worded_anew, form="csv"))).counts
    joined = await bank.take(await bank.bring(worded_anew, form="csv", name="again.csv"), joins_reworded=True)

    assert (counted["new"], counted["reworded"], counted["unlisted"], counted["overlaps"]) == (2, 1, 1, True)
    assert (joined.new, joined.again, joined.alike) == (1, 1, 1)
    assert await bank.amounts() == [500, 1000, 1000, ADA.amount_minor]
    assert await broken(bank) == []


async def test_statements_in_one_file_that_overlap_bring_each_line_once(one_bank: Bank) -> None:
    findings = await one_bank.load(
        statement(JO, ADA, opening=0, number="1"), statement(ADA, PAYOUT, opening=1000, number="2")
    )

    assert (findings.new, findings.again) == (3, 1)
    assert await broken(one_bank) == []


async def test_twins_on_two_pages_of_one_day_stay_two(one_bank: Bank) -> None:
    twin = line(7, 500, "standing order")

    findings = await one_bank.load(
        statement(twin, opening=0, number="7/1"), statement(twin, opening=500, number="7/2"), form="mt940"
    )

    assert findings.new == 2


async def test_payments_that_the_bank_booked_as_one_are_lines_of_their_own(bank: Bank) -> None:
    batch = line(9, 3000, "BATCH", parts=(line(9, 1000, "Jo"), line(9, 2000, "Ada")))

    findings = await bank.load(statement(batch))

    assert findings.payments == 2
    states = {(each.amount_minor, each.state, each.parent_id is None) for each in await bank.lines()}
    assert states == {(3000, "split", True), (1000, "open", False), (2000, "open", False)}
    assert (await bank.load(statement(batch))).new == 0
    assert await broken(bank) == []


async def test_lines_that_are_not_booked_yet_are_counted_and_not_taken(one_bank: Bank) -> None:
    findings = await one_bank.load(statement(JO, line(30, 700, "coming", is_booked=False)))

    assert (findings.pending, findings.new) == (1, 1)


async def test_undoing_takes_everything_back_and_erases_the_words(bank: Bank) -> None:
    file_id = await bank.bring(statement(*ALL, opening=0))
    await bank.take(file_id)

    assert await bank.undo(file_id)

    assert await bank.lines() == []
    assert {(each.counterparty, each.text, each.state) for each in await bank.lines(with_undone=True)} == {
        ("", "", "undone")
    }
    assert not await bank.undo(file_id)
    assert await broken(bank) == []
    assert (await bank.load(statement(*ALL, opening=0))).new == 4


async def test_nothing_of_an_undone_file_is_left_to_explain(one_bank: Bank) -> None:
    await one_bank.load(statement(JO))
    file_id = await one_bank.bring(statement(JO, ADA))
    await one_bank.take(file_id)
    ada = (await one_bank.lines())[-1]
    async with one_bank.db.unit_of_work() as session:
        await open_discrepancy(
            session, code=Code.BANK_CREDIT_UNKNOWN, subject=ada.id, ids=one_bank.ids, now=one_bank.now
        )

    await one_bank.undo(file_id)

    for code in (Code.BANK_CREDIT_UNKNOWN, Code.BANK_DUPLICATE_IMPORT):
        assert [state for state, _amount, _subject in await discrepancies(one_bank, code)] == ["resolved"]


async def test_lines_that_another_file_brought_too_stay_when_one_is_undone(bank: Bank) -> None:
    batch = line(4, 3000, "BATCH", parts=(line(4, 1000, "Jo"), line(4, 2000, "Ada")))
    first = await bank.bring(statement(JO, batch, opening=0))
    await bank.take(first)
    second = await bank.bring(statement(batch, RENT, opening=1000))
    await bank.take(second)

    assert await bank.undo(first)

    left = await bank.lines()
    assert [(each.amount_minor, each.bank_file_id == second) for each in left] == [
        (1000, True),
        (2000, True),
        (3000, True),
        (-90000, True),
    ]
    assert await broken(bank) == []
    assert await bank.undo(second)
    assert await bank.lines() == []


@on_sqlite
async def test_a_file_with_a_line_in_the_books_is_not_undone(bank: Bank) -> None:
    file_id = await bank.bring(statement(JO, ADA))
    await bank.take(file_id)
    async with bank.db.unit_of_work() as session:
        await session.execute(
            update(BankLine).where(BankLine.amount_minor == 1000).values(state=LineState.MATCHED.value)
        )

    with pytest.raises(Refused, match="1 line of this file is in the books"):
        await bank.undo(file_id)

    assert len(await bank.amounts()) == 2


async def test_a_gap_between_two_files_is_a_discrepancy_until_the_missing_one_is_here(bank: Bank) -> None:
    await bank.load(statement(JO, opening=0))
    findings = await bank.load(statement(RENT, opening=18_480))

    assert [(gap.expected_minor, gap.opening_minor, gap.off_minor) for gap in findings.gaps] == [(1000, 18_480, 17_480)]
    assert [(state, off) for state, off, _subject in await discrepancies(bank, Code.STATEMENT_GAP)] == [
        ("open", 17_480)
    ]

    missing = await bank.bring(statement(ADA, PAYOUT, opening=1000))
    await bank.take(missing)

    assert [state for state, _off, _subject in await discrepancies(bank, Code.STATEMENT_GAP)] == ["resolved"]
    await bank.undo(missing)
    assert [state for state, _off, _subject in await discrepancies(bank, Code.STATEMENT_GAP)] == ["open"]


async def test_an_account_without_a_number_learns_it_from_its_first_file(one_bank: Bank) -> None:
    await one_bank.open(name="Second")

    findings = await one_bank.load(statement(JO, account="12-34-56 12345678"))

    assert findings.learns_last4 == "5678"
    async with one_bank.db.reading() as session:
        account = await find_account(session, one_bank.account_id)
    assert account is not None
    assert account.last4 == "5678"
    assert "12345678" not in repr(account.also_hashes) + account.account_hash


@pytest.mark.parametrize("number", ["GB29NWBK60161331926819", "60161331926819", "60-16-13 31926819", "31926819"])
async def test_the_accounts_number_is_known_however_the_file_writes_it(one_bank: Bank, number: str) -> None:
    findings = await one_bank.load(statement(JO, account=number))

    assert findings.new == 1


async def test_a_file_of_another_account_is_refused_in_words(one_bank: Bank) -> None:
    with pytest.raises(Unreadable, match="of the account ending 3459, and this account ends 6819"):
        await one_bank.bring(statement(JO, account="GB94BARC10201530093459"))


async def test_of_several_accounts_in_one_file_only_ours_is_taken(one_bank: Bank) -> None:
    theirs = statement(ADA, account="GB94BARC10201530093459")

    findings = await one_bank.load(statement(JO, account="GB29NWBK60161331926819"), theirs)

    assert findings.statements == 1
    assert await one_bank.amounts() == [1000]


async def test_a_day_that_has_not_come_is_refused_with_its_place(one_bank: Bank) -> None:
    with pytest.raises(Unreadable, match="line 27, BookgDt: the day 2026-11-27 has not come yet"):
        await one_bank.bring(statement(JO, line(27, 100)))


async def test_a_file_in_another_currency_is_refused_with_its_place(one_bank: Bank) -> None:
    in_euro = msgspec.structs.replace(JO, currency="EUR")

    with pytest.raises(Unreadable, match="line 3, Ccy: the amount is in EUR, and this account is kept in GBP"):
        await one_bank.bring(msgspec.structs.replace(statement(in_euro), currency="EUR"))


async def test_the_body_of_a_file_is_erased_once_it_is_taken_or_left_for_a_week(bank: Bank) -> None:
    taken, left = await bank.bring(statement(JO)), await bank.bring(statement(ADA))
    await bank.take(taken)
    bank.clock.advance(timedelta(days=8))
    async with bank.db.unit_of_work() as session:
        assert await purge_files(session, now=bank.now) == 1

    async with bank.db.reading() as session:
        bodies = [await find_body(session, taken), await find_body(session, left)]
        file = await find_bank_file(session, left)
    assert bodies == [(None, None), (None, None)]
    assert file is not None
    assert file.state == "abandoned"


async def test_a_file_that_was_checked_before_another_was_taken_must_be_looked_at_again(bank: Bank) -> None:
    late = await bank.bring(statement(JO))
    async with bank.db.reading() as session:
        account, file = await find_account(session, bank.account_id), await find_bank_file(session, late)
        _content, body = await find_body(session, late)
        assert account
        assert file
        assert body
        prepared = await prepare_file(
            session, account, parsed_of(body), layout="camt", left_out=0, settings=bank.settings, takes_alike=False
        )
    await bank.load(statement(JO, ADA))

    with pytest.raises(Conflict, match="changed meanwhile"):
        async with bank.db.unit_of_work() as session:
            await take_file(
                session,
                file,
                account,
                prepared,
                keys=Keys(bank.settings.secret_key),
                actor_id="x",
                ids=bank.ids,
                now=bank.now,
            )

    assert len(await bank.amounts()) == 2
