"""Promises of bank transfers: found on the bank's line, proposed, matched, booked, undone; standing orders and reports."""

from datetime import date
from typing import Any

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
    take_back,
    write_down,
)  # fmt: skip
from sqlalchemy import select

from arrivals import NOW, arrive, bank_line_id
from engines import on_sqlite
from supporters.discrepancies.codes import Code
from supporters.discrepancies.models import Discrepancy
from supporters.donations.models import Donation, RefundReason
from supporters.donations.other_models import OtherKind, OtherPayment, Promise, RefundWay
from supporters.kit.db import Database
from supporters.kit.errors import Conflict
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.plans.models import Instalment, Plan
from supporters.receipts.models import Receipt
from supporters.reconciliation.match_names import references_of
from supporters.reconciliation.matches import Part
from supporters.reconciliation.models import BankMatch, Side
from supporters.reconciliation.money_back import Back, pay_back
from supporters.reconciliation.other_money import bounce, void_payment
from supporters.reconciliation.promises_kept import find_missed
from supporters.reconciliation.proposals import open_lines, propose
from supporters.reports.base import base_and_books
from supporters.reports.income import income_by_month
from supporters.reports.sources import By, source_tables
from supporters.settings import Settings
from supporters.web.desk.match_words import side_words


async def test_promises_reference_is_proposed_as_certain_matched_and_posted(
    db: Database, ids: Ids, settings: Settings
) -> None:
    said = "D0N " + reference_of(1)[4:].replace("-", " ").lower() + " THANKS"
    await begin(db, promises=[promise_row(1), promise_row(2)], lines=[credit(1, 4_000, said)])

    async with db.reading() as session:
        offered = await propose(session, await open_lines(session, [bank_line_id(1)]))
    assert await match(db, ids, settings) == 1

    assert (offered[bank_line_id(1)][0].confidence, offered[bank_line_id(1)][0].parts[0].ref_id) == (
        "certain", f"{promise_id(1)}:1",
    )  # fmt: skip
    assert await balances(db) == {"1000": 4_000, "4000": -4_000}
    async with db.reading() as session:
        matched = (await session.scalars(select(BankMatch))).one()
        states = list(await session.scalars(select(Promise.state).order_by(Promise.id)))
        donation = (await session.scalars(select(Donation))).one()
        called = (await references_of(session, [matched]))[matched.ref_id]
    assert side_words(matched.side, matched.ref_id, called) == f"Promise {reference_of(1)}"
    assert side_words(matched.side, f"{promise_id(1)}:2", called) == f"Promise {reference_of(1)}, payment 2"
    assert (matched.side, matched.ref_id, matched.confidence) == ("promise", f"{promise_id(1)}:1", "certain")
    assert (states, donation.name, donation.email) == (["kept", "open"], "Jo Smith", "jo1@reader.example")
    assert await match(db, ids, settings) == 0
    assert (await count(db, Donation), await count(db, Receipt)) == (1, 1)


async def test_promise_that_is_not_certain_is_left_to_people(db: Database, ids: Ids, settings: Settings) -> None:
    """Each case has two promises of its own; one line beside them is certain, and it alone is matched."""
    cases: dict[str, list[tuple[int, str, dict[str, Any]]]] = {
        "another amount": [(4_001, "{0}", {})],
        "two lines": [(4_000, "{0}", {}), (4_000, "{0}", {})],
        "two promises": [(4_000, "{0} {1}", {})],
        "one wrong sign": [(4_000, "{2}", {})],
        "the amount alone": [(4_000, "GIFT", {})],
        "another currency": [(4_000, "{0}", {"currency": "EUR"})],
        "money that leaves": [(-4_000, "{0}", {})],
    }
    lines = [credit(1, 4_000, reference_of(1))]
    cases_of = {1: "the certain one"}
    for number, (case, written) in enumerate(cases.items(), 1):
        one, two = reference_of(2 * number), reference_of(2 * number + 1)
        damaged = one[:-1] + ("2" if one[-1] != "2" else "3")
        for minor, said, more in written:
            lines.append(credit(len(lines) + 1, minor, said.format(one, two, damaged), **more))
            cases_of[len(lines)] = case
    promises = [promise_row(number) for number in range(1, 2 * len(cases) + 2)]
    await begin(db, promises=promises, lines=lines)

    assert await match(db, ids, settings) == 1

    async with db.reading() as session:
        matched = set(await session.scalars(select(BankMatch.bank_line_id)))
    assert [case for number, case in cases_of.items() if bank_line_id(number) in matched] == ["the certain one"]
    assert await balances(db) == {"1000": 4_000, "4000": -4_000}


@on_sqlite
async def test_one_wrong_sign_is_proposed_and_another_amount_is_taken_as_given(
    db: Database, ids: Ids, settings: Settings
) -> None:
    one = reference_of(1)
    damaged = one[:-1] + ("2" if one[-1] != "2" else "3")
    await begin(db, promises=[promise_row(1)], lines=[credit(1, 4_000, damaged), credit(2, 5_000, one)])

    async with db.reading() as session:
        offered = await propose(session, await open_lines(session, [bank_line_id(1), bank_line_id(2)]))
    part = offered[bank_line_id(2)][0].parts[0]
    await say(db, ids, 2, Part(Side(part.side), part.ref_id, part.amount_minor))
    await follow(db, ids, settings)

    assert offered[bank_line_id(1)][0].confidence == "possible"
    assert await balances(db) == {"1000": 5_000, "4000": -5_000}


