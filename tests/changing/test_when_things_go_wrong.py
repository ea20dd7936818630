"""Stripe away, slow or unwilling; a stop that meets a renewal; payments that failed; the first day's ways back."""

from datetime import timedelta

import pytest

from changing.conftest import Giver
from supporters.donations.models import Refund
from supporters.kit.errors import Conflict
from supporters.payments.wire_plans import PaymentMethod
from supporters.plans.change import request_change
from supporters.plans.models import Actor, ChangeKind, ChangeState, PlanChange, PlanState
from whole import Whole, hidden_fields, words

SUBSCRIPTIONS = "/v1/subscriptions"


async def ask(giver: Giver, kind: ChangeKind, actor: Actor = Actor.SUPPORTER) -> str:
    """The wish is on record, by the verb itself."""
    site = giver.site
    async with site.db.unit_of_work() as session:
        return await request_change(
            session, giver.plan_id, kind=kind, wanted={}, actor=actor, actor_id=None, ids=site.ids, now=site.clock.now()
        )


async def give_card(giver: Giver, card: str) -> None:
    """From now on the plan is paid with this test card, or bank account."""
    gateway, plan, key = giver.site.tools.gateway, await giver.plan(), giver.site.ids.ulid()
    wanted = {"customer": plan.stripe_customer_id}
    name = card if "Debit_" in card else f"card_{card}"
    kept = await gateway.post(f"/v1/payment_methods/pm_{name}/attach", wanted, PaymentMethod, idempotency_key=key)
    subscription_id = plan.stripe_subscription_id or ""
    await gateway.plans.set_method(subscription_id, payment_method_id=kept.id, idempotency_key=f"{key}:set")


async def fail_renewal(giver: Giver) -> None:
    """The next payment was refused by the bank."""
    await give_card(giver, "chargeCustomerFail")
    await giver.pass_time(days=30, hours=2)
    await giver.pass_time(minutes=1)
    assert (await giver.plan()).state == PlanState.FAILING


async def test_a_change_while_stripe_is_away_is_kept_said_honestly_and_done_later(giver: Giver) -> None:
    giver.site.sandbox.fail_next("500", count=3, path=SUBSCRIPTIONS)
    sent = await giver.send("/amount", amount="5")
    await giver.site.worker.drain()

    page = await giver.site.reader.get(sent.headers["location"])

    assert "We are doing it now" in words(page.text)
    assert page.headers["refresh"] == "4"
    assert (await giver.plan()).amount_minor == 1000
    for _ in range(4):
        await giver.pass_time(minutes=1)
    assert (await giver.plan()).amount_minor == 500
    assert "Done" in words((await giver.site.reader.get(sent.headers["location"])).text)


async def test_a_change_while_stripe_hangs_is_kept_and_made_once(giver: Giver) -> None:
    giver.site.sandbox.fail_next("timeout", count=3, seconds=0.02, method="POST", path=SUBSCRIPTIONS)
    sent = await giver.send("/amount", amount="5")
    await giver.site.worker.drain()
    before = words((await giver.site.reader.get(sent.headers["location"])).text)

    for _ in range(4):
        await giver.pass_time(minutes=1)

    assert "We are doing it now" in before
    assert (await giver.last_change()).state == ChangeState.DONE
    assert (await giver.plan()).amount_minor == 500
    assert (await giver.letters()).count("plan_changed") == 1


async def test_a_change_whose_answer_was_lost_is_made_once(giver: Giver) -> None:
    sent = await giver.send("/stop")
    giver.site.sandbox.fail_next("reply_lost", count=1, effect="done", method="POST", path=SUBSCRIPTIONS)
    await giver.site.worker.drain()
    assert (await giver.last_change()).state == ChangeState.REQUESTED

    await giver.pass_time(minutes=1)

    assert sent.status_code == 303
    assert (await giver.last_change()).state == ChangeState.DONE
    assert (await giver.history()).count("asked_to_stop") == 1
    assert (await giver.letters()).count("plan_changed") == 1
    assert (await giver.plan()).stop_reason == "supporter"


