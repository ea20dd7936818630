"""What one round of matching does not see: two names on a line, money that comes back, other accounts, parts of numbers."""

from datetime import timedelta

import pytest
from own import (
    RULES,
    TODAY,
    balances,
    begin,
    count,
    credit,
    follow,
    match,
    paid_in,
    payments,
    promise_id,
    promise_row,
    reference_of,
    say,
    write_down,
)
from sqlalchemy import insert, select

from arrivals import ACCOUNT, ARRIVED, NOW, arrive, bank_line_id, payout_row, trace_of
from supporters.bank.models import BankAccount, BankLine
from supporters.discrepancies.models import Discrepancy
from supporters.discrepancies.open import open_many
from supporters.donations.other_models import OtherPayment
from supporters.kit.db import Database
from supporters.kit.errors import Refused
from supporters.kit.ids import Ids
from supporters.reconciliation.detect_bank import lines_that_wait, settle_dealt_with
from supporters.reconciliation.detect_look import look_back
from supporters.reconciliation.gifts import promises_named
from supporters.reconciliation.ignoring import set_aside_by_rules
from supporters.reconciliation.match_queries import LineFilter, list_open
from supporters.reconciliation.matches import Part, undo
from supporters.reconciliation.models import BankMatch, MatchRule, Side
from supporters.reconciliation.promises_kept import lapse
from supporters.reconciliation.proposals import propose
from supporters.reconciliation.taken_up import ask_again
from supporters.settings import Settings

LOOK = look_back(NOW + timedelta(days=30), time_zone="Europe/London", livemode=False, account=None)


async def confidences(db: Database) -> dict[str, list[str]]:
    async with db.reading() as session:
        lines = await list_open(session, LineFilter(), limit=100)
        return {
            line_id[-2:]: [each.confidence for each in mine]
            for line_id, mine in (await propose(session, lines)).items()
        }


async def differences(db: Database, ids: Ids) -> list[tuple[str, str, int | None]]:
    async with db.unit_of_work() as session:
        await open_many(session, await lines_that_wait(session, LOOK), ids=ids, now=NOW)
        await settle_dealt_with(session, now=NOW)
        found = await session.scalars(select(Discrepancy).order_by(Discrepancy.code, Discrepancy.subject))
        return [(each.code, each.state, each.amount_minor) for each in found]


@pytest.mark.parametrize("mark", ["RETURNED REFUND ", ""])
async def test_refund_that_the_bank_returns_is_no_second_gift(
    sqlite_db: Database, ids: Ids, settings: Settings, mark: str
) -> None:
    first = credit(1, 4_000, reference_of(1), booked_on=TODAY - timedelta(days=52))
    await begin(sqlite_db, promises=[promise_row(1, frequency="monthly")], lines=[first])
    await match(sqlite_db, ids, settings)
    back = credit(3, 4_000, mark + reference_of(1), booked_on=TODAY - timedelta(days=23), is_reversal=bool(mark))
    gone = credit(2, -4_000, f"REFUND {reference_of(1)}", booked_on=TODAY - timedelta(days=25))
    async with sqlite_db.unit_of_work() as session:
        await arrive(session, [], [gone, back])

    assert await match(sqlite_db, ids, settings) == 0

    assert await confidences(sqlite_db) == {"03": ["possible"]}
    later = credit(4, 4_000, reference_of(1), booked_on=TODAY)  # the order goes on
    async with sqlite_db.unit_of_work() as session:
        await arrive(session, [], [later])
    assert await match(sqlite_db, ids, settings) == 1
    assert await count(sqlite_db, OtherPayment) == 2


async def test_line_that_names_a_promise_and_a_payout_is_left_to_people(
    sqlite_db: Database, ids: Ids, settings: Settings
) -> None:
    names = [f"{reference_of(number)} {trace_of(number)}" for number in (1, 2)]
    lines = [credit(number, 4_000, names[number - 1], booked_on=ARRIVED) for number in (1, 2)]
    await begin(sqlite_db, promises=[promise_row(1), promise_row(2)], lines=lines)
    async with sqlite_db.unit_of_work() as session:
        await arrive(session, [payout_row(1, amount_minor=4_000), payout_row(2, amount_minor=9_999)], [])

    assert await match(sqlite_db, ids, settings) == 0

    assert "certain" not in {each for mine in (await confidences(sqlite_db)).values() for each in mine}


async def test_deposit_is_found_under_its_own_number_in_its_own_account_within_its_days(
    sqlite_db: Database, ids: Ids, settings: Settings
) -> None:
    await begin(sqlite_db)
    other = {"id": "B" * 26, "name": "Savings", "currency": "GBP", "last4": "9999", "account_hash": "x"}
    async with sqlite_db.unit_of_work() as session:
        await session.execute(insert(BankAccount).values(**other, also_hashes=[], created_by="dana", created_at=NOW))
    for reference, account in [("100023", None), ("PI-ABCDEF", ACCOUNT), ("PI-FRIDAY", None), ("PI-MONDAY", None)]:
        got = await write_down(sqlite_db, ids, settings, 25_000)
        await paid_in(sqlite_db, ids, [got.payment_id], 25_000, reference=reference, bank_account_id=account)
    said = [
        credit(1, 25_000, "INVOICE 4100023777 ADVERTISING", booked_on=TODAY),
        credit(2, 25_000, "PI-ABCDEF", booked_on=TODAY, bank_account_id="B" * 26),
        credit(3, 25_000, "PI-FRIDAY", booked_on=TODAY + timedelta(days=200)),
        credit(4, 25_000, "CREDIT PI-MONDAY", booked_on=TODAY),
    ]
    async with sqlite_db.unit_of_work() as session:
        await arrive(session, [], said)

    assert await match(sqlite_db, ids, settings) == 1

    async with sqlite_db.reading() as session:
        assert list(await session.scalars(select(BankMatch.bank_line_id))) == [bank_line_id(4)]


