"""From Stripe's events to paid donations: in any order, as often as they like, one bad one harming no other."""

from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import update

from payments.conftest import Journey
from supporters import events
from supporters.discrepancies.models import Discrepancy
from supporters.donations.models import Checkout, Donation, DonationEvent, DonationState, Refund
from supporters.jobs.models import Job
from supporters.mail.models import Letter
from supporters.payments import inbox
from supporters.payments.models import InboxEvent, InboxState, Owner, Ownership
from supporters.payments.wire import read_event
from supporters.receipts.models import Receipt


async def test_paid_page_makes_the_donation_paid_with_one_receipt_and_one_letter(journey: Journey) -> None:
    donation_id, page = await journey.open_page(2500)
    await journey.world.sandbox.pay(page)
    await journey.settle()
    await journey.bring_webhooks()

    await journey.apply()

    donation = await journey.donation(donation_id)
    assert (donation.state, donation.amount_minor, donation.card_last4) == (DonationState.PAID, 2500, "4242")
    assert donation.stripe_charge_id is not None
    assert [row.amount_minor for row in await journey.rows(Receipt)] == [2500]
    assert [row.kind for row in await journey.rows(Letter)] == ["receipt"]
    assert set(await journey.states()) == {"handled"}
    assert [row.owner for row in await journey.rows(Ownership)] == [Owner.OURS]


async def test_news_of_a_payment_waits_until_its_page_is_known(journey: Journey) -> None:
    donation_id, page = await journey.open_page()
    await journey.world.sandbox.pay(page)
    await journey.settle()
    await journey.bring_webhooks(only=["charge.succeeded", "charge.updated"])
    await journey.apply()
    assert await journey.states() == {"waiting": 2}
    assert (await journey.donation(donation_id)).state == DonationState.STARTED

    await journey.catch_up()
    await journey.apply()

    assert (await journey.states()).get("waiting", 0) == 0
    assert (await journey.donation(donation_id)).card_last4 == "4242"


async def test_payment_of_a_shop_is_classed_not_ours_and_what_it_said_is_erased(journey: Journey) -> None:
    shop = await journey.world.donate(4200)
    await journey.world.sandbox.pay(shop.id)
    await journey.settle()
    await journey.bring_webhooks()

    await journey.apply()

    rows = {row.type: row for row in await journey.rows(InboxEvent)}
    assert rows["charge.succeeded"].state == InboxState.NOT_OURS
    assert rows["checkout.session.completed"].state == InboxState.NOT_OURS
    assert [row.payload for row in rows.values()] == [None] * len(rows)
    assert await journey.rows(Donation) == []
    assert await journey.rows(Discrepancy) == []


async def test_new_lines_of_the_balance_are_asked_for_once_however_many_events_say_so(journey: Journey) -> None:
    for _ in range(3):
        _donation_id, page = await journey.open_page()
        await journey.world.sandbox.pay(page)
    await journey.settle()
    await journey.bring_webhooks()

    await journey.apply(limit=3)

    assert [job.kind for job in await journey.rows(Job)] == ["balance.pull"]


@pytest.mark.parametrize(
    ("change", "differing"),
    [
        ({"amount_minor": 9900}, "amount_minor"),
        ({"currency": "EUR"}, "currency"),
        ({"stripe_payment_intent_id": "pi_another"}, "payment_intent"),
        ({"revision": 0}, "revision"),
    ],
)
async def test_payment_that_differs_from_the_form_is_a_discrepancy_and_not_paid(
    journey: Journey, change: dict[str, object], differing: str
) -> None:
    donation_id, page = await journey.open_page(2500)
    async with journey.db.unit_of_work() as session:
        await session.execute(update(Checkout).values(**change))
    await journey.world.sandbox.pay(page)
    await journey.settle()
    await journey.bring_webhooks()

    await journey.apply()

    [found] = await journey.rows(Discrepancy)
    assert (found.code, found.donation_id, found.amount_minor) == ("PAYMENT_MISMATCH", donation_id, 2500)
    assert list(found.detail) == [differing]
    assert (await journey.donation(donation_id)).state == DonationState.STARTED
    assert await journey.rows(Receipt) == []
    assert await journey.rows(Letter) == []


