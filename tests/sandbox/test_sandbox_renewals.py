"""Plans in time: renewals, failures and the tries after them, pauses, endings, month ends, by the sandbox's clock."""

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from planning import begun, day, later, types
from stripe_in_process import StripeWorld
from supporters.sandbox import clockwork
from supporters.sandbox.periods import next_boundary

RENEWED = [
    "invoice.upcoming",
    "invoice.created",
    "customer.subscription.updated",
    "invoice.finalized",
    "payment_intent.created",
    "charge.succeeded",
    "payment_intent.succeeded",
    "invoice.updated",
    "invoice.paid",
    "invoice.payment_succeeded",
    "invoice_payment.paid",
    "charge.updated",
]


async def failing(world: StripeWorld, card: str = "pm_card_chargeCustomerFail") -> Any:
    """A plan whose card will be refused from now on."""
    plan = await begun(world)
    method = await world.stripe.v1.payment_methods.attach_async(card, {"customer": plan.customer})
    return await world.stripe.v1.subscriptions.update_async(plan.id, {"default_payment_method": method.id})


async def test_renewal_is_announced_drafted_and_paid_an_hour_later(world: StripeWorld) -> None:
    plan = await begun(world)
    await later(world, seconds=1)
    end = plan["items"].data[0].current_period_end

    events = await later(world, days=32)

    assert types(events) == RENEWED
    at = {event["type"]: event["created"] - end for event in events}
    assert (at["invoice.upcoming"], at["invoice.created"], at["invoice.finalized"]) == (-7 * 86_400, 0, 3600)
    assert at["charge.updated"] == 3601
    draft = next(event["data"]["object"] for event in events if event["type"] == "invoice.created")
    assert (draft["status"], draft["billing_reason"], draft["automatically_finalizes_at"]) == (
        "draft",
        "subscription_cycle",
        end + 3600,
    )
    assert (draft["period_end"], draft["lines"]["data"][0]["period"]["start"]) == (end, end)
    moved = next(event["data"] for event in events if event["type"] == "customer.subscription.updated")
    assert moved["previous_attributes"]["items"]["data"][0]["current_period_end"] == end
    assert moved["object"]["items"]["data"][0]["current_period_start"] == end


async def test_a_year_in_one_step_gives_each_thing_its_own_moment_in_order(world: StripeWorld) -> None:
    await begun(world)
    await begun(world)

    await world.sandbox.advance(timedelta(days=366))

    events = world.sandbox.events()
    assert all(one["created"] <= two["created"] for one, two in pairwise(events))
    invoices = world.sandbox.objects("invoice")
    assert Counter(one["billing_reason"] for one in invoices) == {"subscription_create": 2, "subscription_cycle": 24}
    assert {one["status"] for one in invoices} == {"paid"}
    assert world.sandbox.balance_minor() == 26 * (1000 - 35)
    assert sorted(one["number"][-4:] for one in invoices)[-1] == "0013"


@pytest.mark.parametrize(
    ("start", "recurring", "days"),
    [
        ("2026-12-31", {"interval": "month"}, ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"]),
        ("2027-11-30", {"interval": "month"}, ["2027-12-30", "2028-01-30", "2028-02-29", "2028-03-30"]),
        ("2028-02-29", {"interval": "year"}, ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]),
        ("2026-12-31", {"interval": "month", "interval_count": 3}, ["2027-03-31", "2027-06-30", "2027-09-30"]),
        ("2026-12-30", {"interval": "week"}, ["2027-01-06", "2027-01-13"]),
    ],
)
def test_month_ends_and_leap_days_come_back_to_their_day(start: str, recurring: Any, days: list[str]) -> None:

    anchor = at = int(datetime.fromisoformat(f"{start}T09:00+00:00").timestamp())
    told = {"interval_count": 1, **recurring}
    found: list[str] = []
    for _ in days:
        at = next_boundary(anchor, told, at)
        found.append(day(at))

    assert found == [f"{one} 09:00" for one in days]
    assert next_boundary(anchor + 5, told, anchor) == anchor + 5


