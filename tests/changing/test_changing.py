"""A supporter changes a monthly donation on its own pages: each wish is on record, done at Stripe, told and noted."""

import asyncio
from datetime import timedelta

from sqlalchemy import select

from changing.conftest import Giver
from supporters.audit.models import AuditEntry
from supporters.people.actions import find_or_add
from supporters.people.models import EmailAddress
from supporters.people.sessions import open_session
from supporters.plans.change import request_change
from supporters.plans.models import Actor, ChangeKind, ChangeState, PlanChange, PlanEvent, PlanState
from supporters.staff.actions import add_staff
from supporters.web.common.supporter import session_cookie
from whole import PASSWORD, Whole, hidden_fields, words


async def test_a_lower_amount_counts_from_the_next_payment_on(giver: Giver) -> None:
    before = await giver.plan()

    page = await giver.change("/amount", amount="5")

    assert "Done" in words(page.text)
    plan = await giver.plan()
    assert (plan.amount_minor, plan.next_at, plan.revision) == (500, before.next_at, before.revision + 1)
    await giver.pass_time(days=32)
    assert [charge["amount"] for charge in giver.site.sandbox.objects("charge")] == [1000, 500]
    assert "changed_amount" in await giver.history()
    assert (await giver.letters()).count("plan_changed") == 1


async def test_a_higher_amount_is_asked_about_with_both_sums_first(giver: Giver) -> None:
    asked = await giver.send("/amount", amount="£20")

    said = words(asked.text)
    assert asked.status_code == 200
    assert "£10 a month" in said
    assert "Give £20 a month from now on?" in said
    assert (await giver.plan()).amount_minor == 1000

    sent = await giver.post("/amount", **hidden_fields(asked.text))
    await giver.site.settle()

    assert sent.status_code == 303
    assert (await giver.plan()).amount_minor == 2000


async def test_another_amount_than_the_one_confirmed_is_asked_about_again(giver: Giver) -> None:
    asked = await giver.send("/amount", amount="20")

    sent = await giver.post("/amount", **{**hidden_fields(asked.text), "amount": "200"})

    assert sent.status_code == 200
    assert "Give £200 a month from now on?" in words(sent.text)
    assert (await giver.plan()).amount_minor == 1000


async def test_the_next_date_is_moved_after_it_was_shown_with_what_follows(giver: Giver) -> None:
    due = (await giver.plan()).next_at
    assert due
    wanted = due.date() + timedelta(days=9)
    asked = await giver.send("/date", next_on=wanted.isoformat())

    sent = await giver.post("/date", **hidden_fields(asked.text))
    await giver.site.settle()

    assert sent.status_code == 303
    assert (moved := (await giver.plan()).next_at)
    assert moved.date() == wanted
    await giver.pass_time(days=32)
    assert len(giver.site.sandbox.objects("charge")) == 1
    await giver.pass_time(days=10)
    assert len(giver.site.sandbox.objects("charge")) == 2


async def test_the_next_payment_is_left_out_and_the_one_after_is_taken(giver: Giver) -> None:
    page = await giver.change("/skip")

    assert "left out" in words(page.text)
    assert (await giver.plan()).state == PlanState.PAUSED
    await giver.pass_time(days=33)
    assert len(giver.site.sandbox.objects("charge")) == 1
    await giver.pass_time(days=30)
    assert len(giver.site.sandbox.objects("charge")) == 2
    assert (await giver.plan()).state == PlanState.ACTIVE


async def test_a_pause_of_two_months_leaves_two_payments_out_and_can_be_ended(giver: Giver) -> None:
    page = await giver.change("/pause", months="2")

    assert "paused" in words(page.text)
    plan = await giver.plan()
    assert plan.next_at
    assert plan.paused_until
    assert timedelta(days=28) < plan.paused_until - plan.next_at < timedelta(days=33)

    sent = await giver.post("/go-on", **hidden_fields((await giver.get("/pause")).text))
    await giver.site.settle()

    assert sent.status_code == 303
    assert (await giver.plan()).state == PlanState.ACTIVE
    await giver.pass_time(days=33)
    assert len(giver.site.sandbox.objects("charge")) == 2


