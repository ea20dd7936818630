"""What Stripe says about a payment, applied: forward only, once, and only when it fits."""

from datetime import timedelta

import msgspec
import pytest

from giving import House, form
from supporters.donations.collect import (
    NotOurs,
    PaymentMismatch,
    collect_expired,
    collect_paid,
    collect_processing,
    collect_refusal,
    see_charge,
    tie_payment,
)
from supporters.donations.models import Checkout, DonationEvent, DonationState
from supporters.donations.queries import donation_of_payment, donation_page, timeline
from supporters.kit.money import Money
from supporters.mail.models import Letter
from supporters.payments.facts import (
    ChargeSeen,
    CheckoutCompleted,
    CheckoutExpired,
    PaymentProcessing,
    PaymentRefused,
)
from supporters.people.models import EmailAddress, Supporter
from supporters.receipts.issue import tell_card
from supporters.receipts.models import Receipt


async def test_paid_session_makes_donation_paid_with_supporter_receipt_and_letter(house: House) -> None:
    paid = await house.donate()

    [donation] = await house.donations()
    [supporter] = await house.rows(Supporter)
    [receipt] = await house.rows(Receipt)
    [letter] = await house.rows(Letter)
    assert donation.state == DonationState.PAID
    assert (donation.supporter_id, donation.paid_at) == (supporter.id, house.clock.now())
    assert supporter.name == "Ben Carter"
    assert (receipt.number, receipt.amount_minor, receipt.email) == ("R-2026-0001", 2500, "ben.carter@example.org")
    assert (letter.kind, letter.recipient, letter.about) == ("receipt", "ben.carter@example.org", paid.id)
    assert (letter.context["amount_minor"], letter.context["number"]) == (2500, "R-2026-0001")


async def test_second_delivery_of_payment_changes_nothing(house: House) -> None:
    session_id = await house.open_session()
    await house.world.sandbox.pay(session_id)
    fact = await house.completed(session_id)
    assert await house.collect(fact) is not None

    again = [await house.collect(fact) for _ in range(3)]

    assert again == [None, None, None]
    assert len(await house.rows(Receipt)) == 1
    assert len(await house.rows(Letter)) == 1
    assert sorted(event.kind for event in await house.rows(DonationEvent)) == ["paid", "started"]


async def test_supporter_on_file_keeps_name_and_address(house: House) -> None:
    await house.donate(form(email="Ben.Carter@example.org", name="Ben Carter"))

    await house.donate(form(email="ben.carter@EXAMPLE.org", name="Mallory"))

    [supporter] = await house.rows(Supporter)
    [address] = await house.rows(EmailAddress)
    assert (supporter.name, address.address) == ("Ben Carter", "Ben.Carter@example.org")
    assert {donation.supporter_id for donation in await house.donations()} == {supporter.id}


async def test_unpaid_attempt_puts_nobody_on_file(house: House) -> None:
    await house.open_session()

    assert await house.rows(Supporter) == []


@pytest.mark.parametrize(
    ("field", "value"), [("amount_minor", 2499), ("amount_minor", 250_000), ("currency", "JPY"), ("livemode", True)]
)
async def test_payment_that_differs_from_form_is_a_mismatch_and_stores_nothing(
    house: House, field: str, value: object
) -> None:
    session_id = await house.open_session()
    await house.world.sandbox.pay(session_id)
    fact = msgspec.structs.replace(await house.completed(session_id), **{field: value})

    with pytest.raises(PaymentMismatch) as caught:
        await house.collect(fact)

    assert caught.value.detail[field] == [{"amount_minor": 2500, "currency": "GBP", "livemode": False}[field], value]
    [donation] = await house.donations()
    assert (donation.state, donation.stripe_payment_intent_id) == (DonationState.STARTED, None)
    async with house.db.reading() as session:
        assert await donation_of_payment(session, [str(fact.payment_intent_id)]) == {}


async def test_second_payment_of_a_paid_donation_is_a_mismatch(house: House) -> None:
    session_id = await house.open_session()
    await house.world.sandbox.pay(session_id)
    fact = await house.completed(session_id)
    await house.collect(fact)

    with pytest.raises(PaymentMismatch, match="differs"):
        await house.collect(msgspec.structs.replace(fact, payment_intent_id="pi_another"))


async def test_session_of_a_shop_on_the_same_account_is_not_ours(house: House) -> None:
    session_id = await house.open_session()
    await house.world.sandbox.pay(session_id)
    fact = msgspec.structs.replace(await house.completed(session_id), session_id="cs_test_of_the_shop")

    with pytest.raises(NotOurs):
        await house.collect(fact)


async def test_expired_page_ends_the_attempt(house: House) -> None:
    session_id = await house.open_session()

    async with house.db.unit_of_work() as session:
        fact = CheckoutExpired(session_id)
        first = await collect_expired(session, fact, ids=house.ids, now=house.clock.now())
        second = await collect_expired(session, fact, ids=house.ids, now=house.clock.now())

    assert (first, second) == (True, False)
    [donation] = await house.donations()
    assert donation.state == DonationState.EXPIRED


