"""Standing orders that nobody announced: learned from payer, amount and rhythm; never from an amount; undone whole."""

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from own import RULES, balances, begin, count, credit, follow, match, say, take_back, write_down
from sqlalchemy import select, update

from arrivals import NOW, arrive, bank_line_id
from books import APPEAL
from supporters.bank.models import BankStatement
from supporters.discrepancies.models import Discrepancy
from supporters.donations.models import Donation
from supporters.donations.other_models import OtherKind, Promise
from supporters.kit.db import Database
from supporters.kit.errors import Conflict, Refused
from supporters.kit.ids import Ids
from supporters.ledger.chart import Account
from supporters.plans.models import Plan, ReceiptWish
from supporters.plans.worth import monthly_worth, worth_of
from supporters.receipts.models import Receipt
from supporters.reconciliation.automatic import match_certain
from supporters.reconciliation.learn_rhythm import learn_rhythms
from supporters.reconciliation.learning import back_test, switch_rule
from supporters.reconciliation.matches import Part
from supporters.reconciliation.models import BankMatch, MatchRule, Side
from supporters.reconciliation.other_money import Giver
from supporters.reconciliation.promises_kept import find_missed
from supporters.reconciliation.rhythm import frequency_of, months_later, on_rhythm, read_rhythm
from supporters.reconciliation.standing import Standing, begin_standing, end_standing, take_back_standing
from supporters.settings import Settings

Row = dict[str, Any]
MAYA = Giver(name="Maya Rivera", email="maya@reader.example")


def day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("days", "frequency"),
    [
        ("2026-07-01 2026-08-03 2026-09-01", "monthly"),  # a weekend between
        ("2026-01-30 2026-02-27 2026-03-30", "monthly"),  # a short month
        ("2026-03-01 2026-03-20 2026-05-02 2026-06-01 2026-07-01", "monthly"),  # its last ones
        ("2024-06-01 2025-06-02 2026-06-01", "yearly"),
        ("2026-01-02 2026-04-01 2026-07-01", "quarterly"),
        ("2026-07-01 2026-08-03", ""),
        ("2026-07-01 2026-07-15 2026-07-29", ""),
        ("2026-07-01 2026-08-09 2026-09-01", ""),
        ("2026-07-01 2026-07-01 2026-07-01", ""),
    ],
)
def test_days_are_a_rhythm_or_none(days: str, frequency: str) -> None:
    assert frequency_of([day(each) for each in days.split()]) == frequency


@pytest.mark.parametrize(
    ("days", "places"),
    [
        ("2026-08-01 2026-09-03 2026-10-01", [0, 1, 2]),
        ("2026-08-01 2026-10-01", [0, 1]),  # one did not come
        ("2026-08-01 2026-08-04 2026-09-01", [2]),  # two in one turn
        ("2026-07-20 2026-08-01 2026-08-20 2026-09-01", [1, 3]),  # off the rhythm
        ("2026-12-01", []),  # three did not come: it was over
    ],
)
def test_what_comes_in_its_turn_and_alone_is_of_the_standing_order(days: str, places: list[int]) -> None:
    assert on_rhythm([day(each) for each in days.split()], day("2026-08-01"), "monthly") == places


def test_months_end_on_the_last_day_of_a_short_one() -> None:
    assert [months_later(day("2026-01-31"), months) for months in (1, 11, 12)] == [
        day("2026-02-28"), day("2026-12-31"), day("2027-01-31"),
    ]  # fmt: skip


def monthly(first: int, months: int, *, since: str = "2026-05-04", **changes: Any) -> list[Row]:
    """Credits of Maya's account, one a month."""
    usual = {"counterparty": "M RIVERA", "counterparty_hash": "maya"} | changes
    days = [months_later(day(since), month) for month in range(months)]
    return [credit(first + place, 1_000, "STO", booked_on=on, **usual) for place, on in enumerate(days)]


async def learned(db: Database, ids: Ids) -> list[MatchRule]:
    async with db.unit_of_work() as session:
        await learn_rhythms(session, ids=ids, now=NOW)
    async with db.reading() as session:
        return list(await session.scalars(select(MatchRule).order_by(MatchRule.target)))


