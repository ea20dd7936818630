"""Checkout that begins a subscription or keeps a payment method, by the unmodified SDK."""

from typing import Any

import pytest
import stripe

from planning import begun, later, plan_session, types
from stripe_in_process import StripeWorld, session_params

BEGUN = [
    "customer.created",
    "payment_intent.created",
    "charge.succeeded",
    "payment_intent.succeeded",
    "payment_method.attached",
    "customer.subscription.created",
    "invoice.created",
    "invoice.finalized",
    "invoice.updated",
    "invoice.paid",
    "invoice.payment_succeeded",
    "invoice_payment.paid",
    "checkout.session.completed",
]
SETUP = {"mode": "setup", "currency": "gbp", "success_url": "https://example.org/me", "ui_mode": "hosted_page"}


async def test_paid_session_begins_a_plan_and_tells_it_in_the_usual_order(world: StripeWorld) -> None:
    session = await world.stripe.v1.checkout.sessions.create_async(plan_session())
    assert (session.mode, session.amount_total, session.subscription, session.payment_status) == (
        "subscription",
        1000,
        None,
        "unpaid",
    )

    await world.sandbox.pay(session.id)
    await world.sandbox.deliver_due()

    assert world.hooks.types == BEGUN
    expand = ["subscription", "invoice.payments.data.payment.payment_intent", "customer"]
    paid = await world.stripe.v1.checkout.sessions.retrieve_async(session.id, {"expand": expand[:1]})
    assert (paid.status, paid.payment_status, paid.payment_intent) == ("complete", "paid", None)
    plan = paid.subscription
    assert (plan.status, plan.billing_mode.type, plan.metadata.to_dict()) == ("active", "flexible", {"plan": "01JPLAN"})
    item = plan["items"].data[0]
    assert item.price.unit_amount == 1000
    assert (item.price.recurring.interval, item.price.active) == ("month", False)
    assert plan.default_payment_method
    invoice = await world.stripe.v1.invoices.retrieve_async(
        paid.invoice, {"expand": ["payments.data.payment.payment_intent"]}
    )
    assert (invoice.status, invoice.billing_reason, invoice.attempt_count) == ("paid", "subscription_create", 1)
    assert invoice.parent.subscription_details.subscription == plan.id
    [payment] = invoice.payments.data
    assert (payment.status, payment.amount_paid) == ("paid", 1000)
    assert payment.payment.payment_intent.description == "Subscription creation"


async def test_refused_first_try_leaves_no_plan_and_the_second_makes_one(world: StripeWorld) -> None:
    session = await world.stripe.v1.checkout.sessions.create_async(plan_session())

    await world.sandbox.pay(session.id, "declined")
    left = [world.sandbox.objects(kind) for kind in ("subscription", "invoice", "invoice_payment")]
    await world.sandbox.pay(session.id)

    assert left == [[], [], []]
    assert len(world.sandbox.objects("subscription")) == 1
    assert len(world.sandbox.objects("customer")) == 1
    with pytest.raises(stripe.InvalidRequestError, match="open"):
        await world.stripe.v1.checkout.sessions.expire_async(session.id)


async def test_proof_for_a_plan_is_asked_on_a_page_and_begins_it(world: StripeWorld) -> None:
    session = await world.stripe.v1.checkout.sessions.create_async(plan_session())

    page = await world.browser.get(f"/c/pay/{session.id}")
    asked = await world.browser.post(f"/c/pay/{session.id}", data={"outcome": "challenge-yes"})
    proof = await world.browser.post(asked.headers["location"], data={"answer": "complete"})

    assert "£10.00 a month" in page.text
    assert proof.headers["location"].startswith("https://give.weeklylamp.example/thanks?session=cs_test_")
    assert [plan["status"] for plan in world.sandbox.objects("subscription")] == ["active"]


@pytest.mark.parametrize(
    ("outcome", "told", "status"),
    [
        ("debit", "checkout.session.async_payment_succeeded", "active"),
        ("debit-fails", "checkout.session.async_payment_failed", "past_due"),
    ],
)
async def test_plan_by_debit_is_active_before_the_bank_has_answered(
    world: StripeWorld, outcome: str, told: str, status: str
) -> None:
    plan = await begun(world, outcome)
    await world.sandbox.deliver_due()
    [before] = world.sandbox.objects("invoice")
    assert (plan.status, before["status"], before["next_payment_attempt"]) == ("active", "open", None)
    assert world.hooks.taken[-1]["data"]["object"]["payment_status"] == "unpaid"

    events = await later(world, days=4, seconds=2)

    assert told in types(events)
    [after] = world.sandbox.objects("invoice")
    assert (after["status"], after["attempt_count"]) == ("paid" if status == "active" else "open", 1)
    assert [one["status"] for one in world.sandbox.objects("subscription")] == [status]
    assert ("invoice.paid" in types(events)) == (status == "active")