async def test_a_change_that_stripe_never_heard_fails_after_a_day_with_a_letter(giver: Giver) -> None:
    await giver.send("/amount", amount="5")
    giver.site.sandbox.fail_next("reply_lost", method="POST", path=SUBSCRIPTIONS)
    await giver.site.worker.drain()
    giver.site.clock.advance(timedelta(hours=24))

    await giver.site.worker.drain()

    change = await giver.last_change()
    assert (change.state, change.failure) == (ChangeState.FAILED, "not_in_time")
    assert (await giver.plan()).amount_minor == 1000
    assert giver.site.mailbag.letters[-1]["subject"] == "Not changed: your monthly donation"
    page = await giver.get(f"/change/{change.id}")
    assert "could not be reached for a day, so nothing was changed" in words(page.text)


async def test_a_change_that_stripe_had_heard_a_day_ago_is_found_done(giver: Giver) -> None:
    await giver.send("/skip")
    giver.site.sandbox.fail_next("reply_lost", count=1, effect="done", method="POST", path=SUBSCRIPTIONS)
    await giver.site.worker.run_jobs()
    giver.site.clock.advance(timedelta(hours=24))

    await giver.site.worker.drain()

    assert (await giver.last_change()).state == ChangeState.DONE
    assert (await giver.plan()).state == PlanState.PAUSED


async def test_a_change_that_stripe_refuses_leaves_everything_as_it_was(giver: Giver) -> None:
    sent = await giver.send("/skip")
    site, plan = giver.site, await giver.plan()
    await site.tools.gateway.plans.stop_now(plan.stripe_subscription_id or "", idempotency_key="in-the-dashboard")

    await site.settle()

    change = await giver.last_change()
    assert change.state == ChangeState.FAILED
    assert "Nothing was changed" in words((await site.reader.get(sent.headers["location"])).text)
    assert "skipped" not in await giver.history()


async def test_a_stop_that_meets_a_renewal_lets_nothing_be_taken(giver: Giver) -> None:
    due = (await giver.plan()).next_at
    assert due
    giver.site.clock.set(due + timedelta(minutes=5))
    await giver.site.sandbox.tick()  # the bill is there, and is charged an hour later
    before = len(giver.site.sandbox.objects("charge"))

    await ask(giver, ChangeKind.STOP)
    await giver.site.worker.run_jobs()
    await giver.pass_time(hours=3)
    await giver.pass_time(days=40)

    assert before == 1
    assert len(giver.site.sandbox.objects("charge")) == 1
    plan = await giver.plan()
    assert (plan.state, plan.stop_reason) == (PlanState.STOPPED, "supporter")
    assert await giver.tasks() == []


async def test_a_payment_that_was_taken_after_the_wish_to_stop_is_a_task_at_the_desk(giver: Giver) -> None:
    due = (await giver.plan()).next_at
    assert due
    giver.site.clock.set(due - timedelta(minutes=3))
    await ask(giver, ChangeKind.STOP)

    await giver.pass_time(hours=3)
    await giver.pass_time(days=1)

    assert len(giver.site.sandbox.objects("charge")) == 2
    [task] = await giver.tasks()
    assert (task.code, task.amount_minor) == ("TAKEN_AFTER_STOP", 1000)
    assert (await giver.plan()).stops_at


async def test_a_failed_payment_is_paid_with_another_card_from_the_letter(giver: Giver) -> None:
    await fail_renewal(giver)
    opened = await giver.send("/payment")
    assert opened.status_code == 303, opened.text
    await giver.site.pay(opened)
    back = (await giver.last_change()).id

    await giver.site.settle()

    page = await giver.get(f"/change/{back}")
    assert "Done" in words(page.text)
    plan = await giver.plan()
    assert (plan.state, plan.failed_invoice_id, plan.method_last4) == (PlanState.ACTIVE, None, "4242")
    assert [charge["status"] for charge in giver.site.sandbox.objects("charge")].count("succeeded") == 2
    await giver.site.books_hold()


async def test_a_pause_straight_after_a_new_card_paid_is_a_pause(giver: Giver) -> None:
    await fail_renewal(giver)
    opened = await giver.send("/payment")
    await giver.site.pay(opened)
    await giver.site.settle()

    page = await giver.change("/pause", months="2")
    for _ in range(3):
        await giver.pass_time(minutes=1)

    assert "paused" in words(page.text)
    plan = await giver.plan()
    assert plan.state == PlanState.PAUSED
    assert plan.paused_until
    assert plan.next_at
    assert plan.paused_until > plan.next_at
    [held] = giver.site.sandbox.objects("subscription")
    assert held["pause_collection"]