async def test_payment_in_the_other_mode_is_a_discrepancy_and_not_paid(journey: Journey) -> None:
    donation_id, page = await journey.open_page()
    async with journey.db.unit_of_work() as session:
        await session.execute(update(Donation).values(livemode=True))
    await journey.world.sandbox.pay(page)
    await journey.bring_webhooks()

    await journey.apply()

    assert [list(row.detail) for row in await journey.rows(Discrepancy)] == [["livemode"]]
    assert (await journey.donation(donation_id)).state == DonationState.STARTED


async def test_second_payment_for_a_paid_donation_is_a_duplicate_and_issues_nothing(journey: Journey) -> None:
    donation_id, page = await journey.open_page(2500)
    await journey.world.sandbox.pay(page)
    await journey.bring_webhooks()
    await journey.apply()
    other = await journey.world.donate(2500)
    async with journey.db.unit_of_work() as session:
        first = (await journey.rows(Checkout))[0]
        second = {column.name: getattr(first, column.name) for column in Checkout.__table__.columns}
        second |= {
            "id": journey.ids.ulid(),
            "revision": first.revision + 1,
            "idempotency_key": "v1:checkout:second",
            "stripe_session_id": other.id,
            "stripe_payment_intent_id": None,
        }
        session.add(Checkout(**second))
        await session.flush()
        await session.execute(update(Donation).values(revision=first.revision + 1))
    await journey.world.sandbox.pay(other.id)
    await journey.bring_webhooks()

    await journey.apply()

    [found] = await journey.rows(Discrepancy)
    assert (found.code, found.donation_id, found.amount_minor) == ("DUPLICATE_PAYMENT", donation_id, 2500)
    assert found.subject.startswith("pi_")
    assert len(await journey.rows(Receipt)) == 1
    assert len(await journey.rows(Letter)) == 1


async def test_refused_card_is_noted_once_the_page_is_known_and_the_reader_may_still_pay(journey: Journey) -> None:
    donation_id, page = await journey.open_page()
    await journey.world.sandbox.pay(page, "declined")
    await journey.bring_webhooks()
    await journey.apply()
    assert (await journey.states())["waiting"] == 1

    await journey.world.sandbox.pay(page)
    await journey.bring_webhooks()
    await journey.apply()

    kinds = sorted(row.kind for row in await journey.rows(DonationEvent))
    assert kinds == ["paid", "refused", "started"]
    assert (await journey.donation(donation_id)).state == DonationState.PAID


async def test_expired_page_ends_the_attempt(journey: Journey) -> None:
    donation_id, page = await journey.open_page()
    await journey.world.sandbox.pay(page, "expired")
    await journey.bring_webhooks()

    await journey.apply()

    assert (await journey.donation(donation_id)).state == DonationState.EXPIRED
    assert [row.is_over for row in await journey.rows(Checkout)] == [True]


async def test_refund_made_at_stripe_itself_is_on_the_donation_and_its_letter_waits(journey: Journey) -> None:
    donation_id, page = await journey.open_page(2500)
    await journey.world.sandbox.pay(page)
    await journey.settle()
    await journey.bring_webhooks()
    await journey.apply()
    payment = (await journey.donation(donation_id)).stripe_payment_intent_id

    await journey.world.stripe.v1.refunds.create_async({"payment_intent": payment, "amount": 1000})
    await journey.bring_webhooks()
    await journey.apply()

    assert [(row.amount_minor, row.state, row.origin) for row in await journey.rows(Refund)] == [
        (1000, "succeeded", "external")
    ]
    assert (await journey.donation(donation_id)).refunded_minor == 1000
    assert sorted(row.kind for row in await journey.rows(Letter)) == ["receipt", "refund"]


