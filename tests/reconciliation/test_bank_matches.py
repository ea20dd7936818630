"""Bank lines find their payouts: by the house where it is certain, by a person where it is not, and back again."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

import arrivals
from arrivals import ARRIVED, NOW, bank_line_id, bank_line_row, payout_id, payout_row, trace_of
from books import add_lines, found, line_row
from engines import on_sqlite
from supporters.audit.models import AuditEntry
from supporters.bank.models import BankLine, LineState
from supporters.kit.db import Database
from supporters.kit.errors import Conflict, NotFound, Refused
from supporters.kit.ids import Ids
from supporters.ledger.chart import Account
from supporters.ledger.checks import checks as ledger_checks
from supporters.ledger.models import BankProof, LedgerEntry, LedgerTransaction
from supporters.ledger.periods import lock_month
from supporters.reconciliation.automatic import match_certain
from supporters.reconciliation.match_checks import checks as match_checks
from supporters.reconciliation.matches import Because, Part, confirm, set_aside, take_up, undo
from supporters.reconciliation.models import BankMatch, MatchAction, MatchRule, Side
from supporters.reconciliation.proposals import Proposal, open_lines, propose

Row = dict[str, Any]


async def arrive(db: Database, payouts: list[Row], lines: list[Row]) -> None:
    async with db.unit_of_work() as session:
        await found(session)
        await arrivals.found_bank(session)
        await arrivals.arrive(session, payouts, lines)


async def run(db: Database, ids: Ids) -> int:
    async with db.unit_of_work() as session:
        return await match_certain(session, ids=ids, now=NOW)


async def say(db: Database, ids: Ids, numbers: list[int], *parts: Part, note: str = "") -> str:
    lines = [bank_line_id(number) for number in numbers]
    async with db.unit_of_work() as session:
        return await confirm(session, lines, parts, because=Because(note=note), actor_id="dana", ids=ids, now=NOW)


async def take_back(db: Database, ids: Ids, number: int) -> int:
    async with db.unit_of_work() as session:
        return await undo(session, bank_line_id(number), actor_id="dana", ids=ids, now=NOW)


async def offered(db: Database, *numbers: int) -> dict[str, list[Proposal]]:
    async with db.reading() as session:
        return await propose(session, await open_lines(session, [bank_line_id(number) for number in numbers]))


async def states(db: Database) -> list[str]:
    async with db.reading() as session:
        return list(await session.scalars(select(BankLine.state).order_by(BankLine.id)))


async def balances(db: Database) -> dict[str, int]:
    entry = LedgerEntry
    async with db.reading() as session:
        for check in (*ledger_checks(), *match_checks()):
            if ":day_ago" not in check.sql:
                assert not (await session.execute(text(check.sql))).all(), check.name
        rows = await session.execute(select(entry.account, func.sum(entry.amount_minor)).group_by(entry.account))
        return {account: int(total) for account, total in rows if total}


def whole(number: int) -> Part:
    return Part(Side.PAYOUT, payout_id(number), 121_548)


async def test_line_with_stripes_reference_and_amount_is_matched_and_posted(db: Database, ids: Ids) -> None:
    written: list[Row] = [
        {"text": f"STRIPE {trace_of(1)[:4]} {trace_of(1)[4:]} x"},
        {"text": "", "bank_reference": f"000{trace_of(2)}"},
        {"text": "", "end_to_end": f"str-{trace_of(3)}"},
    ]
    lines = [bank_line_row(n, booked_on=ARRIVED + timedelta(days=2), **more) for n, more in enumerate(written, 1)]
    await arrive(db, [payout_row(number) for number in (1, 2, 3)], lines)

    assert await run(db, ids) == 3

    assert await balances(db) == {"1000": 3 * 121_548, "1150": -3 * 121_548}
    async with db.reading() as session:
        matches = (await session.scalars(select(BankMatch).order_by(BankMatch.bank_line_id))).all()
        on_transit = select(LedgerEntry).where(LedgerEntry.account == "1150").order_by(LedgerEntry.bank_line_id)
        entries = (await session.scalars(on_transit)).all()
    pairs = [(bank_line_id(number), payout_id(number)) for number in (1, 2, 3)]
    assert [(match.bank_line_id, match.ref_id) for match in matches] == pairs
    assert [(entry.bank_line_id, entry.stripe_payout_id) for entry in entries] == pairs
    for match in matches:
        assert match.confidence == "certain"
        assert [(reason["attribute"], reason["outcome"]) for reason in match.reasons] == [
            ("amount", "same"), ("day", "near"), ("trace", "same"),
        ]  # fmt: skip
    assert await states(db) == ["matched"] * 3


@on_sqlite
async def test_second_run_changes_nothing(db: Database, ids: Ids) -> None:
    await arrive(db, [payout_row(1)], [bank_line_row(1)])
    await run(db, ids)

    assert await run(db, ids) == 0

    async with db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(MatchAction)) == 1
        assert await session.scalar(select(func.count()).select_from(LedgerTransaction)) == 1


async def test_what_is_not_certain_on_both_sides_is_left_to_people(db: Database, ids: Ids) -> None:
    """Each case has payouts and lines of its own; one pair beside them is certain, and it alone is matched."""
    cases: dict[str, tuple[list[Row], list[Row]]] = {
        "certain": ([payout_row(1)], [bank_line_row(1)]),
        "the amount alone": ([payout_row(10)], [bank_line_row(10, text="STRIPE")]),
        "too short to prove anything": ([payout_row(20, trace_id="1234")], [bank_line_row(20, text="STRIPE 1234")]),
        "another amount": ([payout_row(30)], [bank_line_row(30, amount_minor=121_547)]),
        "another currency": ([payout_row(40)], [bank_line_row(40, currency="EUR")]),
        "days later": ([payout_row(50)], [bank_line_row(50, booked_on=ARRIVED + timedelta(days=11))]),
        "set aside": ([payout_row(60)], [bank_line_row(60, state="set_aside")]),
        "canceled": ([payout_row(70, status="canceled", paid_at=None)], [bank_line_row(70)]),
        "two lines": ([payout_row(80)], [bank_line_row(80), bank_line_row(81, text=f"COPY {trace_of(80)}")]),
        "two payouts": ([payout_row(90), payout_row(91, trace_id=trace_of(90))], [bank_line_row(90)]),
    }
    await arrive(
        db, [row for rows, _ in cases.values() for row in rows], [row for _, rows in cases.values() for row in rows]
    )

    assert await run(db, ids) == 1

    async with db.reading() as session:
        matched = set(await session.scalars(select(BankMatch.bank_line_id)))
        assert await session.scalar(select(func.count()).select_from(MatchAction)) == 1
    assert [name for name, (_, rows) in cases.items() if matched & {row["id"] for row in rows}] == ["certain"]
    assert await balances(db) == {"1000": 121_548, "1150": -121_548}


async def test_rule_matches_only_once_a_person_has_switched_it_on(db: Database, ids: Ids) -> None:
    await arrive(db, [payout_row(1, trace_id=None)], [bank_line_row(1, text="FASTER PAYMENT")])
    rule = {"kind": "alias", "words": "STRIPE PAYMENTS UK", "target": "", "learnt_from": 3, "made_at": NOW}
    async with db.unit_of_work() as session:
        session.add(MatchRule(id=ids.ulid(), state="proposed", **rule))
    assert await run(db, ids) == 0

    async with db.unit_of_work() as session:
        await session.execute(update(MatchRule).values(state="on"))

    assert await run(db, ids) == 1
    async with db.reading() as session:
        match = (await session.scalars(select(BankMatch))).one()
    assert match.rule_id
    assert match.reasons[-1]["ours"] == "STRIPE PAYMENTS UK"


async def test_returned_and_negative_payouts_are_matched_with_what_the_bank_took(db: Database, ids: Ids) -> None:
    returned = payout_row(1, status="failed")
    called_in = payout_row(2, amount_minor=-5_000)
    lines = [
        bank_line_row(1),
        bank_line_row(2, amount_minor=-121_548, text=f"RETURNED {trace_of(1)}"),
        bank_line_row(3, amount_minor=-5_000, text=f"DD STRIPE {trace_of(2)}"),
    ]
    await arrive(db, [returned, called_in], lines)

    assert await run(db, ids) == 3

    assert await balances(db) == {"1000": -5_000, "1150": 5_000}


@on_sqlite
async def test_line_of_a_locked_month_is_booked_in_the_first_open_one(db: Database, ids: Ids) -> None:
    await arrive(db, [payout_row(1, arrival_on=date(2026, 10, 30))], [bank_line_row(1, booked_on=date(2026, 10, 30))])
    async with db.unit_of_work() as session:
        await lock_month(
            session, "2026-10", bank_proof=BankProof.ELSEWHERE, actor_id="dana", now=NOW, time_zone="Europe/London"
        )

    assert await run(db, ids) == 1

    async with db.reading() as session:
        posted = (await session.scalars(select(LedgerTransaction))).one()
    assert (posted.booked_on, posted.period) == (date(2026, 11, 1), "2026-11")
    assert posted.effective_on == date(2026, 10, 30)


async def test_proposals_say_how_sure_they_are_and_why(db: Database) -> None:
    same_amount = payout_row(2, arrival_on=ARRIVED + timedelta(days=1))
    await arrive(db, [payout_row(1), same_amount], [bank_line_row(1), bank_line_row(2, text="STRIPE")])

    proposals = await offered(db, 1, 2)

    assert [(each.parts[0].ref_id, each.confidence) for each in proposals[bank_line_id(1)]] == [
        (payout_id(1), "certain"),
        (payout_id(2), "likely"),
    ]
    assert [each.confidence for each in proposals[bank_line_id(2)]] == ["likely", "likely"]


async def test_what_is_certain_twice_is_only_likely(db: Database) -> None:
    await arrive(db, [payout_row(1)], [bank_line_row(1), bank_line_row(2, text=f"COPY {trace_of(1)}")])

    proposals = await offered(db, 1, 2)

    assert {each.confidence for mine in proposals.values() for each in mine} == {"likely"}


async def test_merged_payouts_are_proposed_matched_and_undone_together(db: Database, ids: Ids) -> None:
    payouts = [payout_row(1, amount_minor=10_000), payout_row(2, amount_minor=2_500), payout_row(3, amount_minor=900)]
    await arrive(db, payouts, [bank_line_row(1, amount_minor=12_500, text="STRIPE")])

    (proposal,) = (await offered(db, 1))[bank_line_id(1)]
    assert [each.ref_id for each in proposal.parts] == [payout_id(1), payout_id(2)]
    assert (proposal.confidence, proposal.is_merged) == ("likely", True)

    await say(db, ids, [1], *(Part(Side.PAYOUT, each.ref_id, each.amount_minor) for each in proposal.parts))
    assert await balances(db) == {"1000": 12_500, "1150": -12_500}

    assert await take_back(db, ids, 1) == 1
    assert await balances(db) == {}
    assert await states(db) == ["open"]


@on_sqlite
async def test_split_payout_is_matched_with_all_its_lines_and_undone_with_all(db: Database, ids: Ids) -> None:
    lines = [bank_line_row(1, amount_minor=100_000), bank_line_row(2, amount_minor=21_548)]
    await arrive(db, [payout_row(1)], lines)

    await say(db, ids, [1, 2], whole(1))
    assert await balances(db) == {"1000": 121_548, "1150": -121_548}

    assert await take_back(db, ids, 2) == 2
    assert await balances(db) == {}
    assert await states(db) == ["open", "open"]


@on_sqlite
async def test_undone_match_is_not_made_again_by_the_house_but_may_be_by_a_person(db: Database, ids: Ids) -> None:
    await arrive(db, [payout_row(1)], [bank_line_row(1)])
    await run(db, ids)
    await take_back(db, ids, 1)

    assert await run(db, ids) == 0
    await say(db, ids, [1], whole(1))

    assert await balances(db) == {"1000": 121_548, "1150": -121_548}
    async with db.reading() as session:
        revisions = await session.scalars(
            select(LedgerTransaction.revision).where(LedgerTransaction.source_kind == "bank_line")
        )
        assert sorted(revisions) == [0, 1]


@on_sqlite
async def test_line_may_be_fees_and_income_of_a_persons_choice(db: Database, ids: Ids) -> None:
    await arrive(db, [], [bank_line_row(1, amount_minor=5_000)])
    parts = (
        Part(Side.ACCOUNT, Account.OTHER_INCOME, 5_250),
        Part(Side.ACCOUNT, Account.BANK_FEES, -250),
    )

    await say(db, ids, [1], *parts, note="rent of the hall, less the bank's charge")

    assert await balances(db) == {"1000": 5_000, "4100": -5_250, "5060": 250}
    async with db.reading() as session:
        audited = await session.scalars(select(AuditEntry.action))
        assert "bank.match" in set(audited)


async def test_what_does_not_add_up_changes_nothing(db: Database, ids: Ids) -> None:
    await arrive(db, [payout_row(1)], [bank_line_row(1), bank_line_row(2)])
    wrong: list[tuple[list[int], list[Part], type[Exception]]] = [
        ([1], [Part(Side.PAYOUT, payout_id(1), 121_547)], Refused),
        ([1], [Part(Side.PAYOUT, payout_id(9), 121_548)], Conflict),
        ([1], [whole(1), Part(Side.ACCOUNT, Account.BANK_FEES, 0)], Refused),
        ([1], [Part(Side.PAYOUT, payout_id(1), 60_774)] * 2, Refused),
        ([1], [Part(Side.ACCOUNT, Account.STRIPE_BALANCE, 121_548)], Refused),
        ([1], [], Refused),
        ([1, 2], [whole(1), whole(1)], Refused),
        ([7], [whole(1)], NotFound),
        ([], [whole(1)], NotFound),
    ]
    for numbers, parts, error in wrong:
        with pytest.raises(error):
            await say(db, ids, numbers, *parts)

        assert await states(db) == ["open", "open"], parts
    assert await balances(db) == {}


@on_sqlite
async def test_payout_is_matched_once_whoever_comes_second(db: Database, ids: Ids) -> None:
    await arrive(db, [payout_row(1)], [bank_line_row(1), bank_line_row(2)])
    await say(db, ids, [1], whole(1))

    with pytest.raises(Conflict):
        await say(db, ids, [2], whole(1))
    with pytest.raises(Conflict):
        await say(db, ids, [1], Part(Side.ACCOUNT, Account.SUSPENSE, 121_548))

    assert await balances(db) == {"1000": 121_548, "1150": -121_548}


async def test_line_is_set_aside_with_a_reason_and_taken_up_again(db: Database, ids: Ids) -> None:
    await arrive(db, [], [bank_line_row(1)])
    line_id = bank_line_id(1)

    async with db.unit_of_work() as session:
        with pytest.raises(Refused):
            await set_aside(session, line_id, note="  ", actor_id="dana", now=NOW)
    async with db.unit_of_work() as session:
        await set_aside(session, line_id, note="the shop's", actor_id="dana", now=NOW)
    assert await states(db) == [LineState.SET_ASIDE]
    async with db.unit_of_work() as session:
        await take_up(session, line_id, actor_id="dana", ids=ids, now=NOW)

    assert await states(db) == [LineState.OPEN]


async def test_top_up_is_found_where_the_bank_paid_it(db: Database, ids: Ids) -> None:
    top_up = line_row(
        1, gross_minor=30_000, fee_minor=0, net_minor=30_000, type="topup", reporting_category="topup",
        source_id="tu_1Nabcdefghij", stripe_payment_intent_id=None, stripe_charge_id=None, posted_at=NOW, created_at=NOW,
    )  # fmt: skip
    paid = bank_line_row(1, amount_minor=-30_000, text="STRIPE TU_1NABCDEFGHIJ", booked_on=NOW.date())
    await arrive(db, [], [paid])
    async with db.unit_of_work() as session:
        await add_lines(session, top_up)

    assert await run(db, ids) == 1

    assert await balances(db) == {"1000": -30_000, "1150": 30_000}


async def test_payout_that_came_back_weeks_later_is_found_on_the_day_it_came_back(db: Database, ids: Ids) -> None:
    weeks = timedelta(days=43)
    came_back = line_row(
        1, gross_minor=121_548, fee_minor=0, net_minor=121_548, type="payout_failure", reporting_category="payout_reversal",
        source_id=payout_id(1), stripe_payment_intent_id=None, stripe_charge_id=None, created_at=NOW,
    )  # fmt: skip
    failed = payout_row(1, status="failed", failure_line_id="txn_1", arrival_on=NOW.date() - weeks)
    lines = [
        bank_line_row(1, booked_on=NOW.date() - weeks),
        bank_line_row(2, booked_on=NOW.date(), amount_minor=-121_548, text=f"RETURNED {trace_of(1)}"),
    ]
    await arrive(db, [failed], lines)
    async with db.unit_of_work() as session:
        await add_lines(session, came_back)

    assert await run(db, ids) == 2

    assert await balances(db) == {}