async def switch_on(
    db: Database, ids: Ids, settings: Settings, rule: MatchRule, *, giver: Giver = MAYA, receipts: str = "each"
) -> None:
    async with db.unit_of_work() as session:
        await back_test(session, rule.id, now=NOW)
    async with db.unit_of_work() as session:
        said = Standing(giver=giver, appeal_id=APPEAL, receipts=ReceiptWish(receipts))
        await begin_standing(session, rule.id, said, ids=ids, settings=settings, **RULES)


async def test_payer_with_a_rhythm_is_proposed_tried_switched_on_and_each_line_is_a_payment_of_a_plan(
    db: Database, ids: Ids, settings: Settings
) -> None:
    await begin(db, lines=[*monthly(1, 6), credit(20, 1_000, "OTHER", booked_on=day("2026-09-04"))])
    await say(db, ids, 1, Part(Side.ACCOUNT, Account.OTHER_INCOME.value, 1_000))
    assert await learned(db, ids) == []  # somebody said that it is something else
    await take_back(db, ids, 1)

    rule, *more = await learned(db, ids)
    async with db.unit_of_work() as session:
        tried = await back_test(session, rule.id, now=NOW)
        with pytest.raises(Refused):
            await switch_rule(session, rule.id, is_on=True, **RULES)
    await match(db, ids, settings)
    assert await count(db, Donation) == 0  # proposed is not on
    await switch_on(db, ids, settings, rule)
    matched = await match(db, ids, settings)

    assert (more, rule.words, read_rhythm(rule.target).key, rule.learnt_from) == (
        [], "M RIVERA", "maya GBP 1000 monthly", 6,
    )  # fmt: skip
    assert (tried.right, tried.wrong, tried.unsaid) == (0, 0, 6)
    assert matched == 5  # what a person has undone is left to people, and nobody's line of that amount is hers
    assert await balances(db) == {"1000": 5_000, "4010": -5_000}
    async with db.reading() as session:
        plan = (await session.scalars(select(Plan))).one()
        promise = (await session.scalars(select(Promise))).one()
    assert (plan.method, plan.state, plan.amount_minor) == ("standing_order", "active", 1_000)
    assert (promise.state, promise.turn, promise.expected_on) == ("running", 6, day("2026-11-04"))
    assert await count(db, Receipt) == 5
    assert await match(db, ids, settings) == 0
    async with db.unit_of_work() as session:
        with pytest.raises(Conflict):
            await begin_standing(
                session, rule.id, Standing(giver=MAYA, appeal_id=APPEAL, receipts=ReceiptWish.EACH), ids=ids,
                settings=settings, **RULES,
            )  # fmt: skip
    async with db.unit_of_work() as session:
        assert await take_back_standing(session, rule.id, ids=ids, settings=settings, **RULES) == 5
    await follow(db, ids, settings)
    assert await balances(db) == {}
    async with db.reading() as session:
        assert [(await session.scalars(select(each.state))).one() for each in (Plan, Promise, MatchRule)] == [
            "stopped", "ended", "off",
        ]  # fmt: skip
        assert None not in set(await session.scalars(select(Receipt.voided_at)))
    assert [each.state for each in await learned(db, ids)] == ["off"]  # a person did not want it


async def test_payer_of_each_quarter_is_learned_and_counts_with_a_third_a_month(
    sqlite_db: Database, ids: Ids, settings: Settings
) -> None:
    days = ["2026-02-02", "2026-05-01", "2026-08-03", "2026-11-02"]
    usual = {"counterparty": "M RIVERA", "counterparty_hash": "maya"}
    await begin(sqlite_db, lines=[credit(n, 3_000, "STO", booked_on=day(on), **usual) for n, on in enumerate(days)])

    [rule] = await learned(sqlite_db, ids)
    await switch_on(sqlite_db, ids, settings, rule)

    assert await match(sqlite_db, ids, settings) == 4
    async with sqlite_db.reading() as session:
        plan = (await session.scalars(select(Plan))).one()
        assert await session.scalar(select(monthly_worth())) == worth_of(3_000, "quarterly") == 1_000
    assert (plan.frequency, plan.next_at.date() if plan.next_at else None) == ("quarterly", day("2027-02-02"))
    assert await balances(sqlite_db) == {"1000": 12_000, "4010": -12_000}
    marked = credit(9, 3_000, "STO", booked_on=day("2027-02-02"), is_reversal=True, **usual)
    in_words = credit(10, 3_000, "STO RETURNED", booked_on=day("2027-02-03"), **usual)
    for back in (marked, in_words):
        async with sqlite_db.unit_of_work() as session:
            await arrive(session, [], [back])
        assert await match(sqlite_db, ids, settings) == 0  # money that comes back is no gift


