"""Payouts in the sandbox: what is in them, when they arrive, and how they fail."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import stripe

from stripe_in_process import HOOK, SECRET, StripeWorld
from supporters.kit.clock import FixedClock
from supporters.sandbox.config import SandboxConfig
from supporters.sandbox.sandbox import Sandbox

DAY = timedelta(days=1)
NET = 2500 - 58
ASKED = {"amount": 2500, "currency": "gbp", "confirm": True, "return_url": "https://a.example/back"}


@pytest.fixture
async def daily(clock: FixedClock) -> AsyncIterator[StripeWorld]:
    """A world that pays out every day."""
    made = StripeWorld(clock, payout_interval="daily")
    yield made
    await made.close()
    made.app.assert_clean()


async def charged(world: StripeWorld, card: str = "visa", **more: Any) -> str:
    """A charge that has reached the balance."""
    params = {**ASKED, "payment_method": f"pm_card_{card}", **more}
    intent = await world.stripe.v1.payment_intents.create_async(params)
    await world.sandbox.settle_now()
    return intent.latest_charge


async def lines_of(world: StripeWorld, payout: Any) -> list[Any]:
    """The lines that Stripe says are in the payout, but for its own."""
    found = await world.stripe.v1.balance_transactions.list_async(
        {"payout": payout.id, "limit": 100, "expand": ["data.source"]}
    )
    return [line async for line in found.auto_paging_iter() if line.id != payout.balance_transaction]


async def control(world: StripeWorld, action: str, **told: Any) -> int:
    return (await world.browser.post(f"/_control/{action}", json=told)).status_code


async def test_daily_payout_names_every_line_once_and_sums_to_its_amount(daily: StripeWorld) -> None:
    first, second = await charged(daily), await charged(daily)
    await daily.stripe.v1.refunds.create_async({"charge": second, "amount": 1000})
    await daily.sandbox.advance(DAY / 2)
    third = await charged(daily)

    await daily.sandbox.advance(8 * DAY)

    payouts = (await daily.stripe.v1.payouts.list_async({"status": "paid"})).data
    contents = [await lines_of(daily, payout) for payout in payouts]
    assert [sum(line.net for line in lines) for lines in contents] == [payout.amount for payout in payouts]
    assert sorted(line.source.id for lines in contents for line in lines if line.type == "charge") == sorted(
        [first, second, third]
    )
    assert sum(payout.amount for payout in payouts) == 3 * NET - 1000
    assert all(payout.automatic and payout.reconciliation_status == "completed" for payout in payouts)
    assert daily.sandbox.balance_minor() == 0


async def test_payout_is_told_from_its_making_to_its_reconciliation(daily: StripeWorld) -> None:
    await charged(daily, "bypassPending")
    await daily.sandbox.advance(4 * DAY)
    await daily.sandbox.deliver_due()

    events = [one for one in daily.sandbox.events() if one["type"].startswith(("payout", "balance"))]
    [payout] = (await daily.stripe.v1.payouts.list_async({})).data

    assert [one["type"] for one in events] == [
        "balance.available",
        "payout.created",
        "balance.available",
        "payout.updated",
        "payout.reconciliation_completed",
        "payout.paid",
    ]
    moments = [one["created"] for one in events]
    assert moments[1] % 86_400 == 0
    assert moments == sorted(moments)
    assert moments[-1] == payout.arrival_date == payout.created + 2 * 86_400
    assert payout.trace_id.status == "supported"


@pytest.mark.parametrize("after", [DAY, 5 * DAY])
async def test_payout_that_fails_even_after_it_was_paid_is_paid_again(daily: StripeWorld, after: timedelta) -> None:
    await charged(daily, "bypassPending")
    await daily.sandbox.advance(after)
    [payout] = (await daily.stripe.v1.payouts.list_async({})).data
    assert payout.status == ("paid" if after > 2 * DAY else "in_transit")

    await control(daily, "fail-payout", payout=payout.id, code="account_frozen")
    failed = await daily.stripe.v1.payouts.retrieve_async(payout.id, {"expand": ["failure_balance_transaction"]})
    back = daily.sandbox.balance_minor()
    await daily.sandbox.advance(2 * DAY)
    await daily.sandbox.deliver_due()

    assert "payout.failed" in daily.hooks.types
    line = failed.failure_balance_transaction
    assert (failed.status, failed.failure_code, back) == ("failed", "account_frozen", NET)
    assert (line.type, line.reporting_category, line.amount) == ("payout_failure", "payout_reversal", NET)
    again = (await daily.stripe.v1.payouts.list_async({})).data[0]
    assert (again.amount, [one.id for one in await lines_of(daily, again)]) == (NET, [line.id])
    assert daily.sandbox.balance_minor() == 0


async def test_negative_balance_is_called_in_from_the_bank(daily: StripeWorld) -> None:
    charge = await charged(daily, "bypassPending")
    await daily.sandbox.advance(DAY)
    await daily.stripe.v1.refunds.create_async({"charge": charge})

    await daily.sandbox.advance(DAY)

    payout = (await daily.stripe.v1.payouts.list_async({})).data[0]
    assert (payout.amount, daily.sandbox.balance_minor()) == (-2500, 0)
    assert [line.type for line in await lines_of(daily, payout)] == ["refund"]


async def test_each_currency_is_paid_out_by_itself(daily: StripeWorld) -> None:
    await charged(daily, "bypassPending")
    await charged(daily, "bypassPending", currency="eur", amount=1000)

    await daily.sandbox.advance(DAY)

    payouts = (await daily.stripe.v1.payouts.list_async({})).data
    assert {(payout.currency, payout.amount) for payout in payouts} == {("gbp", NET), ("eur", 960)}


async def test_payout_by_hand_takes_no_more_than_is_there_and_can_be_called_back(world: StripeWorld) -> None:
    payouts = world.stripe.v1.payouts
    await charged(world, "bypassPending")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await payouts.create_async({"amount": NET + 1, "currency": "gbp"})
    made = await payouts.create_async({"amount": 1000, "currency": "gbp", "metadata": {"a": "b"}})
    left = world.sandbox.balance_minor()

    gone = await payouts.cancel_async(made.id)
    await world.sandbox.deliver_due()

    assert "payout.canceled" in world.hooks.types
    assert (refused.value.code, refused.value.param) == ("balance_insufficient", "amount")
    assert (made.automatic, made.reconciliation_status, made.metadata["a"]) == (False, "not_applicable", "b")
    assert (left, gone.status, world.sandbox.balance_minor()) == (NET - 1000, "canceled", NET)
    assert (await world.stripe.v1.balance_transactions.list_async({"payout": made.id})).data == []


async def test_nothing_is_paid_out_unless_asked_where_payouts_are_by_hand(world: StripeWorld) -> None:
    await charged(world, "bypassPending")
    await world.sandbox.advance(10 * DAY)
    assert world.sandbox.objects("payout") == []

    assert await control(world, "run-payout") == 200
    assert await control(world, "run-payout") == 200

    assert [payout["amount"] for payout in world.sandbox.objects("payout")] == [NET]


async def test_interval_is_changed_by_a_control_and_survives_a_restart(tmp_path: Any, clock: FixedClock) -> None:
    world = StripeWorld(clock, database_path=tmp_path / "stripe.sqlite")
    await charged(world, "bypassPending")
    await control(world, "payout-interval", interval="daily")
    assert await control(world, "payout-interval", interval="hourly") == 400
    await world.close()

    again = Sandbox(
        SandboxConfig(database_path=tmp_path / "stripe.sqlite", clock=clock, webhook_url=HOOK, webhook_secret=SECRET)
    )
    await again.advance(3 * DAY)

    assert [payout["amount"] for payout in again.objects("payout")] == [NET]
    await again.close()


async def test_a_month_of_gifts_refunds_disputes_and_failures_agrees_with_its_payouts(daily: StripeWorld) -> None:
    daily.sandbox.hold()
    for number in range(40):
        session = await daily.donate(1000 + number)
        outcome = "pay" if number % 5 == 0 else "dispute" if number % 9 == 4 else "debit" if number % 7 == 3 else "pay"
        await daily.sandbox.pay(session.id, outcome)
        if number % 5 == 0:
            charge = (await daily.stripe.v1.charges.list_async({"limit": 1})).data[0]
            await daily.stripe.v1.refunds.create_async({"charge": charge.id, "amount": 300})
        await daily.sandbox.advance(DAY * 0.7)
        paid = [one for one in daily.sandbox.objects("payout") if one["status"] == "paid"]
        if number % 13 == 7 and paid:
            await control(daily, "fail-payout", payout=paid[-1]["id"])

    await daily.sandbox.advance(20 * DAY)

    everything = daily.sandbox.objects("balance_transaction")
    payouts = await daily.stripe.v1.payouts.list_async({"limit": 100})
    seen: list[str] = []
    for payout in payouts.data:
        lines = await lines_of(daily, payout)
        assert sum(line.net for line in lines) == payout.amount
        seen.extend(line.id for line in lines)
    assert len(seen) == len(set(seen)) == len(everything) - len(payouts.data)
    assert daily.sandbox.balance_minor() == sum(line["net"] for line in everything) == 0