async def test_plan_that_begins_later_keeps_the_card_and_charges_it_then(world: StripeWorld) -> None:
    start = int(world.clock.now().timestamp()) + 10 * 86_400
    session = await world.stripe.v1.checkout.sessions.create_async(
        plan_session(subscription_data={"trial_end": start, "metadata": {"plan": "01JLATER"}})
    )
    assert (session.amount_total, session.payment_status) == (0, "no_payment_required")

    await world.sandbox.pay(session.id)
    [plan] = world.sandbox.objects("subscription")
    await later(world, days=10, hours=2)

    assert (plan["status"], plan["trial_end"], plan["billing_cycle_anchor"]) == ("trialing", start, start)
    assert [charge["amount"] for charge in world.sandbox.objects("charge")] == [1000]
    [plan] = world.sandbox.objects("subscription")
    assert plan["status"] == "active"
    assert [one["total"] for one in world.sandbox.objects("invoice")] == [0, 1000]


async def test_setup_keeps_a_card_for_its_customer(world: StripeWorld) -> None:
    customer = await world.stripe.v1.customers.create_async({"email": "ada.brook@example.org"})
    session = await world.stripe.v1.checkout.sessions.create_async({**SETUP, "customer": customer.id})

    page = await world.browser.get(f"/c/pay/{session.id}")
    await world.sandbox.pay(session.id)
    await world.sandbox.deliver_due()

    assert "Save a way to pay" in page.text
    kept = await world.stripe.v1.checkout.sessions.retrieve_async(
        session.id, {"expand": ["setup_intent.payment_method"]}
    )
    assert (kept.status, kept.payment_status) == ("complete", "no_payment_required")
    assert kept.setup_intent.status == "succeeded"
    assert kept.setup_intent.payment_method.customer == customer.id
    assert world.hooks.types[-3:] == ["payment_method.attached", "setup_intent.succeeded", "checkout.session.completed"]


async def test_setup_refused_or_unproved_stays_open_until_a_card_is_kept(world: StripeWorld) -> None:
    session = await world.stripe.v1.checkout.sessions.create_async(SETUP)

    refused = await world.browser.post(f"/c/pay/{session.id}", data={"outcome": "declined"})
    asked = await world.browser.post(f"/c/pay/{session.id}", data={"outcome": "challenge-no"})
    question = await world.browser.get(asked.headers["location"])
    given_up = await world.browser.post(asked.headers["location"], data={"answer": "fail"})
    await world.browser.post(f"/c/pay/{session.id}", data={"outcome": "challenge-yes"})
    done = await world.browser.post(asked.headers["location"].partition("?")[0], data={"answer": "complete"})

    assert (refused.status_code, given_up.status_code, done.status_code) == (402, 402, 303)
    assert "saving this card" in question.text
    [setup] = world.sandbox.objects("setup_intent")
    assert setup["status"] == "succeeded"
    assert "setup_intent.setup_failed" in [event["type"] for event in world.sandbox.events()]


@pytest.mark.parametrize(
    ("params", "param"),
    [
        (plan_session(line_items=[]), "line_items"),
        (plan_session(payment_intent_data={"description": "x"}), "payment_intent_data"),
        (plan_session(submit_type="donate"), "submit_type"),
        (plan_session(customer_creation="always"), "customer_creation"),
        (plan_session(subscription_data={"trial_end": 1_600_000_000}), "subscription_data.trial_end"),
        (plan_session(amount=29), None),
        ({**SETUP, "line_items": plan_session()["line_items"]}, "line_items"),
        ({key: value for key, value in SETUP.items() if key != "currency"}, "currency"),
        (session_params(line_items=plan_session()["line_items"]), "line_items"),
    ],
)
async def test_session_whose_parts_do_not_fit_its_mode_is_refused(
    world: StripeWorld, params: Any, param: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await world.stripe.v1.checkout.sessions.create_async(params)

    assert (caught.value.http_status, caught.value.param) == (400, param)
    assert world.sandbox.objects("checkout.session") == []


async def test_card_of_a_one_off_is_kept_where_the_session_asks_for_it(world: StripeWorld) -> None:
    data = {"setup_future_usage": "off_session"}
    session = await world.donate(customer_creation="always", payment_intent_data=data)

    await world.sandbox.pay(session.id)

    [method] = world.sandbox.objects("payment_method")
    assert method["customer"] == world.sandbox.objects("customer")[0]["id"]
    assert await begun(world)