async def test_late_news_of_expiry_does_not_undo_payment(house: House) -> None:
    session_id = await house.open_session()
    await house.world.sandbox.pay(session_id)
    await house.collect(await house.completed(session_id))

    async with house.db.unit_of_work() as session:
        assert not await collect_expired(session, CheckoutExpired(session_id), ids=house.ids, now=house.clock.now())

    [donation] = await house.donations()
    assert donation.state == DonationState.PAID


async def test_payment_after_news_of_expiry_counts(house: House) -> None:
    session_id = await house.open_session()
    await house.world.sandbox.pay(session_id)
    async with house.db.unit_of_work() as session:
        await collect_expired(session, CheckoutExpired(session_id), ids=house.ids, now=house.clock.now())

    assert await house.collect(await house.completed(session_id)) is not None

    [donation] = await house.donations()
    assert donation.state == DonationState.PAID


async def test_expiry_of_replaced_page_leaves_the_attempt_alone(house: House) -> None:
    attempt = house.ids.ulid()
    old = await house.open_session(form(25), attempt_id=attempt)
    await house.open_session(form(10), attempt_id=attempt)

    async with house.db.unit_of_work() as session:
        await collect_expired(session, CheckoutExpired(old), ids=house.ids, now=house.clock.now())

    [donation] = await house.donations()
    assert donation.state == DonationState.STARTED


async def test_bank_that_has_not_answered_leaves_donation_processing(house: House) -> None:
    session_id = await house.open_session()
    await house.world.sandbox.pay(session_id)
    fact = await house.completed(session_id)

    assert await house.collect(msgspec.structs.replace(fact, is_paid=False)) is None
    [donation] = await house.donations()
    assert donation.state == DonationState.PROCESSING
    assert await house.rows(Letter) == []

    assert await house.collect(fact) is not None
    async with house.db.unit_of_work() as session:
        late = PaymentProcessing(str(fact.payment_intent_id))
        assert not await collect_processing(session, late, ids=house.ids, now=house.clock.now())
    [donation] = await house.donations()
    assert donation.state == DonationState.PAID


async def test_refusal_is_on_record_once_per_event_and_payment_still_counts(house: House) -> None:
    session_id = await house.open_session()
    await house.world.sandbox.pay(session_id, "declined")
    intent = house.world.sandbox.session(session_id)["payment_intent"]
    fact = PaymentRefused(intent, "insufficient_funds")
    now = house.clock.now()

    async with house.db.unit_of_work() as session:
        with pytest.raises(NotOurs):
            await collect_refusal(session, fact, cause="evt_1", limits=house.limits, ids=house.ids, now=now)
        await tie_payment(session, session_id, intent)
        told = [
            await collect_refusal(session, fact, cause=cause, limits=house.limits, ids=house.ids, now=now)
            for cause in ("evt_1", "evt_1", "evt_2")
        ]

    assert told == [True, False, True]
    [donation] = await house.donations()
    assert (donation.state, donation.failure_code) == (DonationState.STARTED, "insufficient_funds")
    await house.world.sandbox.pay(session_id)
    await house.collect(await house.completed(session_id))
    [donation] = await house.donations()
    assert (donation.state, donation.failure_code) == (DonationState.PAID, None)


async def test_debit_that_bounces_days_later_ends_the_attempt(house: House) -> None:
    session_id = await house.open_session()
    await house.world.sandbox.pay(session_id)
    fact = msgspec.structs.replace(await house.completed(session_id), is_paid=False)
    await house.collect(fact)
    now = house.clock.now() + timedelta(days=3)

    async with house.db.unit_of_work() as session:
        refused = PaymentRefused(str(fact.payment_intent_id), "bank_refused")
        await collect_refusal(session, refused, cause="evt_9", limits=house.limits, ids=house.ids, now=now)

    [donation] = await house.donations()
    assert donation.state == DonationState.EXPIRED


@pytest.mark.parametrize("is_before", [True, False])
async def test_card_is_known_in_either_order_and_stands_in_the_waiting_letter(house: House, is_before: bool) -> None:
    session_id = await house.open_session()
    await house.world.sandbox.pay(session_id)
    fact = await house.completed(session_id)
    intent = str(fact.payment_intent_id)
    charge = ChargeSeen("ch_1", intent, 2500, "GBP", "visa", "4242")
    if not is_before:
        await house.collect(fact)

    async with house.db.unit_of_work() as session:
        await tie_payment(session, session_id, intent)
        donation_id = await see_charge(session, charge, now=house.clock.now())
        again = await see_charge(session, charge, now=house.clock.now())
        assert donation_id is not None
        await tell_card(session, donation_id, "4242")
    if is_before:
        await house.collect(fact)

    assert again is None
    [letter] = await house.rows(Letter)
    assert letter.context["card_last4"] == "4242"
    assert letter.context["number"] == "R-2026-0001"
    async with house.db.reading() as session:
        view = await donation_page(session, donation_id)
    assert view is not None
    assert (view.is_paid, view.card_brand, view.card_last4, view.amount) == (True, "visa", "4242", Money(2500, "GBP"))