async def test_lines_that_people_said_are_one_supporters_speak_for_it_and_anothers_against_it(
    sqlite_db: Database, ids: Ids, settings: Settings
) -> None:
    db = sqlite_db
    await begin(db, lines=monthly(1, 4))
    for number, name in ((1, "Maya Rivera"), (2, "Maya Rivera")):
        giver = Giver(name=name, email="maya@reader.example")
        on = months_later(day("2026-05-04"), number - 1)
        paid = await write_down(db, ids, settings, 1_000, OtherKind.TRANSFER, giver=giver, received_on=on)
        await say(db, ids, number, Part(Side.OTHER_PAYMENT, paid.payment_id, 1_000))
    (rule,) = await learned(db, ids)

    async with db.unit_of_work() as session:
        tried = await back_test(session, rule.id, now=NOW)
    with pytest.raises(Refused, match="somebody else's"):
        await switch_on(db, ids, settings, rule, giver=Giver(name="Rosa Kane", email="rosa@reader.example"))
    await switch_on(db, ids, settings, rule, giver=Giver(supporter_id=paid.supporter_id), receipts="yearly")

    assert (tried.right, tried.wrong, tried.unsaid) == (2, 0, 2)
    assert await match(db, ids, settings) == 2
    async with db.reading() as session:
        assert set(await session.scalars(select(Donation.supporter_id))) == {paid.supporter_id}
    assert await count(db, Receipt) == 2  # of those that staff wrote down: one statement a year is wanted
    await balances(db)  # and every check holds


async def test_missed_month_is_told_once_statements_show_it_and_three_in_a_row_end_it_until_it_begins_again(
    db: Database, ids: Ids, settings: Settings
) -> None:
    await begin(db, lines=monthly(1, 3, since="2026-04-06"))
    async with db.unit_of_work() as session:
        await session.execute(update(BankStatement).values(ends_on=day("2026-06-30")))
    (rule,) = await learned(db, ids)
    await switch_on(db, ids, settings, rule)
    await match(db, ids, settings)

    async def look() -> int:
        async with db.unit_of_work() as session:
            return await find_missed(session, ids=ids, now=NOW, settings=settings)

    assert await look() == 0  # nobody has brought July's statement
    async with db.unit_of_work() as session:
        await session.execute(update(BankStatement).values(ends_on=day("2026-09-30")))
    assert [await look() for _time in range(4)] == [1, 1, 1, 0]
    assert await count(db, Discrepancy) == 3
    async with db.reading() as session:
        plan = (await session.scalars(select(Plan))).one()
        states = [(await session.scalars(select(each.state))).one() for each in (Promise, MatchRule)]
    assert (plan.state, plan.stop_reason, states) == ("stopped", "not_arrived", ["ended", "off"])
    async with db.unit_of_work() as session:
        await arrive(session, [], monthly(11, 3, since="2026-09-07"))
    assert await match(db, ids, settings) == 0
    assert [each.state for each in await learned(db, ids)] == ["proposed"]
    await switch_on(db, ids, settings, rule)
    assert await match(db, ids, settings) == 3


