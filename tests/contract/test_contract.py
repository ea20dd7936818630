"""What the product relies on in Stripe, said so that the sandbox and Stripe's own test mode can both be asked."""

import asyncio
from typing import Any

import pytest
import stripe

CARD = {"payment_method": "pm_card_visa", "confirm": True, "return_url": "https://example.org/back"}


def session_params(target: Any, **more: Any) -> Any:
    """What the product says when it makes a session."""
    price = {"currency": "gbp", "unit_amount": 2500, "product_data": {"name": "One-off donation"}}
    return {
        "mode": "payment",
        "ui_mode": "hosted_page",
        "submit_type": "donate",
        "line_items": [{"price_data": price, "quantity": 1}],
        "success_url": "https://example.org/thanks?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://example.org/give",
        "customer_email": "ada.brook@example.org",
        "metadata": {"donation": "contract"},
        "adaptive_pricing": {"enabled": False},
        "expires_at": target.now() + 35 * 60,
        **more,
    }


async def paid(target: Any, amount: int = 2500, **more: Any) -> Any:
    """A payment intent that a card has paid."""
    params = {"amount": amount, "currency": "gbp", **CARD, **more}
    return await target.client.v1.payment_intents.create_async(params)


async def test_session_starts_open_unpaid_and_without_an_intent(target: Any) -> None:
    session = await target.client.v1.checkout.sessions.create_async(session_params(target))

    assert (session.object, session.mode, session.status, session.payment_status) == (
        "checkout.session",
        "payment",
        "open",
        "unpaid",
    )
    assert (session.amount_total, session.currency, session.livemode) == (2500, "gbp", False)
    assert session.payment_intent is None
    assert session.url.startswith("http")
    assert session.customer_email == "ada.brook@example.org"
    assert session.metadata["donation"] == "contract"


async def test_session_expires_once(target: Any) -> None:
    session = await target.client.v1.checkout.sessions.create_async(session_params(target))

    expired = await target.client.v1.checkout.sessions.expire_async(session.id)

    assert (expired.status, expired.payment_status, expired.url) == ("expired", "unpaid", None)
    with pytest.raises(stripe.InvalidRequestError):
        await target.client.v1.checkout.sessions.expire_async(session.id)


