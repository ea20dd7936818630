"""Payment intents, refunds and the balance in the sandbox."""

from datetime import timedelta

import pytest
import stripe

from stripe_in_process import StripeWorld

INTENT = {"amount": 2500, "currency": "gbp"}
CONFIRMED = {**INTENT, "payment_method": "pm_card_visa", "confirm": True, "return_url": "https://a.example/back"}


async def test_intent_goes_from_made_to_paid(world: StripeWorld) -> None:
    made = await world.stripe.v1.payment_intents.create_async(INTENT)
    assert made.status == "requires_payment_method"

    paid = await world.stripe.v1.payment_intents.confirm_async(
        made.id, {"payment_method": "pm_card_mastercard", "return_url": "https://a.example/back"}
    )

    assert (paid.status, paid.amount_received) == ("succeeded", 2500)


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
    ],
)
async def test_refused_card_is_a_card_error_that_carries_the_intent(
    world: StripeWorld, card: str, code: str, decline_code: str | None
) -> None:
    with pytest.raises(stripe.CardError) as caught:
        await world.stripe.v1.payment_intents.create_async({**CONFIRMED, "payment_method": card})

    problem = caught.value.error
    assert (caught.value.http_status, caught.value.code) == (402, code)
    assert getattr(problem, "decline_code", None) == decline_code
    assert problem.payment_intent.status == "requires_payment_method"
    kept = await world.stripe.v1.payment_intents.retrieve_async(
        problem.payment_intent.id, {"expand": ["latest_charge"]}
    )
    assert kept.latest_charge.failure_code == code


async def test_refused_card_replays_its_refusal(world: StripeWorld) -> None:
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            await world.stripe.v1.payment_intents.create_async(
                {**CONFIRMED, "payment_method": "pm_card_chargeDeclined"}, {"idempotency_key": "k"}
            )

    assert len(world.sandbox.objects("payment_intent")) == 1


async def test_card_that_wants_proof_waits_for_it(world: StripeWorld) -> None:
    params = {**CONFIRMED, "payment_method": "pm_card_threeDSecure2Required"}
    waiting = await world.stripe.v1.payment_intents.create_async(params)
    assert waiting.status == "requires_action"
    assert waiting.next_action.redirect_to_url.url.endswith(f"/c/proof/{waiting.id}")

    await world.sandbox.give_proof(waiting.id, passed=True)

    assert (await world.stripe.v1.payment_intents.retrieve_async(waiting.id)).status == "succeeded"


async def test_authorised_amount_is_captured_in_part(world: StripeWorld) -> None:
    held = await world.stripe.v1.payment_intents.create_async({**CONFIRMED, "capture_method": "manual"})
    assert (held.status, held.amount_capturable) == ("requires_capture", 2500)

    taken = await world.stripe.v1.payment_intents.capture_async(held.id, {"amount_to_capture": 1000})
    await world.sandbox.settle_now()

    assert (taken.status, taken.amount_received) == ("succeeded", 1000)
    assert world.sandbox.balance_minor() == 1000 - 35


async def test_cancelled_intent_stays_cancelled(world: StripeWorld) -> None:
    made = await world.stripe.v1.payment_intents.create_async(INTENT)
    await world.stripe.v1.payment_intents.update_async(made.id, {"metadata": {"donation": "x"}})

    gone = await world.stripe.v1.payment_intents.cancel_async(made.id, {"cancellation_reason": "abandoned"})

    assert (gone.status, gone.metadata["donation"]) == ("canceled", "x")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await world.stripe.v1.payment_intents.confirm_async(made.id, {"payment_method": "pm_card_visa"})
    assert caught.value.code == "payment_intent_unexpected_state"


async def test_intent_that_fits_nothing_is_refused(world: StripeWorld) -> None:
    with pytest.raises(stripe.InvalidRequestError) as small:
        await world.stripe.v1.payment_intents.create_async({"amount": 29, "currency": "gbp"})
    with pytest.raises(stripe.InvalidRequestError) as odd:
        await world.stripe.v1.payment_intents.create_async({"amount": 2900, "currency": "xxx"})
    with pytest.raises(stripe.InvalidRequestError) as typed:
        await world.stripe.v1.payment_intents.create_async({**INTENT, "payment_method_types": ["card"]})

    assert (small.value.code, odd.value.param) == ("amount_too_small", "currency")
    assert typed.value.code == "payment_method_types_no_longer_supported"
    world.app.errors.clear()