async def test_a_stop_takes_nothing_more_and_asks_why_only_afterwards(giver: Giver) -> None:
    asked = await giver.get("/stop")

    page = await giver.change("/stop")

    assert "reason" not in asked.text
    assert "Nothing more will be taken" in words(page.text)
    assert 'name="reason"' in page.text
    plan = await giver.plan()
    assert (plan.stop_reason, plan.stops_at) == ("supporter", plan.next_at)
    await giver.pass_time(days=40)
    assert len(giver.site.sandbox.objects("charge")) == 1
    assert (await giver.plan()).state == PlanState.STOPPED
    assert (await giver.letters()).count("plan_changed") == 1
    assert "plan_stopped" not in await giver.letters()
    late = await giver.get("/amount")
    assert "has stopped" in words(late.text)
    assert "/give?frequency=monthly" in late.text


async def test_a_stop_is_taken_back_until_the_period_ends(giver: Giver) -> None:
    done = await giver.change("/stop")

    sent = await giver.post("/go-on", **hidden_fields(done.text))
    await giver.site.settle()

    assert sent.status_code == 303
    plan = await giver.plan()
    assert (plan.state, plan.stops_at, plan.stop_reason) == (PlanState.ACTIVE, None, None)
    await giver.pass_time(days=33)
    assert len(giver.site.sandbox.objects("charge")) == 2
    assert await giver.tasks() == []


async def test_why_somebody_stopped_is_kept_in_their_own_words(giver: Giver) -> None:
    done = await giver.change("/stop")
    change = await giver.last_change()

    await giver.post(f"/change/{change.id}/why", **hidden_fields(done.text))
    assert (await giver.last_change()).reason is None
    for _ in range(2):
        await giver.post(
            f"/change/{change.id}/why", **{**hidden_fields(done.text), "reason": "Too dear \u202e just now"}
        )

    assert (await giver.last_change()).reason == "Too dear just now"
    assert "Thank you for telling us" in words((await giver.get(f"/change/{change.id}")).text)


async def test_a_second_change_waits_for_the_first_and_says_so(giver: Giver) -> None:
    skip = hidden_fields((await giver.get("/skip")).text)
    first = await giver.send("/amount", amount="5")

    second = await giver.post("/skip", **skip)

    assert (first.status_code, second.status_code) == (303, 409)
    assert "Another change to this donation is being made" in words(second.text)
    assert len(await giver.rows(PlanChange)) == 1


async def test_of_changes_at_the_same_time_one_is_made_and_a_stop_is_never_lost(giver: Giver) -> None:
    stop = hidden_fields((await giver.get("/stop")).text)
    skip = hidden_fields((await giver.get("/skip")).text)

    answers = await asyncio.gather(
        giver.post("/stop", **stop),
        giver.post("/skip", **skip),
        giver.post("/skip", **skip),
        giver.post("/stop", **stop),
    )

    assert sorted((answers[0].status_code, answers[3].status_code)) == [303, 409]
    assert 409 in (answers[1].status_code, answers[2].status_code)
    rows = await giver.rows(PlanChange)
    assert [row.kind for row in rows if row.state == ChangeState.REQUESTED] == ["stop"]
    assert {row.failure for row in rows if row.state != ChangeState.REQUESTED} <= {"stop_came"}


async def test_a_foreign_link_and_a_foreign_change_open_nothing(giver: Giver) -> None:
    await giver.change("/skip")
    change = await giver.last_change()

    wrong = await giver.site.reader.get(f"/giving/{giver.plan_id}/change/{change.id}")
    unknown = await giver.get(f"/change/{giver.plan_id}")
    signed_out = await giver.site.reader.get(f"/me/giving/{giver.plan_id}/stop")

    assert (wrong.status_code, unknown.status_code) == (404, 404)
    assert (signed_out.status_code, signed_out.headers["location"].partition("?")[0]) == (303, "/sign-in")


