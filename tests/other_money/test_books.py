"""Cash, cheques and promises in the books: written down, paid in, seen at the bank, bounced, taken back."""

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest
from own import (
    RULES,
    TODAY,
    balances,
    begin,
    count,
    credit,
    match,
    paid_in,
    payments,
    say,
    take_back,
    write_down,
)  # fmt: skip
from sqlalchemy import insert, select

from arrivals import ACCOUNT, NOW, bank_line_id
from engines import on_sqlite
from supporters.discrepancies.codes import Code
from supporters.discrepancies.models import Discrepancy
from supporters.donations.deposits import PayingIn, pay_in, undo_pay_in
from supporters.donations.models import Donation, RefundReason
from supporters.donations.other_models import OtherKind, RefundWay
from supporters.donations.reverse import request_refund
from supporters.kit.db import Database
from supporters.kit.errors import Conflict, Refused
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.mail.models import Letter
from supporters.outgoing.models import WebhookDelivery, WebhookEndpoint
from supporters.people.models import Supporter
from supporters.receipts.models import Receipt
from supporters.reconciliation.matches import Part
from supporters.reconciliation.models import MatchRule, Side
from supporters.reconciliation.money_back import Back, pay_back, take_refund_back
from supporters.reconciliation.opening import Opening, begin_books
from supporters.reconciliation.other_money import Giver, bounce, void_payment
from supporters.reconciliation.proposals import open_lines, propose
from supporters.settings import Settings


@on_sqlite
async def test_cash_is_a_paid_donation_with_receipt_letter_and_entries(
    db: Database, ids: Ids, settings: Settings
) -> None:
    await begin(db)

    recorded = await write_down(db, ids, settings, 2_500)

    assert await balances(db) == {"1200": 2_500, "4000": -2_500}
    async with db.reading() as session:
        donation = (await session.scalars(select(Donation))).one()
        receipt = (await session.scalars(select(Receipt))).one()
        letter = (await session.scalars(select(Letter))).one()
    assert (donation.state, donation.amount_minor, donation.supporter_id) == ("paid", 2_500, recorded.supporter_id)
    assert (receipt.number, letter.recipient) == ("R-2026-0001", "rosa@reader.example")


@on_sqlite
async def test_giver_without_an_address_has_a_receipt_and_no_letter(db: Database, ids: Ids, settings: Settings) -> None:
    await begin(db)

    await write_down(db, ids, settings, 2_500, giver=Giver(name="Rosa Kane"))

    assert await balances(db) == {"1200": 2_500, "4000": -2_500}
    assert (await count(db, Receipt), await count(db, Letter), await count(db, Supporter)) == (1, 0, 2)


async def test_money_from_before_the_books_began_stays_in_the_books_that_were_kept_until_then(
    sqlite_db: Database, ids: Ids, settings: Settings
) -> None:
    await begin(sqlite_db)
    opening = Opening(starts_on=TODAY)
    async with sqlite_db.unit_of_work() as session:
        await begin_books(session, opening, actor_id="dana", ids=ids, now=NOW, time_zone=settings.time_zone)

    with pytest.raises(Refused, match="begin on"):
        await write_down(sqlite_db, ids, settings, 500, received_on=TODAY - timedelta(days=1))
    await write_down(sqlite_db, ids, settings, 500, received_on=TODAY)

    assert len(await payments(sqlite_db)) == 1


async def test_what_cannot_be_is_refused_and_nothing_is_written(
    sqlite_db: Database, ids: Ids, settings: Settings
) -> None:
    await begin(sqlite_db)
    wrong: list[dict[str, Any]] = [
        {"received_on": TODAY + timedelta(days=1)},
        {"received_on": date(2019, 1, 1)},
        {"giver": Giver()},
    ]
    for each in wrong:
        with pytest.raises(Refused):
            await write_down(sqlite_db, ids, settings, 2_500, **each)

        assert await count(sqlite_db, Donation) == 0, each


