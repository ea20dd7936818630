"""Discrepancies, events, letters and switches: what waits for a person, and what the person does."""

import re

import msgspec
import pytest
from sqlalchemy import select, update

from supporters.audit.models import AuditEntry
from supporters.discrepancies.codes import Code
from supporters.discrepancies.models import Discrepancy
from supporters.discrepancies.open import open_discrepancy
from supporters.jobs.models import Job
from supporters.jobs.queue import enqueue
from supporters.kit.money import Money
from supporters.mail.models import Letter
from supporters.payments import inbox
from supporters.payments.facts import RawEvent
from supporters.payments.gateway import API_VERSION
from supporters.payments.models import InboxEvent
from supporters.staff.models import Role
from supporters.web.desk.frame import Waiting, nav_groups
from supporters.web.desk.roles import DOES_BOOKS
from whole import Whole, hidden_fields, words


@pytest.mark.parametrize("role", Role)
def test_whoever_does_the_books_finds_disputes_in_the_navigation_and_nobody_else(role: Role) -> None:
    places = [place.href for group in nav_groups(role, Waiting()) for place in group.places]

    assert ("/desk/disputes" in places) is (role in DOES_BOOKS)


async def seal_of(desk: object) -> dict[str, str]:
    page = await desk.get("/desk")  # pyright: ignore[reportAttributeAccessIssue]
    return {"seal": hidden_fields(page.text)["seal"]}


async def deeds(site: Whole) -> list[str]:
    async with site.db.reading() as session:
        return list(await session.scalars(select(AuditEntry.action).order_by(AuditEntry.seq)))


async def park(site: Whole, event_id: str, **changes: object) -> None:
    """An event that could not be handled."""
    now = site.clock.now()
    event = RawEvent(
        id=event_id,
        type="charge.dispute.created",
        api_version=API_VERSION,
        occurred_at=now,
        livemode=False,
        account=None,
        object_id="dp_1",
        body=b"{}",
    )
    event = msgspec.structs.replace(event, **changes)
    row = inbox.row_of(event, via=inbox.WEBHOOK, now=now, why_foreign="out of paper")
    await site.db.accept(inbox.accept_statement(is_sqlite=site.db.is_sqlite), row)


async def test_a_calm_day_says_so(site: Whole) -> None:
    desk = await site.staff("finance")

    page = words((await desk.get("/desk")).text)

    assert "Nothing. No discrepancy is open" in page
    assert "Received £0.00 0 donations" in page
    assert "Donations appear here within seconds of being paid." in page
    await desk.aclose()


async def test_a_discrepancy_is_seen_first_and_closed_with_a_way_and_a_reason(site: Whole) -> None:
    async with site.db.unit_of_work() as session:
        await open_discrepancy(
            session,
            code=Code.BALANCE_DRIFT,
            subject="GBP",
            ids=site.ids,
            now=site.clock.now(),
            amount=Money(-150, "GBP"),
            detail={"ours": 100, "theirs": "<b>250</b>"},
        )
    desk = await site.staff("finance")
    async with site.db.reading() as session:
        found = (await session.scalars(select(Discrepancy.id))).one()
    path = f"/desk/discrepancies/{found}"

    assert "1 discrepancy to explain" in words((await desk.get("/desk")).text)
    assert "−£1.50" in words((await desk.get("/desk/discrepancies")).text)
    page = await desk.get(path)
    assert "&lt;b&gt;250" in page.text
    bare = await desk.post(path, data=await seal_of(desk))
    closed = await desk.post(path, data={**await seal_of(desk), "way": "explained", "reason": "A fee of 1.50."})
    twice = await desk.post(path, data={**await seal_of(desk), "way": "explained", "reason": "Again."})

    assert (bare.status_code, closed.status_code, twice.status_code) == (422, 303, 409)
    assert "Choose how it is closed" in words(bare.text)
    assert "A fee of 1.50." in words((await desk.get("/desk/discrepancies?state=resolved")).text)
    assert "A fee of 1.50." in words((await desk.get(path)).text)
    assert (await deeds(site)).count("discrepancy.resolve") == 1
    await desk.aclose()


async def test_a_parked_event_is_tried_again_once(site: Whole) -> None:
    await park(site, "evt_parked1")
    desk = await site.staff("finance")
    assert "1 event from Stripe parked" in words((await desk.get("/desk")).text)
    assert "out of paper" in words((await desk.get("/desk/events")).text)

    first = await desk.post("/desk/events/evt_parked1/again", data=await seal_of(desk))
    second = await desk.post("/desk/events/evt_parked1/again", data=await seal_of(desk))
    unknown = await desk.post("/desk/events/evt_unknown/again", data=await seal_of(desk))

    assert (first.status_code, second.status_code, unknown.status_code) == (303, 409, 404)
    async with site.db.reading() as session:
        assert (await session.scalars(select(InboxEvent.state))).one() == "received"
    assert (await deeds(site)).count("event.replay") == 1
    await desk.aclose()