async def test_deposit_that_the_bank_counted_otherwise_is_told_until_its_line_is_matched(
    sqlite_db: Database, ids: Ids, settings: Settings
) -> None:
    await begin(sqlite_db)
    got = await write_down(sqlite_db, ids, settings, 7_000)
    deposit_id = await paid_in(sqlite_db, ids, [got.payment_id], 7_000, reference="PAYIN-777001")
    async with sqlite_db.unit_of_work() as session:
        await arrive(session, [], [credit(1, 6_900, "PAYIN-777001", booked_on=TODAY)])

    assert await match(sqlite_db, ids, settings) == 0
    assert await differences(sqlite_db, ids) == [("DEPOSIT_BATCH_OFF", "open", -100)]

    await say(sqlite_db, ids, 1, Part(Side.DEPOSIT, deposit_id, 7_000), Part(Side.ACCOUNT, "5099", -100))
    assert await differences(sqlite_db, ids) == [("DEPOSIT_BATCH_OFF", "resolved", -100)]
    assert await balances(sqlite_db) == {"1000": 6_900, "4000": -7_000, "5099": 100}
    async with sqlite_db.unit_of_work() as session:
        await undo(session, bank_line_id(1), ids=ids, **RULES)
        await ask_again(session, [bank_line_id(1)], ids=ids, now=NOW)
    assert await differences(sqlite_db, ids) == [("DEPOSIT_BATCH_OFF", "open", -100)]


async def test_credit_of_which_the_amount_alone_fits_something_is_told_as_unknown(
    sqlite_db: Database, ids: Ids
) -> None:
    await begin(sqlite_db, lines=[credit(1, 4_000, "THANK YOU", booked_on=ARRIVED)])
    async with sqlite_db.unit_of_work() as session:
        await arrive(session, [payout_row(1, amount_minor=4_000)], [])

    assert await confidences(sqlite_db) == {"01": ["possible"]}
    assert await differences(sqlite_db, ids) == [("BANK_CREDIT_UNKNOWN", "open", 4_000)]


async def test_rule_that_ignores_leaves_money_of_ours_alone(sqlite_db: Database) -> None:
    said = [(5_000, f"THANKS {reference_of(1)}"), (4_000, "DINNER"), (700, "DINNER"), (9_000, "DINNER")]
    lines = [credit(number, minor, text, booked_on=ARRIVED) for number, (minor, text) in enumerate(said)]
    await begin(sqlite_db, promises=[promise_row(1)], lines=lines)
    async with sqlite_db.unit_of_work() as session:
        rule = {"id": "R" * 26, "kind": "ignore", "words": "J SMITH", "target": "", "state": "on", "learnt_from": 3}
        session.add(MatchRule(**rule, made_at=NOW))
        await arrive(session, [payout_row(1, amount_minor=9_000)], [])

    async with sqlite_db.unit_of_work() as session:
        assert await set_aside_by_rules(session) == 2
        states = list(await session.scalars(select(BankLine.state).order_by(BankLine.id)))

    assert states == ["open", "set_aside", "set_aside", "open"]


async def test_late_or_second_payment_of_a_promise_names_its_giver(
    sqlite_db: Database, ids: Ids, settings: Settings
) -> None:
    promises = [promise_row(1, made_at=NOW - timedelta(days=91), name="Ada Late"), promise_row(2, name="Bo Twice")]
    await begin(sqlite_db, promises=promises, lines=[credit(2, 4_000, reference_of(2))])
    async with sqlite_db.unit_of_work() as session:
        assert await lapse(session, now=NOW) == 1
    await match(sqlite_db, ids, settings)
    async with sqlite_db.unit_of_work() as session:
        await arrive(session, [], [credit(3, 4_000, reference_of(1)), credit(4, 4_000, reference_of(2))])

    async with sqlite_db.reading() as session:
        named = await promises_named(session, await list_open(session, LineFilter(), limit=9))

    assert {(each.name, each.state) for each in named.values()} == {("Ada Late", "lapsed"), ("Bo Twice", "kept")}


async def test_gift_is_no_larger_than_what_arrived_but_for_what_a_bank_keeps(
    sqlite_db: Database, ids: Ids, settings: Settings
) -> None:
    await begin(sqlite_db, promises=[promise_row(1)], lines=[credit(1, 4_000, "x")])
    promise = f"{promise_id(1)}:1"

    with pytest.raises(Refused, match="More cannot have been given"):
        await say(sqlite_db, ids, 1, Part(Side.PROMISE, promise, 9_000_000), Part(Side.ACCOUNT, "5060", -8_996_000))
    await say(sqlite_db, ids, 1, Part(Side.PROMISE, promise, 5_500), Part(Side.ACCOUNT, "5060", -1_500))

    await follow(sqlite_db, ids, settings)
    assert [each.amount_minor for each in await payments(sqlite_db)] == [5_500]