async def test_session_lists_its_lines(target: Any) -> None:
    session = await target.client.v1.checkout.sessions.create_async(session_params(target))

    lines = await target.client.v1.checkout.sessions.line_items.list_async(session.id)

    assert [(line.description, line.quantity, line.amount_total) for line in lines.data] == [
        ("One-off donation", 1, 2500)
    ]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"ui_mode": "hosted"}, "ui_mode"),
        ({"expires_at": 1_700_000_000}, "expires_at"),
        ({"colour": "red"}, "colour"),
        ({"payment_method_types": ["card"]}, "payment_method_types"),
    ],
)
async def test_session_refuses_what_does_not_fit(target: Any, change: dict[str, Any], param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await target.client.v1.checkout.sessions.create_async(session_params(target, **change))

    assert caught.value.http_status == 400
    assert caught.value.param == param


async def test_session_below_the_least_amount_is_refused(target: Any) -> None:
    price = {"currency": "gbp", "unit_amount": 29, "product_data": {"name": "One-off donation"}}
    params = session_params(target, line_items=[{"price_data": price, "quantity": 1}])

    with pytest.raises(stripe.InvalidRequestError) as caught:
        await target.client.v1.checkout.sessions.create_async(params)

    assert caught.value.code == "amount_too_small"


async def test_endive_names_its_refusal_of_payment_method_types(target: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await target.client.v1.checkout.sessions.create_async(session_params(target, payment_method_types=["card"]))

    assert caught.value.code == "payment_method_types_no_longer_supported"


async def test_key_replays_refuses_other_content_and_makes_one_object(target: Any) -> None:
    create = target.client.v1.customers.create_async
    first = await create({"email": "ada.brook@example.org"}, target.key("replay"))
    second = await create({"email": "ada.brook@example.org"}, target.key("replay"))

    assert second.id == first.id
    assert second.last_response.headers["idempotent-replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError):
        await create({"email": "ben.ode@example.org"}, target.key("replay"))
    await target.client.v1.customers.delete_async(first.id)


async def test_simultaneous_requests_with_one_key_make_one_object(target: Any) -> None:
    async def create() -> Any:
        return await target.client.v1.customers.create_async({}, target.key("together"))

    results = await asyncio.gather(*(create() for _ in range(4)), return_exceptions=True)

    made = {one.id for one in results if isinstance(one, stripe.Customer)}
    refused = [one for one in results if isinstance(one, BaseException)]
    assert len(made) == 1
    assert all(isinstance(one, stripe.StripeError) and one.http_status == 409 for one in refused)
    await target.client.v1.customers.delete_async(made.pop())


async def test_fee_is_known_once_the_charge_reaches_the_balance(target: Any) -> None:
    intent = await paid(target)
    assert (intent.status, intent.amount_received) == ("succeeded", 2500)

    charge = await target.settled(intent.latest_charge)

    line = charge.balance_transaction
    assert (charge.paid, charge.captured, charge.refunded, charge.amount_refunded) == (True, True, False, 0)
    assert (line.type, line.reporting_category, line.source) == ("charge", "charge", charge.id)
    assert line.amount - line.fee == line.net
    assert line.fee == sum(part.amount for part in line.fee_details) > 0


async def test_declined_card_tells_its_code_and_leaves_a_failed_charge(target: Any) -> None:
    with pytest.raises(stripe.CardError) as caught:
        await paid(target, payment_method="pm_card_visa_chargeDeclinedInsufficientFunds")

    error = caught.value.error
    assert (caught.value.http_status, error.code, error.decline_code) == (402, "card_declined", "insufficient_funds")
    intent = await target.client.v1.payment_intents.retrieve_async(
        error.payment_intent.id, {"expand": ["latest_charge"]}
    )
    assert intent.status == "requires_payment_method"
    assert (intent.latest_charge.status, intent.latest_charge.balance_transaction) == ("failed", None)


async def test_card_that_wants_proof_asks_for_it(target: Any) -> None:
    intent = await paid(target, payment_method="pm_card_threeDSecure2Required")

    assert intent.status == "requires_action"
    assert intent.next_action.type == "redirect_to_url"


async def test_charge_is_refunded_in_parts_until_nothing_is_left(target: Any) -> None:
    charge = await target.settled((await paid(target)).latest_charge)
    part = {"charge": charge.id, "amount": 1000, "expand": ["balance_transaction"]}

    first = await target.client.v1.refunds.create_async(part, target.key("refund"))
    again = await target.client.v1.refunds.create_async(part, target.key("refund"))
    with pytest.raises(stripe.InvalidRequestError):
        await target.client.v1.refunds.create_async({"charge": charge.id, "amount": 1501})
    rest = await target.client.v1.refunds.create_async({"charge": charge.id})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await target.client.v1.refunds.create_async({"charge": charge.id})

    assert (first.id, first.status, rest.amount) == (again.id, "succeeded", 1500)
    line = first.balance_transaction
    assert (line.type, line.reporting_category, line.fee, line.source) == ("refund", "refund", 0, first.id)
    assert caught.value.code == "charge_already_refunded"
    refunded = await target.client.v1.charges.retrieve_async(charge.id)
    assert (refunded.refunded, refunded.amount_refunded) == (True, 2500)


async def test_lists_page_newest_first_without_gap_or_overlap(target: Any) -> None:
    made = [(await paid(target, 500 + number)).id for number in range(3)]

    first = await target.client.v1.payment_intents.list_async({"limit": 2})
    second = await target.client.v1.payment_intents.list_async({"limit": 1, "starting_after": first.data[-1].id})
    back = await target.client.v1.payment_intents.list_async({"limit": 1, "ending_before": second.data[0].id})

    assert first.has_more
    assert {one.id for one in first.data + second.data} == set(made)
    assert back.data[0].id == first.data[-1].id


async def test_events_tell_what_happened(target: Any) -> None:
    intent = await paid(target)

    for _ in range(20):
        kinds = ["payment_intent.succeeded", "charge.succeeded"]
        listed = await target.client.v1.events.list_async({"types": kinds, "limit": 20})
        ours = {event.type for event in listed.data if event.data.object.id in (intent.id, intent.latest_charge)}
        if len(ours) == 2:
            break
        await asyncio.sleep(0.5)

    assert ours == {"payment_intent.succeeded", "charge.succeeded"}


async def test_unknown_id_is_a_404_with_its_code(target: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await target.client.v1.payment_intents.retrieve_async("pi_doesnotexist")

    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")


async def test_balance_and_account_can_be_read(target: Any) -> None:
    balance = await target.client.v1.balance.retrieve_async()
    account = await target.client.v1.accounts.retrieve_current_async()

    assert balance.livemode is False
    assert account.id.startswith("acct_")