@pytest.mark.parametrize("change", [{"account": "acct_other"}, {"livemode": True}, {"api_version": "2019-01-01"}])
async def test_a_parked_event_of_elsewhere_is_never_applied_whatever_it_was_parked_for(
    site: Whole, change: dict[str, object]
) -> None:
    await park(site, "evt_parked1", **change)
    desk = await site.staff("finance")

    refused = await desk.post("/desk/events/evt_parked1/again", data=await seal_of(desk))

    assert refused.status_code == 409
    assert "another Stripe account, mode or API version" in words(refused.text)
    async with site.db.reading() as session:
        assert (await session.scalars(select(InboxEvent.state))).one() == "parked"
    assert "event.replay" not in await deeds(site)
    await desk.aclose()


async def test_a_letter_and_a_job_that_gave_up_are_tried_again(site: Whole) -> None:
    site.mailbag.answer = "550 no such user"
    await site.pay(await site.give())
    await site.settle()
    async with site.db.unit_of_work() as session:
        await session.execute(update(Letter).values(state="buried", last_error="550 no such user"))
        await enqueue(session, "events.catch_up", {}, ids=site.ids, now=site.clock.now())
        await session.execute(update(Job).where(Job.kind == "events.catch_up").values(state="buried"))
        letter = (await session.scalars(select(Letter.id))).one()
        job = (await session.scalars(select(Job.id).where(Job.kind == "events.catch_up"))).one()
    desk = await site.staff("finance")
    page = words((await desk.get("/desk/events")).text)
    assert "550 no such user" in page
    assert "events.catch_up" in page

    site.mailbag.answer = None
    again = await desk.post(f"/desk/letters/{letter}/again", data=await seal_of(desk))
    job_again = await desk.post(f"/desk/jobs/{job}/again", data=await seal_of(desk))
    await site.settle()

    assert (again.status_code, job_again.status_code) == (303, 303)
    assert len(site.mailbag.letters) == 1
    late = await desk.post(f"/desk/letters/{letter}/again", data=await seal_of(desk))
    late_job = await desk.post(f"/desk/jobs/{job}/again", data=await seal_of(desk))
    assert (late.status_code, late_job.status_code) == (409, 409)
    await desk.aclose()


async def test_a_letter_is_read_as_it_was_written_and_its_html_may_do_nothing(site: Whole) -> None:
    await site.pay(await site.give(name="<script>alert(1)</script>"))
    await site.settle()
    async with site.db.reading() as session:
        letter = (await session.scalars(select(Letter.id))).one()
    desk = await site.staff("support")

    page = await desk.get(f"/desk/letters/{letter}")
    body = await desk.get(f"/desk/letters/{letter}/html")

    assert "R-2026-0001" in page.text
    assert "<script>" not in page.text
    assert "<script>" not in body.text
    policy = body.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "script-src" not in policy
    await desk.aclose()


async def test_no_letter_at_the_desk_shows_what_opens_something_for_whoever_got_it(site: Whole) -> None:
    boss = await site.staff("admin")
    form = {"email": "nora@weeklylamp.example", "name": "Nora Hale", "role": "admin"}
    await boss.post("/desk/staff", data={**await seal_of(boss), **form})
    await site.pay(await site.give(email="cleo@example.org"))
    await site.settle()
    await site.reader.post("/sign-in", data={"email": "cleo@example.org"})
    await site.settle()
    async with site.db.reading() as session:
        letters = {each.message_id: each for each in await session.scalars(select(Letter))}
    desk = await site.staff("support")
    opened: set[str] = set()

    for message in site.mailbag.letters:
        letter, body = letters[message["Message-ID"]], message.get_body(("plain",))
        assert body
        links = re.findall(rf"{site.settings.base_url}/\S*/\S{{16,}}", body.get_content())
        opened |= {letter.kind} if links else set()
        for path in (f"/desk/letters/{letter.id}", f"/desk/letters/{letter.id}/html"):
            page = (await desk.get(path)).text
            assert not [link for link in links if link in page], letter.kind
            assert str(letter.context.get("code", "no code")) not in page
            assert "…" in page or not links
    assert opened >= {"staff_invite", "sign_in"}
    await boss.aclose()
    await desk.aclose()


async def test_giving_is_switched_off_with_words_and_on_again(site: Whole) -> None:
    desk = await site.staff("finance")
    path = "/desk/switches/giving"

    bare = await desk.post(path, data={**await seal_of(desk), "turn": "off", "words": " "})
    off = await desk.post(path, data={**await seal_of(desk), "turn": "off", "words": "Back at <b>noon</b>."})

    assert (bare.status_code, off.status_code) == (422, 303)
    assert "Back at <b>noon</b>." in words((await site.reader.get("/give")).text)
    assert "Giving is switched off." in words((await desk.get("/desk")).text)
    assert "Turned by Finance" in words((await desk.get("/desk/switches")).text)
    on = await desk.post(path, data={**await seal_of(desk), "turn": "on"})
    unknown = await desk.post("/desk/switches/gravity", data={**await seal_of(desk), "turn": "off", "words": "x"})
    assert (on.status_code, unknown.status_code) == (303, 404)
    assert (await site.give()).status_code == 303
    assert [deed for deed in await deeds(site) if deed.startswith("switch")] == ["switch.off", "switch.on"]
    await desk.aclose()
