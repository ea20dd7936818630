"""A donation through the sandbox's Checkout, by the unmodified SDK."""

from datetime import timedelta

import pytest
import stripe

from stripe_in_process import API, StripeWorld, session_params

PAID = [
    "payment_intent.created",
    "charge.succeeded",
    "payment_intent.succeeded",
    "checkout.session.completed",
]


async def test_new_session_is_open_and_leads_to_a_page_of_the_sandbox(world: StripeWorld) -> None:
    session = await world.donate()

    assert session.id.startswith("cs_test_")
    assert (session.status, session.payment_status) == ("open", "unpaid")
    assert session.url == f"{API}/c/pay/{session.id}"
    assert (session.amount_total, session.currency) == (2500, "gbp")
    assert session.payment_intent is None
    assert session.customer is None
    assert session.customer_details.email == "ada.brook@example.org"
    assert session.expires_at == session.created + 86_400
    assert session.metadata.to_dict() == {"donation": "01JDONATION0000000000000000"}


async def test_paid_session_is_complete_and_tells_it_in_the_usual_order(world: StripeWorld) -> None:
    session = await world.donate()

    await world.sandbox.pay(session.id)
    await world.sandbox.deliver_due()

    paid = await world.stripe.v1.checkout.sessions.retrieve_async(session.id)
    assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
    assert world.hooks.types == PAID
    told = world.hooks.taken[-1]["data"]["object"]
    assert told == paid.to_dict()


async def test_fee_is_unknown_until_charge_updated_tells_it(world: StripeWorld) -> None:
    session = await world.donate(1000)
    await world.sandbox.pay(session.id)
    before = (await world.stripe.v1.charges.list_async()).data[0]
    assert before.balance_transaction is None

    world.clock.advance(timedelta(seconds=1))
    await world.sandbox.deliver_due()

    charge = await world.stripe.v1.charges.retrieve_async(before.id, {"expand": ["balance_transaction"]})
    line = charge.balance_transaction
    assert (line.amount, line.fee, line.net, line.currency) == (1000, 35, 965, "gbp")
    assert [part.amount for part in line.fee_details] == [35]
    assert (line.type, line.reporting_category, line.source, line.status) == ("charge", "charge", charge.id, "pending")
    updated = world.hooks.taken[-1]
    assert updated["type"] == "charge.updated"
    assert updated["data"]["previous_attributes"] == {"balance_transaction": None}
    assert updated["data"]["object"]["balance_transaction"] == line.id


async def test_payment_ties_to_its_session_only_through_the_session(world: StripeWorld) -> None:
    session = await world.donate()
    await world.sandbox.pay(session.id)
    paid = await world.stripe.v1.checkout.sessions.retrieve_async(session.id)

    found = await world.stripe.v1.checkout.sessions.list_async({"payment_intent": paid.payment_intent})

    assert [one.id for one in found.data] == [session.id]
    intent = await world.stripe.v1.payment_intents.retrieve_async(paid.payment_intent)
    assert intent.metadata.to_dict() == {"donation": "01JDONATION0000000000000000"}


@pytest.mark.parametrize(
    ("outcome", "decline_code", "text"),
    [
        ("declined", "generic_decline", "Your card was declined."),
        ("funds", "insufficient_funds", "Your card has insufficient funds."),
    ],
)
async def test_refused_card_leaves_the_session_open(
    world: StripeWorld, outcome: str, decline_code: str, text: str
) -> None:
    session = await world.donate()

    await world.sandbox.pay(session.id, outcome)
    await world.sandbox.deliver_due()

    again = await world.stripe.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["payment_intent"]})
    assert (again.status, again.payment_status) == ("open", "unpaid")
    assert world.sandbox.refusal(session.id) == text
    assert again.payment_intent.status == "requires_payment_method"
    assert again.payment_intent.last_payment_error.decline_code == decline_code
    assert world.hooks.types == ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]


async def test_refused_then_paid_is_one_payment_with_two_charges(world: StripeWorld) -> None:
    session = await world.donate()

    await world.sandbox.pay(session.id, "declined")
    await world.sandbox.pay(session.id)

    paid = await world.stripe.v1.checkout.sessions.retrieve_async(session.id)
    charges = await world.stripe.v1.charges.list_async({"payment_intent": paid.payment_intent})
    assert [charge.status for charge in charges.data] == ["succeeded", "failed"]
    assert len(world.sandbox.objects("payment_intent")) == 1


async def test_passed_proof_pays_and_is_told(world: StripeWorld) -> None:
    session = await world.donate()

    await world.sandbox.pay(session.id, "challenge-yes")
    await world.sandbox.deliver_due()

    charge = (await world.stripe.v1.charges.list_async()).data[0]
    assert charge.payment_method_details.card.three_d_secure.result == "authenticated"
    assert world.hooks.types == [PAID[0], "payment_intent.requires_action", *PAID[1:]]


async def test_proof_given_up_charges_nothing(world: StripeWorld) -> None:
    session = await world.donate()

    await world.sandbox.pay(session.id, "challenge-no")

    again = await world.stripe.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["payment_intent"]})
    assert again.status == "open"
    assert again.payment_intent.last_payment_error.code == "payment_intent_authentication_failure"
    assert (await world.stripe.v1.charges.list_async()).data == []


async def test_session_runs_out_by_the_clock(world: StripeWorld) -> None:
    at = int(world.clock.now().timestamp()) + 35 * 60
    session = await world.donate(expires_at=at)

    world.clock.advance(timedelta(minutes=35))
    await world.sandbox.deliver_due()

    assert (await world.stripe.v1.checkout.sessions.retrieve_async(session.id)).status == "expired"
    assert world.hooks.types == ["checkout.session.expired"]


