"""What would book money wrongly if matching looked less closely: two at once, days that are unusual, lines that are gone."""

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import String, func, insert, literal, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

import arrivals
from arrivals import ACCOUNT, ARRIVED, FILE, NOW, bank_line_id, bank_line_row, payout_id, payout_row, trace_of
from books import found
from engines import on_sqlite
from supporters.audit.models import AuditDetail
from supporters.bank.models import BankAccount, BankFile, BankLine
from supporters.bank.undo import undo_file
from supporters.kit import words
from supporters.kit.db import Database
from supporters.kit.errors import Conflict, Refused
from supporters.kit.ids import Ids
from supporters.kit.text import has_one_like, plain_words, stands_in
from supporters.ledger.models import LedgerTransaction
from supporters.reconciliation.automatic import match_certain
from supporters.reconciliation.bulk import certain_among
from supporters.reconciliation.ignoring import set_aside_by_rules
from supporters.reconciliation.learning import back_test, switch_rule
from supporters.reconciliation.match_checks import checks as match_checks
from supporters.reconciliation.match_queries import LineFilter
from supporters.reconciliation.matches import Because, Part, confirm, forget_taken_back, set_aside, undo
from supporters.reconciliation.models import BankMatch, MatchRule, Side
from supporters.reconciliation.opening import Opening, begin_books
from supporters.reconciliation.proposals import open_lines, propose

Row = dict[str, Any]
RULE = f"R{0:025d}"


async def arrive(db: Database, payouts: list[Row], lines: list[Row], *, rules: dict[str, str] | None = None) -> None:
    async with db.unit_of_work() as session:
        await found(session)
        await arrivals.found_bank(session)
        await arrivals.arrive(session, payouts, lines)
        for number, (words, kind) in enumerate((rules or {}).items()):
            rule = {"id": f"R{number:025d}", "kind": kind, "words": words, "target": "", "state": "on"}
            session.add(MatchRule(**rule, learnt_from=3, made_at=NOW))


async def run(db: Database, ids: Ids) -> int:
    async with db.unit_of_work() as session:
        return await match_certain(session, ids=ids, now=NOW)


async def say(db: Database, ids: Ids, number: int, payout: int) -> None:
    part = Part(Side.PAYOUT, payout_id(payout), 121_548)
    async with db.unit_of_work() as session:
        await confirm(session, [bank_line_id(number)], [part], because=Because(), actor_id="dana", ids=ids, now=NOW)


async def states(db: Database) -> list[str]:
    async with db.reading() as session:
        return list(await session.scalars(select(BankLine.state).order_by(BankLine.id)))


async def booked(db: Database) -> int:
    async with db.reading() as session:
        for check in match_checks():
            assert not (await session.execute(text(check.sql))).all(), check.name
        return await session.scalar(select(func.count()).select_from(LedgerTransaction)) or 0


@pytest.mark.parametrize("deed", ["undo", "aside"])
async def test_line_that_somebody_takes_away_at_that_moment_is_not_booked(db: Database, ids: Ids, deed: str) -> None:
    await arrive(db, [payout_row(1)], [bank_line_row(1)])

    async with db.unit_of_work() as session:
        if deed == "undo":
            file, account = await session.get(BankFile, FILE), await session.get(BankAccount, ACCOUNT)
            assert file
            assert account
            assert await undo_file(session, file, account, actor_id="dana", ids=ids, now=NOW)
        else:
            await set_aside(session, bank_line_id(1), note="not ours", actor_id="dana", now=NOW)
        matching = asyncio.create_task(run(db, ids))
        await asyncio.sleep(0.3)
    try:
        matched = await matching
    except Conflict:
        matched = 0

    assert matched == 0
    assert await states(db) == ["undone" if deed == "undo" else "set_aside"]
    assert await booked(db) == 0


async def test_rule_matches_on_usual_days_alone(db: Database, ids: Ids) -> None:
    late = [-3, -1, 0, 7, 8, 10]  # days after the payout should arrive; each pair has an amount of its own
    payouts = [payout_row(number, trace_id=None, amount_minor=5_000 + number) for number in range(len(late))]
    lines = [
        bank_line_row(n, amount_minor=5_000 + n, text="FASTER PAYMENT", booked_on=ARRIVED + timedelta(days=days))
        for n, days in enumerate(late)
    ]
    await arrive(db, payouts, lines, rules={"STRIPE PAYMENTS UK": "alias"})

    await run(db, ids)

    assert [days for days, state in zip(late, await states(db), strict=True) if state == "matched"] == [-1, 0, 7]


