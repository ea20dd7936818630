"""What a control makes go wrong: refused charges, news that is late or never comes to be, lost answers; and the page."""

from datetime import timedelta
from typing import Any

import pytest
import stripe

from stripe_in_process import StripeWorld

DAY = timedelta(days=1)
ASKED = {"amount": 2500, "currency": "gbp", "confirm": True, "return_url": "https://a.example/back"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def control(world: StripeWorld, action: str, **told: Any) -> int:
    return (await world.browser.post(f"/_control/{action}", json=told)).status_code


async def charged(world: StripeWorld, method: str = "pm_card_visa") -> Any:
    return await world.stripe.v1.payment_intents.create_async({**ASKED, "payment_method": method})


async def test_next_charges_are_refused_whatever_pays_and_then_no_more(world: StripeWorld) -> None:
    await control(world, "decline-next", code="lost_card", count=2)

    for _ in range(2):
        with pytest.raises(stripe.CardError) as refused:
            await charged(world)
        assert refused.value.error.decline_code == "lost_card"

    assert (await charged(world)).status == "succeeded"


async def test_next_debit_is_refused_when_its_bank_answers(world: StripeWorld) -> None:
    await control(world, "decline-next", code="account_closed")

    asked = await charged(world, "pm_bacsDebit_successDelayed")
    await world.sandbox.advance(5 * DAY)

    failed = await world.stripe.v1.payment_intents.retrieve_async(asked.id)
    assert (asked.status, failed.last_payment_error.code) == ("processing", "account_closed")
    assert world.sandbox.objects("mandate")[0]["status"] == "inactive"


async def test_muted_event_never_comes_to_be_but_its_work_is_done(world: StripeWorld) -> None:
    await control(world, "mute", types=["payment_intent.succeeded"])

    first, second = await charged(world), await charged(world)
    await world.sandbox.deliver_due()

    listed = await world.stripe.v1.events.list_async({"type": "payment_intent.succeeded"})
    assert (first.status, second.status) == ("succeeded", "succeeded")
    assert [event.data.object.id for event in listed.data] == [second.id]
    assert world.hooks.types.count("payment_intent.succeeded") == 1


async def test_kind_of_event_stays_muted_until_trouble_is_cleared(world: StripeWorld) -> None:
    await control(world, "mute", type="charge.succeeded", always=True)
    await charged(world)
    await charged(world)

    await control(world, "clear-trouble")
    await charged(world)

    assert len(world.sandbox.events("charge.succeeded")) == 1
    assert len(world.sandbox.events("payment_intent.succeeded")) == 3


async def test_late_event_leaves_when_its_delay_is_over(world: StripeWorld) -> None:
    await control(world, "delay", types=["payment_intent.succeeded"], seconds=86_400)
    await charged(world)
    await world.sandbox.deliver_due()
    assert "payment_intent.succeeded" not in world.hooks.types
    assert "charge.succeeded" in world.hooks.types

    await world.sandbox.advance(DAY)
    await world.sandbox.deliver_due()

    [event] = [one for one in world.hooks.taken if one["type"] == "payment_intent.succeeded"]
    assert event["created"] <= world.sandbox.world.now() - 86_400


async def test_one_waiting_event_is_put_off(world: StripeWorld) -> None:
    await charged(world)
    [event] = world.sandbox.events("charge.succeeded")

    await control(world, "delay", event=event["id"], seconds=3600)
    await world.sandbox.deliver_due()
    early = list(world.hooks.types)
    await world.sandbox.advance(DAY)
    await world.sandbox.deliver_due()

    assert "charge.succeeded" not in early
    assert world.hooks.types.count("charge.succeeded") == 1


async def test_lost_answer_leaves_its_effect_and_a_second_try_finds_it(world: StripeWorld) -> None:
    await control(world, "fail", kind="reply_lost", effect="done", path="/v1/payment_intents")
    key: Any = {"idempotency_key": "once"}
    with pytest.raises(stripe.APIConnectionError):
        await world.stripe.v1.payment_intents.create_async({**ASKED, "payment_method": "pm_card_visa"}, key)

    again = await world.stripe.v1.payment_intents.create_async({**ASKED, "payment_method": "pm_card_visa"}, key)

    assert [one["id"] for one in world.sandbox.objects("payment_intent")] == [again.id]
    world.app.errors.clear()


async def test_refund_fails_even_after_it_arrived(world: StripeWorld) -> None:
    charge = (await charged(world)).latest_charge
    await world.sandbox.advance(DAY)
    refund = await world.stripe.v1.refunds.create_async({"charge": charge})
    await world.sandbox.advance(DAY)

    first = await control(world, "fail-refund", refund=refund.id)
    second = await control(world, "fail-refund", refund=refund.id)

    assert (first, second, world.sandbox.balance_minor()) == (200, 400, 2500 - 58)
    assert (await world.stripe.v1.refunds.retrieve_async(refund.id)).status == "failed"


@pytest.mark.parametrize(
    ("action", "told"),
    [
        ("decline-next", {"code": "bad_mood"}),
        ("decline-next", {"count": 0}),
        ("mute", {"count": 0}),
        ("delay", {"seconds": 0}),
        ("delay", {"seconds": 10**12}),
        ("delay", {"seconds": 5, "event": "evt_nothing"}),
        ("fail-payout", {"payout": "po_nothing"}),
        ("end-mandate", {"mandate": "mandate_nothing"}),
        ("payout-interval", {"interval": "hourly"}),
        ("update-card", {"payment_method": "pm_nothing"}),
        ("run-payout", {"amount": 5}),
    ],
)
async def test_order_that_makes_no_sense_is_refused(world: StripeWorld, action: str, told: Any) -> None:
    before = (await world.browser.get("/_control/state")).json()

    assert await control(world, action, **told) in (400, 404)

    assert (await world.browser.get("/_control/state")).json() == before


async def test_page_offers_each_deed_and_every_button_works(world: StripeWorld) -> None:
    bacs, card = await charged(world, "pm_bacsDebit_successDelayed"), await charged(world)
    post = world.browser.post

    async def press(action: str, **form: str) -> str:
        reply = await post(f"/_control/{action}", data=form, headers=FORM)
        assert (reply.status_code, reply.headers["location"]) == (303, "/_control"), (action, reply.text)
        return (await world.browser.get("/_control")).text

    page = await press("decline-next", code="expired_card")
    assert "Debit succeeds" in page
    assert "Warn of fraud" in page
    assert "expired_card × 1" in page
    page = await press("settle-debit", charge=bacs.latest_charge)
    assert "Debit comes back" in page
    page = await press("return-debit", charge=bacs.latest_charge)
    assert "debit_not_authorized" in page
    await press("warn", charge=card.latest_charge)
    page = await press("dispute", charge=card.latest_charge, inquiry="true")
    assert "Inquiry becomes a dispute" in page
    dispute = world.sandbox.objects("dispute")[-1]["id"]
    await press("escalate-dispute", dispute=dispute)
    page = await press("close-dispute", dispute=dispute, outcome="won")
    assert "won, fraudulent" in page
    await world.sandbox.advance(10 * DAY)
    page = await press("run-payout")
    payout = world.sandbox.objects("payout")[-1]["id"]
    assert "Arrives" in page
    assert "Fails after all" in await press("pay-payout", payout=payout)
    await press("fail-payout", payout=payout)
    assert "Stop paying out every day" in await press("payout-interval", interval="daily")
    await press("mute", type="charge.updated", always="true")
    assert "Some events leave late." in await press("delay", type="charge.updated", seconds="86400")
    assert "Some events" not in await press("clear-trouble")
    assert world.sandbox.objects("payout")[-1]["status"] == "failed"
