"""The events of a payment, a failure and an end in every order: the rows are the same whatever came first."""

from collections.abc import Sequence
from datetime import timedelta
from math import factorial
from random import Random
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from plans.conftest import PlanJourney
from plans.test_failing import give_card
from supporters.donations.models import Donation
from supporters.events.batch import apply_due
from supporters.mail.models import Letter
from supporters.payments import inbox, owners
from supporters.payments.facts import RawEvent
from supporters.payments.models import InboxEvent, Owner, Ownership
from supporters.payments.owners import Owned
from supporters.plans.models import Instalment, Plan, PlanEvent
from supporters.receipts.models import Receipt

FIRST = (
    "checkout.session.completed",
    "customer.subscription.created",
    "invoice.paid",
    "invoice_payment.paid",
    "charge.succeeded",
)
RENEWAL = ("customer.subscription.updated", "invoice.paid", "invoice_payment.paid", "charge.succeeded")
FAILED = (
    "invoice.payment_failed",
    "payment_intent.payment_failed",
    "customer.subscription.updated",
    "invoice.paid",
    "invoice_payment.paid",
    "charge.succeeded",
)
STOP = ("customer.subscription.updated", "customer.subscription.deleted")
SAMPLE = 12
MOST = 5
Order = tuple[RawEvent, ...]
Ends = dict[Order, dict[str, list[str]]]
PLAN = (
    "state amount_minor frequency next_at paused_until stops_at stopped_at stop_reason failed_invoice_id failure_code "
    "failed_at next_try_at tries needs_action action_url started_at stripe_item_id stripe_payment_method_id"
)
DONATION = "state amount_minor paid_at stripe_payment_intent_id stripe_charge_id card_last4 failure_code"
COLUMNS: dict[type[Any], str] = {
    Plan: PLAN,
    Donation: DONATION,
    Instalment: "stripe_invoice_id period_start period_end",
    PlanEvent: "kind cause at",
    Ownership: "stripe_id owner stripe_charge_id",
    Receipt: "amount_minor email",
    Letter: "kind recipient",
    InboxEvent: "type state",
}


class Rewind(Exception):
    """Nothing of this order stays."""


async def rows(session: AsyncSession) -> dict[str, list[str]]:
    """Everything that must not depend on the order."""
    found: dict[str, list[str]] = {}
    for table, names in COLUMNS.items():
        columns = [getattr(table, name) for name in names.split()]
        read = [str(tuple(row)) for row in await session.execute(select(*columns))]
        found[table.__name__] = sorted(read)
    return found


async def hear(journey: PlanJourney, session: AsyncSession, event: RawEvent) -> None:
    """The event came and was applied, and so was what had waited for it."""
    row = inbox.row_of(event, via=inbox.WEBHOOK, now=journey.clock.now())
    await session.execute(inbox.accept_statement(is_sqlite=True), row)
    while await apply_due(session, journey.context, limit=100):
        pass


async def walk(journey: PlanJourney, session: AsyncSession, heard: Order, left: Order, ends: Ends) -> None:
    """Each of what is left came next, and after it all the others in each order; every step is taken back."""
    if not left:
        ends[heard] = await rows(session)
    for event in left:
        step = await session.begin_nested()
        await hear(journey, session, event)
        others = tuple(other for other in left if other is not event)
        await walk(journey, session, (*heard, event), others, ends)
        await step.rollback()


async def same_in_every_order(
    journey: PlanJourney, told: list[RawEvent], kinds: Sequence[str], *, sample: int = SAMPLE
) -> dict[str, list[str]]:
    """What all orders of the events of these kinds come to; of more than 120 orders, `sample` that chance picks."""
    wanted = tuple(event for event in told if event.type in kinds)
    assert {event.type for event in wanted} == set(kinds)
    chance = Random(22)
    ends: Ends = {}
    try:
        async with journey.db.unit_of_work() as session:
            if len(wanted) <= MOST:
                await walk(journey, session, (), wanted, ends)
            for _ in range(sample if len(wanted) > MOST else 0):
                step = await session.begin_nested()
                order = tuple(chance.sample(wanted, len(wanted)))
                for event in order:
                    await hear(journey, session, event)
                ends[order] = await rows(session)
                await step.rollback()
            raise Rewind
    except Rewind:
        pass
    expected, *others = ends.items()
    for order, found in others:
        assert found == expected[1], [event.type for event in order]
    assert len(ends) == (factorial(len(wanted)) if len(wanted) <= MOST else sample)
    return expected[1]


