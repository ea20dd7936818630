"""A past made all at once, who may look at it, and how often."""

from datetime import timedelta
from typing import Any

import pytest
import stripe

from stripe_in_process import KEY, StripeWorld
from supporters.kit.clock import FixedClock
from supporters.sandbox.fill import charge_id

READER = "rk_test_of_the_books"


async def control(world: StripeWorld, action: str, **told: Any) -> int:
    return (await world.browser.post(f"/_control/{action}", json=told)).status_code


async def test_past_is_paid_out_line_by_line_and_tells_nothing(clock: FixedClock) -> None:
    world = StripeWorld(clock, payout_interval="daily")
    assert await control(world, "fill", lines=1500, days=60, seed=7) == 200
    assert world.sandbox.events() == []

    await world.sandbox.advance(timedelta(days=8))

    lines = world.sandbox.objects("balance_transaction")
    kinds = {line["reporting_category"] for line in lines}
    assert {"charge", "refund", "dispute", "fee", "tax", "payout"} <= kinds
    payouts = (await world.stripe.v1.payouts.list_async({"limit": 100})).data
    seen: set[str] = set()
    for payout in payouts[::10]:
        found = await world.stripe.v1.balance_transactions.list_async(
            {"payout": payout.id, "limit": 100, "expand": ["data.source"]}
        )
        inside = [line async for line in found.auto_paging_iter() if line.id != payout.balance_transaction]
        assert sum(line.net for line in inside) == payout.amount
        assert (payout.status, payout.reconciliation_status) == ("paid", "completed")
        assert not seen & {line.id for line in inside}
        seen |= {line.id for line in inside}
    assert sum(line["net"] for line in lines) == 0 == world.sandbox.balance_minor()
    assert (await world.stripe.v1.balance.retrieve_async()).available[0].amount == 0
    first = await world.stripe.v1.charges.retrieve_async(charge_id(7, 0))
    assert first.payment_intent == charge_id(7, 0).replace("ch_", "pi_")
    await world.close()
    world.app.assert_clean()


async def test_same_seed_makes_the_same_past_and_its_charges_can_be_refunded(clock: FixedClock) -> None:
    pasts: list[list[Any]] = []
    for _ in range(2):
        world = StripeWorld(clock)
        await control(world, "fill", lines=200, days=30, seed=3)
        pasts.append(world.sandbox.objects("balance_transaction"))
        await world.stripe.v1.refunds.create_async({"charge": charge_id(3, 190), "amount": 100})
        assert await control(world, "dispute", charge=charge_id(3, 191)) == 200
        assert await control(world, "dispute", charge=charge_id(3, 199)) in (200, 404)
        await world.close()
        world.app.assert_clean()

    assert pasts[0] == pasts[1]


async def test_past_with_rare_things_has_one_of_everything_and_still_agrees(clock: FixedClock) -> None:
    world = StripeWorld(clock, payout_interval="daily")
    assert await control(world, "fill", lines=1800, days=90, rare=True) == 200
    await world.sandbox.advance(timedelta(days=8))

    lines = world.sandbox.objects("balance_transaction")
    for kind in sorted({line["type"] for line in lines}):
        asked: Any = {"type": kind, "limit": 3, "expand": ["data.source"]}
        assert (await world.stripe.v1.balance_transactions.list_async(asked)).data
    assert {line["reporting_category"] for line in lines} >= {
        *("charge", "refund", "refund_failure", "dispute", "dispute_reversal", "charge_failure", "fee", "tax"),
        *("partial_capture_reversal", "payout", "payout_reversal", "topup", "topup_reversal", "contribution"),
        *("risk_reserved_funds", "connect_reserved_funds", "payment_network_reserve_hold", "network_cost"),
        *("payment_network_reserve_release", "payout_minimum_balance_hold", "payout_minimum_balance_release"),
        *("climate_order_purchase", "climate_order_refund", "unreconciled_customer_funds", "other_adjustment"),
        "not_yet_invented",
    }
    assert any(line["exchange_rate"] for line in lines)
    assert all(line["net"] == line["amount"] - line["fee"] for line in lines)
    assert "failed" in {payout["status"] for payout in world.sandbox.objects("payout")}
    sums: dict[str, int] = {}
    for document in world.sandbox.world.store.all("balance_transaction"):
        sums[document["_payout"]] = sums.get(document["_payout"], 0) + document["net"]
    assert set(sums.values()) == {0}
    assert (await world.stripe.v1.balance.retrieve_async()).available[0].amount == 0
    await world.close()
    world.app.assert_clean()


@pytest.mark.parametrize("told", [{"lines": 0}, {"lines": 3_000_000}, {"lines": 5, "days": 0}, {"days": 5}])
async def test_past_that_makes_no_sense_is_refused(world: StripeWorld, told: dict[str, Any]) -> None:
    assert await control(world, "fill", **told) == 400
    assert world.sandbox.objects("balance_transaction") == []


# who may ask, and how often


async def test_restricted_key_reads_what_it_may_and_is_told_what_it_lacks(world: StripeWorld) -> None:
    assert await control(world, "restrict-key", key=READER, read=["/v1/balance_transactions", "/v1/balance"]) == 200
    reader = world.client(READER)

    assert (await reader.v1.balance_transactions.list_async({})).data == []
    assert (await reader.v1.balance.retrieve_async()).object == "balance"
    with pytest.raises(stripe.PermissionError, match="rak_payout_read") as refused:
        await reader.v1.payouts.list_async({})
    with pytest.raises(stripe.PermissionError, match="rak_refund_write"):
        await reader.v1.refunds.create_async({"charge": "ch_1"})
    assert refused.value.error is not None
    assert refused.value.error.code == "more_permissions_required"
    assert READER not in str(refused.value)
    assert await control(world, "restrict-key", key=READER) == 200
    with pytest.raises(stripe.AuthenticationError):
        await reader.v1.balance.retrieve_async()
    assert await control(world, "restrict-key", key=KEY, read=["/v1/balance"]) == 400


async def test_more_requests_than_a_second_takes_are_asked_to_wait(world: StripeWorld) -> None:
    await control(world, "limit-requests", a_second=3)
    answers: list[str] = []
    for _ in range(5):
        try:
            await world.stripe.v1.balance.retrieve_async()
            answers.append("answered")
        except stripe.RateLimitError:
            answers.append(world.http.replies[-1][1]["retry-after"])

    assert answers == ["answered", "answered", "answered", "1", "1"]
    assert await control(world, "limit-requests", a_second=0) == 200
    assert (await world.stripe.v1.balance.retrieve_async()).object == "balance"


async def test_ordered_refusal_says_how_long_to_wait(world: StripeWorld) -> None:
    await control(world, "fail", kind="429", retry_after=7)

    with pytest.raises(stripe.RateLimitError):
        await world.stripe.v1.balance.retrieve_async()

    assert world.http.replies[-1][1]["retry-after"] == "7"
    assert (await world.stripe.v1.balance.retrieve_async()).object == "balance"
