"""Payouts that arrive at once, are called back, or leave a least balance behind; and lists of many lines by time."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import stripe

from stripe_in_process import StripeWorld
from supporters.kit.clock import FixedClock

DAY = timedelta(days=1)
ASKED = {"amount": 10_000, "currency": "gbp", "confirm": True, "return_url": "https://a.example/back"}
NET = 10_000 - 170


@pytest.fixture
async def daily(clock: FixedClock) -> AsyncIterator[StripeWorld]:
    """A world that pays out every day."""
    made = StripeWorld(clock, payout_interval="daily")
    yield made
    await made.close()
    made.app.assert_clean()


async def control(world: StripeWorld, action: str, **told: Any) -> int:
    return (await world.browser.post(f"/_control/{action}", json=told)).status_code


async def charged(world: StripeWorld, card: str = "bypassPending") -> str:
    """A charge that has reached the balance, available at once if not told."""
    params = {**ASKED, "payment_method": f"pm_card_{card}"}
    intent = await world.stripe.v1.payment_intents.create_async(params)
    await world.sandbox.settle_now()
    return intent.latest_charge


async def own_line(world: StripeWorld, payout: Any) -> Any:
    return await world.stripe.v1.balance_transactions.retrieve_async(payout.balance_transaction)


async def test_payout_at_once_costs_a_fee_in_its_own_line_and_takes_pending_money(world: StripeWorld) -> None:
    await charged(world, "visa")
    payouts = world.stripe.v1.payouts
    with pytest.raises(stripe.InvalidRequestError, match="insufficient funds"):
        await payouts.create_async({"amount": 5000, "currency": "gbp"})
    with pytest.raises(stripe.InvalidRequestError, match="insufficient funds"):
        await payouts.create_async({"amount": NET, "currency": "gbp", "method": "instant"})

    made = await payouts.create_async({"amount": 5000, "currency": "gbp", "method": "instant"})
    await world.sandbox.advance(timedelta(minutes=1))

    line = await own_line(world, made)
    paid = await payouts.retrieve_async(made.id)
    assert (made.method, made.automatic, made.reconciliation_status) == ("instant", False, "not_applicable")
    assert (line.amount, line.fee, line.net, line.fee_details[0].type) == (-5000, 50, -5050, "stripe_fee")
    assert (paid.status, paid.arrival_date) == ("paid", made.created - made.created % 86_400)
    balance = await world.stripe.v1.balance.retrieve_async()
    assert [balance[part][0].amount for part in ("available", "pending", "instant_available")] == [
        -5050,
        NET,
        NET - 5050,
    ]


async def test_paid_payout_is_called_back_once_by_a_payout_of_its_own(world: StripeWorld) -> None:
    await charged(world)
    payouts = world.stripe.v1.payouts
    made = await payouts.create_async({"amount": 3000, "currency": "gbp"})
    with pytest.raises(stripe.InvalidRequestError, match="only a payout that was paid"):
        await payouts.reverse_async(made.id)
    await world.sandbox.advance(3 * DAY)

    back = await payouts.reverse_async(made.id, {"metadata": {"why": "wrong account"}})

    assert (back.amount, back.original_payout, back.metadata["why"]) == (-3000, made.id, "wrong account")
    assert (await payouts.retrieve_async(made.id)).reversed_by == back.id
    assert (await own_line(world, back)).net == 3000
    assert world.sandbox.balance_minor() == NET
    for payout in (made, back):
        with pytest.raises(stripe.InvalidRequestError):
            await payouts.reverse_async(payout.id)


async def test_least_balance_is_held_back_from_each_payout_and_free_for_the_next(daily: StripeWorld) -> None:
    assert await control(daily, "least-balance", amount=2000) == 200
    await charged(daily)
    await daily.sandbox.advance(DAY)
    await daily.sandbox.advance(DAY)
    await charged(daily)

    await daily.sandbox.advance(DAY)

    payouts = (await daily.stripe.v1.payouts.list_async({})).data
    assert [payout.amount for payout in payouts] == [NET, NET - 2000]
    for payout in payouts:
        found = (await daily.stripe.v1.balance_transactions.list_async({"payout": payout.id})).data
        assert sum(line.net for line in found) == 0
        assert "payout_minimum_balance_hold" in {line.type for line in found}
    assert daily.sandbox.balance_minor() == 2000
    assert (await daily.stripe.v1.balance.retrieve_async()).available[0].amount == 2000
    assert await control(daily, "least-balance", amount=0) == 200
    await daily.sandbox.advance(DAY)
    assert daily.sandbox.balance_minor() == 0


async def test_balance_with_less_than_the_least_stays_where_it_is(daily: StripeWorld) -> None:
    await control(daily, "least-balance", amount=50_000)
    await charged(daily)

    await daily.sandbox.advance(3 * DAY)

    assert (daily.sandbox.objects("payout"), daily.sandbox.balance_minor()) == ([], NET)
    assert len(daily.sandbox.objects("balance_transaction")) == 1


# lists by time


async def test_window_of_time_is_listed_whole_in_both_directions(world: StripeWorld) -> None:
    await control(world, "fill", lines=500, days=40)
    listing = world.stripe.v1.balance_transactions.list_async
    everything = sorted(world.sandbox.objects("balance_transaction"), key=lambda line: line["created"])
    first, last = everything[120]["created"], everything[380]["created"]
    wanted = {line["id"] for line in everything if first <= line["created"] < last}

    down = [line async for line in (await listing({"created": {"gte": first, "lt": last}})).auto_paging_iter()]
    oldest = down[-1].id
    up = await listing({"created": {"gte": first, "lt": last}, "ending_before": oldest, "limit": 100})

    assert len(down) == len(wanted)
    assert {line.id for line in down} == wanted
    assert [line.created for line in down] == sorted((line.created for line in down), reverse=True)
    assert [line.id for line in up.data] == [line.id for line in down[-101:-1]]