async def test_deposit_is_found_at_the_bank_by_its_reference_and_clears_what_it_holds(
    db: Database, ids: Ids, settings: Settings
) -> None:
    await begin(db, lines=[credit(1, 5_000, "PAID IN PI-WEEK47 COUNTER", booked_on=TODAY)])
    made = [await write_down(db, ids, settings, 2_500, kind) for kind in (OtherKind.CASH, OtherKind.CHEQUE)]
    deposit_id = await paid_in(db, ids, [each.payment_id for each in made], 5_000, reference="PI-WEEK47")

    assert await match(db, ids, settings) == 1

    assert await balances(db) == {"1000": 5_000, "4000": -5_000}
    assert {each.state for each in await payments(db)} == {"cleared"}
    await take_back(db, ids, 1)
    assert {each.state for each in await payments(db)} == {"deposited"}
    assert await balances(db) == {"1200": 5_000, "4000": -5_000}
    async with db.unit_of_work() as session:
        await undo_pay_in(session, deposit_id, **RULES)
        meanwhile = asyncio.create_task(say(db, ids, 1, Part(Side.DEPOSIT, deposit_id, 5_000)))
        await asyncio.sleep(0.3)
    with pytest.raises(Conflict):
        await meanwhile


async def test_bank_that_credits_less_than_was_counted_leaves_the_rest_as_short(
    db: Database, ids: Ids, settings: Settings
) -> None:
    await begin(db, lines=[credit(1, 4_800, "PAID IN PI-WEEK47")])
    made = await write_down(db, ids, settings, 5_000)
    deposit_id = await paid_in(db, ids, [made.payment_id], 5_000, reference="PI-WEEK47", bank_account_id=ACCOUNT)

    assert await match(db, ids, settings) == 0
    await say(db, ids, 1, Part(Side.DEPOSIT, deposit_id, 5_000), Part(Side.ACCOUNT, "5099", -200))

    assert await balances(db) == {"1000": 4_800, "4000": -5_000, "5099": 200}


async def test_counting_another_sum_than_was_written_down_is_a_discrepancy_until_it_is_taken_back(
    db: Database, ids: Ids, settings: Settings
) -> None:
    await begin(db)
    made = await write_down(db, ids, settings, 5_000)

    deposit_id = await paid_in(db, ids, [made.payment_id], 4_990)

    async with db.reading() as session:
        found = (await session.scalars(select(Discrepancy))).one()
    assert (found.code, found.amount_minor, found.state) == (Code.DEPOSIT_BATCH_OFF, -10, "open")
    async with db.unit_of_work() as session:
        await undo_pay_in(session, deposit_id, **RULES)
    async with db.reading() as session:
        assert await session.scalar(select(Discrepancy.state)) == "resolved"
    assert [each.state for each in await payments(db)] == ["recorded"]


async def test_deposit_that_cannot_be_is_refused(sqlite_db: Database, ids: Ids, settings: Settings) -> None:
    await begin(sqlite_db)
    made = await write_down(sqlite_db, ids, settings, 5_000)
    right = {"payment_ids": [made.payment_id], "counted": Money(5_000, "GBP"), "paid_in_on": TODAY}
    wrong: list[tuple[dict[str, Any], type[Exception]]] = [
        ({"payment_ids": []}, Refused),
        ({"payment_ids": ["nobody"]}, Conflict),
        ({"counted": Money(0, "GBP")}, Refused),
        ({"counted": Money(5_000, "EUR")}, Refused),
        ({"paid_in_on": TODAY + timedelta(days=1)}, Refused),
        ({"paid_in_on": TODAY - timedelta(days=1)}, Refused),
        ({"reference": "47"}, Refused),
        ({"bank_account_id": "nowhere"}, Refused),
    ]
    for each, error in wrong:
        async with sqlite_db.unit_of_work() as session:
            with pytest.raises(error):
                await pay_in(session, PayingIn(**(right | each)), today=TODAY, ids=ids, **RULES)

        assert [paid.state for paid in await payments(sqlite_db)] == ["recorded"], each


