"""Lines of the balance that are not plain gifts: other currencies, Stripe's own fees, reserves, top-ups, and the unknown."""

from typing import Any

import pytest
import stripe

from stripe_in_process import StripeWorld
from supporters.kit.clock import FixedClock

ASKED = {"amount": 2500, "currency": "gbp", "confirm": True, "return_url": "https://a.example/back"}


async def control(world: StripeWorld, action: str, **told: Any) -> int:
    return (await world.browser.post(f"/_control/{action}", json=told)).status_code


async def charged(world: StripeWorld, **more: Any) -> str:
    """A charge that has reached the balance and is available."""
    params = {**ASKED, "payment_method": "pm_card_bypassPending", **more}
    intent = await world.stripe.v1.payment_intents.create_async(params)
    await world.sandbox.settle_now()
    return intent.latest_charge


async def lines(world: StripeWorld, **asked: Any) -> list[Any]:
    found = await world.stripe.v1.balance_transactions.list_async({"limit": 100, "expand": ["data.source"], **asked})
    return found.data


async def test_charge_in_a_currency_with_a_rate_settles_in_the_accounts_own(world: StripeWorld) -> None:
    assert await control(world, "rate", currency="usd", rate="0.7901", fee_basis_points=200) == 200

    await charged(world, amount=1001, currency="usd")

    fx, line = await lines(world)
    assert (line.amount, line.currency, line.exchange_rate) == (791, "gbp", 0.7901)
    assert (line.fee, line.net, line.source.amount, line.source.currency) == (32, 759, 1001, "usd")
    assert (fx.type, fx.reporting_category, fx.net, fx.source) == ("stripe_fx_fee", "fee", -16, None)


async def test_refund_goes_by_the_rate_of_its_own_day(world: StripeWorld) -> None:
    await control(world, "rate", currency="usd", rate="0.80")
    charge = await charged(world, amount=1000, currency="usd")

    await control(world, "rate", currency="usd", rate="0.75")
    await world.stripe.v1.refunds.create_async({"charge": charge})

    refund, gift = await lines(world)
    assert (gift.amount, refund.amount, refund.exchange_rate) == (800, -750, 0.75)
    assert await control(world, "rate", currency="usd") == 200
    await charged(world, amount=1000, currency="usd")
    assert (await lines(world))[0].currency == "usd"


async def test_yen_becomes_pence_and_the_fee_of_a_dispute_is_in_pounds(world: StripeWorld) -> None:
    await control(world, "rate", currency="jpy", rate="0.0052")
    charge = await charged(world, amount=1500, currency="jpy")

    assert await control(world, "dispute", charge=charge) == 200

    dispute, gift = await lines(world)
    assert (gift.amount, gift.currency) == (780, "gbp")
    assert (dispute.amount, dispute.currency, dispute.fee) == (-780, "gbp", 2000)


@pytest.mark.parametrize(
    "told",
    [
        {"currency": "gbp", "rate": "1"},
        {"currency": "usd", "rate": "0"},
        {"currency": "usd", "rate": "NaN"},
        {"currency": "usd", "rate": "much"},
        {"currency": "xxx", "rate": "1"},
        {"currency": "usd", "rate": "1", "fee_basis_points": -1},
    ],
)
async def test_rate_that_makes_no_sense_is_refused(world: StripeWorld, told: dict[str, Any]) -> None:
    assert await control(world, "rate", **told) == 400


async def test_tax_on_a_fee_is_a_part_of_its_own(world: StripeWorld) -> None:
    await control(world, "fee-tax", basis_points=2000)

    await charged(world)

    [line] = await lines(world)
    assert [(part.type, part.amount) for part in line.fee_details] == [("stripe_fee", 58), ("tax", 12)]
    assert (line.fee, line.net) == (70, 2430)