@on_sqlite
async def test_line_that_was_undone_still_counts_as_another_candidate(db: Database, ids: Ids) -> None:
    lines = [bank_line_row(number, text="FASTER PAYMENT") for number in (1, 2)]
    await arrive(db, [payout_row(1, trace_id=None)], lines, rules={"STRIPE PAYMENTS UK": "alias"})
    await say(db, ids, 1, 1)
    async with db.unit_of_work() as session:
        await undo(session, bank_line_id(1), actor_id="dana", ids=ids, now=NOW)

    assert await run(db, ids) == 0

    assert await states(db) == ["open", "open"]


@on_sqlite
async def test_reference_leaves_its_payout_to_no_other_line(db: Database, ids: Ids) -> None:
    lines = [bank_line_row(1), bank_line_row(2, text="FASTER PAYMENT")]
    await arrive(db, [payout_row(1), payout_row(2, trace_id=None)], lines, rules={"STRIPE PAYMENTS UK": "alias"})

    assert await run(db, ids) == 2

    async with db.reading() as session:
        pairs = {(row.bank_line_id, row.ref_id) for row in await session.scalars(select(BankMatch))}
    assert pairs == {(bank_line_id(1), payout_id(1)), (bank_line_id(2), payout_id(2))}


@on_sqlite
async def test_nothing_is_booked_of_lines_before_the_books_began(db: Database, ids: Ids) -> None:
    before = bank_line_row(1, booked_on=date(2026, 10, 30))
    await arrive(db, [payout_row(1, arrival_on=date(2026, 10, 30))], [before])
    async with db.unit_of_work() as session:
        opening = Opening(starts_on=date(2026, 11, 1))
        await begin_books(session, opening, actor_id="dana", ids=ids, now=NOW, time_zone="Europe/London")

    assert await run(db, ids) == 0

    with pytest.raises(Refused, match="began"):
        await say(db, ids, 1, 1)
    assert (await states(db), await booked(db)) == (["open"], 0)


async def test_line_is_not_certain_because_another_one_is_not_looked_at(db: Database) -> None:
    lines = [bank_line_row(1), bank_line_row(2, text=f"COPY {trace_of(1)}", booked_on=ARRIVED + timedelta(days=9))]
    await arrive(db, [payout_row(1)], lines)

    async with db.reading() as session:
        (proposal,) = (await propose(session, await open_lines(session, [bank_line_id(1)])))[bank_line_id(1)]
        bulk = await certain_among(session, LineFilter(words="COPY"))

    assert proposal.confidence == "likely"
    assert bulk == []


async def test_references_are_looked_for_alike_in_both_databases_and_here(db: Database) -> None:
    keys = {
        "100000007919": "STRIPE 100000007919",
        "123456": "99123456001",
        "SLIP4711": "SLIP 4711",
        "AB12CD34": "AB12CD35",
    }
    lines = [
        *keys.values(), "REF00100000007919X", "1000 0000 7919", "1 100000007919", "4100000007919", "1000000079195", "",
        "00123456", "XSLIP4711", "SLIP 47112", "SLIP4711 03", "REF AB12CD34", "2026 11 03", "STRIPE 200000007919",
        "FP2026110300X7", "ABCDEFGHIJKLMN", "12 34 56 78 90 12",
    ]  # fmt: skip
    pairs = [(line, key) for line in lines for key in keys]
    async with db.reading() as session:
        asked = [literal(line, String()) for line, _key in pairs], [literal(key, String()) for _line, key in pairs]
        columns = [each(*pair) for each in (words.stands_in, words.has_one_like) for pair in zip(*asked, strict=True)]
        said = [bool(each) for each in (await session.execute(select(*columns))).one()]

    assert said == [each(*pair) for each in (stands_in, has_one_like) for pair in pairs]
    assert [line for line, key in pairs if key == "100000007919" and stands_in(line, key)] == [
        "STRIPE 100000007919", "REF00100000007919X", "1000 0000 7919", "1 100000007919",
    ]  # fmt: skip
    assert [line for line, key in pairs if key == "100000007919" and has_one_like(line, key)] == [
        "STRIPE 100000007919", "99123456001", "REF00100000007919X", "1000 0000 7919", "1 100000007919", "4100000007919",
        "1000000079195", "STRIPE 200000007919", "FP2026110300X7", "12 34 56 78 90 12",
    ]  # fmt: skip


