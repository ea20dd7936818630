"""News that came too early, not at all, or in a shape that the house does not read: the books are still right at the end."""

from datetime import timedelta

import msgspec
import pytest

from payments.conftest import Journey
from supporters.donations.models import DonationEvent, DonationState, Refund
from supporters.payments import inbox
from supporters.payments.facts import CheckoutCompleted, PaymentProcessing
from supporters.payments.models import InboxEvent
from supporters.payments.translate import facts_of_session, translate
from supporters.payments.wire import Session

HOUR = timedelta(hours=1)


async def test_refund_of_a_payment_known_by_look_up_waits_until_the_page_is_completed(journey: Journey) -> None:
    """The look-up found the page while its reader was still trying: then the payment is ours, but not yet paid."""
    donation_id, page = await journey.open_page(2500)
    sandbox = journey.world.sandbox
    await sandbox.pay(page, "declined")
    await journey.bring_webhooks()
    await journey.apply()
    journey.clock.advance(timedelta(minutes=3))
    await journey.sweep()
    await journey.apply()
    await sandbox.pay(page)
    payment = sandbox.session(page)["payment_intent"]
    await journey.world.stripe.v1.refunds.create_async({"payment_intent": payment, "amount": 1000})
    late, early = [], []
    for event in await journey.take_webhooks():
        (late if event.type == "checkout.session.completed" else early).append(event)

    for event in early:
        await journey.store(event)
        await journey.apply(limit=1)
    assert (await journey.states())["waiting"] > 0
    for event in late:
        await journey.store(event)
    await journey.apply(limit=1)

    assert [(row.amount_minor, row.state) for row in await journey.rows(Refund)] == [(1000, "succeeded")]
    assert (await journey.donation(donation_id)).refunded_minor == 1000
    assert set(await journey.states()) == {"handled"}


def _completed(journey: Journey, page: str, *, is_paid: bool) -> CheckoutCompleted:
    return CheckoutCompleted(
        session_id=page,
        payment_intent_id="pi_slow",
        is_paid=is_paid,
        amount_minor=2500,
        currency="GBP",
        livemode=False,
        occurred_at=journey.clock.now(),
    )


async def _bank_is_slow(journey: Journey) -> tuple[str, str]:
    """A page was completed, and the bank takes its time."""
    donation_id, page = await journey.open_page(2500)
    facts = [_completed(journey, page, is_paid=False), PaymentProcessing("pi_slow")]
    async with journey.db.unit_of_work() as session:
        await journey.context.apply_facts(session, facts, cause=page)
    assert (await journey.donation(donation_id)).state == DonationState.PROCESSING
    return donation_id, page


async def _stuck(journey: Journey, limit: int = 50) -> list[str]:
    async with journey.db.reading() as session:
        return list(await journey.context.stuck_sessions(session, limit=limit))


async def test_payment_that_a_bank_sits_on_is_asked_about_after_an_hour_until_it_has_an_end(journey: Journey) -> None:
    _donation_id, page = await _bank_is_slow(journey)
    journey.clock.advance(HOUR - timedelta(seconds=1))
    assert await _stuck(journey) == []
    journey.clock.advance(timedelta(seconds=1))
    assert await _stuck(journey) == [page]
    assert await _stuck(journey, limit=0) == []

    async with journey.db.unit_of_work() as session:
        await journey.context.apply_facts(session, [_completed(journey, page, is_paid=True)], cause=page)

    assert await _stuck(journey) == []


@pytest.mark.parametrize(
    ("payment_status", "intent_status", "state"),
    [
        ("paid", "succeeded", DonationState.PAID),
        ("unpaid", "processing", DonationState.PROCESSING),
        ("unpaid", "requires_payment_method", DonationState.EXPIRED),
        ("unpaid", "canceled", DonationState.EXPIRED),
    ],
)
async def test_sweep_hears_of_a_slow_bank_what_no_event_told(
    journey: Journey, monkeypatch: pytest.MonkeyPatch, payment_status: str, intent_status: str, state: str
) -> None:
    donation_id, _page = await _bank_is_slow(journey)
    journey.clock.advance(HOUR)

    async def told(session_id: str) -> list:
        said = {
            "id": session_id,
            "status": "complete",
            "payment_status": payment_status,
            "livemode": False,
            "amount_total": 2500,
            "currency": "gbp",
            "payment_intent": {"id": "pi_slow", "status": intent_status},
        }
        return facts_of_session(msgspec.convert(said, Session))

    monkeypatch.setattr(journey.gateway, "retrieve_session", told)
    for _again in range(2):
        await journey.sweep()

    assert (await journey.donation(donation_id)).state == state
    refused = [row.kind for row in await journey.rows(DonationEvent) if row.kind == "refused"]
    assert len(refused) == (state == DonationState.EXPIRED)


async def test_event_that_the_list_shows_in_an_unreadable_version_does_not_keep_the_webhook_out(
    journey: Journey, monkeypatch: pytest.MonkeyPatch
) -> None:
    donation_id, page = await journey.open_page()
    await journey.world.sandbox.pay(page)
    await journey.settle()
    real = journey.gateway.list_events

    async def in_an_old_version(**asked):
        shown = await real(**asked)
        old = [msgspec.structs.replace(event, api_version="2019-12-03") for event in shown.items]
        return msgspec.structs.replace(shown, items=old)

    monkeypatch.setattr(journey.gateway, "list_events", in_an_old_version)
    assert await journey.catch_up() == 0
    assert await journey.rows(InboxEvent) == []

    await journey.bring_webhooks()
    await journey.apply()

    assert (await journey.donation(donation_id)).state == DonationState.PAID
    assert set(await journey.states()) == {"handled"}


async def test_event_from_the_list_in_an_older_readable_version_may_be_tried_again(journey: Journey) -> None:
    _donation_id, page = await journey.open_page()
    await journey.world.sandbox.pay(page)
    [event, *_more] = await journey.take_webhooks()
    older = msgspec.structs.replace(event, api_version="2025-09-30.clover")

    judge = journey.verifier.why_not_again
    assert judge(older, inbox.CATCHUP) is None
    assert judge(older, inbox.WEBHOOK) is not None
    assert judge(msgspec.structs.replace(older, livemode=True), inbox.CATCHUP) is not None
    assert judge(msgspec.structs.replace(older, account="acct_other"), inbox.CATCHUP) is not None


async def test_time_of_a_completed_page_is_the_events_or_the_charges(journey: Journey) -> None:
    _donation_id, page = await journey.open_page()
    await journey.world.sandbox.pay(page)
    paid_at = journey.clock.now().replace(microsecond=0)
    journey.clock.advance(HOUR)
    [event] = [event for event in await journey.take_webhooks() if event.type == "checkout.session.completed"]

    told = [*translate(event), *await journey.gateway.retrieve_session(page)]

    assert [fact.occurred_at for fact in told if isinstance(fact, CheckoutCompleted)] == [paid_at] * 2