async def test_failed_debit_gives_back_its_fee_and_the_tax_on_it(clock: FixedClock) -> None:
    world = StripeWorld(clock, debits_count_at_once=True)
    await control(world, "fee-tax", basis_points=2000)
    session = await world.donate(5000)
    await world.sandbox.pay(session.id, "debit-fails")
    await world.sandbox.settle_now()

    await control(world, "advance", seconds=10 * 86_400)

    back, gone = await lines(world)
    assert (gone.fee, back.fee) == (60, -60)
    assert [part.type for part in back.fee_details] == ["stripe_fee", "tax"]
    assert world.sandbox.balance_minor() == 0
    await world.close()
    world.app.assert_clean()


async def test_stripe_takes_its_own_fees_and_the_tax_on_them(world: StripeWorld) -> None:
    assert await control(world, "charge-fee", service="radar", amount=250, tax=50) == 200

    tax, fee = await lines(world)
    assert (fee.type, fee.reporting_category, fee.net, fee.source) == ("stripe_fee", "fee", -250, None)
    assert (tax.type, tax.reporting_category, tax.net) == ("tax_fee", "tax", -50)
    assert world.sandbox.balance_minor() == -300
    assert await control(world, "charge-fee", amount=0) == 400


@pytest.mark.parametrize(
    ("who", "held", "freed", "category"),
    [
        ("risk", "reserve_hold", "reserve_release", "risk_reserved_funds"),
        ("connect", "reserve_transaction", "reserve_transaction", "connect_reserved_funds"),
        ("network", "payment_network_reserve_hold", "payment_network_reserve_release", None),
    ],
)
async def test_reserve_leaves_the_balance_and_comes_back(
    world: StripeWorld, who: str, held: str, freed: str, category: str | None
) -> None:
    await control(world, "hold-reserve", who=who, amount=900)
    reserved = await world.stripe.v1.balance.retrieve_async()
    await control(world, "release-reserve", who=who, amount=400)

    back, hold = await lines(world)
    assert [(one.type, one.net) for one in (hold, back)] == [(held, -900), (freed, 400)]
    assert (hold.reporting_category, back.reporting_category) == (category or held, category or freed)
    assert reserved.available[0].amount == -900
    assert [one.amount for one in getattr(reserved, "connect_reserved", [])] == ([900] if who == "connect" else [])


async def test_reserves_own_side_is_told_apart_and_is_not_in_the_balance(world: StripeWorld) -> None:
    await control(world, "hold-reserve", amount=900, is_told_twice=True)

    hold, own_side = await lines(world)
    balance = await world.stripe.v1.balance.retrieve_async()
    assert [(one.net, one.balance_type) for one in (hold, own_side)] == [(-900, "payments"), (900, "risk_reserved")]
    assert balance.available[0].amount == -900


@pytest.mark.parametrize(
    ("kind", "category", "says"),
    [
        ("contribution", None, "contribution"),
        ("climate_order_purchase", None, "climate_order_purchase"),
        ("adjustment", None, "other_adjustment"),
        ("adjustment", "network_cost", "network_cost"),
        ("payment_unreconciled", None, "unreconciled_customer_funds"),
        ("adjustment", "category_of_the_year_2031", "category_of_the_year_2031"),
    ],
)
async def test_line_of_any_category_is_in_the_balance_when_told(
    world: StripeWorld, kind: str, category: str | None, says: str
) -> None:
    told = {"type": kind, "amount": -321, "text": "as told", "available_in_days": 2}
    assert await control(world, "line", **told, **({"category": category} if category else {})) == 200

    [line] = await lines(world, type=kind)
    assert (line.reporting_category, line.net, line.status, line.description) == (says, -321, "pending", "as told")


async def test_amount_that_was_not_captured_is_let_go_in_a_line_of_its_own(world: StripeWorld) -> None:
    held = await world.stripe.v1.payment_intents.create_async(
        {**ASKED, "payment_method": "pm_card_visa", "capture_method": "manual"}
    )
    await world.stripe.v1.payment_intents.capture_async(held.id, {"amount_to_capture": 1000})
    await world.sandbox.settle_now()

    let_go, charge = await lines(world)
    assert (charge.reporting_category, charge.amount, charge.fee) == ("charge", 2500, 35)
    assert (let_go.type, let_go.reporting_category, let_go.net) == ("refund", "partial_capture_reversal", -1500)
    assert let_go.source.id == charge.source.id == held.latest_charge