async def test_rule_knows_the_same_lines_on_trial_and_at_work(db: Database) -> None:
    names = ["Blumen Groß", "Groß KG", "Weiß ﬁliale", "ISPARTA ılıca"]
    lines = [bank_line_row(n, counterparty=name, text="", amount_minor=-500) for n, name in enumerate(names)]
    await arrive(db, [], lines, rules={plain_words(name): "ignore" for name in names})

    async with db.unit_of_work() as session:
        tested = [(await back_test(session, f"R{number:025d}", now=NOW)).unsaid for number in range(len(names))]
        found_by_rule = await set_aside_by_rules(session)

    assert (tested, found_by_rule) == ([1] * len(names), len(names))


async def test_rule_is_tried_once_more_when_it_is_switched_on(db: Database, ids: Ids) -> None:
    lines = [bank_line_row(number, text="", end_to_end="SERVICE FEE", amount_minor=-500) for number in (1, 2)]
    await arrive(db, [], lines, rules={"SERVICE FEE": "ignore"})
    async with db.unit_of_work() as session:
        await session.execute(update(MatchRule).values(state="proposed"))
    async with db.unit_of_work() as session:
        assert (await back_test(session, RULE, now=NOW)).wrong == 0
        part = Part(Side.ACCOUNT, "5060", -500)
        await confirm(session, [bank_line_id(1)], [part], because=Because(), actor_id="dana", ids=ids, now=NOW)

    async with db.unit_of_work() as session:
        with pytest.raises(Refused, match="wrong before"):
            await switch_rule(session, RULE, is_on=True, actor_id="dana", now=NOW)


@on_sqlite
async def test_nothing_quotes_a_line_whose_file_was_taken_back(db: Database, ids: Ids) -> None:
    await arrive(db, [payout_row(1)], [bank_line_row(1), bank_line_row(2, text="TIPS OF JO")])
    await run(db, ids)
    async with db.unit_of_work() as session:
        await undo(session, bank_line_id(1), actor_id="dana", ids=ids, now=NOW)
        assert await forget_taken_back(session) == 0
        await set_aside(session, bank_line_id(2), note="Jo asked for it", actor_id="dana", now=NOW)
        file, account = await session.get(BankFile, FILE), await session.get(BankAccount, ACCOUNT)
        assert file
        assert account
        await undo_file(session, file, account, actor_id="dana", ids=ids, now=NOW)

        assert [await forget_taken_back(session), await forget_taken_back(session)] == [1, 0]

    async with db.reading() as session:
        assert (await session.scalars(select(BankMatch.reasons))).all() == [[]]
        assert set(await session.scalars(select(BankLine.text + BankLine.counterparty))) == {""}
        assert set(await session.scalars(select(BankLine.state_note))) == {None}
        assert not [each for each in await session.scalars(select(AuditDetail.detail)) if "Jo" in str(each)]


async def test_return_that_is_booked_twice_breaks_the_books(db: Database, ids: Ids) -> None:
    lines = [bank_line_row(number, amount_minor=-121_548) for number in (1, 2)]
    await arrive(db, [payout_row(1, status="failed")], lines)
    part = Part(Side.PAYOUT_RETURN, payout_id(1), -121_548)
    async with db.unit_of_work() as session:
        await confirm(session, [bank_line_id(1)], [part], because=Because(), actor_id="dana", ids=ids, now=NOW)
        assert await _broken(session) == []

        again = insert(BankMatch).from_select(COPIED, select(text(f"'again', '{bank_line_id(2)}'"), *_rest()))
        await session.execute(again)
        assert "payouts_arrived" in await _broken(session)
        await session.rollback()


COPIED = [
    "id",
    "bank_line_id",
    "action_id",
    "state",
    "side",
    "ref_id",
    "amount_minor",
    "currency",
    "confidence",
    "reasons",
]


def _rest() -> list[Any]:
    return [getattr(BankMatch, name) for name in COPIED[2:]]


async def _broken(session: AsyncSession) -> list[str]:
    return [check.name for check in match_checks() if (await session.execute(text(check.sql))).all()]