async def test_session_with_another_payment_is_a_mismatch(house: House) -> None:
    session_id = await house.open_session()

    async with house.db.unit_of_work() as session:
        donation_id = await tie_payment(session, session_id, "pi_1")
        assert await tie_payment(session, session_id, "pi_1") == donation_id
        with pytest.raises(PaymentMismatch):
            await tie_payment(session, session_id, "pi_2")
        with pytest.raises(NotOurs):
            await tie_payment(session, "cs_of_somebody", "pi_3")


async def test_books_find_the_paid_donation_of_a_payment(house: House) -> None:
    paid = await house.donate()
    [donation] = await house.donations()

    async with house.db.reading() as session:
        links = await donation_of_payment(session, [str(donation.stripe_payment_intent_id), "pi_other"])

    [link] = links.values()
    assert (link.donation_id, link.fund_id, link.appeal_id) == (paid.id, donation.fund_id, donation.appeal_id)


async def test_timeline_tells_the_story_in_order(house: House) -> None:
    paid = await house.donate()
    house.clock.advance(timedelta(seconds=1))

    async with house.db.reading() as session:
        told = [(line.kind, line.detail["amount_minor"]) for line in await timeline(session, paid.id)]

    assert told == [("started", 2500), ("paid", 2500)]
    [page] = await house.rows(Checkout)
    assert page.is_over


async def test_collecting_twice_in_one_transaction_issues_one_receipt(house: House) -> None:
    session_id = await house.open_session()
    await house.world.sandbox.pay(session_id)
    fact = await house.completed(session_id)

    async with house.db.unit_of_work() as session:
        first = await collect_paid(session, fact, ids=house.ids, now=house.clock.now())
        second = await collect_paid(session, fact, ids=house.ids, now=house.clock.now())

    assert first is not None
    assert second is None


@pytest.mark.parametrize("is_tied_first", [True, False])
async def test_late_news_that_the_bank_was_asked_does_not_undo_its_refusal(house: House, is_tied_first: bool) -> None:
    session_id = await house.open_session()
    await house.world.sandbox.pay(session_id)
    fact = msgspec.structs.replace(await house.completed(session_id), is_paid=False)
    intent, now = str(fact.payment_intent_id), house.clock.now()
    if not is_tied_first:
        await house.collect(fact)
    async with house.db.unit_of_work() as session:
        await tie_payment(session, session_id, intent)
        refused = PaymentRefused(intent, "bank_refused")
        await collect_refusal(session, refused, cause="evt_9", limits=house.limits, ids=house.ids, now=now)

    await house.collect(fact)
    async with house.db.unit_of_work() as session:
        assert not await collect_processing(session, PaymentProcessing(intent), ids=house.ids, now=now)

    [donation] = await house.donations()
    assert donation.state == DonationState.EXPIRED
    assert await house.collect(msgspec.structs.replace(fact, is_paid=True)) is not None


async def test_late_refusal_of_a_page_that_was_left_does_not_end_the_attempt(house: House) -> None:
    attempt = house.ids.ulid()
    old = await house.open_session(form(25), attempt_id=attempt)
    async with house.db.unit_of_work() as session:
        await tie_payment(session, old, "pi_old")
    await house.open_session(form(10), attempt_id=attempt)

    async with house.db.unit_of_work() as session:
        refused = PaymentRefused("pi_old", "bank_refused")
        now = house.clock.now()
        assert await collect_refusal(session, refused, cause="evt_9", limits=house.limits, ids=house.ids, now=now)

    [donation] = await house.donations()
    assert donation.state == DonationState.STARTED


async def test_unpaid_news_of_a_page_that_was_left_is_no_mismatch_but_its_money_is(house: House) -> None:
    attempt = house.ids.ulid()
    old = await house.open_session(form(25), attempt_id=attempt)
    await house.open_session(form(10), attempt_id=attempt)
    unpaid = CheckoutCompleted(old, "pi_old", False, 2500, "GBP", False)

    assert await house.collect(unpaid) is None

    [donation] = await house.donations()
    assert (donation.state, donation.amount_minor) == (DonationState.STARTED, 1000)
    with pytest.raises(PaymentMismatch) as caught:
        await house.collect(msgspec.structs.replace(unpaid, is_paid=True))
    assert caught.value.detail["revision"] == [2, 1]


async def test_donation_is_paid_when_stripe_took_the_money_not_when_we_heard_of_it(house: House) -> None:
    session_id = await house.open_session()
    await house.world.sandbox.pay(session_id)
    paid_at = house.clock.now()
    fact = msgspec.structs.replace(await house.completed(session_id), occurred_at=paid_at)
    house.clock.advance(timedelta(hours=7))

    await house.collect(fact)

    [donation] = await house.donations()
    [receipt] = await house.rows(Receipt)
    assert donation.paid_at == paid_at
    assert receipt.issued_at == house.clock.now()


async def test_fact_without_a_time_is_paid_now(house: House) -> None:
    session_id = await house.open_session()
    await house.world.sandbox.pay(session_id)

    await house.collect(msgspec.structs.replace(await house.completed(session_id), occurred_at=None))

    [donation] = await house.donations()
    assert donation.paid_at == house.clock.now()