# top-ups


async def test_top_up_arrives_after_a_day_and_can_be_taken_back(world: StripeWorld) -> None:
    topups = world.stripe.v1.topups
    made = await topups.create_async({"amount": 5000, "currency": "gbp", "statement_descriptor": "Top-up"})
    assert (made.status, made.balance_transaction, world.sandbox.balance_minor()) == ("pending", None, 0)

    assert await control(world, "advance", seconds=86_400) == 200
    arrived = await topups.retrieve_async(made.id, {"expand": ["balance_transaction"]})
    assert (arrived.status, arrived.balance_transaction.reporting_category) == ("succeeded", "topup")
    assert await control(world, "reverse-topup", topup=made.id) == 200
    await world.sandbox.deliver_due()

    back, line = await lines(world)
    assert [(one.type, one.net, one.source.id) for one in (line, back)] == [
        ("topup", 5000, made.id),
        ("topup_reversal", -5000, made.id),
    ]
    assert [kind for kind in world.hooks.types if "topup" in kind] == [
        "topup.created",
        "topup.succeeded",
        "topup.reversed",
    ]


async def test_top_up_that_fails_or_is_cancelled_counts_nothing(world: StripeWorld) -> None:
    topups = world.stripe.v1.topups
    bad = await topups.create_async({"amount": 100, "currency": "gbp", "source": "btok_us_verified_noAccount"})
    gone = await topups.create_async({"amount": 200, "currency": "gbp"})
    named = await topups.update_async(gone.id, {"description": "by mistake", "metadata": {"a": "b"}})
    cancelled = await topups.cancel_async(gone.id)
    await control(world, "advance", seconds=2 * 86_400)

    failed = await topups.retrieve_async(bad.id)
    assert (failed.status, failed.failure_code, cancelled.status) == ("failed", "no_account", "canceled")
    assert (named.description, named.metadata["a"], world.sandbox.balance_minor()) == ("by mistake", "b", 0)
    assert [one.id for one in (await topups.list_async({"status": "failed", "amount": {"lt": 150}})).data] == [bad.id]
    with pytest.raises(stripe.InvalidRequestError, match="is canceled"):
        await topups.cancel_async(gone.id)


# refunds that wait


async def test_refund_without_money_waits_and_leaves_when_there_is_some(world: StripeWorld) -> None:
    charge = await charged(world)
    await control(world, "short-refunds", count=1)

    waiting = await world.stripe.v1.refunds.create_async({"charge": charge, "amount": 500})
    next_one = await world.stripe.v1.refunds.create_async({"charge": charge, "amount": 600})

    assert (waiting.status, waiting.pending_reason, waiting.balance_transaction) == (
        "pending",
        "insufficient_funds",
        None,
    )
    assert next_one.status == "succeeded"
    assert await control(world, "fail-refund", refund=waiting.id) == 400
    assert await control(world, "pay-refund", refund=waiting.id) == 200
    assert await control(world, "pay-refund", refund=waiting.id) == 400
    paid = await world.stripe.v1.refunds.retrieve_async(waiting.id)
    assert (paid.status, hasattr(paid, "pending_reason")) == ("succeeded", False)
    assert sorted(one.net for one in await lines(world, type="refund")) == [-600, -500]


# what should not be, and is


async def test_charge_that_never_reaches_the_balance(world: StripeWorld) -> None:
    params = {**ASKED, "payment_method": "pm_card_visa"}
    intent = await world.stripe.v1.payment_intents.create_async(params)
    assert await control(world, "withhold-line", charge=intent.latest_charge) == 200

    await world.sandbox.settle_now()
    assert await control(world, "advance", seconds=5 * 86_400) == 200

    charge = await world.stripe.v1.charges.retrieve_async(intent.latest_charge)
    assert (charge.status, charge.balance_transaction, await lines(world)) == ("succeeded", None, [])
    assert await control(world, "withhold-line", charge=await charged(world)) == 400