async def test_a_yearly_donation_is_not_paused_for_months(site: Whole) -> None:
    giver = await Giver(site).begin(frequency="yearly")

    page = await giver.get("/pause")

    assert "A yearly donation cannot be paused" in words(page.text)


async def test_what_staff_do_is_audited_and_told_as_theirs(giver: Giver) -> None:
    site = giver.site
    async with site.db.unit_of_work() as session:
        member = await add_staff(
            session, "s@weeklylamp.example", "Sam", "support", PASSWORD, ids=site.ids, now=site.clock.now()
        )
        await request_change(
            session, giver.plan_id, kind=ChangeKind.STOP, wanted={}, actor=Actor.STAFF, actor_id=member.id,
            ids=site.ids, now=site.clock.now(),
        )  # fmt: skip
    await site.settle()

    assert (await giver.plan()).stop_reason == "staff"
    [entry] = [row for row in await giver.rows(AuditEntry) if row.action == "plan.stop"]
    assert (entry.actor_id, entry.record_id) == (member.id, giver.plan_id)
    [noted] = [row for row in await giver.rows(PlanEvent) if row.kind == "asked_to_stop"]
    assert (noted.actor, noted.actor_id) == ("staff", member.id)


async def test_what_cannot_be_taken_is_shown_again_with_words_and_changes_nothing(giver: Giver) -> None:
    amounts = ("", "ten", "10", "£10.00", "0.001", "-5", "999999999", "1e3", "9" * 5000, "five\u202e")
    days = ("", "tomorrow", "2026-02-30", "1999-01-01", "2099-12-31", "2026-W51-1", "9" * 5000)
    wrong = [("/amount", "amount", typed) for typed in amounts]
    wrong += [("/date", "next_on", typed) for typed in days]
    wrong += [("/pause", "months", typed) for typed in ("", "0", "12", "two")]

    for path, field, typed in wrong:
        page = await giver.send(path, **{field: typed})

        assert page.status_code == 422, (path, typed)
        assert "There is a problem" in words(page.text)
    assert (await giver.post("/stop", seal="guessed")).status_code == 403
    assert await giver.rows(PlanChange) == []


async def test_opening_every_page_changes_nothing_and_stopping_is_no_harder_than_staying(giver: Giver) -> None:
    for path in ("", "/amount", "/date", "/skip", "/pause", "/payment", "/stop", "/try"):
        assert (await giver.get(path)).status_code == 200, path

    page = (await giver.get("/stop")).text
    assert page.count('class="button"') == 2
    assert "button--primary" not in page
    assert await giver.rows(PlanChange) == []


async def test_a_supporter_who_is_signed_in_changes_only_their_own(giver: Giver) -> None:
    site, plan = giver.site, await giver.plan()
    [mine] = await giver.rows(EmailAddress)
    async with site.db.unit_of_work() as session:
        now = site.clock.now()
        other = await find_or_add(session, "else@example.org", "Else", ids=site.ids, now=now)
        theirs = await session.scalar(select(EmailAddress.id).where(EmailAddress.supporter_id == other.supporter_id))
        tokens = [
            await open_session(session, supporter_id=supporter, address_id=address, ids=site.ids, now=now)
            for supporter, address in ((plan.supporter_id, mine.id), (other.supporter_id, theirs or ""))
        ]
    giver.base = f"/me/giving/{plan.id}"
    name = session_cookie(site.settings, "").key

    site.reader.cookies.set(name, tokens[1])
    refused = [(await giver.get(path)).status_code for path in ("", "/amount", "/stop", "/payment")]
    site.reader.cookies.set(name, tokens[0])
    page = await giver.change("/stop")

    assert refused == [404] * 4
    assert "Nothing more will be taken" in words(page.text)
