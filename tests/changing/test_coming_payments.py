"""A change of the coming payment that meets it: never called done, whatever Stripe answers, and never two payments for one."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from changing.conftest import Giver
from changing.test_stops_are_heard import ask, at_due, charges, one, renewing
from supporters.discrepancies.codes import Code
from supporters.payments.facts import InvoiceSeen
from supporters.payments.gateway import GatewayRefused, GatewayUnavailable
from supporters.plans.models import ChangeKind, ChangeState, PlanState
from whole import words

DATE, SKIP, PAUSE = ChangeKind.DATE, ChangeKind.SKIP, ChangeKind.PAUSE
CALLS = {DATE: "set_next_date", SKIP: "hold", PAUSE: "hold"}
BACK = {DATE: "set_next_date", SKIP: "release", PAUSE: "release"}
Race = tuple[str, datetime]


async def meets(giver: Giver, monkeypatch: pytest.MonkeyPatch, kind: ChangeKind) -> Race:
    """The change is asked for, and when it is sent its payment is taken; returns its id, and when that was due."""
    due = (await giver.plan()).next_at
    assert due
    await at_due(giver, minutes=-5)
    moved: dict[ChangeKind, dict[str, Any]] = {
        DATE: {"next_on": (due + timedelta(days=4)).date().isoformat()},
        PAUSE: {"months": 2},
    }
    change_id = await ask(giver, kind, **moved.get(kind, {}))
    renewing(giver, monkeypatch, CALLS[kind], hours=2)
    return change_id, due


def failing(giver: Giver, monkeypatch: pytest.MonkeyPatch, call: str, error: Exception, *, calls: list[int]) -> None:
    """These calls, counted from 1, are answered so."""
    plans, count = giver.site.tools.gateway.plans, [0]
    as_it_is = getattr(plans, call)

    async def answered(*told: Any, **more: Any) -> Any:
        count[0] += 1
        if count[0] in calls:
            raise error
        return await as_it_is(*told, **more)

    monkeypatch.setattr(plans, call, answered)


@pytest.mark.parametrize("kind", [DATE, SKIP, PAUSE])
@pytest.mark.parametrize(("status", "hours"), [(500, 1), (None, 26)])
async def test_change_that_met_its_payment_is_taken_back_however_late_that_is_seen(
    giver: Giver, monkeypatch: pytest.MonkeyPatch, kind: ChangeKind, status: int | None, hours: int
) -> None:
    change_id, due = await meets(giver, monkeypatch, kind)
    failing(giver, monkeypatch, "bills_since", GatewayUnavailable("away", http_status=status), calls=[1])

    await giver.site.worker.run_jobs()
    unclear = (await one(giver, change_id)).state
    await giver.pass_time(hours=hours)
    told, plan = await one(giver, change_id), await giver.plan()
    await giver.pass_time(days=25)
    before = charges(giver)
    await giver.pass_time(days=10)

    why = (
        "not_in_time" if kind is SKIP and hours > 24 else "being_taken"
    )  # then its one day is over: nothing is to be undone
    assert (unclear, told.state, told.failure) == (ChangeState.REQUESTED, ChangeState.FAILED, why)
    assert (plan.next_at, plan.state) == (due.replace(month=1, year=due.year + 1), PlanState.ACTIVE)
    assert (before, charges(giver)) == (2, 3)
    assert await giver.tasks() == []


@pytest.mark.parametrize("kind", [DATE, SKIP, PAUSE])
async def test_change_that_cannot_be_taken_back_is_a_task_and_is_said_honestly(
    giver: Giver, monkeypatch: pytest.MonkeyPatch, kind: ChangeKind
) -> None:
    change_id, _due = await meets(giver, monkeypatch, kind)
    no = GatewayRefused("No.", code="no_thanks", http_status=400)
    failing(giver, monkeypatch, BACK[kind], no, calls=[2] if kind is DATE else [1])

    await giver.site.worker.run_jobs()
    await giver.pass_time(minutes=1)

    told, [task] = await one(giver, change_id), await giver.tasks()
    page = words((await giver.get(f"/change/{change_id}")).text)
    assert (told.state, told.failure) == (ChangeState.FAILED, "not_put_back")
    assert (task.code, task.subject, task.detail["why"]) == (Code.CHANGE_NOT_MADE, change_id, "not_put_back")
    assert "We are looking into it" in page
    assert "we could not put everything back as it was" in page
    assert [each["subject"] for each in giver.site.mailbag.letters if "looked into" in each["subject"]]


async def test_date_whose_taken_bill_does_not_say_for_how_long_is_a_task(
    giver: Giver, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_id, _due = await meets(giver, monkeypatch, DATE)
    plans = giver.site.tools.gateway.plans
    invoice = plans.invoice

    async def without_lines(bill: str) -> Any:
        facts = await invoice(bill)
        return [
            msgspec.structs.replace(fact, period_start=None, period_end=None) if isinstance(fact, InvoiceSeen) else fact
            for fact in facts
        ]

    monkeypatch.setattr(plans, "invoice", without_lines)

    await giver.site.worker.run_jobs()

    assert (await one(giver, change_id)).failure == "not_put_back"
    assert [task.code for task in await giver.tasks()] == [Code.CHANGE_NOT_MADE]


async def test_way_back_that_stripe_answered_with_a_stored_error_is_sent_with_another_key(
    giver: Giver, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_id, due = await meets(giver, monkeypatch, DATE)
    plans, keys = giver.site.tools.gateway.plans, list[str]()
    as_it_is = plans.set_next_date

    async def kept(*told: Any, idempotency_key: str, **more: Any) -> Any:
        keys.append(idempotency_key)
        if idempotency_key == f"v1:plan:{change_id}:back":
            raise GatewayUnavailable("An error, and the same one for this key whenever it comes.", http_status=500)
        return await as_it_is(*told, idempotency_key=idempotency_key, **more)

    monkeypatch.setattr(plans, "set_next_date", kept)

    await giver.site.worker.run_jobs()
    await giver.pass_time(minutes=1)

    assert [key.removeprefix(f"v1:plan:{change_id}") for key in keys] == ["", ":back", ":2:back"]
    assert (await one(giver, change_id)).failure == "being_taken"
    assert (await giver.plan()).next_at == due.replace(month=1, year=due.year + 1)


async def test_change_of_which_stripe_does_not_say_for_a_day_whether_it_was_paid_is_a_task(
    giver: Giver, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_id, _due = await meets(giver, monkeypatch, DATE)
    away = GatewayUnavailable("away", http_status=500)
    failing(giver, monkeypatch, "bills_since", away, calls=list(range(1, 99)))

    await giver.site.worker.run_jobs()
    await giver.pass_time(hours=20)
    unclear = (await one(giver, change_id)).state
    await giver.pass_time(hours=4)

    told, [task] = await one(giver, change_id), await giver.tasks()
    assert (unclear, told.state, told.failure) == (ChangeState.REQUESTED, ChangeState.FAILED, "broken")
    assert (task.code, task.subject) == (Code.CHANGE_NOT_MADE, change_id)


async def test_stop_does_not_wait_until_stripe_says_whether_the_payment_before_it_was_taken(
    giver: Giver, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_id, _due = await meets(giver, monkeypatch, DATE)
    away = GatewayUnavailable("away", http_status=500)
    failing(giver, monkeypatch, "bills_since", away, calls=list(range(1, 99)))
    await giver.site.worker.run_jobs()
    stop = await ask(giver, ChangeKind.STOP)

    await giver.pass_time(minutes=1)
    await giver.pass_time(days=40)

    assert [(await one(giver, each)).state for each in (change_id, stop)] == [ChangeState.FAILED, ChangeState.DONE]
    assert (charges(giver), (await giver.plan()).state) == (2, PlanState.STOPPED)


async def test_payment_that_was_taken_on_both_days_is_a_task(giver: Giver, monkeypatch: pytest.MonkeyPatch) -> None:
    change_id, _due = await meets(giver, monkeypatch, DATE)
    failing(giver, monkeypatch, "bills_since", GatewayUnavailable("away"), calls=[1])

    await giver.site.worker.run_jobs()
    await giver.pass_time(days=5)

    assert (await one(giver, change_id)).failure == "not_put_back"
    assert [task.code for task in await giver.tasks()] == [Code.CHANGE_NOT_MADE]


@pytest.mark.parametrize("hours", [22.9, 26])
async def test_date_whose_answer_was_lost_until_the_new_day_was_over_is_done(giver: Giver, hours: float) -> None:
    tomorrow = (giver.site.clock.now() + timedelta(days=1)).replace(hour=12, minute=0, second=0)
    giver.site.clock.set(tomorrow - timedelta(hours=22.5))
    move = await ask(giver, DATE, next_on=tomorrow.date().isoformat())
    giver.site.sandbox.fail_next("reply_lost", effect="done", method="POST", path="/v1/subscriptions/")
    await giver.site.worker.run_jobs()

    await giver.pass_time(hours=hours)
    await giver.pass_time(hours=2)

    assert (await one(giver, move)).state == ChangeState.DONE
    assert (charges(giver), await giver.tasks()) == (2, [])
    assert ((plan := await giver.plan()).state, plan.next_at) == (
        PlanState.ACTIVE,
        tomorrow.replace(month=tomorrow.month + 1),
    )


async def test_payment_that_was_left_out_while_the_answer_was_lost_is_done(giver: Giver) -> None:
    await at_due(giver, minutes=-5)
    skip = await ask(giver, SKIP)
    giver.site.sandbox.fail_next("reply_lost", effect="done", method="POST", path="/v1/subscriptions/")
    await giver.site.worker.run_jobs()

    await giver.pass_time(hours=26)

    assert (await one(giver, skip)).state == ChangeState.DONE
    assert (charges(giver), (await giver.plan()).state) == (1, PlanState.ACTIVE)