async def paid_charge(world: StripeWorld, amount: int = 2500, **more: object) -> str:
    """A charge that has reached the balance."""
    intent = await world.stripe.v1.payment_intents.create_async({**CONFIRMED, "amount": amount, **more})
    await world.sandbox.settle_now()
    return intent.latest_charge


async def test_refund_moves_the_balance_at_once_and_returns_no_fee(world: StripeWorld) -> None:
    charge = await paid_charge(world)

    refund = await world.stripe.v1.refunds.create_async(
        {
            "charge": charge,
            "reason": "requested_by_customer",
            "metadata": {"refund": "r1"},
            "expand": ["balance_transaction"],
        }
    )
    await world.sandbox.settle_now()
    await world.sandbox.deliver_due()

    line = refund.balance_transaction
    assert (refund.status, refund.amount, refund.reason) == ("succeeded", 2500, "requested_by_customer")
    assert (line.amount, line.fee, line.net, line.type, line.source) == (-2500, 0, -2500, "refund", refund.id)
    assert world.hooks.types[-3:] == ["charge.refunded", "refund.created", "refund.updated"]
    assert world.sandbox.balance_minor() == -58


async def test_charge_is_refunded_in_parts_and_never_twice(world: StripeWorld) -> None:
    charge = await paid_charge(world)
    await world.stripe.v1.refunds.create_async({"charge": charge, "amount": 1000})

    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount") as too_much:
        await world.stripe.v1.refunds.create_async({"charge": charge, "amount": 1501})
    await world.stripe.v1.refunds.create_async({"charge": charge})
    with pytest.raises(stripe.InvalidRequestError) as again:
        await world.stripe.v1.refunds.create_async({"charge": charge, "amount": 1})

    assert too_much.value.param == "amount"
    assert again.value.code == "charge_already_refunded"
    whole = await world.stripe.v1.charges.retrieve_async(charge, {"expand": ["refunds"]})
    assert (whole.refunded, whole.amount_refunded) == (True, 2500)
    assert [one.amount for one in whole.refunds.data] == [1500, 1000]


async def test_same_refund_key_refunds_once(world: StripeWorld) -> None:
    charge = await paid_charge(world)
    params = {"charge": charge, "amount": 500}

    first = await world.stripe.v1.refunds.create_async(params, {"idempotency_key": "v1:refund:1:0"})
    second = await world.stripe.v1.refunds.create_async(params, {"idempotency_key": "v1:refund:1:0"})

    assert first.id == second.id
    assert (await world.stripe.v1.charges.retrieve_async(charge)).amount_refunded == 500


async def test_refund_of_an_unpaid_intent_is_refused(world: StripeWorld) -> None:
    made = await world.stripe.v1.payment_intents.create_async(INTENT)

    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        await world.stripe.v1.refunds.create_async({"payment_intent": made.id})
    with pytest.raises(stripe.InvalidRequestError):
        await world.stripe.v1.refunds.create_async({})


