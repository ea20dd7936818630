"""Bank debits in the sandbox: asked for today, answered days later, maybe taken back later still."""

from datetime import timedelta
from typing import Any

import pytest
import stripe

from stripe_in_process import StripeWorld
from supporters.kit.clock import FixedClock
from supporters.sandbox import charging, customers

DAY = timedelta(days=1)
ASKED = {"amount": 2500, "currency": "gbp", "confirm": True, "return_url": "https://a.example/back"}


async def debit(world: StripeWorld, account: str = "bacsDebit_successDelayed", **more: Any) -> Any:
    """An intent whose debit is under way."""
    return await world.stripe.v1.payment_intents.create_async({**ASKED, "payment_method": f"pm_{account}", **more})


async def charge_of(world: StripeWorld, intent: Any) -> Any:
    return await world.stripe.v1.charges.retrieve_async(intent.latest_charge, {"expand": ["balance_transaction"]})


async def test_debit_is_processing_until_its_bank_answers(world: StripeWorld) -> None:
    asked = await debit(world)
    assert (asked.status, asked.amount_received) == ("processing", 0)
    waiting = await charge_of(world, asked)
    assert (waiting.status, waiting.paid, waiting.balance_transaction) == ("pending", False, None)
    assert waiting.payment_method_details.bacs_debit.last4 == "2345"

    await world.sandbox.advance(3 * DAY)
    assert (await world.stripe.v1.payment_intents.retrieve_async(asked.id)).status == "processing"
    await world.sandbox.advance(2 * DAY)
    await world.sandbox.deliver_due()

    done = await charge_of(world, asked)
    line = done.balance_transaction
    assert (done.status, done.paid) == ("succeeded", True)
    assert (line.type, line.reporting_category, line.amount, line.fee, line.source) == (
        "payment",
        "charge",
        2500,
        25,
        done.id,
    )
    assert [kind for kind in world.hooks.types if not kind.startswith("mandate")] == [
        "payment_intent.created",
        "charge.pending",
        "payment_intent.processing",
        "charge.succeeded",
        "payment_intent.succeeded",
        "charge.updated",
    ]


@pytest.mark.parametrize(
    ("account", "currency", "code", "mandate"),
    [
        ("bacsDebit_insufficientFundsDelayed", "gbp", "insufficient_funds", "active"),
        ("bacsDebit_debitNotAuthorizedDelayed", "gbp", "debit_not_authorized", "inactive"),
        ("sepaDebit_failedDelayed_at", "eur", "generic_could_not_process", "active"),
    ],
)
async def test_debit_that_fails_says_why_and_moves_no_money(
    world: StripeWorld, account: str, currency: str, code: str, mandate: str
) -> None:
    asked = await debit(world, account, currency=currency)

    await world.sandbox.advance(5 * DAY)
    await world.sandbox.deliver_due()

    failed = await charge_of(world, asked)
    intent = await world.stripe.v1.payment_intents.retrieve_async(asked.id)
    assert (failed.status, failed.failure_code, intent.status) == ("failed", code, "requires_payment_method")
    assert (intent.last_payment_error.code, world.sandbox.balance_minor(currency)) == (code, 0)
    details = failed.payment_method_details
    kept = await world.stripe.v1.mandates.retrieve_async(details[details.type].mandate)
    assert kept.status == mandate
    assert world.hooks.types.index("charge.failed") < world.hooks.types.index("payment_intent.payment_failed")


async def test_account_whose_mandate_has_ended_is_not_debited_again(world: StripeWorld) -> None:
    intents = world.stripe.v1.payment_intents
    asked = await debit(world, "bacsDebit_debitNotAuthorized")
    method = (await charge_of(world, asked)).payment_method
    await world.sandbox.advance(DAY)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        await intents.create_async({**ASKED, "payment_method": method})

    assert refused.value.code == "payment_intent_mandate_invalid"
    assert len(world.sandbox.objects("charge")) == 1


async def test_mandate_is_taken_or_refused_by_the_bank(world: StripeWorld) -> None:
    await debit(world)
    await debit(world, "bacsDebit_mandateRefused")
    assert {one["status"] for one in world.sandbox.objects("mandate")} == {"pending"}

    await world.sandbox.advance(3 * DAY)
    await world.sandbox.deliver_due()

    taken, refused = world.sandbox.objects("mandate")
    assert (taken["status"], refused["status"]) == ("active", "inactive")
    assert refused["payment_method_details"]["bacs_debit"]["network_status"] == "refused"
    assert world.hooks.types.count("mandate.updated") == 2


async def test_debit_that_comes_back_is_a_dispute_lost_at_once(world: StripeWorld) -> None:
    asked = await debit(world, "bacsDebit_dispute")

    await world.sandbox.advance(6 * DAY)
    await world.sandbox.deliver_due()

    [dispute] = (await world.stripe.v1.disputes.list_async({"payment_intent": asked.id})).data
    charge = await charge_of(world, asked)
    assert (dispute.status, dispute.amount, dispute.reason) == ("lost", 2500, "debit_not_authorized")
    assert (charge.status, charge.disputed) == ("succeeded", True)
    assert [(line.type, line.reporting_category, line.net) for line in dispute.balance_transactions] == [
        ("adjustment", "dispute", -3000)
    ]
    assert world.sandbox.balance_minor() == 2475 - 3000
    told = [kind for kind in world.hooks.types if kind.startswith("charge.dispute")]
    assert told == ["charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.closed"]


