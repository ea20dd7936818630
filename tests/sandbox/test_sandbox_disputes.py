"""Disputes, inquiries and early fraud warnings in the sandbox, and the money that goes with them."""

from datetime import timedelta
from typing import Any

import pytest
import stripe

from stripe_in_process import StripeWorld
from supporters.kit.clock import FixedClock

DAY = timedelta(days=1)
PAID = 2500 - 58
FEE = 2000
ASKED = {"amount": 2500, "currency": "gbp", "confirm": True, "return_url": "https://a.example/back"}


async def charged(world: StripeWorld, card: str = "visa") -> str:
    """A charge that has reached the balance."""
    params = {**ASKED, "payment_method": f"pm_card_{card}"}
    intent = await world.stripe.v1.payment_intents.create_async(params)
    await world.sandbox.advance(timedelta(minutes=1))
    return intent.latest_charge


async def control(world: StripeWorld, action: str, **told: Any) -> int:
    """The answer of a control to JSON."""
    reply = await world.browser.post(f"/_control/{action}", json=told)
    return reply.status_code


async def disputed(world: StripeWorld, **more: Any) -> Any:
    """The dispute about a charge that a control has opened."""
    charge = await charged(world)
    assert await control(world, "dispute", charge=charge, **more) == 200
    return (await world.stripe.v1.disputes.list_async({"charge": charge})).data[0]


def told(world: StripeWorld) -> list[str]:
    """What was told about disputes, without its prefix, in order."""
    prefix = "charge.dispute."
    return [kind.removeprefix(prefix) for kind in world.hooks.types if kind.startswith(prefix)]


async def test_disputed_money_leaves_with_a_fee_and_cannot_be_refunded_too(world: StripeWorld) -> None:
    dispute = await disputed(world)
    await world.sandbox.deliver_due()

    assert (dispute.status, dispute.amount, dispute.is_charge_refundable) == ("needs_response", 2500, False)
    [line] = dispute.balance_transactions
    assert (line.type, line.reporting_category, line.amount, line.fee, line.source) == (
        "adjustment",
        "dispute",
        -2500,
        FEE,
        dispute.id,
    )
    assert told(world) == ["created", "funds_withdrawn"]
    assert world.sandbox.balance_minor() == PAID - 2500 - FEE
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await world.stripe.v1.refunds.create_async({"charge": dispute.charge})
    assert refused.value.code == "charge_disputed"


@pytest.mark.parametrize(
    ("outcome", "balance", "events"),
    [
        ("won", PAID - FEE, ["created", "funds_withdrawn", "updated", "funds_reinstated", "closed"]),
        ("lost", PAID - 2500 - FEE, ["created", "funds_withdrawn", "updated", "closed"]),
    ],
)
async def test_evidence_decides_a_dispute(world: StripeWorld, outcome: str, balance: int, events: list[str]) -> None:
    disputes = world.stripe.v1.disputes
    dispute = await disputed(world)
    word = {"won": "winning_evidence", "lost": "losing_evidence"}[outcome]

    kept = await disputes.update_async(dispute.id, {"evidence": {"uncategorized_text": word}, "submit": False})
    sent = await disputes.update_async(dispute.id, {"evidence": {"uncategorized_text": word}})
    await world.sandbox.advance(DAY)
    await world.sandbox.deliver_due()

    ended = await disputes.retrieve_async(dispute.id)
    assert (kept.status, sent.status, ended.status) == ("needs_response", "under_review", outcome)
    assert sent.evidence_details.submission_count == 1
    assert world.sandbox.balance_minor() == balance
    assert [kind for kind in told(world) if kind != "updated"] == [kind for kind in events if kind != "updated"]
    with pytest.raises(stripe.InvalidRequestError):
        await disputes.update_async(dispute.id, {"evidence": {"uncategorized_text": "more"}})


async def test_part_of_a_charge_is_disputed_and_part_of_that_won(world: StripeWorld) -> None:
    dispute = await disputed(world, amount=1000)

    await control(world, "close-dispute", dispute=dispute.id, outcome="won", returned=400)

    ended = await world.stripe.v1.disputes.retrieve_async(dispute.id)
    lines = ended.balance_transactions
    assert [(line.reporting_category, line.amount) for line in lines] == [("dispute", -1000), ("dispute_reversal", 400)]
    assert (ended.status, world.sandbox.balance_minor()) == ("won", PAID - 1000 - FEE + 400)


async def test_fee_of_a_won_dispute_comes_back_where_the_account_has_it_so(clock: FixedClock) -> None:
    world = StripeWorld(clock, dispute_fee_returns=True)
    dispute = await disputed(world)

    await control(world, "close-dispute", dispute=dispute.id, outcome="won")

    ended = await world.stripe.v1.disputes.retrieve_async(dispute.id)
    assert [line.fee for line in ended.balance_transactions] == [FEE, -FEE]
    assert world.sandbox.balance_minor() == PAID
    await world.close()
    world.app.assert_clean()