async def test_refund_that_fails_brings_its_money_back(world: StripeWorld) -> None:
    charge = await paid_charge(world, payment_method="pm_card_refundFail")
    refund = await world.stripe.v1.refunds.create_async({"charge": charge})

    await world.sandbox.settle_now()
    await world.sandbox.deliver_due()

    failed = await world.stripe.v1.refunds.retrieve_async(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    assert (await world.stripe.v1.charges.retrieve_async(charge)).amount_refunded == 0
    assert world.sandbox.balance_minor() == 2442
    assert world.hooks.types[-1] == "refund.failed"


async def test_refund_can_be_described_but_not_called_back(world: StripeWorld) -> None:
    refund = await world.stripe.v1.refunds.create_async({"charge": await paid_charge(world)})

    described = await world.stripe.v1.refunds.update_async(refund.id, {"metadata": {"why": "asked"}})
    with pytest.raises(stripe.InvalidRequestError, match="cannot be canceled"):
        await world.stripe.v1.refunds.cancel_async(refund.id)

    assert described.metadata["why"] == "asked"
    listed = await world.stripe.v1.refunds.list_async({"charge": refund.charge})
    assert [one.id for one in listed.data] == [refund.id]


async def test_balance_is_the_sum_of_its_lines_and_ripens_with_time(world: StripeWorld) -> None:
    await paid_charge(world)
    await paid_charge(world, payment_method="pm_card_bypassPending")
    early = await world.stripe.v1.balance.retrieve_async()
    assert ([one.amount for one in early.pending], [one.amount for one in early.available]) == ([2442], [2442])

    await world.sandbox.advance(timedelta(days=4))

    ripe = await world.stripe.v1.balance.retrieve_async()
    lines = await world.stripe.v1.balance_transactions.list_async({"type": "charge"})
    assert ([one.amount for one in ripe.pending], [one.amount for one in ripe.available]) == ([0], [4884])
    assert {line.status for line in lines.data} == {"available"}
    assert sum(line.net for line in lines.data) == 4884


async def test_two_hundred_donations_and_twenty_refunds_sum_to_the_balance(world: StripeWorld) -> None:
    world.sandbox.hold()
    expected = 0
    for number in range(200):
        session = await world.donate(300 + number)
        await world.sandbox.pay(session.id)
        expected += 300 + number - (((300 + number) * 150 + 5000) // 10_000 + 20)
    await world.sandbox.settle_now()
    for charge in (await world.stripe.v1.charges.list_async({"limit": 20})).data:
        await world.stripe.v1.refunds.create_async({"charge": charge.id, "amount": 100})

    lines = await world.stripe.v1.balance_transactions.list_async({"limit": 100})
    total = sum([line.net async for line in lines.auto_paging_iter()])

    assert total == expected - 20 * 100 == world.sandbox.balance_minor()


# customers and methods


async def test_customer_is_kept_changed_and_deleted(world: StripeWorld) -> None:
    customers = world.stripe.v1.customers
    made = await customers.create_async({"email": "ada.brook@example.org", "metadata": {"a": "1", "b": "2"}})
    changed = await customers.update_async(made.id, {"name": "Ada Brook", "metadata": {"a": ""}})
    found = await customers.list_async({"email": "ada.brook@example.org"})
    gone = await customers.delete_async(made.id)

    assert (changed.name, changed.metadata.to_dict()) == ("Ada Brook", {"b": "2"})
    assert [one.id for one in found.data] == [made.id]
    assert gone.deleted
    assert (await customers.retrieve_async(made.id)).deleted
    with pytest.raises(stripe.InvalidRequestError):
        await customers.update_async(made.id, {"name": "x"})


async def test_card_is_attached_listed_and_detached(world: StripeWorld) -> None:
    customer = await world.stripe.v1.customers.create_async({})
    method = await world.stripe.v1.payment_methods.create_async({"type": "card", "card": {"token": "tok_visa"}})

    await world.stripe.v1.payment_methods.attach_async(method.id, {"customer": customer.id})
    listed = await world.stripe.v1.customers.payment_methods.list_async(customer.id)
    detached = await world.stripe.v1.payment_methods.detach_async(method.id)

    assert [one.id for one in listed.data] == [method.id]
    assert detached.customer is None
    with pytest.raises(stripe.InvalidRequestError):
        await world.stripe.v1.payment_methods.detach_async(method.id)


async def test_products_and_prices_can_be_sold(world: StripeWorld) -> None:
    product = await world.stripe.v1.products.create_async({"name": "Tote bag"})
    price = await world.stripe.v1.prices.create_async({"currency": "gbp", "unit_amount": 900, "product": product.id})

    session = await world.donate(line_items=[{"price": price.id, "quantity": 2}])

    assert session.amount_total == 1800
    assert [one.id for one in (await world.stripe.v1.prices.list_async({"product": product.id})).data] == [price.id]
    with pytest.raises(stripe.InvalidRequestError):
        await world.stripe.v1.products.delete_async(product.id)
