"""What the pages of matching stand on: splits, account rules, rules that ignore, bulk, and what nobody can place."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

import arrivals
from arrivals import ARRIVED, NOW, bank_line_id, bank_line_row, payout_id, payout_row, trace_of
from engines import on_sqlite
from supporters.bank.models import BankLine, BankStatement
from supporters.discrepancies.models import Discrepancy
from supporters.discrepancies.open import open_many
from supporters.kit.db import Database
from supporters.kit.errors import Conflict
from supporters.kit.ids import Ids
from supporters.ledger.chart import Account
from supporters.ledger.models import Period
from supporters.payments.models import Payout
from supporters.reconciliation.automatic import match_certain
from supporters.reconciliation.bulk import accept_certain, certain_among, digest_of
from supporters.reconciliation.detect_bank import lines_that_wait, payouts_not_in_bank, settle_dealt_with
from supporters.reconciliation.detect_look import look_back
from supporters.reconciliation.ignoring import set_aside_by_rules
from supporters.reconciliation.match_queries import LineFilter, list_open
from supporters.reconciliation.matches import Because, Part, confirm, take_up, undo
from supporters.reconciliation.models import BankMatch, MatchAction, MatchRule, Side
from supporters.reconciliation.proposals import Proposal, propose

Row = dict[str, Any]
LOOK = look_back(NOW, time_zone="Europe/London", livemode=False, account=None)
PLAIN = {"text": "STRIPE PAYOUT"}
UNNAMED = {"text": "CREDIT", "counterparty": "A B"}


async def arrive(db: Database, payouts: list[Row], lines: list[Row]) -> None:
    async with db.unit_of_work() as session:
        await arrivals.found_bank(session)
        await arrivals.arrive(session, payouts, lines)


async def offered(db: Database) -> dict[str, list[Proposal]]:
    async with db.reading() as session:
        return await propose(session, await list_open(session, LineFilter(), limit=100))


async def rule(db: Database, kind: str, words: str, target: str = "") -> None:
    async with db.unit_of_work() as session:
        row = MatchRule(
            id=f"R{len(words):025d}", kind=kind, words=words, target=target, state="on", tested={"wrong": 0},
            learnt_from=3, made_at=NOW,
        )  # fmt: skip
        session.add(row)


async def differences(db: Database, ids: Ids) -> list[tuple[str, str, str]]:
    """What the nightly search leaves: code, subject and state of each."""
    async with db.unit_of_work() as session:
        found = [*await lines_that_wait(session, LOOK), *await payouts_not_in_bank(session, LOOK)]
        await open_many(session, found, ids=ids, now=NOW)
        await settle_dealt_with(session, now=NOW)
        rows = await session.execute(select(Discrepancy).order_by(Discrepancy.code, Discrepancy.subject))
        return [(each.code, each.subject, each.state) for each in rows.scalars()]


async def test_payout_that_came_as_two_lines_is_proposed_on_both_and_matched_with_both(db: Database, ids: Ids) -> None:
    halves = [bank_line_row(1, amount_minor=100_000, **PLAIN), bank_line_row(2, amount_minor=21_548, **PLAIN)]
    await arrive(db, [payout_row(9)], [*halves, bank_line_row(3, amount_minor=21_548, **UNNAMED)])

    found = await offered(db)

    assert sorted(found) == [bank_line_id(1), bank_line_id(2)]
    top = found[bank_line_id(2)][0]
    assert (top.is_split, top.confidence, top.line_ids) == (True, "likely", (bank_line_id(1), bank_line_id(2)))
    assert await differences(db, ids) == [
        ("BANK_CREDIT_UNKNOWN", bank_line_id(3), "open"),
        ("BANK_SPLIT", payout_id(9), "open"),
        ("PAYOUT_NOT_IN_BANK", payout_id(9), "open"),
    ]
    async with db.unit_of_work() as session:
        part = Part(Side.PAYOUT, payout_id(9), 121_548)
        await confirm(session, top.line_ids, [part], because=Because(), actor_id="dana", ids=ids, now=NOW)
    assert [state for _code, _subject, state in await differences(db, ids)] == ["open", "resolved", "resolved"]


async def test_payout_of_a_month_that_was_proved_elsewhere_is_not_missed(db: Database, ids: Ids) -> None:
    await arrive(db, [payout_row(9)], [bank_line_row(1, **PLAIN)])
    before, could_be = await differences(db, ids), await offered(db)
    async with db.unit_of_work() as session:
        session.add(
            Period(period=f"{ARRIVED:%Y-%m}", state="locked", bank_proof="elsewhere", locked_at=NOW, locked_by="dana")
        )
        await session.execute(delete(Discrepancy))

    after = await differences(db, ids)

    assert ("PAYOUT_NOT_IN_BANK", payout_id(9), "open") in before
    assert "PAYOUT_NOT_IN_BANK" not in {code for code, _subject, _state in after}
    assert (len(could_be), await offered(db)) == (1, {})


async def test_two_choices_of_lines_for_one_payout_propose_nothing(db: Database) -> None:
    parts = [(1, 100_000), (2, 21_548), (3, 21_548)]
    await arrive(db, [payout_row(9)], [bank_line_row(number, amount_minor=minor, **PLAIN) for number, minor in parts])

    assert await offered(db) == {}


@on_sqlite
async def test_merged_credit_opens_a_discrepancy_which_closes_when_it_is_matched(db: Database, ids: Ids) -> None:
    payouts = [payout_row(1, amount_minor=30_000), payout_row(2, amount_minor=12_345)]
    await arrive(db, payouts, [bank_line_row(5, amount_minor=42_345, **PLAIN)])

    codes = [code for code, _subject, _state in await differences(db, ids)]
    parts = [Part(Side.PAYOUT, payout_id(1), 30_000), Part(Side.PAYOUT, payout_id(2), 12_345)]
    async with db.unit_of_work() as session:
        await confirm(session, [bank_line_id(5)], parts, because=Because(), actor_id="dana", ids=ids, now=NOW)

    assert codes == ["BANK_MERGED", "PAYOUT_NOT_IN_BANK", "PAYOUT_NOT_IN_BANK"]
    assert {state for _code, _subject, state in await differences(db, ids)} == {"resolved"}


async def test_payout_is_missed_only_where_a_statement_covers_its_days(sqlite_db: Database, ids: Ids) -> None:
    await arrive(sqlite_db, [payout_row(1)], [])
    usual = {"status": "paid", "currency": "GBP"}
    cases: list[tuple[date, Row, bool]] = [
        (ARRIVED + timedelta(days=2), {}, False),  # no statement goes far enough
        (ARRIVED + timedelta(days=3), {"status": "in_transit"}, False),
        (ARRIVED + timedelta(days=3), {"currency": "EUR"}, False),  # no statement in that currency
        (ARRIVED - timedelta(days=20), {}, False),
        (ARRIVED + timedelta(days=3), {}, True),
    ]
    for ends_on, paid, opens in cases:
        async with sqlite_db.unit_of_work() as session:
            await session.execute(update(BankStatement).values(ends_on=ends_on))
            await session.execute(update(Payout).values(usual | paid))

        assert bool(await differences(sqlite_db, ids)) is opens, (ends_on, paid)


@on_sqlite
async def test_account_rule_proposes_and_never_posts(db: Database, ids: Ids) -> None:
    await arrive(db, [], [bank_line_row(1, amount_minor=-900, text="Monthly charge", counterparty="Unity Bank")])
    await rule(db, "account", "MONTHLY CHARGE", Account.BANK_FEES.value)

    async with db.unit_of_work() as session:
        assert await match_certain(session, ids=ids, now=NOW) == 0
    [top] = (await offered(db))[bank_line_id(1)]

    assert (top.parts[0].side, top.parts[0].ref_id, top.confidence) == ("account", "5060", "likely")


async def test_two_account_rules_that_disagree_are_possible_only(sqlite_db: Database) -> None:
    await arrive(sqlite_db, [], [bank_line_row(1, text="Monthly charge", counterparty="Unity Bank")])
    await rule(sqlite_db, "account", "MONTHLY CHARGE", Account.BANK_FEES.value)
    await rule(sqlite_db, "account", "UNITY BANK", Account.OTHER_INCOME.value)

    assert [each.confidence for each in (await offered(sqlite_db))[bank_line_id(1)]] == ["possible", "possible"]


async def test_rule_sets_lines_aside_once_and_leaves_alone_what_a_person_took_up(db: Database, ids: Ids) -> None:
    rent = {"counterparty": "Hall Committee", "text": "rent"}
    lines = [bank_line_row(1, **rent), bank_line_row(2, **rent), bank_line_row(3, counterparty="Hall Committees")]
    await arrive(db, [], lines)
    await rule(db, "ignore", "HALL COMMITTEE")

    async with db.unit_of_work() as session:
        assert await set_aside_by_rules(session) == 2
        await take_up(session, bank_line_id(1), actor_id="dana", ids=ids, now=NOW)
    async with db.unit_of_work() as session:
        assert await set_aside_by_rules(session) == 0
        rows = [(each.state, each.state_note) for each in await session.scalars(select(BankLine).order_by(BankLine.id))]

        asked = [(each.code, each.subject, each.state) for each in await session.scalars(select(Discrepancy))]

    assert rows == [("open", "taken up"), ("set_aside", "rule: HALL COMMITTEE"), ("open", None)]
    assert asked == [("BANK_CREDIT_UNKNOWN", bank_line_id(1), "open")]  # at once, and not only at night


async def test_everything_certain_is_accepted_as_one_action_and_undone_one_by_one(db: Database, ids: Ids) -> None:
    lines = [bank_line_row(number, amount_minor=1000 + number) for number in (1, 2)]
    payouts = [payout_row(number, amount_minor=1000 + number) for number in (1, 2)]
    await arrive(db, payouts, [*lines, bank_line_row(3, amount_minor=5, **UNNAMED)])
    async with db.unit_of_work() as session:
        pairs = await certain_among(session, LineFilter())
        action = await accept_certain(session, LineFilter(), seen=digest_of(pairs), actor_id="dana", ids=ids, now=NOW)

    async with db.unit_of_work() as session:
        assert await undo(session, bank_line_id(1), actor_id="dana", ids=ids, now=NOW) == 1
        matches = (await session.scalars(select(BankMatch).order_by(BankMatch.bank_line_id))).all()
        history = (await session.scalars(select(MatchAction))).one()

    assert [(each.state, each.confidence, each.action_id) for each in matches] == [
        ("undone", "certain", action), ("confirmed", "certain", action),
    ]  # fmt: skip
    assert (history.kind, history.matches, matches[0].reasons[2]["ours"]) == ("many", 2, trace_of(1))


async def test_nothing_is_accepted_when_it_is_not_what_was_looked_at(db: Database, ids: Ids) -> None:
    await arrive(db, [payout_row(1), payout_row(2)], [bank_line_row(1)])
    async with db.unit_of_work() as session:
        seen = digest_of(await certain_among(session, LineFilter()))
        await arrivals.arrive(session, [], [bank_line_row(2)])

    with pytest.raises(Conflict, match="nothing was matched"):
        async with db.unit_of_work() as session:
            await accept_certain(session, LineFilter(), seen=seen, actor_id="dana", ids=ids, now=NOW)

    async with db.reading() as session:
        assert (await session.scalars(select(BankMatch))).all() == []