async def test_undone_match_takes_the_donation_back_and_the_promise_waits_again(
    db: Database, ids: Ids, settings: Settings
) -> None:
    await begin(db, promises=[promise_row(1)], lines=[credit(1, 4_000, reference_of(1))])
    await match(db, ids, settings)

    (paid,) = await payments(db)
    await take_back(db, ids, 1)
    back = Back(amount=Money(300, "GBP"), way=RefundWay.TRANSFER, paid_on=TODAY, reason=RefundReason.OTHER)
    async with db.unit_of_work() as session:
        with pytest.raises(Conflict):  # though the job has not taken it back yet
            await pay_back(session, paid.id, back, ids=ids, settings=settings, **RULES)
    await follow(db, ids, settings)

    assert await balances(db) == {}
    assert [each.state for each in await payments(db)] == ["void"]
    async with db.unit_of_work() as session:
        await arrive(session, [], [credit(2, 4_000, reference_of(1))])
    assert await match(db, ids, settings) == 0  # the line that was undone names it too: people decide
    await say(db, ids, 1, Part(Side.PROMISE, f"{promise_id(1)}:2", 4_000))
    await follow(db, ids, settings)
    assert await balances(db) == {"1000": 4_000, "4000": -4_000}
    assert [each.state for each in await payments(db)] == ["void", "cleared"]


async def test_standing_order_is_a_plan_whose_later_payments_are_instalments_and_whose_missed_month_is_told(
    db: Database, ids: Ids, settings: Settings
) -> None:
    days = [date(2026, 8, 3), date(2026, 9, 3), date(2026, 10, 5)]
    lines = [
        credit(number, 1_000, reference_of(1), booked_on=day, counterparty_hash="payer")
        for number, day in enumerate(days, 1)
    ]
    monthly = {"amount_minor": 1_000, "frequency": "monthly"}
    await begin(db, promises=[promise_row(1, **monthly)], lines=lines)

    assert await match(db, ids, settings) == 3

    assert await balances(db) == {"1000": 3_000, "4010": -3_000}
    async with db.reading() as session:
        plan = (await session.scalars(select(Plan))).one()
        promise = (await session.scalars(select(Promise))).one()
        renewals = list(await session.scalars(select(Donation.is_renewal).order_by(Donation.paid_at)))
    assert (plan.method, plan.state, plan.stripe_subscription_id) == ("standing_order", "active", None)
    assert (promise.state, promise.turn, promise.expected_on) == ("running", 4, date(2026, 11, 5))
    assert (renewals, promise.payer_hash, await count(db, Instalment)) == ([False, True, True], "payer", 3)
    for turn, number, day in ((4, 2, date(2026, 11, 5)), (5, 3, date(2026, 10, 3))):  # the newest is waited for again
        await take_back(db, ids, number)
        await follow(db, ids, settings)
        async with db.reading() as session:
            assert await session.scalar(select(Promise.expected_on)) == day, turn
        await say(db, ids, number, Part(Side.PROMISE, f"{promise_id(1)}:{turn}", 1_000))
        await follow(db, ids, settings)
    for _again in range(2):
        async with db.unit_of_work() as session:
            await find_missed(session, ids=ids, now=NOW, settings=settings)
    async with db.reading() as session:
        missed = (await session.scalars(select(Discrepancy))).one()
        assert (missed.code, await session.scalar(select(Promise.expected_on))) == (
            Code.STANDING_ORDER_MISSED, date(2026, 12, 5),
        )  # fmt: skip


async def test_reports_are_proved_with_cash_a_bounced_cheque_a_mistake_and_a_standing_order_paid_back_in_part_in_them(
    db: Database, ids: Ids, settings: Settings
) -> None:
    line = credit(1, 1_000, reference_of(1), booked_on=TODAY)
    await begin(db, promises=[promise_row(1, amount_minor=1_000, frequency="monthly")], lines=[line])
    await match(db, ids, settings)
    _cash, cheque, mistake = [
        await write_down(db, ids, settings, minor, kind)
        for minor, kind in ((2_500, OtherKind.CASH), (5_000, OtherKind.CHEQUE), (700, OtherKind.CASH))
    ]
    await paid_in(db, ids, [cheque.payment_id], 5_000)
    async with db.unit_of_work() as session:
        part = Back(amount=Money(400, "GBP"), way=RefundWay.CASH, paid_on=TODAY, reason=RefundReason.OTHER)
        await pay_back(session, cheque.payment_id, part, ids=ids, settings=settings, **RULES)
        await bounce(session, cheque.payment_id, words="", ids=ids, settings=settings, **RULES)
        await void_payment(session, mistake.payment_id, words="mistake", ids=ids, settings=settings, **RULES)

        standing = next(each for each in await session.scalars(select(OtherPayment)) if each.promise_id)
        back = Back(amount=Money(300, "GBP"), way=RefundWay.TRANSFER, paid_on=TODAY, reason=RefundReason.OTHER)
        await pay_back(session, standing.id, back, ids=ids, settings=settings, **RULES)

    month, zone = TODAY.replace(day=1), settings.time_zone
    async with db.reading() as session:
        income = (await income_by_month(session, months=[month], zone=zone, currency="GBP"))[0]
        base = (await base_and_books(session, months=[month], zone=zone, currency="GBP"))[0]
        table = (
            await source_tables(
                session,
                by=By.APPEAL,
                since=month,
                until=TODAY,
                zone=zone,
                main_site="https://x.example",
                currency="GBP",
            )
        )[0]

    assert (income.is_proved, base.is_proved, table.is_proved) == (True, True, True)
    assert (income.total.once_minor, income.total.first_minor, income.total.net_minor) == (8_200, 1_000, 2_800)
    assert (base.now.plans, base.settled[0].settled_minor, base.settled[0].unsettled_minor) == (1, 1_000, 0)
    total = table.total
    assert (total.given_minor, total.unsettled_minor, total.returned_minor, total.net_minor) == (9_200, 0, 6_400, 2_800)