async def test_failed_renewal_is_tried_four_times_then_the_plan_ends(world: StripeWorld) -> None:
    plan = await failing(world)
    end = plan["items"].data[0].current_period_end

    events = await later(world, days=55)

    failed = [event for event in events if event["type"] == "invoice.payment_failed"]
    hour = end + 3600
    assert [(event["created"] - hour) // 86_400 for event in failed] == [0, 3, 10, 20]
    told = [
        (event["data"]["object"]["attempt_count"], event["data"]["object"]["next_payment_attempt"]) for event in failed
    ]
    assert told == [(1, hour + 3 * 86_400), (2, hour + 10 * 86_400), (3, hour + 20 * 86_400), (4, None)]
    assert len({event["data"]["object"]["id"] for event in failed}) == 1
    assert types(events)[-4:] == [
        "invoice.updated",
        "customer.subscription.deleted",
        "invoice.updated",
        "invoice.marked_uncollectible",
    ]
    after = await world.stripe.v1.subscriptions.retrieve_async(plan.id)
    assert (after.status, after.cancellation_details.reason, after.ended_at) == (
        "canceled",
        "payment_failed",
        hour + 20 * 86_400,
    )
    assert await later(world, days=60) == []


async def test_new_card_in_time_puts_a_failed_plan_right(world: StripeWorld) -> None:
    plan = await failing(world)
    await later(world, days=32)
    method = await world.stripe.v1.payment_methods.attach_async("pm_card_visa", {"customer": plan.customer})
    overdue = await world.stripe.v1.subscriptions.update_async(plan.id, {"default_payment_method": method.id})
    assert overdue.status == "past_due"

    events = await later(world, days=3)

    assert {"invoice.paid", "customer.subscription.updated"} <= set(types(events))
    after = await world.stripe.v1.subscriptions.retrieve_async(plan.id, {"expand": ["latest_invoice"]})
    assert (after.status, after.latest_invoice.status, after.latest_invoice.attempt_count) == ("active", "paid", 2)
    assert after.latest_invoice.next_payment_attempt is None


async def test_invoice_page_takes_the_payment_and_a_refusal_there_moves_no_try(world: StripeWorld) -> None:
    plan = await failing(world)
    await later(world, days=32)
    invoice = (await world.stripe.v1.invoices.list_async({"subscription": plan.id, "status": "open"})).data[0]
    page = invoice.hosted_invoice_url

    refused = await world.browser.post(page, data={"outcome": "declined"})
    between = await world.stripe.v1.invoices.retrieve_async(invoice.id)
    asked = await world.browser.post(page, data={"outcome": "challenge"})
    await world.browser.post(asked.headers["location"], data={"answer": "complete"})

    assert refused.status_code == 402
    assert (between.attempt_count, between.next_payment_attempt) == (1, invoice.next_payment_attempt)
    assert "is paid" in (await world.browser.get(page)).text
    assert (await world.browser.post(page, data={"outcome": "pay"})).status_code == 409
    assert (await world.stripe.v1.subscriptions.retrieve_async(plan.id)).status == "active"


async def test_renewal_whose_bank_asks_for_proof_says_so(world: StripeWorld) -> None:
    plan = await failing(world, "pm_card_authenticationRequired")

    events = await later(world, days=32)

    assert {"payment_intent.requires_action", "invoice.payment_action_required", "invoice.payment_failed"} <= set(
        types(events)
    )
    assert (await world.stripe.v1.subscriptions.retrieve_async(plan.id)).status == "past_due"


async def test_paused_plan_stays_active_and_voids_its_invoices_until_it_resumes(world: StripeWorld) -> None:
    plan = await begun(world)
    resumes = plan["items"].data[0].current_period_end + 86_400
    pause = {"behavior": "void", "resumes_at": resumes}
    paused = await world.stripe.v1.subscriptions.update_async(plan.id, {"pause_collection": pause})
    assert (paused.status, paused.pause_collection.resumes_at) == ("active", resumes)

    events = await later(world, days=33)

    assert [kind for kind in types(events) if kind.startswith("invoice.") and kind != "invoice.updated"] == [
        "invoice.upcoming",
        "invoice.created",
        "invoice.finalized",
        "invoice.voided",
    ]
    resumed = [event for event in events if event["created"] == resumes]
    assert types(resumed) == ["customer.subscription.updated"]
    assert resumed[0]["data"]["previous_attributes"] == {"pause_collection": pause}
    assert len(world.sandbox.objects("charge")) == 1
    assert "charge.succeeded" in types(await later(world, days=30))


async def test_plan_ends_with_its_period_when_asked_and_goes_on_when_taken_back(world: StripeWorld) -> None:
    stays, goes = await begun(world), await begun(world)
    for plan in (stays, goes):
        details = {"comment": "moving away", "feedback": "other"}
        asked = {"cancel_at_period_end": True, "cancellation_details": details}
        leaving = await world.stripe.v1.subscriptions.update_async(plan.id, asked)
        assert (leaving.status, leaving.cancel_at) == ("active", plan["items"].data[0].current_period_end)
        assert leaving.cancellation_details.reason == "cancellation_requested"
    kept = await world.stripe.v1.subscriptions.update_async(stays.id, {"cancel_at_period_end": False})
    assert (kept.cancel_at, kept.canceled_at) == (None, None)

    events = await later(world, days=32)

    ended = [event["data"]["object"] for event in events if event["type"] == "customer.subscription.deleted"]
    assert [(one["id"], one["cancellation_details"]["comment"]) for one in ended] == [(goes.id, "moving away")]
    assert Counter(types(events))["invoice.paid"] == 1
    assert len([one for one in events if one["type"] == "invoice.upcoming"]) == 1


async def test_plan_stopped_in_a_drafts_hour_takes_nothing_more(world: StripeWorld) -> None:
    plan = await begun(world)
    await world.sandbox.advance(timedelta(seconds=plan["items"].data[0].current_period_end - plan.created + 60))

    stopped = await world.stripe.v1.subscriptions.cancel_async(plan.id, {"cancellation_details": {"comment": "enough"}})
    await later(world, days=40)

    assert (stopped.status, stopped.cancellation_details.comment) == ("canceled", "enough")
    assert [one["status"] for one in world.sandbox.objects("invoice")] == ["paid", "draft"]
    assert len(world.sandbox.objects("charge")) == 1


async def test_time_goes_on_where_it_stood_when_a_step_breaks(world: StripeWorld, monkeypatch: Any) -> None:

    await begun(world)
    count = 0

    def breaks(_world: Any, _due: Any) -> None:
        nonlocal count
        count += 1
        raise RuntimeError("pulled the plug")

    with monkeypatch.context() as patch:
        patch.setitem(clockwork.TASKS, "finalize", breaks)
        with pytest.raises(RuntimeError):
            await world.sandbox.advance(timedelta(days=32))
    assert count == 1

    await world.sandbox.advance(timedelta(days=32))

    assert [one["status"] for one in world.sandbox.objects("invoice")] == ["paid", "paid"]
    assert len({event["id"] for event in world.sandbox.events("invoice.created")}) == 2
