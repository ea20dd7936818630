"""Webhooks, the list of events, and the sweep over Stripe's objects: each alone leads to the same books."""

from datetime import timedelta

import pytest

from payments.conftest import Journey
from supporters.donations.models import DonationState
from supporters.jobs.models import Job
from supporters.jobs.work import Work
from supporters.payments import marks
from supporters.payments.gateway import GatewayUnavailable
from supporters.payments.models import BalanceTransaction, InboxEvent, Owner, Ownership, SyncMark
from supporters.payments.sweep import settle_payments, sweep_deeply
from supporters.reconciliation.jobs import pull_and_post

HOUR = timedelta(hours=1)


async def _three_donations_and_a_shop(journey: Journey) -> list[str]:
    """One is paid, one abandoned, one refused first and then paid; a shop sells something on the same account."""
    (paid, paid_page), (abandoned, _page), (second_try, second_page) = [
        await journey.open_page(amount) for amount in (500, 1000, 2500)
    ]
    sandbox = journey.world.sandbox
    await sandbox.pay(paid_page)
    await sandbox.pay(second_page, "declined")
    await sandbox.pay(second_page)
    await sandbox.pay((await journey.world.donate(9900)).id)
    await journey.settle()
    journey.clock.advance(HOUR)
    await sandbox.tick()
    return [paid, abandoned, second_try]


async def _assert_states(journey: Journey, donations: list[str]) -> None:
    states = [(await journey.donation(one)).state for one in donations]
    assert states == [DonationState.PAID, DonationState.EXPIRED, DonationState.PAID]
    books = await journey.books()
    assert [row[1:] for row in books["receipts"]] != []
    assert sorted(row[2] for row in books["receipts"]) == [500, 2500]
    assert [row[0] for row in books["letters"]] == ["receipt", "receipt"]
    assert books["discrepancies"] == []


async def test_webhooks_alone(journey: Journey) -> None:
    donations = await _three_donations_and_a_shop(journey)

    await journey.bring_webhooks()
    await journey.apply()

    await _assert_states(journey, donations)


async def test_list_of_events_alone(journey: Journey) -> None:
    donations = await _three_donations_and_a_shop(journey)

    missed = await journey.catch_up()
    await journey.apply()

    assert missed > 0
    await _assert_states(journey, donations)
    assert {row.via for row in await journey.rows(InboxEvent)} == {"catchup"}


async def test_sweep_alone(journey: Journey) -> None:
    donations = await _three_donations_and_a_shop(journey)

    await journey.sweep()
    journey.clock.advance(timedelta(minutes=5))
    await journey.sweep()

    await _assert_states(journey, donations)
    assert await journey.rows(InboxEvent) == []


async def test_sweep_claims_payments_that_only_the_balance_has_told_of(journey: Journey) -> None:
    """As when the database was restored from a backup made between the form and the payment."""
    donation, page = await journey.open_page(500)
    shop = await journey.world.donate(9900)
    await journey.world.sandbox.pay(page)
    await journey.world.sandbox.pay(shop.id)
    await journey.settle()
    await sweep_deeply(journey.db, journey.gateway, clock=journey.clock, ids=journey.ids)
    assert {row.owner for row in await journey.rows(Ownership)} == {Owner.UNKNOWN}

    journey.clock.advance(timedelta(minutes=3))
    await settle_payments(journey.db, journey.gateway, journey.context, clock=journey.clock)

    assert (await journey.donation(donation)).state == DonationState.PAID
    assert sorted(row.owner for row in await journey.rows(Ownership)) == [Owner.NOT_OURS, Owner.OURS]


async def test_all_layers_together_and_twice_change_nothing_more(journey: Journey) -> None:
    donations = await _three_donations_and_a_shop(journey)
    await journey.bring_webhooks()
    await journey.apply()
    before = await journey.books()

    for _round in range(2):
        assert await journey.catch_up() == 0
        await journey.apply()
        await journey.sweep()
        journey.clock.advance(HOUR)

    await _assert_states(journey, donations)
    assert await journey.books() == before


async def test_payment_waiting_for_longer_than_two_minutes_is_asked_about(journey: Journey) -> None:
    donation, page = await journey.open_page()
    await journey.world.sandbox.pay(page, "declined")
    await journey.bring_webhooks()
    await journey.apply()
    assert (await journey.states())["waiting"] == 1

    await journey.sweep()
    assert (await journey.states())["waiting"] == 1
    journey.clock.advance(timedelta(minutes=3))
    await journey.sweep()
    await journey.apply()

    assert "waiting" not in await journey.states()
    assert (await journey.donation(donation)).failure_code == "generic_decline"
    assert (await journey.donation(donation)).state == DonationState.STARTED


async def test_shop_payment_that_waits_is_let_go_without_its_payload(journey: Journey) -> None:
    shop = await journey.world.donate(9900)
    await journey.world.sandbox.pay(shop.id)
    await journey.bring_webhooks(only=["charge.succeeded"])
    await journey.apply()
    journey.clock.advance(timedelta(minutes=3))

    await journey.sweep()
    await journey.apply()

    [event] = await journey.rows(InboxEvent)
    assert (event.state, event.payload) == ("not_ours", None)


async def test_stripe_down_moves_no_mark_and_the_next_run_finds_all(journey: Journey) -> None:
    donations = await _three_donations_and_a_shop(journey)
    journey.world.sandbox.fail_next("500", count=3)

    with pytest.raises(GatewayUnavailable):
        await journey.catch_up()
    with pytest.raises(GatewayUnavailable):
        await sweep_deeply(journey.db, journey.gateway, clock=journey.clock, ids=journey.ids)
    assert await journey.rows(SyncMark) == []

    journey.world.sandbox.clear_faults()
    await journey.catch_up()
    await journey.apply()
    await sweep_deeply(journey.db, journey.gateway, clock=journey.clock, ids=journey.ids)

    await _assert_states(journey, donations)
    assert sorted(row.name for row in await journey.rows(SyncMark)) == [marks.BALANCE_DEEP, marks.EVENTS]
    assert sorted(row.gross_minor for row in await journey.rows(BalanceTransaction)) == [500, 2500, 9900]


async def test_mirror_of_many_pages_equals_stripes_own_balance(journey: Journey) -> None:
    for number in range(120):
        made = await journey.world.donate(300 + number)
        await journey.world.sandbox.pay(made.id)
    await journey.settle()

    work = Work(journey.db, journey.clock, journey.ids, Job(id="none", kind="balance.pull"))
    work.is_finished = True
    await pull_and_post(work, {}, gateway=journey.gateway, time_zone="Europe/London")

    lines = await journey.rows(BalanceTransaction)
    assert len(lines) == 120
    assert {"GBP": sum(line.net_minor for line in lines)} == await journey.gateway.balance()