async def test_bounced_cheque_is_returned_income_and_what_was_paid_back_of_it_is_lost_unless_that_was_a_mistake(
    db: Database, ids: Ids, settings: Settings
) -> None:
    back = Back(amount=Money(500, "GBP"), way=RefundWay.CHEQUE, paid_on=TODAY, reason=RefundReason.OTHER)
    more: dict[str, Any] = {"ids": ids, "settings": settings, **RULES}
    await begin(db, lines=[credit(1, 5_000, "PI-WEEK47"), credit(2, -5_000, "UNPAID CHEQUE 000123")])
    made = await write_down(db, ids, settings, 5_000, OtherKind.CHEQUE, cheque_number="000123")
    deposit_id = await paid_in(db, ids, [made.payment_id], 5_000, reference="PI-WEEK47")
    await say(db, ids, 1, Part(Side.DEPOSIT, deposit_id, 5_000))

    async with db.unit_of_work() as session:
        refund_id = await pay_back(session, made.payment_id, back, **more)
        await bounce(session, made.payment_id, words="no funds", **more)

    after = {"2100": -500, "4000": -5_000, "4090": 500, "4095": 4_500, "5099": 500}
    assert await balances(db) == {"1000": 5_000, "1200": -5_000, **after}
    await say(db, ids, 2, Part(Side.OTHER_PAYMENT, made.payment_id, -5_000))
    assert await balances(db) == after
    async with db.reading() as session:
        told = (await session.scalars(select(Discrepancy))).one()
        assert (await session.scalar(select(Receipt.voided_at))) is not None
        assert (await session.scalar(select(Donation.returned_minor))) == 4_500
    assert (told.code, told.detail) == (Code.CHEQUE_BOUNCED, {"cheque": "000123", "lost_minor": 500})
    receiver = {"url": "https://crm.test/hook", "description": "", "kinds": ["donation.refund_undone"]}
    async with db.unit_of_work() as session:
        await session.execute(
            insert(WebhookEndpoint).values(id="W" * 26, **receiver, secret_sealed="x", made_by="dana", created_at=NOW)
        )
        await take_refund_back(session, refund_id, **more)
    assert await balances(db) == {"4000": -5_000, "4095": 5_000}
    async with db.reading() as session:
        assert (await session.scalar(select(Donation.returned_minor))) == 5_000
        assert refund_id in (await session.scalars(select(WebhookDelivery.payload))).one()


async def test_cheque_that_bounced_weeks_before_anybody_said_so_is_expected_about_its_deposit(
    sqlite_db: Database, ids: Ids, settings: Settings
) -> None:
    await begin(sqlite_db, lines=[credit(2, -5_000, "UNPAID CHEQUE", booked_on=TODAY + timedelta(days=2))])
    made = await write_down(sqlite_db, ids, settings, 5_000, OtherKind.CHEQUE)
    await paid_in(sqlite_db, ids, [made.payment_id], 5_000)
    said = RULES | {"now": NOW + timedelta(days=25)}
    async with sqlite_db.unit_of_work() as session:
        await bounce(session, made.payment_id, words="no funds", ids=ids, settings=settings, **said)

    async with sqlite_db.reading() as session:
        offered = await propose(session, await open_lines(session, [bank_line_id(2)]))

    assert [each.ref_id for each in offered[bank_line_id(2)][0].parts] == [made.payment_id]


async def test_what_was_written_down_by_mistake_is_reversed_once(db: Database, ids: Ids, settings: Settings) -> None:
    await begin(db)
    made = await write_down(db, ids, settings, 5_000)

    async with db.unit_of_work() as session:
        await void_payment(session, made.payment_id, words="typed twice", ids=ids, settings=settings, **RULES)

    assert await balances(db) == {}
    async with db.unit_of_work() as session:
        with pytest.raises(Conflict):
            await void_payment(session, made.payment_id, words="again", ids=ids, settings=settings, **RULES)
    async with db.unit_of_work() as session:
        with pytest.raises(Conflict):
            await request_refund(
                session, made.donation_id, amount=Money(1, "GBP"), reason=RefundReason.OTHER, note_text=None, ids=ids,
                **RULES,
            )  # fmt: skip


async def test_transfer_written_down_first_is_expected_at_the_bank_and_clears_there(
    db: Database, ids: Ids, settings: Settings
) -> None:
    await begin(db, lines=[credit(1, 5_000, "GIFT", counterparty="R KANE ROSA KANE", booked_on=TODAY)])
    made = await write_down(db, ids, settings, 5_000, OtherKind.TRANSFER)

    async with db.reading() as session:
        offered = await propose(session, await open_lines(session, [bank_line_id(1)]))
    part = offered[bank_line_id(1)][0].parts[0]
    await say(db, ids, 1, Part(Side(part.side), part.ref_id, part.amount_minor))

    assert part.ref_id == made.payment_id
    assert await balances(db) == {"1000": 5_000, "4000": -5_000}
    assert [each.state for each in await payments(db)] == ["cleared"]


@on_sqlite
async def test_rule_that_knows_stripe_never_takes_a_deposit(db: Database, ids: Ids, settings: Settings) -> None:
    await begin(db, lines=[credit(1, 5_000, "STRIPE", booked_on=TODAY)])
    made = await write_down(db, ids, settings, 5_000)
    await paid_in(db, ids, [made.payment_id], 5_000)
    async with db.unit_of_work() as session:
        session.add(
            MatchRule(id="R" * 26, kind="alias", words="STRIPE", target="", state="on", learnt_from=3, made_at=NOW)
        )

    assert await match(db, ids, settings) == 0
