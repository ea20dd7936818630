"""Plans at the desk: the list, the page, what staff do for a supporter, the board of failures, and the reports on pages."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import event, insert, select

from givers import Given, add_giver
from supporters.audit.models import AuditEntry
from supporters.discrepancies.models import Discrepancy
from supporters.kit.db import Database
from supporters.mail.models import Letter
from supporters.plans.models import Actor, ChangeState, Plan, PlanChange, PlanEvent
from whole import PASSWORD, Whole, hidden_fields, words

SECRET = ("Rosa", "rosa@", "4242")


async def add(site: Whole, email: str = "rosa@example.org", *, name: str = "Rosa Marín", **plan: Any) -> Given:
    return await add_giver(site, email, name=name, payments=2, plan=plan)


async def read(desk: httpx.AsyncClient, path: str, status: int = 200) -> str:
    answer = await desk.get(path)
    assert answer.status_code == status, (path, answer.status_code)
    return words(answer.text)


async def ask(desk: httpx.AsyncClient, given: Given, kind: str, where: str = "change", **fields: str) -> httpx.Response:
    """The form of the page, sent."""
    seal = hidden_fields((await desk.get(f"/desk/plans/{given.plan_id}")).text)["seal"]
    address = f"/desk/plans/{given.plan_id}/{where}"
    return await desk.post(address, data={"seal": seal, "kind": kind, **fields})


async def confirm(desk: httpx.AsyncClient, asked: httpx.Response) -> httpx.Response:
    """The second page, sent as it is."""
    return await desk.post(str(asked.url), data=hidden_fields(asked.text))


async def changes(site: Whole) -> list[PlanChange]:
    async with site.db.reading() as session:
        return list(await session.scalars(select(PlanChange)))


async def failing(site: Whole, email: str = "rosa@example.org", **more: Any) -> Given:
    own = {
        "state": "failing", "failed_invoice_id": "in_f", "failure_code": "insufficient_funds", "tries": 1,
        "failed_at": site.clock.now() - timedelta(days=3), "next_try_at": site.clock.now() + timedelta(days=2),
    }  # fmt: skip
    return await add(site, email, **(own | more))


async def test_the_list_shows_who_gives_how_much_and_when_next_and_adds_up(site: Whole) -> None:
    await add(site)
    await add(site, "jo@example.org", name="Jo", amount_minor=6000, frequency="yearly", method="bacs_debit")
    await add(site, "al@example.org", name="Al", state="stopped", stopped_at=site.clock.now(), stop_reason="supporter")
    desk = await site.staff("support")

    page = await read(desk, "/desk/plans")
    assert "Worth a month £15.00" in page
    assert "Going on 2 of 2 people Stopped 1 not in the sum" in page
    folded = "Active Next payment: 22 Dec"  # under the name, where the window is too narrow for columns
    assert f"Rosa Marín rosa@example.org {folded} £10 a month Active 22 Dec Card ending 4242" in page

    yearly = await read(desk, "/desk/plans?frequency=yearly&method=bacs_debit")
    assert f"Jo jo@example.org {folded} £60 a year" in yearly
    assert "Rosa" not in await read(desk, "/desk/plans?state=stopped")
    assert "Rosa Marín" in await read(desk, "/desk/plans?q=MARÍN") or "Rosa Marín" in await read(
        desk, "/desk/plans?q=Marín"
    )
    assert "Nothing fits this view" in await read(desk, "/desk/plans?q=%25")
    assert "There is no such status" in await read(desk, "/desk/plans?state=gone", 422)
    await desk.aclose()


async def test_a_reference_goes_straight_to_its_page(site: Whole) -> None:
    given = await add(site, reference="P-7K3F9QXZ")
    desk = await site.staff("viewer")

    answer = await desk.get("/desk/plans?q=p-7k3f9qxz")

    assert answer.headers["location"] == f"/desk/plans/{given.plan_id}"
    await desk.aclose()


async def test_a_viewer_sees_money_and_dates_and_nobody(site: Whole) -> None:
    given = await failing(site)
    async with site.db.unit_of_work() as session:
        told = {"plan_id": given.plan_id, "kind": "said_why", "cause": "c1", "detail": {}, "at": site.clock.now()}
        await session.execute(insert(PlanEvent).values(id=site.ids.ulid(), actor="supporter", **told))
        session.add(_change(site, given, id="c1", reason="Rosa lost her job"))
    desk = await site.staff("viewer")

    for path in ("/desk/plans", f"/desk/plans/{given.plan_id}", "/desk/failed-payments", "/desk/base", "/desk/income"):
        page = await read(desk, path)
        assert "£10" in page, path
        assert not any(each in page for each in SECRET), path

    assert "Nothing fits this view" in await read(desk, "/desk/plans?q=Rosa")
    assert "For the supporter" not in await read(desk, f"/desk/plans/{given.plan_id}")
    await desk.aclose()


async def test_the_page_tells_failure_tasks_letters_payments_and_history_in_words(site: Whole) -> None:
    given = await failing(site)
    now = site.clock.now()
    async with site.db.unit_of_work() as session:
        events = [
            ("started", {}),
            ("failed", {"tries": 1}),
            ("paused", {"wanted": {"payments": 2}, "was": {}}),
            ("odd_news", {}),
        ]
        for number, (kind, detail) in enumerate(events):
            told = {"kind": kind, "cause": "x", "detail": detail, "at": now + timedelta(minutes=number)}
            row = {"id": site.ids.ulid(), "plan_id": given.plan_id, "actor": Actor.SUPPORTER, **told}
            await session.execute(insert(PlanEvent).values(**row))
        task = {
            "code": "DISPUTE_OPENED",
            "subject": "dp_1",
            "donation_id": given.donations[0],
            "detail": {},
            "state": "open",
        }
        due = now.date() + timedelta(days=8)
        await session.execute(insert(Discrepancy).values(id=site.ids.ulid(), opened_at=now, due_on=due, **task))
        session.add(_letter(site, given))
    desk = await site.staff("support")

    page = await read(desk, f"/desk/plans/{given.plan_id}")

    assert "The payment of 19 November failed. There was not enough in the account" in page
    assert "Stripe tries again on 24 November. Tried 1 time so far." in page
    assert "A bank has taken a payment back; evidence may be sent until the due date. Due 30 November." in page
    assert "Given so far £20.00 2 payments" in page
    assert "Odd news by the supporter" in page
    assert "Paused payments left out: 2, by the supporter" in page
    assert "Letter of a failed payment rosa@example.org Sent" in page
    await desk.aclose()


async def test_support_changes_an_amount_once_it_was_looked_at_twice_and_the_audit_says_who(site: Whole) -> None:
    given = await add(site)
    desk = await site.staff("support")

    asked = await ask(desk, given, "amount", amount="12.50")
    assert asked.status_code == 200
    assert "Now £10 a month, next on 22 December From the next payment on £12.50 a month" in words(asked.text)
    assert await changes(site) == []
    done = await confirm(desk, asked)

    assert (done.status_code, done.headers["location"]) == (303, f"/desk/plans/{given.plan_id}?done=asked")
    (change,) = await changes(site)
    assert (change.kind, change.wanted, change.actor) == ("amount", {"amount_minor": 1250}, Actor.STAFF)
    async with site.db.reading() as session:
        audited = (await session.scalars(select(AuditEntry).where(AuditEntry.action == "plan.amount"))).one()
    assert (audited.record_id, audited.actor_id) == (given.plan_id, change.actor_id)
    page = await read(desk, f"/desk/plans/{given.plan_id}?done=asked")
    assert "Another amount: Stripe has not confirmed it yet." in page
    assert "Change the amount" not in page
    assert (await ask(desk, given, "skip")).status_code == 409
    assert (await ask(desk, given, "stop")).status_code == 200
    await desk.aclose()


@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        ("amount", {"amount": "10"}, "That is the amount that is given now."),
        ("amount", {"amount": "ten ‮twelve"}, "Write an amount in figures"),
        ("amount", {"amount": "0.01"}, "Write an amount in figures"),
        ("amount", {"amount": "9" * 500}, "Write an amount in figures"),
        ("date", {"next_on": "2026-11-22"}, "Choose a day from tomorrow"),
        ("date", {"next_on": "31 December"}, "Write the day as year, month and day"),
        ("date", {"next_on": "2026-12-22"}, "due on that day already"),
        ("pause", {"months": "4"}, "Choose one, two or three months."),
        ("pause", {}, "Choose one, two or three months."),
    ],
)
async def test_a_change_that_cannot_be_read_comes_back_with_words(
    site: Whole, kind: str, fields: dict[str, str], said: str
) -> None:
    given = await add(site)
    desk = await site.staff("support")

    answer = await ask(desk, given, kind, **fields)

    assert answer.status_code == 422
    assert said in words(answer.text)
    assert await changes(site) == []
    await desk.aclose()


async def test_what_cannot_be_done_now_is_said_about_the_supporter_and_not_to_them(site: Whole) -> None:
    given = await failing(site)
    desk = await site.staff("support")

    refused = await ask(desk, given, "skip")

    assert refused.status_code == 409
    assert "It must be paid first, by another try or with another card from the supporter" in words(refused.text)
    await desk.aclose()


async def test_next_payment_of_a_monthly_donation_is_left_out_at_the_desk(site: Whole) -> None:
    given = await add(site)
    desk = await site.staff("support")

    asked = await ask(desk, given, "skip")
    done = await confirm(desk, asked)

    page = (await desk.get(f"/desk/plans/{given.plan_id}")).text
    assert "Leave the next payment out?" in words(asked.text)
    assert done.status_code == 303
    assert [change.kind for change in await changes(site)] == ["skip"]
    assert "The next payment is left out" in words(page)
    await desk.aclose()


async def test_plan_that_is_held_for_a_dispute_has_no_next_payment_and_its_history_says_why(site: Whole) -> None:
    given = await add(site, state="paused", paused_until=None)
    async with site.db.unit_of_work() as session:
        for kind in ("dispute_needs_answer", "held"):
            told = {"kind": kind, "cause": "x", "detail": {}, "at": site.clock.now(), "actor": Actor.HOUSE}
            await session.execute(insert(PlanEvent).values(id=site.ids.ulid(), plan_id=given.plan_id, **told))
    desk = await site.staff("support")

    page = await read(desk, f"/desk/plans/{given.plan_id}")

    assert "Next payment None held until it goes on" in page
    assert "A payment is disputed" in page
    assert "Held nothing is taken until the dispute is decided" in page
    assert "Let it go on" in page
    await desk.aclose()


async def test_what_was_changed_between_the_two_pages_must_be_looked_at_again(site: Whole) -> None:
    given = await add(site)
    desk = await site.staff("support")

    asked = await ask(desk, given, "stop")
    async with site.db.unit_of_work() as session:
        (await session.get_one(Plan, given.plan_id)).amount_minor = 900
    answer = await confirm(desk, asked)

    assert answer.status_code == 409
    assert await changes(site) == []
    await desk.aclose()


@pytest.mark.parametrize("kind", ["", "undo", "try_now", "method", "nonsense"])
async def test_the_door_of_support_moves_no_money_and_knows_no_other_kinds(site: Whole, kind: str) -> None:
    given = await failing(site)
    desk = await site.staff("admin")

    assert (await ask(desk, given, kind, step="confirm")).status_code == 409
    assert await changes(site) == []
    await desk.aclose()


async def test_money_moves_only_after_a_proof(site: Whole) -> None:
    given = await failing(site)
    desk = await site.staff("finance")
    site.clock.advance(timedelta(minutes=20))

    proof = await ask(desk, given, "try_now", "money")
    assert "Your password" in words(proof.text)
    asked = await desk.post(str(proof.url), data={**hidden_fields(proof.text), "proof": PASSWORD})
    assert "Try the failed payment now?" in words(asked.text)
    done = await confirm(desk, asked)

    assert done.status_code == 303
    assert [each.kind for each in await changes(site)] == ["try_now"]
    await desk.aclose()


async def test_the_board_has_the_oldest_failure_first_and_says_what_is_at_stake(site: Whole) -> None:
    await failing(
        site, "new@example.org", name="Newer", failed_at=site.clock.now() - timedelta(days=1), next_try_at=None
    )
    old = await failing(site, "old@example.org", name="Older", amount_minor=500)
    await add(site, "ok@example.org", name="Fine")
    async with site.db.unit_of_work() as session:
        session.add(_letter(site, old))
        session.add(_letter(site, old, sent_at=site.clock.now() - timedelta(days=40), dedupe_key="long ago"))
    desk = await site.staff("finance")

    page = await read(desk, "/desk/failed-payments")

    assert "At stake a month £15.00" in page
    assert page.index("Older") < page.index("Newer")
    assert "24 Nov 1 1 last 22 Nov £5 a month" in page
    assert "no more 1 0 £10 a month" in page
    assert "Fine" not in page
    await desk.aclose()


async def test_reports_and_today_show_the_base(site: Whole) -> None:
    await add(site)
    await failing(site, "jo@example.org")
    desk = await site.staff("editor")

    base, income, today = [await read(desk, path) for path in ("/desk/base", "/desk/income", "/desk")]
    proofs = [await read(desk, path) for path in ("/desk/base/books", "/desk/income/books")]

    assert "Active now £20.00 a month, from 2 people" in base
    assert all("Proved" in each for each in proofs)
    assert "October 2026" in base
    assert "Sum 4 – £20.00 £20.00 £40.00" in income
    assert "Choose one of the last twelve months" in await read(desk, "/desk/income?month=1999-01", 422)
    assert "Monthly base Active now £20.00 a month, from 2 people" in today
    assert "£10.00 a month is being tried again" in today
    assert "/desk/plans" not in (await desk.get("/desk")).text
    await desk.aclose()


async def test_no_page_asks_the_database_more_for_more_plans(site: Whole) -> None:
    desk = await site.staff("finance")
    given = await failing(site)
    paths = (
        "/desk/plans",
        f"/desk/plans/{given.plan_id}",
        "/desk/failed-payments",
        "/desk/base",
        "/desk/income",
        "/desk",
    )

    few = [await _statements(site.db, desk, path) for path in paths]
    for number in range(4):
        await failing(site, f"more{number}@example.org")
    more = [await _statements(site.db, desk, path) for path in paths]

    assert few == more
    assert max(few) <= 34, few  # Today asks once for each of bank lines, ages, Stripe's state and second persons too
    await desk.aclose()


async def _statements(db: Database, desk: httpx.AsyncClient, path: str) -> int:
    asked: list[str] = []

    def note(*told: Any) -> None:
        asked.append(told[2])

    event.listen(db.engine.sync_engine, "before_cursor_execute", note)
    try:
        await read(desk, path)
    finally:
        event.remove(db.engine.sync_engine, "before_cursor_execute", note)
    return len([each for each in asked if each.lstrip().startswith(("SELECT", "WITH"))])


def _change(site: Whole, given: Given, **changed: Any) -> PlanChange:
    own = {
        "plan_id": given.plan_id, "kind": "stop", "was": {}, "wanted": {}, "state": ChangeState.DONE, "actor": "supporter",
        "idempotency_key": "k", "created_at": site.clock.now(), "done_at": site.clock.now(),
    }  # fmt: skip
    return PlanChange(**(own | changed))


def _letter(site: Whole, given: Given, **changed: Any) -> Letter:
    now = site.clock.now()
    own = {
        "id": site.ids.ulid(), "stream": "service", "kind": "plan_failed", "recipient": "rosa@example.org",
        "dedupe_key": "in_f:1", "message_id": site.ids.ulid(), "context": {}, "about": given.plan_id, "queued_at": now,
        "sent_at": now, "state": "done", "run_at": now, "attempts": 1,
    }  # fmt: skip
    return Letter(**(own | changed))
