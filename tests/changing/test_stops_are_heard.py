"""A stop is carried out however late it is, is kept waiting by nothing, and where Stripe refuses it a person knows."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from changing.conftest import Giver
from supporters.jobs.models import Job
from supporters.jobs.queue import BURY_AFTER
from supporters.kit.errors import Conflict
from supporters.payments import translate_plans
from supporters.payments.gateway import GatewayRefused, GatewayUnavailable
from supporters.plans.change import request_change
from supporters.plans.models import Actor, ChangeKind, ChangeState, PlanChange, PlanState
from whole import Whole, words

SUBSCRIPTIONS = "/v1/subscriptions"


async def ask(giver: Giver, kind: ChangeKind, **wanted: Any) -> str:
    """The wish is on record, by the verb itself."""
    site, now = giver.site, giver.site.clock.now()
    async with site.db.unit_of_work() as session:
        return await request_change(
            session,
            giver.plan_id,
            kind=kind,
            wanted=wanted,
            actor=Actor.SUPPORTER,
            actor_id=None,
            ids=site.ids,
            now=now,
        )


async def one(giver: Giver, change_id: str) -> PlanChange:
    return next(row for row in await giver.rows(PlanChange) if row.id == change_id)


async def run_jobs(giver: Giver, times: int, **pause: float) -> None:
    for _ in range(times):
        giver.site.clock.advance(timedelta(**pause))
        await giver.site.worker.run_jobs()


async def at_due(giver: Giver, **more: float) -> None:
    """It is so long after the next payment fell due; Stripe has done its work."""
    due = (await giver.plan()).next_at
    assert due
    giver.site.clock.set(due + timedelta(**more))
    await giver.site.sandbox.tick()


def charges(giver: Giver) -> int:
    return len(giver.site.sandbox.objects("charge"))


async def test_stop_that_waited_for_us_over_a_weekend_is_carried_out(giver: Giver) -> None:
    stop = await ask(giver, ChangeKind.STOP)
    giver.site.clock.advance(timedelta(days=3))

    await giver.site.settle()

    assert (await one(giver, stop)).state == ChangeState.DONE
    assert (await giver.plan()).stops_at
    await giver.pass_time(days=40)
    assert charges(giver) == 1


async def test_stop_that_stripe_did_not_hear_for_a_day_is_sent_again_with_another_key(giver: Giver) -> None:
    stop = await ask(giver, ChangeKind.STOP)
    giver.site.sandbox.fail_next("reply_lost", method="POST", path=SUBSCRIPTIONS)
    await giver.site.worker.run_jobs()
    giver.site.clock.advance(timedelta(hours=24))

    await giver.site.worker.run_jobs()

    change = await one(giver, stop)
    assert (change.state, change.idempotency_key) == (ChangeState.DONE, f"v1:plan:{stop}:2")
    assert (await giver.plan()).stops_at


async def test_stop_that_stripe_answered_with_a_stored_error_is_sent_with_another_key(
    giver: Giver, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = await ask(giver, ChangeKind.STOP)
    plans, keys = giver.site.tools.gateway.plans, list[str]()
    real = plans.stop_at_period_end

    async def kept(*told: Any, idempotency_key: str, **more: Any) -> Any:
        keys.append(idempotency_key)
        if idempotency_key == keys[0]:
            raise GatewayUnavailable("An error, and the same one for this key whenever it comes.", http_status=500)
        return await real(*told, idempotency_key=idempotency_key, **more)

    monkeypatch.setattr(plans, "stop_at_period_end", kept)
    await run_jobs(giver, 2, seconds=6)

    assert keys == [f"v1:plan:{stop}", f"v1:plan:{stop}:2"]
    assert (await one(giver, stop)).state == ChangeState.DONE
    assert (await giver.plan()).stops_at


async def test_change_that_stripe_made_but_answered_with_an_error_is_found_done(giver: Giver) -> None:
    amount = await ask(giver, ChangeKind.AMOUNT, amount_minor=500)
    giver.site.sandbox.fail_next("500", effect="done", method="POST", path=f"{SUBSCRIPTIONS}/")

    await giver.site.worker.run_jobs()

    change = await one(giver, amount)
    assert (change.state, change.idempotency_key) == (ChangeState.DONE, f"v1:plan:{amount}")
    assert (await giver.plan()).amount_minor == 500


async def test_stop_that_stripe_refuses_is_a_task_and_later_money_is_one_too(
    giver: Giver, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = await ask(giver, ChangeKind.STOP)

    async def refused_by_stripe(*_told: object, **_more: object) -> None:
        raise GatewayRefused("No.", code="no_thanks", http_status=400)

    monkeypatch.setattr(giver.site.tools.gateway.plans, "stop_at_period_end", refused_by_stripe)
    await giver.site.worker.run_jobs()
    refused = await one(giver, stop)
    [task] = await giver.tasks()

    await at_due(giver, hours=2)
    await giver.site.settle()

    assert (refused.state, refused.failure) == (ChangeState.FAILED, "no_thanks")
    assert (task.code, task.subject, task.detail["wanted"]) == ("CHANGE_NOT_MADE", stop, "stop")
    assert "this donation goes on for now. We have been told" in words((await giver.get(f"/change/{stop}")).text)
    assert {each.code for each in await giver.tasks()} == {"CHANGE_NOT_MADE", "TAKEN_AFTER_STOP"}


async def test_stop_takes_the_place_of_a_change_that_stripe_has_not_heard_of(giver: Giver) -> None:
    amount = await ask(giver, ChangeKind.AMOUNT, amount_minor=500)
    sent = await giver.send("/stop")
    await giver.site.settle()

    assert sent.status_code == 303
    gave_way = await one(giver, amount)
    plan = await giver.plan()
    assert (gave_way.state, gave_way.failure) == (ChangeState.FAILED, "stop_came")
    assert (bool(plan.stops_at), plan.amount_minor) == (True, 1000)
    assert "stopped before that was done" in words((await giver.get(f"/change/{amount}")).text)
    assert giver.site.mailbag.letters[-1]["subject"] == "Done: your monthly donation is stopped"


async def test_stop_waits_for_the_answer_to_a_change_that_stripe_may_have_heard_and_no_second_one_can(
    giver: Giver,
) -> None:
    giver.site.sandbox.fail_next("reply_lost", method="POST", path=SUBSCRIPTIONS)
    amount = await ask(giver, ChangeKind.AMOUNT, amount_minor=500)
    await giver.site.worker.run_jobs()
    sent = await giver.send("/stop")
    stop = (await giver.last_change()).id
    waits = (await one(giver, stop)).state
    with pytest.raises(Conflict, match="Another change"):
        await ask(giver, ChangeKind.STOP)
    with pytest.raises(Conflict, match="Another change"):
        await ask(giver, ChangeKind.SKIP)

    giver.site.clock.advance(timedelta(seconds=6))
    await giver.site.settle()

    assert (sent.status_code, waits) == (303, ChangeState.WAITING)
    assert (await one(giver, amount)).failure == "stop_came"
    assert (await one(giver, stop)).state == ChangeState.DONE
    assert (await giver.plan()).stops_at


async def test_change_of_what_is_no_plain_promise_any_more_fails_and_keeps_nobody_waiting(
    giver: Giver, monkeypatch: pytest.MonkeyPatch
) -> None:
    amount = await ask(giver, ChangeKind.AMOUNT, amount_minor=500)
    monkeypatch.setattr(translate_plans, "plan_seen", lambda *_told, **_more: None)

    await giver.site.worker.run_jobs()

    assert (await one(giver, amount)).failure == "unreadable"


async def test_change_whose_job_breaks_again_and_again_fails_with_a_task(
    giver: Giver, monkeypatch: pytest.MonkeyPatch
) -> None:
    amount = await ask(giver, ChangeKind.AMOUNT, amount_minor=500)

    def broken(*_told: object, **_more: object) -> None:
        raise RuntimeError("nobody thought of this")

    monkeypatch.setattr(translate_plans, "plan_seen", broken)
    async with giver.site.db.unit_of_work() as session:
        await session.execute(update(Job).where(Job.dedupe == amount).values(attempts=BURY_AFTER - 1))
    await run_jobs(giver, 1, hours=8)

    change = await one(giver, amount)
    [task] = await giver.tasks()
    assert (change.state, change.failure) == (ChangeState.FAILED, "broken")
    assert (task.code, task.detail["why"]) == ("CHANGE_NOT_MADE", "broken")
    page = words((await giver.get(f"/change/{amount}")).text)
    assert "We are looking into it" in page
    assert "may or may not have been done" in page
    await ask(giver, ChangeKind.STOP)


@pytest.mark.parametrize("kind", [ChangeKind.DATE, ChangeKind.SKIP])
async def test_what_comes_after_the_payment_was_begun_is_not_called_done(giver: Giver, kind: ChangeKind) -> None:
    due = (await giver.plan()).next_at
    assert due
    await at_due(giver, minutes=-10)
    moved = {"next_on": (due + timedelta(days=4)).date().isoformat()} if kind is ChangeKind.DATE else {}
    late = await ask(giver, kind, **moved)
    await at_due(giver, hours=3)

    await giver.site.settle()

    change = await one(giver, late)
    assert (change.state, change.failure) == (ChangeState.FAILED, "being_taken")
    assert "was being taken already" in words((await giver.get(f"/change/{late}")).text)
    await giver.pass_time(days=10)
    assert charges(giver) == 2
    assert (await giver.plan()).state == PlanState.ACTIVE


async def test_payment_whose_bill_was_drawn_up_while_it_was_left_out_is_not_taken(
    giver: Giver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await at_due(giver, minutes=-5)
    skip = await ask(giver, ChangeKind.SKIP)
    plans = giver.site.tools.gateway.plans
    hold = plans.hold

    async def slow_hold(*told: Any, **more: Any) -> Any:
        await at_due(giver, minutes=5)
        return await hold(*told, **more)

    monkeypatch.setattr(plans, "hold", slow_hold)

    await giver.site.worker.run_jobs()
    await giver.pass_time(hours=2)

    assert (await one(giver, skip)).state == ChangeState.DONE
    assert charges(giver) == 1


def renewing(giver: Giver, monkeypatch: pytest.MonkeyPatch, call: str, **later: float) -> None:
    """In the moment between the look at Stripe and this call of it, the next payment fell due, so long ago."""
    plans = giver.site.tools.gateway.plans
    as_it_is, is_first = getattr(plans, call), [True]

    async def slowly(*told: Any, **more: Any) -> Any:
        if is_first:
            is_first.clear()
            await at_due(giver, **later)
        return await as_it_is(*told, **more)

    monkeypatch.setattr(plans, call, slowly)


async def test_date_that_meets_the_renewal_takes_one_payment_on_the_new_day(
    giver: Giver, monkeypatch: pytest.MonkeyPatch
) -> None:
    due = (await giver.plan()).next_at
    assert due
    await at_due(giver, minutes=-5)
    move = await ask(giver, ChangeKind.DATE, next_on=(due + timedelta(days=4)).date().isoformat())
    renewing(giver, monkeypatch, "set_next_date", minutes=1)

    await giver.site.worker.run_jobs()
    await giver.pass_time(days=3)
    before = charges(giver)
    await giver.pass_time(days=3)

    assert (await one(giver, move)).state == ChangeState.DONE
    assert (before, charges(giver)) == (1, 2)
    assert await giver.tasks() == []


@pytest.mark.parametrize(("kind", "call"), [(ChangeKind.DATE, "set_next_date"), (ChangeKind.SKIP, "hold")])
@pytest.mark.parametrize("outcome", ["pay", "debit"])
async def test_change_that_meets_a_payment_which_is_taken_is_not_called_done_nor_paid_twice(
    site: Whole, monkeypatch: pytest.MonkeyPatch, outcome: str, kind: ChangeKind, call: str
) -> None:
    giver = await Giver(site).begin(outcome)
    await giver.pass_time(days=8)
    due = (await giver.plan()).next_at
    assert due
    await at_due(giver, minutes=-5)
    moved = {"next_on": (due + timedelta(days=4)).date().isoformat()} if kind is ChangeKind.DATE else {}
    change = await ask(giver, kind, **moved)
    renewing(giver, monkeypatch, call, hours=2)

    await giver.site.worker.run_jobs()
    await giver.pass_time(days=15)
    told = await one(giver, change)
    plan, before = await giver.plan(), charges(giver)
    await giver.pass_time(days=20)

    assert (told.state, told.failure) == (ChangeState.FAILED, "being_taken")
    assert "was being taken already" in words((await giver.get(f"/change/{change}")).text)
    assert (before, charges(giver)) == (2, 3)
    assert (plan.next_at, plan.paused_until) == (due.replace(month=1, year=due.year + 1), None)


@pytest.mark.parametrize("is_heard", [False, True])
async def test_date_whose_way_back_got_no_answer_is_put_back_once_and_said_honestly(
    giver: Giver, monkeypatch: pytest.MonkeyPatch, is_heard: bool
) -> None:
    due = (await giver.plan()).next_at
    assert due
    await at_due(giver, minutes=-5)
    move = await ask(giver, ChangeKind.DATE, next_on=(due + timedelta(days=4)).date().isoformat())
    renewing(giver, monkeypatch, "set_next_date", hours=2)
    plans = giver.site.tools.gateway.plans
    renewed, calls = plans.set_next_date, list[str]()

    async def lost(*told: Any, idempotency_key: str, **more: Any) -> Any:
        calls.append(idempotency_key)
        if len(calls) == 2 and not is_heard:
            raise GatewayUnavailable("away")
        answer = await renewed(*told, idempotency_key=idempotency_key, **more)
        if len(calls) == 2:
            raise GatewayUnavailable("lost")
        return answer

    monkeypatch.setattr(plans, "set_next_date", lost)

    await giver.site.worker.run_jobs()
    await giver.pass_time(minutes=1)
    await giver.pass_time(days=15)

    assert ((told := await one(giver, move)).state, told.failure) == (ChangeState.FAILED, "being_taken")
    assert [key.removeprefix(calls[0]) for key in calls] == ["", ":back"] + [":back"] * (not is_heard)
    assert charges(giver) == 2
    assert (await giver.plan()).next_at == due.replace(month=1, year=due.year + 1)


async def test_card_given_on_a_page_that_was_open_for_a_day_counts(giver: Giver) -> None:
    opened = await giver.send("/payment")
    giver.site.clock.advance(timedelta(hours=23, minutes=30))

    await giver.site.pay(opened)
    await giver.site.settle()

    assert (await giver.last_change()).state == ChangeState.DONE


async def test_new_amount_is_a_price_of_a_product_of_our_own(giver: Giver) -> None:
    old = giver.site.sandbox.objects("subscription")[0]["items"]["data"][0]["price"]["product"]

    await giver.change("/amount", amount="5")

    new = giver.site.sandbox.objects("subscription")[0]["items"]["data"][0]["price"]["product"]
    names = {each["id"]: (each["name"], each["active"]) for each in giver.site.sandbox.objects("product")}
    assert new != old
    assert names[new] == (f"Donation to {giver.site.settings.publisher_name}", True)