async def test_inquiry_moves_no_money_until_it_becomes_a_dispute(world: StripeWorld) -> None:
    inquiry = await disputed(world, inquiry=True)
    assert (inquiry.status, inquiry.is_charge_refundable) == ("warning_needs_response", True)
    assert (inquiry.balance_transactions, world.sandbox.balance_minor()) == ([], PAID)

    await control(world, "escalate-dispute", dispute=inquiry.id)
    await world.sandbox.deliver_due()

    grown = await world.stripe.v1.disputes.retrieve_async(inquiry.id)
    assert (grown.status, grown.payment_method_details.card.case_type) == ("needs_response", "chargeback")
    assert world.sandbox.balance_minor() == PAID - 2500 - FEE
    assert told(world) == ["created", "updated", "funds_withdrawn"]


async def test_inquiry_leaves_the_charge_refundable_and_closes_without_loss(world: StripeWorld) -> None:
    inquiry = await disputed(world, inquiry=True)
    await world.stripe.v1.refunds.create_async({"charge": inquiry.charge, "amount": 2500})

    closed = await world.stripe.v1.disputes.close_async(inquiry.id)

    assert (closed.status, closed.balance_transactions) == ("warning_closed", [])
    assert world.sandbox.balance_minor() == PAID - 2500


async def test_dispute_without_an_answer_is_lost_on_its_last_day(world: StripeWorld) -> None:
    answered, ignored = await disputed(world), await disputed(world)
    await world.stripe.v1.disputes.update_async(answered.id, {"evidence": {"uncategorized_text": "a letter"}})

    await world.sandbox.advance(10 * DAY)

    first = await world.stripe.v1.disputes.retrieve_async(answered.id)
    second = await world.stripe.v1.disputes.retrieve_async(ignored.id)
    assert (first.status, second.status) == ("under_review", "lost")
    assert second.evidence_details.past_due


async def test_accepting_a_dispute_ends_it_once(world: StripeWorld) -> None:
    dispute = await disputed(world)

    closed = await world.stripe.v1.disputes.close_async(dispute.id)

    assert closed.status == "lost"
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        await world.stripe.v1.disputes.close_async(dispute.id)


@pytest.mark.parametrize(
    ("card", "status", "reason"),
    [
        ("createDispute", "needs_response", "fraudulent"),
        ("createDisputeProductNotReceived", "needs_response", "product_not_received"),
        ("createDisputeInquiry", "warning_needs_response", "fraudulent"),
    ],
)
async def test_test_cards_dispute_by_themselves(world: StripeWorld, card: str, status: str, reason: str) -> None:
    charge = await charged(world, card)

    [dispute] = (await world.stripe.v1.disputes.list_async({"charge": charge})).data

    assert (dispute.status, dispute.reason) == (status, reason)


async def test_early_warning_is_actionable_until_the_charge_is_refunded(world: StripeWorld) -> None:
    charge = await charged(world, "createIssuerFraudRecord")
    await world.sandbox.deliver_due()
    warnings = world.stripe.v1.radar.early_fraud_warnings
    [before] = (await warnings.list_async({"charge": charge})).data

    await world.stripe.v1.refunds.create_async({"charge": charge})

    after = await warnings.retrieve_async(before.id)
    assert (before.actionable, after.actionable) == (True, False)
    assert "radar.early_fraud_warning.created" in world.hooks.types


@pytest.mark.parametrize(
    ("action", "asked"),
    [
        ("dispute", {"charge": "ch_nothing"}),
        ("dispute", {"charge": "CHARGE", "amount": 2501}),
        ("dispute", {"charge": "CHARGE", "amount": 0}),
        ("dispute", {"charge": "CHARGE", "reason": "boredom"}),
        ("close-dispute", {"dispute": "du_nothing", "outcome": "won"}),
        ("settle-debit", {"charge": "CHARGE"}),
        ("return-debit", {"charge": "CHARGE"}),
        ("return-debit", {"charge": "CHARGE", "code": "because"}),
        ("warn", {}),
    ],
)
async def test_control_that_does_not_fit_is_refused_and_moves_nothing(
    world: StripeWorld, action: str, asked: dict[str, Any]
) -> None:
    charge = await charged(world)
    if asked.get("charge") == "CHARGE":
        asked = {**asked, "charge": charge}

    status = await control(world, action, **asked)

    assert status in (400, 404)
    assert (world.sandbox.balance_minor(), world.sandbox.objects("dispute")) == (PAID, [])


async def test_one_charge_is_disputed_once(world: StripeWorld) -> None:
    dispute = await disputed(world)

    assert await control(world, "dispute", charge=dispute.charge) == 400
    assert len(world.sandbox.objects("dispute")) == 1