async def test_trying_again_says_that_the_bank_refused_once_more(giver: Giver) -> None:
    await fail_renewal(giver)

    page = await giver.change("/try")

    assert "No money was taken" in words(page.text)
    assert (await giver.plan()).state == PlanState.FAILING
    assert (await giver.last_change()).state == ChangeState.FAILED


async def test_trying_again_pays_when_the_bank_agrees(giver: Giver) -> None:
    await fail_renewal(giver)
    await give_card(giver, "visa")

    page = await giver.change("/try")

    assert "It was paid" in words(page.text)
    assert (await giver.plan()).state == PlanState.ACTIVE


async def test_a_failing_plan_that_is_stopped_owes_nothing(giver: Giver) -> None:
    await fail_renewal(giver)

    await giver.change("/stop")
    await giver.pass_time(days=30)

    plan = await giver.plan()
    assert (plan.state, plan.stop_reason) == (PlanState.STOPPED, "supporter")
    assert {bill["status"] for bill in giver.site.sandbox.objects("invoice")} <= {"paid", "void", "uncollectible"}
    assert "plan_ended" not in await giver.letters()


async def test_a_failing_plan_says_what_it_cannot_do_now(giver: Giver) -> None:
    await fail_renewal(giver)

    assert "Pay it first, or stop the donation" in words((await giver.get("/date")).text)
    assert "Pay it first, or stop the donation" in words((await giver.get("/pause")).text)


async def test_a_page_for_another_card_that_is_left_alone_keeps_nobody_from_other_changes(giver: Giver) -> None:
    opened = await giver.send("/payment")

    page = await giver.change("/skip")

    assert opened.status_code == 303
    assert "Done" in words(page.text)


async def test_a_card_given_while_another_change_is_made_has_its_turn(giver: Giver) -> None:
    opened = await giver.send("/payment")
    await giver.send("/amount", amount="5")
    await giver.site.pay(opened)

    await giver.site.settle()

    assert {change.state for change in await giver.rows(PlanChange)} == {ChangeState.DONE}
    assert {"changed_amount", "changed_method"} <= set(await giver.history())


async def test_the_page_for_another_card_cannot_be_opened_while_stripe_is_away(giver: Giver) -> None:
    giver.site.sandbox.fail_next("500", count=2, path="/v1/checkout")

    page = await giver.send("/payment")

    assert page.status_code == 503
    assert "Nothing was changed; please try again in a moment" in words(page.text)


async def test_within_a_day_a_plan_becomes_a_one_off(giver: Giver) -> None:
    await ask(giver, ChangeKind.ONE_OFF)
    await giver.site.settle()

    plan = await giver.plan()
    assert (plan.state, plan.stop_reason) == (PlanState.STOPPED, "undone")
    assert await giver.rows(Refund) == []
    assert await giver.tasks() == []


async def test_within_a_day_all_is_undone_and_the_money_goes_back(giver: Giver) -> None:
    await ask(giver, ChangeKind.UNDO)
    await giver.site.settle()

    [refund] = await giver.rows(Refund)
    assert (refund.amount_minor, refund.state, refund.requested_by) == (1000, "succeeded", None)
    assert (await giver.plan()).stop_reason == "undone"
    await giver.site.books_hold()


async def test_after_a_day_nothing_is_undone(giver: Giver) -> None:
    giver.site.clock.advance(timedelta(hours=24))

    with pytest.raises(Conflict, match="24 hours"):
        await ask(giver, ChangeKind.UNDO)


async def test_a_debit_that_the_bank_has_not_confirmed_can_only_be_stopped(site: Whole) -> None:
    giver = await Giver(site).begin("debit")
    assert (await giver.plan()).state == PlanState.STARTING

    said = words((await giver.get("/amount")).text)
    page = await giver.change("/stop")

    assert "you can only stop this donation" in said
    assert "Nothing more will be taken" in words(page.text)
    assert hidden_fields(page.text)
