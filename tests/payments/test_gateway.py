"""What the house says to Stripe, held to Stripe's own document, and how Stripe's answers and failures come back."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
import stripe

from stripe_in_process import API, KEY, StripeWorld
from supporters.kit.clock import FixedClock
from supporters.kit.money import Money
from supporters.payments.facts import (
    BalanceMoved,
    ChargeSeen,
    CheckoutCompleted,
    CheckoutExpired,
    PaymentRefused,
    RefundChanged,
)
from supporters.payments.gateway import API_VERSION, Gateway, GatewayRefused, GatewayUnavailable
from supporters.payments.pages import CheckoutRequest, stripe_locale

DONATION = "01JDONATION0000000000000000"


def request(clock: FixedClock, **changes: Any) -> CheckoutRequest:
    made = CheckoutRequest(
        donation_id=DONATION,
        amount=Money(2500, "GBP"),
        product_name="Donation to The Weekly Lamp",
        email="ben.okafor@example.org",
        success_url="https://give.weeklylamp.example/thanks/x",
        cancel_url="https://give.weeklylamp.example/give?attempt=x",
        expires_at=clock.now() + timedelta(minutes=35),
        locale="en_GB",
    )
    return msgspec.structs.replace(made, **changes)


async def test_page_is_asked_for_as_the_house_promises(gateway: Gateway, world: StripeWorld, clock: FixedClock) -> None:
    made = await gateway.create_checkout(request(clock), idempotency_key="v1:checkout:x:1")

    session = world.sandbox.session(made.session_id)
    assert made.url == session["url"]
    assert made.expires_at == clock.now() + timedelta(minutes=35)
    assert (session["amount_total"], session["currency"], session["locale"]) == (2500, "gbp", "en-GB")
    assert session["metadata"] == {"donation": DONATION}
    assert session["customer"] is None
    assert session["customer_email"] == "ben.okafor@example.org"
    assert session["submit_type"] == "donate"
    assert session["client_reference_id"] is None


async def test_same_key_gives_the_same_page(gateway: Gateway, clock: FixedClock) -> None:
    first = await gateway.create_checkout(request(clock), idempotency_key="v1:checkout:x:1")

    assert await gateway.create_checkout(request(clock), idempotency_key="v1:checkout:x:1") == first


async def test_page_paid_is_told_with_its_charge(gateway: Gateway, world: StripeWorld, clock: FixedClock) -> None:
    made = await gateway.create_checkout(request(clock), idempotency_key="k")
    assert await gateway.retrieve_session(made.session_id) == []
    await world.sandbox.pay(made.session_id)

    completed, charge = await gateway.retrieve_session(made.session_id)

    assert isinstance(completed, CheckoutCompleted)
    assert (completed.is_paid, completed.amount_minor, completed.currency) == (True, 2500, "GBP")
    assert isinstance(charge, ChargeSeen)
    assert (charge.amount_minor, charge.currency, charge.card_brand, charge.card_last4) == (2500, "GBP", "visa", "4242")
    clock.advance(timedelta(seconds=2))
    await world.sandbox.tick()
    assert (await gateway.retrieve_session(made.session_id))[-1] == BalanceMoved(completed.payment_intent_id)


async def test_payment_leads_to_its_page_and_a_payment_without_one_to_none(
    gateway: Gateway, world: StripeWorld, clock: FixedClock
) -> None:
    made = await gateway.create_checkout(request(clock), idempotency_key="k")
    await world.sandbox.pay(made.session_id, "declined")
    payment = world.sandbox.session(made.session_id)["payment_intent"]

    link = await gateway.session_of(payment)

    assert link is not None
    assert (link.session_id, link.stripe_id) == (made.session_id, payment)
    assert link.facts == [PaymentRefused(payment, "generic_decline")]
    alone = await world.stripe.v1.payment_intents.create_async({"amount": 500, "currency": "gbp"})
    assert await gateway.session_of(alone.id) is None


async def test_open_page_is_closed_and_a_paid_one_says_so(
    gateway: Gateway, world: StripeWorld, clock: FixedClock
) -> None:
    open_page = await gateway.create_checkout(request(clock), idempotency_key="a")
    paid_page = await gateway.create_checkout(request(clock), idempotency_key="b")
    await world.sandbox.pay(paid_page.session_id)

    assert await gateway.expire_session(open_page.session_id) is True
    assert await gateway.expire_session(open_page.session_id) is True
    assert await gateway.expire_session(paid_page.session_id) is False
    assert await gateway.retrieve_session(open_page.session_id) == [CheckoutExpired(open_page.session_id)]


async def test_refund_is_made_once_for_its_key_and_found_again(
    gateway: Gateway, world: StripeWorld, clock: FixedClock
) -> None:
    made = await gateway.create_checkout(request(clock), idempotency_key="k")
    await world.sandbox.pay(made.session_id)
    payment = world.sandbox.session(made.session_id)["payment_intent"]

    refunds = [
        await gateway.create_refund(payment, amount_minor=1000, our_refund_id="01JREFUND", idempotency_key="r")
        for _try in range(2)
    ]

    assert refunds[0] == refunds[1]
    assert isinstance(refunds[0], RefundChanged)
    assert (refunds[0].amount_minor, refunds[0].currency, refunds[0].our_refund_id) == (1000, "GBP", "01JREFUND")
    assert await gateway.list_refunds(payment) == [refunds[0]]


async def test_lists_are_read_page_by_page(gateway: Gateway, world: StripeWorld, clock: FixedClock) -> None:
    for number in range(103):
        await world.sandbox.pay((await world.donate(300 + number)).id)
    clock.advance(timedelta(seconds=2))
    await world.sandbox.tick()

    first = await gateway.list_balance_transactions()
    second = await gateway.list_balance_transactions(starting_after=first.next_after)

    assert (len(first.items), len(second.items), second.next_after) == (100, 3, None)
    line = second.items[-1]
    assert (line.gross_minor, line.net_minor) == (300, 300 - line.fee_minor)
    assert (line.currency, line.reporting_category) == ("GBP", "charge")
    assert line.charge_id == line.source_id
    assert line.payment_intent_id is not None
    assert sum(fee.amount_minor for fee in line.fee_details) == line.fee_minor
    events = await gateway.list_events(types=("charge.succeeded",))
    assert (len(events.items), {event.type for event in events.items}) == (100, {"charge.succeeded"})
    assert events.next_after is not None


@pytest.mark.parametrize("kind", ["500", "429", "timeout"])
async def test_trouble_at_stripe_is_unavailable_in_words(
    gateway: Gateway, world: StripeWorld, clock: FixedClock, kind: Any
) -> None:
    world.sandbox.fail_next(kind, seconds=0.05, count=5)

    with pytest.raises(GatewayUnavailable) as caught:
        await gateway.create_checkout(request(clock), idempotency_key="k")

    assert caught.value.message == "Stripe did not answer. Please try again in a few minutes."


async def test_refusal_names_stripes_code_and_quotes_nothing(gateway: Gateway, clock: FixedClock) -> None:
    with pytest.raises(GatewayRefused) as caught:
        await gateway.create_checkout(request(clock, email="not an address"), idempotency_key="k")

    assert "not an address" not in caught.value.message
    assert (caught.value.code, caught.value.http_status) == ("email_invalid", 400)


async def test_forged_id_reaches_no_other_address(gateway: Gateway) -> None:
    with pytest.raises(GatewayRefused):
        await gateway.retrieve_session("cs_x/../../balance")


async def test_wrong_key_is_refused(world: StripeWorld) -> None:
    with pytest.raises(GatewayRefused):
        await Gateway("sk_test_wrong", api_base=API, http_client=world.http).ping()


async def test_balance_is_what_stripe_holds(gateway: Gateway, world: StripeWorld, clock: FixedClock) -> None:
    await world.sandbox.pay((await world.donate(2500)).id)
    clock.advance(timedelta(seconds=2))
    await world.sandbox.tick()

    assert await gateway.balance() == {"GBP": world.sandbox.balance_minor("gbp")}


def test_sdk_sends_no_telemetry_and_its_version_is_pinned() -> None:
    assert stripe.enable_telemetry is False
    assert API_VERSION == "2026-10-28.endive"
    assert Gateway(KEY, http_client=stripe.HTTPClient()).is_live is False
    assert Gateway("sk_live_x", http_client=stripe.HTTPClient()).is_live is True


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("en_GB", "en-GB"),
        ("de_AT", "de"),
        ("pt_BR", "pt-BR"),
        ("cy_GB", "auto"),
        ("auto", "auto"),
        ("zh_Hant_TW", "zh"),
    ],
)
def test_language_of_the_page_is_the_nearest_that_stripe_speaks(ours: str, theirs: str) -> None:
    assert stripe_locale(ours) == theirs