async def test_event_that_nobody_knows_is_parked_for_a_person_and_may_be_tried_again(journey: Journey) -> None:
    await _add_event(journey, "evt_strange", "charge.sparkled", {"id": "ch_1"})

    await journey.apply()

    [parked] = await journey.rows(InboxEvent)
    assert (parked.state, parked.last_error) == (
        InboxState.PARKED,
        "nobody knows what to do with charge.sparkled",
    )
    assert [row.code for row in await journey.rows(Discrepancy)] == ["EVENT_PARKED"]
    async with journey.db.unit_of_work() as session:
        again = journey.verifier.why_not_again
        await inbox.replay(session, "evt_strange", why_foreign=again, now=journey.clock.now())
    assert await journey.states() == {"received": 1}


async def test_one_bad_event_harms_no_other_and_is_parked_after_eight_tries(
    journey: Journey, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, good_page = await journey.open_page(500)
    bad, bad_page = await journey.open_page(1000)
    _break_receipts_of(1000, monkeypatch)
    await journey.world.sandbox.pay(good_page)
    await journey.world.sandbox.pay(bad_page)
    await journey.bring_webhooks(only=["checkout.session.completed"])

    await journey.apply()

    assert (await journey.donation(good)).state == DonationState.PAID
    assert (await journey.donation(bad)).state == DonationState.STARTED
    assert await journey.states() == {"handled": 1, "received": 1}
    for _try in range(7):
        journey.clock.advance(timedelta(hours=1))
        await journey.apply()
    [poison] = [row for row in await journey.rows(InboxEvent) if row.state == InboxState.PARKED]
    assert (poison.attempts, poison.last_error) == (inbox.PARK_AFTER, "RuntimeError: out of paper")
    assert [row.code for row in await journey.rows(Discrepancy)] == ["EVENT_PARKED"]
    assert [row.amount_minor for row in await journey.rows(Receipt)] == [500]


async def test_parked_event_that_is_tried_again_after_the_fault_is_mended_is_handled(
    journey: Journey, monkeypatch: pytest.MonkeyPatch
) -> None:
    donation_id, page = await journey.open_page(1000)
    mend = _break_receipts_of(1000, monkeypatch)
    await journey.world.sandbox.pay(page)
    await journey.bring_webhooks(only=["checkout.session.completed"])
    for _try in range(inbox.PARK_AFTER):
        await journey.apply()
        journey.clock.advance(timedelta(hours=1))
    [parked] = await journey.rows(InboxEvent)
    assert parked.state == InboxState.PARKED

    mend()
    async with journey.db.unit_of_work() as session:
        again = journey.verifier.why_not_again
        await inbox.replay(session, parked.stripe_event_id, why_foreign=again, now=journey.clock.now())
    await journey.apply()

    assert (await journey.donation(donation_id)).state == DonationState.PAID
    assert [row.number for row in await journey.rows(Receipt)] == ["R-2026-0001"]


async def test_event_of_another_shape_than_its_type_promises_is_parked(journey: Journey) -> None:
    await _add_event(journey, "evt_bent", "charge.succeeded", {"id": "ch_1", "amount": "ten"})

    await journey.apply()

    [parked] = await journey.rows(InboxEvent)
    assert parked.state == InboxState.PARKED
    assert parked.last_error is not None
    assert parked.last_error.startswith("charge.succeeded: ")


def _break_receipts_of(amount_minor: int, monkeypatch: pytest.MonkeyPatch):
    real = events.books.prove

    async def broken(session, paid, **more):
        if paid.amount_minor == amount_minor:
            raise RuntimeError("out of paper")
        return await real(session, paid, **more)

    monkeypatch.setattr(events.books, "prove", broken)
    return lambda: monkeypatch.setattr(events.books, "prove", real)


async def _add_event(journey: Journey, event_id: str, kind: str, thing: dict[str, object]) -> None:
    body = msgspec.json.encode(
        {
            "id": event_id,
            "object": "event",
            "type": kind,
            "created": int(journey.clock.now().timestamp()),
            "livemode": False,
            "api_version": "2026-10-28.endive",
            "data": {"object": thing},
        }
    )
    row = inbox.row_of(read_event(body), via=inbox.WEBHOOK, now=journey.clock.now())
    await journey.db.accept(inbox.accept_statement(is_sqlite=journey.db.is_sqlite), row)
