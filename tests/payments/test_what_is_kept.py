"""What an event said is kept only as long as the house needs it, and nothing of what was said about a shop's payments."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import update

from payments.conftest import Journey
from supporters.discrepancies.models import Discrepancy
from supporters.jobs.models import Job
from supporters.payments import inbox
from supporters.payments.gateway import API_VERSION
from supporters.payments.models import InboxEvent
from supporters.payments.wire import read_event


async def _hear(journey: Journey, kind: str, thing: dict[str, Any]) -> None:
    body = msgspec.json.encode(
        {
            "id": f"evt_{kind.replace('.', '_')}",
            "object": "event",
            "type": kind,
            "created": int(journey.clock.now().timestamp()),
            "livemode": False,
            "api_version": API_VERSION,
            "data": {"object": thing},
        }
    )
    await journey.store(read_event(body))


async def _event(journey: Journey, kind: str) -> InboxEvent:
    [found] = [row for row in await journey.rows(InboxEvent) if row.type == kind]
    return found


DISPUTE = {
    "id": "du_9",
    "charge": "ch_9",
    "amount": 900,
    "currency": "gbp",
    "status": "needs_response",
    "reason": "fraudulent",
}
CHARGE = {"id": "ch_9", "amount": 900, "currency": "gbp", "status": "succeeded", "balance_transaction": "txn_9"}


@pytest.mark.parametrize(
    ("kind", "thing"),
    [
        ("charge.refunded", {**CHARGE, "payment_intent": "pi_9"}),
        ("charge.succeeded", {**CHARGE, "payment_intent": None}),
        ("charge.dispute.created", {**DISPUTE, "payment_intent": None}),
        ("balance.available", {}),
    ],
)
async def test_news_that_only_the_balance_moved_is_not_kept(
    journey: Journey, kind: str, thing: dict[str, object]
) -> None:
    await _hear(journey, kind, {**thing, "billing_details": {"email": "shopper@example.org"}})

    await journey.apply()

    event = await _event(journey, kind)
    assert (event.state, event.payload) == ("handled", None)
    assert [job.kind for job in await journey.rows(Job)] == ["balance.pull"]
    assert await journey.rows(Discrepancy) == []


async def test_dispute_of_a_shop_waits_for_its_owner_and_is_then_erased(journey: Journey) -> None:
    shop = await journey.world.donate(9900)
    paid = await journey.world.sandbox.pay(shop.id)
    await _hear(journey, "charge.dispute.created", {**DISPUTE, "payment_intent": paid["payment_intent"]})
    await journey.apply()
    assert await journey.states() == {"waiting": 1}

    journey.clock.advance(timedelta(minutes=3))
    await journey.sweep()
    await journey.apply()

    event = await _event(journey, "charge.dispute.created")
    assert (event.state, event.payload) == ("not_ours", None)
    assert await journey.rows(Discrepancy) == []


async def test_news_that_the_house_has_no_words_for_is_parked_for_a_person(journey: Journey) -> None:
    await _hear(journey, "charge.sparkled", CHARGE)
    await journey.apply()

    event = await _event(journey, "charge.sparkled")
    assert (event.state, event.payload is None) == ("parked", False)
    assert event.last_error == "nobody knows what to do with charge.sparkled"
    assert [row.code for row in await journey.rows(Discrepancy)] == ["EVENT_PARKED"]


async def test_what_handled_events_said_is_erased_after_thirty_days_and_of_others_kept(journey: Journey) -> None:
    for number, state in enumerate(["handled", "not_ours", "parked", "waiting", "received"]):
        await _hear(journey, f"charge.sparkled.{number}", CHARGE)
        mine = InboxEvent.type == f"charge.sparkled.{number}"
        async with journey.db.unit_of_work() as session:
            await session.execute(update(InboxEvent).where(mine).values(state=state))
    counts = []
    for days in (29, 2, 1):
        journey.clock.advance(timedelta(days=days))
        async with journey.db.unit_of_work() as session:
            counts.append(await inbox.erase_old(session, now=journey.clock.now()))

    assert counts == [0, 2, 0]
    kept = {row.state for row in await journey.rows(InboxEvent) if row.payload is not None}
    assert kept == {"parked", "waiting", "received"}


async def test_erasing_takes_the_oldest_first_and_leaves_the_rest_for_the_next_call(
    journey: Journey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "MOST_ERASED", 4)
    monkeypatch.setattr(inbox, "ERASED_AT_ONCE", 2)
    for number in range(5):
        await _hear(journey, f"charge.sparkled.{number}", CHARGE)
        journey.clock.advance(timedelta(seconds=1))
    async with journey.db.unit_of_work() as session:
        await session.execute(update(InboxEvent).values(state="handled"))
    journey.clock.advance(timedelta(days=31))

    async with journey.db.unit_of_work() as session:
        first = await inbox.erase_old(session, now=journey.clock.now())
    left = [row.type for row in await journey.rows(InboxEvent) if row.payload is not None]
    async with journey.db.unit_of_work() as session:
        second = await inbox.erase_old(session, now=journey.clock.now())

    assert (first, left, second) == (4, ["charge.sparkled.4"], 1)