async def test_money_counted_at_once_is_taken_off_when_the_debit_fails(clock: FixedClock) -> None:
    world = StripeWorld(clock, debits_count_at_once=True)
    asked = await debit(world, "sepaDebit_failedDelayed_at", currency="eur")
    await world.sandbox.advance(DAY)
    assert world.sandbox.balance_minor("eur") == 2465

    await world.sandbox.advance(5 * DAY)

    failed = await charge_of(world, asked)
    line = await world.stripe.v1.balance_transactions.retrieve_async(failed.failure_balance_transaction)
    assert (line.type, line.reporting_category, line.amount, line.fee) == (
        "payment_failure_refund",
        "charge_failure",
        -2500,
        -35,
    )
    assert world.sandbox.balance_minor("eur") == 0
    await world.close()
    world.app.assert_clean()


async def test_debit_in_another_currency_is_refused(world: StripeWorld) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="currency"):
        await debit(world, currency="eur")
    with pytest.raises(stripe.InvalidRequestError, match="currency"):
        await debit(world, "sepaDebit_success_at")

    assert world.sandbox.objects("charge") == []


async def test_refund_of_a_debit_waits_for_the_bank(world: StripeWorld) -> None:
    asked = await debit(world, "bacsDebit_success")
    with pytest.raises(stripe.InvalidRequestError):
        await world.stripe.v1.refunds.create_async({"charge": asked.latest_charge})
    await world.sandbox.advance(DAY)

    refund = await world.stripe.v1.refunds.create_async({"charge": asked.latest_charge, "amount": 1000})
    await world.sandbox.advance(DAY)
    arrived = await world.stripe.v1.refunds.retrieve_async(refund.id, {"expand": ["balance_transaction"]})
    await world.sandbox.deliver_due()

    assert refund.status == "pending"
    assert refund.id.startswith("pyr_")
    assert "refund.updated" in world.hooks.types
    assert (arrived.status, arrived.destination_details.type) == ("succeeded", "gb_bank_transfer")
    assert (arrived.balance_transaction.type, arrived.balance_transaction.reporting_category) == (
        "payment_refund",
        "refund",
    )
    assert world.sandbox.balance_minor() == 2475 - 1000


@pytest.mark.parametrize(("outcome", "told"), [("debit", "succeeded"), ("debit-fails", "failed")])
async def test_session_paid_by_debit_is_complete_unpaid_and_told_later(
    world: StripeWorld, outcome: Any, told: str
) -> None:
    session = await world.donate()
    complete = await world.sandbox.pay(session.id, outcome)
    assert (complete["status"], complete["payment_status"]) == ("complete", "unpaid")

    await world.sandbox.advance(5 * DAY)
    await world.sandbox.deliver_due()

    after = await world.stripe.v1.checkout.sessions.retrieve_async(session.id)
    assert after.payment_status == ("paid" if told == "succeeded" else "unpaid")
    assert [kind for kind in world.hooks.types if kind.startswith("checkout")] == [
        "checkout.session.completed",
        f"checkout.session.async_payment_{told}",
    ]


async def test_accounts_are_made_by_number_and_unknown_ones_refused(world: StripeWorld) -> None:
    methods = world.stripe.v1.payment_methods
    bacs = await methods.create_async(
        {"type": "bacs_debit", "bacs_debit": {"sort_code": "108800", "account_number": "00012345"}}
    )
    sepa = await methods.create_async({"type": "sepa_debit", "sepa_debit": {"iban": "at61 1904 3002 3457 3201"}})

    assert (bacs.bacs_debit.last4, sepa.sepa_debit.country) == ("2345", "AT")
    for wrong in ("00099999", "", "x" * 4000):
        with pytest.raises(stripe.InvalidRequestError):
            await methods.create_async({"type": "bacs_debit", "bacs_debit": {"account_number": wrong}})


# what invoices will ask


@pytest.fixture
def late(world: StripeWorld) -> Any:
    """Takes 500 pence off-session with the payment method of that name."""
    told: list[tuple[str, str]] = []
    followers: dict[str, Any] = {
        f"payment_intent.{end}": (lambda _world, intent: told.append((intent["_invoice"], intent["status"])),)
        for end in ("succeeded", "payment_failed", "processing")
    }
    world.sandbox.world.followers = followers

    def take(name: str) -> charging.Taken:
        with world.sandbox.world.atomic():
            method = customers.new_method(world.sandbox.world, name)
            params = {"amount": 500, "currency": "gbp", "_invoice": "in_1"}
            return charging.collect(world.sandbox.world, params, method)

    return take, told


async def test_taking_money_off_session_answers_instead_of_raising(world: StripeWorld, late: Any) -> None:
    take, told = late

    taken = [take(name) for name in ("visa", "chargeDeclinedExpiredCard", "authenticationRequired")]
    asked = take("bacsDebit_insufficientFundsDelayed")
    await world.sandbox.advance(5 * DAY)

    assert [one.status for one in taken] == ["paid", "failed", "requires_action"]
    assert (taken[1].code, taken[1].message) == ("expired_card", "Your card has expired.")
    assert asked.status == "processing"
    assert told == [
        ("in_1", "succeeded"),
        ("in_1", "requires_payment_method"),
        ("in_1", "processing"),
        ("in_1", "requires_payment_method"),
    ]


async def test_refused_card_is_tried_again_on_the_same_intent(world: StripeWorld, late: Any) -> None:
    take, _ = late
    failed = take("chargeDeclined")

    with world.sandbox.world.atomic():
        method = customers.new_method(world.sandbox.world, "visa")
        again = charging.collect_again(world.sandbox.world, failed.intent, method)

    assert (failed.status, failed.decline_code, again.status) == ("failed", "generic_decline", "paid")
    assert [one["status"] for one in world.sandbox.objects("charge")] == ["failed", "succeeded"]