async def test_between_a_match_and_its_donation_nothing_is_missed_a_second_line_waits_and_an_end_ends_the_plan(
    db: Database, ids: Ids, settings: Settings
) -> None:
    await begin(db, lines=monthly(1, 3))
    (rule,) = await learned(db, ids)
    await switch_on(db, ids, settings, rule)

    async with db.unit_of_work() as session:
        await session.execute(update(BankStatement).values(ends_on=day("2026-07-31")))
        unmatched = await find_missed(session, ids=ids, now=NOW, settings=settings)
        matched = await match_certain(session, ids=ids, now=NOW)
        unkept = await find_missed(session, ids=ids, now=NOW, settings=settings)
        await arrive(session, [], monthly(20, 1, since="2026-07-08"))
        second = await match_certain(session, ids=ids, now=NOW)
        await end_standing(session, rule.id, **RULES)
    await follow(db, ids, settings)

    assert (unmatched, matched, unkept, second) == (0, 3, 0, 0)
    async with db.reading() as session:
        plan = (await session.scalars(select(Plan))).one()
    assert (plan.state, plan.stop_reason, plan.next_at, await count(db, Donation)) == ("stopped", "staff", None, 3)


async def test_name_alone_is_proposed_and_left_to_people(sqlite_db: Database, ids: Ids, settings: Settings) -> None:
    db = sqlite_db
    await begin(db, lines=monthly(1, 4, counterparty_hash=""))
    (rule,) = await learned(db, ids)
    await switch_on(db, ids, settings, rule)

    assert await match(db, ids, settings) == 0
    async with db.unit_of_work() as session:
        await end_standing(session, rule.id, **RULES)
        with pytest.raises(Conflict):
            await end_standing(session, rule.id, **RULES)
    assert await balances(db) == {}


def a_year_of_givers(seed: int) -> tuple[list[Row], dict[str, str | None]]:
    """Credits of a year and whose standing order each is: every payer has the same few amounts, and half a fault."""
    chance, rows, truth = Random(seed), list[Row](), dict[str, str | None]()

    def line(on: date, minor: int, payer: str, whose: str | None) -> None:
        number = len(rows) + 1
        told = {"counterparty": payer.upper(), "counterparty_hash": payer}
        rows.append(credit(number, minor, "STO", booked_on=on, **told))
        truth[bank_line_id(number)] = whose

    for number in range(27):
        payer, minor, turn = f"giver{number:02d}", chance.choice([500, 1_000, 2_000]), chance.randrange(1, 28)
        fault = ["", "", "", "twin", "double", "extra", "other amount", "gap", "other name"][number % 9]
        for month in range(12):
            on = date(2025, 12, turn)
            on = months_later(on, month) + timedelta(days=chance.randrange(4))
            if fault == "gap" and month in (7, 8):
                continue
            is_double = fault == "double" and month > 5
            line(on, minor, payer, None if is_double else payer)
            if is_double:  # nobody can tell which of the two it is
                line(on + timedelta(days=2), minor, payer, None)
            if fault == "twin":
                line(on, minor, f"twin{number:02d}{month:02d}", None)
            if fault == "extra" and month == 8:
                line(on + timedelta(days=17), minor, payer, None)
            if fault == "other amount" and month == 9:
                line(on + timedelta(days=1), minor + 100, payer, None)
            if fault == "other name":
                line(
                    on + timedelta(days=1),
                    minor,
                    "",
                    None,
                )
    return rows, truth


async def test_in_a_year_whose_truth_is_known_nothing_false_is_matched(
    sqlite_db: Database, ids: Ids, settings: Settings
) -> None:
    db = sqlite_db
    rows, truth = a_year_of_givers(1)
    early: Sequence[Row] = [row for row in rows if row["booked_on"] < date(2026, 5, 1)]
    await begin(db, lines=list(early))
    for rule in await learned(db, ids):
        payer = read_rhythm(rule.target).payer
        await switch_on(db, ids, settings, rule, giver=Giver(name=payer or "nobody", email=f"{payer or 'x'}@x.example"))
    async with db.unit_of_work() as session:
        await arrive(session, [], [row for row in rows if row not in early])

    await match(db, ids, settings)

    async with db.reading() as session:
        named = {row.id: row.name for row in await session.execute(select(Promise.id, Promise.name))}
        matched = {
            row.bank_line_id: named[row.ref_id[:26]]
            for row in await session.execute(select(BankMatch.bank_line_id, BankMatch.ref_id))
        }
    false = {line_id: name for line_id, name in matched.items() if truth[line_id] != name}
    honest = [line_id for line_id, name in truth.items() if name]
    assert false == {}
    assert len([line_id for line_id in honest if line_id in matched]) > 0.9 * len(honest)
