"""Rules are learned from what people say, tried on the past, and used once a person has switched them on."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

import arrivals
from arrivals import ARRIVED, NOW, bank_line_id, bank_line_row, payout_id, payout_row
from books import found
from engines import on_sqlite
from supporters.kit.db import Database
from supporters.kit.errors import Conflict, Refused
from supporters.kit.ids import Ids
from supporters.ledger.chart import Account
from supporters.reconciliation.automatic import match_certain
from supporters.reconciliation.learning import Trial, back_test, learn, switch_rule
from supporters.reconciliation.matches import Because, Part, confirm, set_aside
from supporters.reconciliation.models import MatchRule, Side

Row = dict[str, Any]


def paid(number: int, **changes: Any) -> Row:
    day = ARRIVED + timedelta(days=20 * number)
    return payout_row(number, trace_id=None, amount_minor=10_000 + number, arrival_on=day, **changes)


def shown(number: int, **changes: Any) -> Row:
    day = ARRIVED + timedelta(days=20 * number + 1)
    return bank_line_row(number, amount_minor=10_000 + number, booked_on=day, text="FASTER PAYMENT", **changes)


async def arrive(db: Database, payouts: list[Row], lines: list[Row]) -> None:
    async with db.unit_of_work() as session:
        await found(session)
        await arrivals.found_bank(session)
        await arrivals.arrive(session, payouts, lines)


async def say(db: Database, ids: Ids, number: int, part: Part) -> None:
    async with db.unit_of_work() as session:
        await confirm(session, [bank_line_id(number)], [part], because=Because(), actor_id="dana", ids=ids, now=NOW)


async def learned(db: Database, ids: Ids) -> list[tuple[str, str, str]]:
    async with db.unit_of_work() as session:
        await learn(session, ids=ids, now=NOW)
    async with db.reading() as session:
        return [(rule.kind, rule.words, rule.state) for rule in await session.scalars(select(MatchRule))]


async def only_rule(db: Database) -> str:
    async with db.reading() as session:
        return (await session.scalars(select(MatchRule.id))).one()


async def test_alias_is_learned_tried_switched_on_matches_and_once_off_is_not_proposed_again(
    db: Database, ids: Ids
) -> None:
    await arrive(db, [paid(number) for number in range(6)], [shown(number) for number in range(6)])
    for number in range(2):
        await say(db, ids, number, Part(Side.PAYOUT, payout_id(number), 10_000 + number))
    assert await learned(db, ids) == []
    await say(db, ids, 2, Part(Side.PAYOUT, payout_id(2), 10_002))
    assert await learned(db, ids) == [("alias", "STRIPE PAYMENTS UK LTD", "proposed")]
    rule_id = await only_rule(db)

    async with db.unit_of_work() as session:
        with pytest.raises(Refused, match="Look first"):
            await switch_rule(session, rule_id, is_on=True, actor_id="dana", now=NOW)
    async with db.unit_of_work() as session:
        tested = await back_test(session, rule_id, now=NOW)
    async with db.unit_of_work() as session:
        await switch_rule(session, rule_id, is_on=True, actor_id="dana", now=NOW)
        assert await match_certain(session, ids=ids, now=NOW) == 3

    assert tested == Trial(right=3, wrong=0, unsaid=3)
    assert await learned(db, ids) == [("alias", "STRIPE PAYMENTS UK LTD", "on")]
    async with db.unit_of_work() as session:
        with pytest.raises(Conflict):
            await switch_rule(session, rule_id, is_on=True, actor_id="dana", now=NOW)
    async with db.unit_of_work() as session:
        await switch_rule(session, rule_id, is_on=False, actor_id="dana", now=NOW)
    assert await learned(db, ids) == [("alias", "STRIPE PAYMENTS UK LTD", "off")]


@on_sqlite
async def test_rule_that_was_wrong_before_stays_off(db: Database, ids: Ids) -> None:
    await arrive(db, [paid(number) for number in range(4)], [shown(number) for number in range(4)])
    for number in range(3):
        await say(db, ids, number, Part(Side.PAYOUT, payout_id(number), 10_000 + number))
    await say(db, ids, 3, Part(Side.ACCOUNT, Account.OTHER_INCOME, 10_003))
    await learned(db, ids)
    rule_id = await only_rule(db)

    async with db.unit_of_work() as session:
        tested = await back_test(session, rule_id, now=NOW)

    assert tested == Trial(right=3, wrong=1, unsaid=0)
    async with db.unit_of_work() as session:
        with pytest.raises(Refused, match="wrong"):
            await switch_rule(session, rule_id, is_on=True, actor_id="dana", now=NOW)


async def test_ignore_and_account_rules_are_learned_and_tried(db: Database, ids: Ids) -> None:
    rent = [shown(number, counterparty="Hall Committee") for number in range(3)]
    shop = [shown(number, counterparty="BOOKSHOP 12 LTD") for number in range(3, 6)]
    await arrive(db, [], [*rent, *shop])
    for number in range(3):
        await say(db, ids, number, Part(Side.ACCOUNT, Account.OTHER_INCOME, 10_000 + number))
    async with db.unit_of_work() as session:
        for number in range(3, 6):
            await set_aside(session, bank_line_id(number), note="the shop's", actor_id="dana", now=NOW)

    assert sorted(await learned(db, ids)) == [
        ("account", "HALL COMMITTEE", "proposed"),
        ("ignore", "BOOKSHOP LTD", "proposed"),
    ]
    async with db.unit_of_work() as session:
        for rule in await session.scalars(select(MatchRule).where(MatchRule.kind == "account")):
            assert await back_test(session, rule.id, now=NOW) == Trial(right=3, wrong=0, unsaid=0)