async def test_payout_whose_list_lacks_a_line_and_a_balance_that_is_off(world: StripeWorld) -> None:
    await charged(world)
    await charged(world)
    assert await control(world, "run-payout") == 200
    [payout] = world.sandbox.objects("payout")
    inside = await lines(world, payout=payout["id"])
    assert await control(world, "misfile-line", line=inside[-1].id) == 200
    assert await control(world, "skew-balance", amount=7) == 200

    left = await lines(world, payout=payout["id"])
    assert {line.id for line in left} == {line.id for line in inside[:-1]}
    assert (await world.stripe.v1.balance.retrieve_async()).available[0].amount == 7
    assert len(await lines(world)) == 3
    assert await control(world, "file-line", line=inside[-1].id) == 200
    assert await lines(world, payout=payout["id"]) == inside
    assert await control(world, "file-line", line=inside[-1].id) == 400
    await charged(world)
    assert await control(world, "misfile-line", line=(await lines(world))[0].id) == 400


async def test_card_costs_more_than_others_until_it_is_set_back(world: StripeWorld) -> None:
    await control(world, "card-fee", basis_points=290, fixed=20)
    await charged(world)
    await control(world, "card-fee")
    await charged(world)

    assert [line.fee for line in await lines(world)] == [58, 93]
    assert await control(world, "card-fee", basis_points=-1) == 400


async def test_dispute_is_won_and_its_money_stays_away(world: StripeWorld) -> None:
    await control(world, "dispute", charge=await charged(world))
    [dispute] = world.sandbox.objects("dispute")

    assert await control(world, "close-dispute", dispute=dispute["id"], outcome="won", withheld=True) == 200

    won = await world.stripe.v1.disputes.retrieve_async(dispute["id"])
    assert (won.status, len(won.balance_transactions)) == ("won", 1)
    assert world.sandbox.events("charge.dispute.funds_reinstated") == []


# by hand


async def test_every_control_of_the_balance_works_from_its_form(world: StripeWorld) -> None:
    charge = await charged(world)
    await control(world, "short-refunds", count=1)
    refund = await world.stripe.v1.refunds.create_async({"charge": charge, "amount": 500})
    topups = [await world.stripe.v1.topups.create_async({"amount": 500, "currency": "gbp"}) for _ in range(2)]
    page = (await world.browser.get("/_control")).text
    assert all(one.id in page for one in (refund, *topups))
    forms: list[tuple[str, dict[str, str]]] = [
        ("charge-fee", {"amount": "500"}),
        ("hold-reserve", {"amount": "500"}),
        ("release-reserve", {"amount": "500"}),
        ("line", {"amount": "-500", "type": "contribution"}),
        ("stray-event", {"livemode": "true"}),
        ("short-refunds", {}),
        ("rate", {"currency": "usd", "rate": "0.79"}),
        ("pay-refund", {"refund": refund.id}),
        ("succeed-topup", {"topup": topups[0].id}),
        ("reverse-topup", {"topup": topups[0].id}),
        ("fail-topup", {"topup": topups[1].id}),
    ]

    for action, form in forms:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        reply = await world.browser.post(f"/_control/{action}", data=form, headers=kind)
        assert (reply.status_code, reply.headers["location"]) == (303, "/_control"), action

    assert f'action="/_control/{forms[0][0]}"' in page
    assert all(f"/_control/{action}" in page for action, _ in forms[:7])
    assert "USD 0.79" in (await world.browser.get("/_control")).text


# not ours


async def test_event_of_another_account_or_mode_is_told_and_leaves_nothing(world: StripeWorld) -> None:
    assert await control(world, "stray-event", account="acct_1Somebody0000else") == 200
    assert await control(world, "stray-event", livemode=True) == 200
    await world.sandbox.deliver_due()

    other, live = world.hooks.taken
    assert (other["account"], other["livemode"]) == ("acct_1Somebody0000else", False)
    assert ("account" in live, live["livemode"], live["data"]["object"]["livemode"]) == (False, True, True)
    assert world.sandbox.objects("charge") == []