async def test_session_runs_out_even_if_nothing_runs_in_the_background(world: StripeWorld) -> None:
    session = await world.donate()

    await world.sandbox.advance(timedelta(hours=24))

    expired = await world.stripe.v1.checkout.sessions.retrieve_async(session.id)
    assert (expired.status, expired.url) == ("expired", None)
    with pytest.raises(Exception, match="can no longer be paid"):
        await world.sandbox.pay(session.id)


async def test_expired_session_cancels_its_unpaid_intent(world: StripeWorld) -> None:
    session = await world.donate()
    await world.sandbox.pay(session.id, "declined")

    expired = await world.stripe.v1.checkout.sessions.expire_async(session.id, {"expand": ["payment_intent"]})

    assert expired.payment_intent.status == "canceled"
    with pytest.raises(stripe.InvalidRequestError, match="status of expired"):
        await world.stripe.v1.checkout.sessions.expire_async(session.id)


async def test_paid_session_cannot_be_expired(world: StripeWorld) -> None:
    session = await world.donate()
    await world.sandbox.pay(session.id)

    with pytest.raises(stripe.InvalidRequestError, match="status of complete"):
        await world.stripe.v1.checkout.sessions.expire_async(session.id)


async def test_customer_is_made_only_when_asked_for(world: StripeWorld) -> None:
    guest = await world.donate()
    named = await world.donate(customer_creation="always")

    await world.sandbox.pay(guest.id)
    await world.sandbox.pay(named.id)

    assert (await world.stripe.v1.checkout.sessions.retrieve_async(guest.id)).customer is None
    paid = await world.stripe.v1.checkout.sessions.retrieve_async(named.id, {"expand": ["customer"]})
    assert (paid.customer.email, paid.customer.name) == ("ada.brook@example.org", "Ada Brook")


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"mode": "subscription"}, None, "payment_intent_data"),
        ({"mode": "setup"}, None, "payment_intent_data"),
        ({"ui_mode": "elements"}, "sandbox_unsupported", "ui_mode"),
        ({"success_url": "thanks"}, "url_invalid", "success_url"),
        ({"customer_email": "ada"}, "email_invalid", "customer_email"),
        ({"expires_at": 1}, None, "expires_at"),
        ({"expires_at": 4_000_000_000}, None, "expires_at"),
        ({"customer": "cus_none", "customer_email": ""}, "resource_missing", "customer"),
    ],
)
async def test_session_that_cannot_be_made_says_which_parameter_is_wrong(
    world: StripeWorld, change: dict[str, object], code: str | None, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await world.donate(**change)

    assert (caught.value.code, caught.value.param) == (code, param)
    assert world.sandbox.objects("checkout.session") == []


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        (29, "gbp", "amount_too_small"),
        (49, "jpy", "amount_too_small"),
        (100_000_000, "gbp", "amount_too_large"),
        (1234, "kwd", "parameter_invalid_integer"),
        (550, "isk", "parameter_invalid_integer"),
    ],
)
async def test_amount_that_cards_cannot_move_is_refused(
    world: StripeWorld, amount: int, currency: str, code: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await world.donate(amount, currency)

    assert caught.value.code == code


@pytest.mark.parametrize(
    ("amount", "currency", "fee"),
    [(30, "gbp", 20), (2500, "gbp", 58), (500, "jpy", 18), (10_000, "kwd", 390), (99_999_999, "eur", 1_500_025)],
)
async def test_fees_and_units_follow_the_currency(world: StripeWorld, amount: int, currency: str, fee: int) -> None:
    session = await world.donate(amount, currency)
    await world.sandbox.pay(session.id)
    await world.sandbox.settle_now()

    line = (await world.stripe.v1.balance_transactions.list_async({"currency": currency})).data[0]

    assert (line.amount, line.fee, line.net) == (amount, fee, amount - fee)
    assert sum(part.amount for part in line.fee_details) == fee


async def test_old_names_of_ui_modes_are_refused_since_dahlia(world: StripeWorld) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="ui_mode"):
        await world.donate(ui_mode="hosted")

    [error] = world.app.errors
    world.app.errors.clear()
    assert "hosted" in error


async def test_payment_method_types_are_refused_by_endive_alone(world: StripeWorld) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await world.donate(payment_method_types=["card"])
    assert caught.value.code == "payment_method_types_no_longer_supported"
    assert "payment_method_types" in world.app.errors.pop()

    dahlia = world.client(version="2026-08-26.dahlia")
    params = session_params(payment_method_types=["card"])
    assert (await dahlia.v1.checkout.sessions.create_async(params)).status == "open"
    endive = await world.donate(allowed_payment_method_types=["card"])
    assert endive.status == "open"


async def test_line_items_come_as_a_list_and_by_expansion(world: StripeWorld) -> None:
    session = await world.donate()

    listed = await world.stripe.v1.checkout.sessions.line_items.list_async(session.id)
    expanded = await world.stripe.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["line_items"]})

    assert [item.description for item in listed.data] == ["One-off donation to The Weekly Lamp"]
    assert [item.id for item in expanded.line_items.data] == [item.id for item in listed.data]


async def test_stripes_own_tools_can_finish_a_session(world: StripeWorld) -> None:
    session = await world.donate()
    path = f"/v1/payment_pages/{session.id}"
    confirm = {"payment_method": "pm_card_visa", "expected_amount": 2500}

    wrong = world.stripe.raw_request_async("post", f"{path}/confirm", **{**confirm, "expected_amount": 1})
    with pytest.raises(stripe.InvalidRequestError, match="expected amount"):
        await wrong
    await world.stripe.raw_request_async("post", f"{path}/confirm", **confirm)

    assert (await world.stripe.v1.checkout.sessions.retrieve_async(session.id)).payment_status == "paid"