async def told_after(journey: PlanJourney, **by: int) -> list[RawEvent]:
    """What Stripe tells while so much time passes."""
    start = journey.clock.now()
    told: list[RawEvent] = []
    for _ in range(10):
        told += await journey.take_webhooks()
        if journey.clock.now() == start:
            journey.clock.advance(timedelta(**by))
    return told


async def test_first_payment(journey: PlanJourney) -> None:
    page = await journey.open_plan()
    await journey.world.sandbox.pay(page)

    found = await same_in_every_order(journey, await journey.take_webhooks(), FIRST)

    assert len(found["Donation"]) == len(found["Instalment"]) == len(found["Receipt"]) == 1
    assert [row.split("'")[1] for row in found["PlanEvent"]] == ["started"]
    assert [row.split("'")[1] for row in found["Letter"]] == ["receipt"]  # that of the start waits for a look
    assert {row.split("'")[3] for row in found["InboxEvent"]} == {"handled"}


async def test_renewal(journey: PlanJourney) -> None:
    await journey.begin()

    found = await same_in_every_order(journey, await told_after(journey, days=31, hours=2), RENEWAL)

    assert len(found["Donation"]) == len(found["Receipt"]) == 2
    assert {row.split("'")[3] for row in found["InboxEvent"]} == {"handled"}


async def failed_then_paid(journey: PlanJourney) -> list[RawEvent]:
    """What Stripe tells of a renewal that is refused, and paid with another card some days later."""
    plan = await journey.begin()
    await give_card(journey, plan, "pm_card_chargeCustomerFail")
    told = await told_after(journey, days=31, hours=2)
    client = journey.world.stripe.v1
    customer = plan.stripe_customer_id or ""
    card = await client.payment_methods.attach_async("pm_card_visa", {"customer": customer})
    await client.subscriptions.update_async(plan.stripe_subscription_id or "", {"default_payment_method": card.id})
    told += await told_after(journey, days=4)
    return told


async def test_failed_renewal_that_is_paid_later(journey: PlanJourney) -> None:
    told = await failed_then_paid(journey)

    found = await same_in_every_order(journey, told, FAILED)

    assert [row.split("'")[1] for row in found["Plan"]] == ["active"]
    assert len(found["Donation"]) == len(found["Receipt"]) == 2
    assert sorted(row.split("'")[1] for row in found["PlanEvent"]) == ["failed", "renewed", "started"]


@pytest.mark.parametrize("kinds", [STOP, (*STOP, "invoice.paid")], ids=["alone", "after a renewal"])
async def test_stop_at_the_end_of_the_period(journey: PlanJourney, kinds: Sequence[str]) -> None:
    plan = await journey.begin()
    told = await told_after(journey, days=31, hours=2) if len(kinds) > 2 else []
    if not told:
        journey.clock.advance(timedelta(minutes=1))
    subscription = plan.stripe_subscription_id or ""
    await journey.world.stripe.v1.subscriptions.update_async(subscription, {"cancel_at_period_end": True})
    told += await told_after(journey, days=32)

    found = await same_in_every_order(journey, told, kinds)

    assert [row.split("'")[1] for row in found["Plan"]] == ["stopped"]
    assert sorted(row.split("'")[1] for row in found["Letter"])[:2] == ["plan_started", "plan_stopped"]


async def test_a_charge_whose_bill_a_look_has_named_waits_until_that_is_paid(journey: PlanJourney) -> None:
    told = await failed_then_paid(journey)
    first = {event.type: event for event in reversed(told)}
    bill, refused = (first[kind].object_id or "" for kind in FAILED[:2])

    async with journey.db.unit_of_work() as session:
        for kind in FAILED[:2]:
            await hear(journey, session, first[kind])
        await owners.store_owners(session, {refused: Owned(Owner.OURS, bill)})  # after two minutes
        for kind in ("charge.succeeded", "invoice.paid", "invoice_payment.paid"):
            await hear(journey, session, first[kind])
        found = await rows(session)

    assert [row.count("'ch_") for row in found["Donation"]] == [1, 1]
