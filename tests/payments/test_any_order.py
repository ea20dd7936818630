"""Webhooks one at a time, twice, in any order: whatever order it is, the same donations, receipts, letters and refunds."""

from datetime import timedelta
from itertools import permutations

import msgspec
import pytest

from payments.conftest import Journey
from supporters.discrepancies.models import Discrepancy
from supporters.donations.models import Donation, DonationEvent, Refund
from supporters.mail.models import Letter
from supporters.payments.facts import RawEvent
from supporters.payments.gateway import API_VERSION
from supporters.payments.models import InboxEvent, Ownership
from supporters.payments.wire import read_event
from supporters.receipts.models import Receipt

ENGINES = ("sqlite", "postgresql")
# By amount: what happens at the card, and what comes of it: state, timeline, letters.
STORY = {
    500: (["pay"], "paid", ["paid", "started"], ["receipt"]),
    600: (["declined", "funds", "pay"], "paid", ["paid", "refused", "refused", "started"], ["receipt"]),
    700: (["challenge-yes"], "paid", ["paid", "started"], ["receipt"]),
    800: (["challenge-no", "pay"], "paid", ["paid", "refused", "started"], ["receipt"]),
    900: (["declined", "expired"], "expired", ["expired", "refused", "started"], []),
    1000: (["pay", "refund"], "paid", ["paid", "refund_succeeded", "started"], ["receipt", "refund"]),
    1100: (
        ["declined", "challenge-yes", "refund"],
        "paid",
        ["paid", "refund_succeeded", "refused", "started"],
        ["receipt", "refund"],
    ),
}


async def _play(journey: Journey) -> str:
    """The whole story happens at Stripe, and a shop there sells something and takes it back; nobody has told us yet.

    Returns the id of the shop's payment.
    """
    sandbox = journey.world.sandbox
    sandbox.set_copies(2)
    pages = {amount: (await journey.open_page(amount))[1] for amount in STORY}
    for amount, page in pages.items():
        for step in STORY[amount][0]:
            if step != "refund":
                await sandbox.pay(page, step)
    shop = await journey.world.donate(9900)
    await sandbox.pay(shop.id)
    await journey.settle()
    for page in (pages[1000], pages[1100], shop.id):
        await _refund(journey, page)
    await journey.settle()
    return str(sandbox.session(shop.id)["payment_intent"])


async def _refund(journey: Journey, page: str) -> None:
    payment = journey.world.sandbox.session(page)["payment_intent"]
    await journey.world.stripe.v1.refunds.create_async({"payment_intent": payment, "amount": 300})


async def _told(journey: Journey) -> dict[int, tuple[str, list[str], list[str]]]:
    """What has become of each donation: its state, timeline and letters, by its amount."""
    notes, letters = await journey.rows(DonationEvent), await journey.rows(Letter)
    receipts, refunds = await journey.rows(Receipt), await journey.rows(Refund)
    told = {}
    for donation in await journey.rows(Donation):
        mine = {donation.id, donation.reference}
        mine |= {row.id for row in [*receipts, *refunds] if row.donation_id == donation.id}
        kinds = sorted(row.kind for row in notes if row.donation_id == donation.id)
        told[donation.amount_minor] = (donation.state, kinds, sorted(row.kind for row in letters if row.about in mine))
    return told


@pytest.mark.parametrize(("db", "seed"), [(ENGINES[seed % 2], seed) for seed in range(24)], indirect=["db"])
async def test_each_event_applied_before_the_next_comes_gives_the_same_books_in_any_order(
    journey: Journey, seed: int
) -> None:
    shop = await _play(journey)

    await journey.bring_one_by_one(seed)
    journey.clock.advance(timedelta(minutes=3))
    await journey.sweep()
    await journey.apply(limit=1)

    assert await _told(journey) == {amount: tuple(outcome) for amount, (_steps, *outcome) in STORY.items()}
    assert sorted(row.amount_minor for row in await journey.rows(Receipt)) == [500, 600, 700, 800, 1000, 1100]
    assert [(row.amount_minor, row.state) for row in await journey.rows(Refund)] == [(300, "succeeded")] * 2
    refunded = {row.amount_minor: row.refunded_minor for row in await journey.rows(Donation)}
    assert {amount: minor for amount, minor in refunded.items() if minor} == {1000: 300, 1100: 300}
    paid = [row for row in await journey.rows(Donation) if row.state == "paid"]
    assert all(row.card_last4 and row.stripe_charge_id and row.failure_code is None for row in paid)
    assert await journey.rows(Discrepancy) == []
    assert sorted(row.owner for row in await journey.rows(Ownership)) == ["not_ours"] + ["ours"] * 7
    assert set(await journey.states()) == {"handled", "not_ours"}
    assert [row.type for row in await journey.rows(InboxEvent) if row.payload and shop.encode() in row.payload] == []


@pytest.mark.parametrize(
    ("answer", "status", "state"),
    [
        ("checkout.session.async_payment_failed", "unpaid", "expired"),
        ("checkout.session.async_payment_succeeded", "paid", "paid"),
    ],
)
@pytest.mark.parametrize(
    ("db", "order"),
    [(ENGINES[place % 2], order) for place, order in enumerate(permutations(range(4)))],
    indirect=["db"],
    ids=str,
)
async def test_bank_that_answers_days_later_is_believed_in_any_order(
    journey: Journey, answer: str, status: str, state: str, order: tuple[int, ...]
) -> None:
    donation_id, page = await journey.open_page(2500)
    session = {"id": page, "status": "complete", "livemode": False, "amount_total": 2500, "currency": "gbp"}
    session |= {"payment_status": "unpaid", "payment_intent": "pi_slow"}
    charge = {"id": "ch_1", "amount": 2500, "currency": "gbp", "payment_intent": "pi_slow", "status": "succeeded"}
    last = (
        ("charge.succeeded", charge)
        if state == "paid"
        else ("payment_intent.payment_failed", {"id": "pi_slow", "status": "requires_payment_method"})
    )
    told = [
        ("checkout.session.completed", session),
        ("payment_intent.processing", {"id": "pi_slow", "status": "processing"}),
        (answer, {**session, "payment_status": status}),
        last,
    ]

    for place in order:
        await journey.store(_event(journey, *told[place]))
        journey.clock.advance(timedelta(seconds=1))
        await journey.apply(limit=1)

    assert (await journey.donation(donation_id)).state == state
    assert await journey.states() == {"handled": 4}
    told = "receipt" if state == "paid" else "debit_failed"
    assert [row.kind for row in await journey.rows(Letter)] == [told]
    assert len(await journey.rows(Receipt)) == (state == "paid")


def _event(journey: Journey, kind: str, thing: dict[str, object]) -> RawEvent:
    seconds = int(journey.clock.now().timestamp())
    envelope = {"id": f"evt_{kind.replace('.', '_')}", "object": "event", "type": kind, "created": seconds}
    return read_event(
        msgspec.json.encode({**envelope, "livemode": False, "api_version": API_VERSION, "data": {"object": thing}})
    )
