"""Being asked again later: one letter in the chosen month, three letters a day at most, nothing by a mere look."""

import asyncio
import re
from datetime import date, timedelta

import httpx
import pytest
from sqlalchemy import func, select, update

from pages import Page
from supporters.jobs.models import WorkState
from supporters.jobs.queue import enqueue
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.mail.models import Letter
from supporters.mail.suppression import MARKETING, Suppressions
from supporters.prompts import reminders
from supporters.prompts.jobs import SEND_REMINDERS
from supporters.prompts.models import Reminder
from supporters.prompts.reminders import send_reminders
from supporters.prompts.words import next_month
from supporters.settings import Settings
from whole import Mailbag, Whole

ADA = "ada.lovell@example.org"
CROSS = {"sec-fetch-site": "cross-site", "origin": "https://weeklylamp.example"}


async def ask(site: Whole, email: str = ADA, *, ip: str = "203.0.113.7", **more: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=site.app, client=(ip, 50000))
    async with httpx.AsyncClient(transport=transport, base_url=site.settings.base_url, headers=CROSS) as client:
        return await client.post("/remind", data={"email": email, **more})


async def rows(site: Whole) -> list[Reminder]:
    async with site.db.reading() as session:
        return list((await session.scalars(select(Reminder))).all())


async def letters_waiting(site: Whole) -> int:
    async with site.db.reading() as session:
        return int(await session.scalar(select(func.count(Letter.id))) or 0)


async def tick(site: Whole) -> None:
    async with site.db.unit_of_work() as session:
        await enqueue(session, SEND_REMINDERS, {}, ids=site.ids, now=site.clock.now())
    await site.worker.drain()


def link_in(bag: Mailbag) -> str:
    body = bag.letters[-1].get_body(("plain",))
    assert body is not None
    found = re.search(r"/remind/\S+", body.get_content())
    assert found is not None
    return found[0]


async def test_a_wish_from_an_article_is_confirmed_by_a_button_and_kept_once_in_its_month(site: Whole) -> None:
    asked = await ask(site)
    assert (asked.status_code, asked.headers["location"]) == (303, "/remind/asked")
    assert "Check your inbox" in (await site.reader.get("/remind/asked")).text
    await site.worker.drain()
    link = link_in(site.mailbag)
    assert "January" in site.mailbag.letters[-1]["Subject"]

    for _time in range(10):
        assert (await site.reader.get(link)).status_code == 200
        assert (await site.reader.head(link)).status_code == 200
    assert [row.is_confirmed for row in await rows(site)] == [False]
    for _time in range(2):
        assert (await site.reader.post(link)).status_code == 303
    assert "The reminder is set" in (await site.reader.get(link)).text

    await tick(site)
    assert len(site.mailbag.letters) == 1, "nothing before its month"
    site.clock.advance(timedelta(days=41))
    await tick(site)
    await tick(site)

    assert [letter["To"] for letter in site.mailbag.letters] == [ADA, ADA]
    assert site.mailbag.letters[-1]["Subject"] == "You asked The Weekly Lamp to remind you"
    assert await rows(site) == []
    assert (await site.reader.get(link)).status_code == 404
    assert (await site.reader.post(link)).status_code == 404
    site.clock.advance(timedelta(days=2))
    await tick(site)
    assert await letters_waiting(site) == 0, "the outbox forgets the address too"


async def test_an_address_that_nobody_confirms_is_forgotten_after_seven_days(site: Whole) -> None:
    await ask(site)
    site.clock.advance(timedelta(days=7, minutes=1))

    await tick(site)

    assert await rows(site) == []


async def confirmed(site: Whole, **more: str) -> str:
    """A reminder that is set; returns the address that cancels it."""
    await ask(site, **more)
    await site.worker.drain()
    link = link_in(site.mailbag)
    assert (await site.reader.post(link)).status_code == 303
    found = re.search(r"/remind/cancel/[^\s\"]+", (await site.reader.get(link)).text)
    assert found is not None
    return found[0]


async def test_the_letter_that_asks_for_money_can_be_stopped_by_the_mail_program(site: Whole) -> None:
    await confirmed(site)
    site.clock.advance(timedelta(days=41))
    await tick(site)

    letter = site.mailbag.letters[-1]
    assert letter["Subject"] == "You asked The Weekly Lamp to remind you"
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    stop_url = str(letter["List-Unsubscribe"]).strip("<>")
    assert stop_url.startswith(f"{site.settings.base_url}/remind/cancel/")
    transport = httpx.ASGITransport(app=site.app)
    async with httpx.AsyncClient(transport=transport) as mail_program:
        for _time in range(2):
            assert (await mail_program.post(stop_url, data={"List-Unsubscribe": "One-Click"})).status_code == 200


async def test_whoever_stopped_every_letter_since_is_not_asked_and_forgotten(site: Whole) -> None:
    await confirmed(site)
    async with site.db.unit_of_work() as session:
        stops = Suppressions(site.settings.secret_key)
        await stops.add(session, ADA, scope=MARKETING, reason="complaint", now=site.clock.now())
    site.clock.advance(timedelta(days=41))
    await tick(site)

    assert len(site.mailbag.letters) == 1, "the one that asked to confirm"
    site.clock.advance(timedelta(days=1, minutes=1))
    await tick(site)
    assert await letters_waiting(site) == 0


async def test_a_reminder_is_cancelled_by_a_button_and_never_by_looking(site: Whole) -> None:
    cancel = await confirmed(site)
    assert "Cancel the reminder" in (await site.reader.get(cancel)).text
    assert len(await rows(site)) == 1

    for _time in range(2):
        assert "The reminder is cancelled" in (await site.reader.post(cancel)).text

    assert await rows(site) == []
    site.clock.advance(timedelta(days=41))
    await tick(site)
    assert len(site.mailbag.letters) == 1
    token = cancel.rpartition("/")[2]
    assert (await site.reader.get(f"/remind/{token}")).status_code == 404, "it does not confirm"
    assert (await site.reader.post(f"{cancel}x")).status_code == 404


async def test_a_reminder_that_waits_in_the_outbox_can_still_be_cancelled(site: Whole) -> None:
    cancel = await confirmed(site)
    site.clock.advance(timedelta(days=41))
    async with site.db.unit_of_work() as session:
        assert await send_reminders(session, settings=site.settings, ids=site.ids, now=site.clock.now()) == 1
    await site.reader.post(cancel)

    await site.worker.drain()

    assert len(site.mailbag.letters) == 1


@pytest.mark.parametrize("days", [3, 5])
async def test_a_letter_that_was_given_up_keeps_the_address_four_days(site: Whole, days: int) -> None:
    await ask(site)
    async with site.db.unit_of_work() as session:
        await session.execute(update(Letter).values(state=WorkState.BURIED))
    site.clock.advance(timedelta(days=days))

    await tick(site)

    assert await letters_waiting(site) == (1 if days < 4 else 0)


async def test_tags_and_dots_open_no_second_door_to_a_mailbox(site: Whole) -> None:
    for number, email in enumerate(["ada@gmail.com", "a.da@gmail.com", "ada+1@gmail.com", "a.d.a+2@gmail.com"]):
        await ask(site, email, ip=f"198.51.100.{number}")

    await site.worker.drain()

    assert len(site.mailbag.letters) == 3


async def test_one_wish_is_three_letters_in_all(site: Whole) -> None:
    for _day in range(3):
        for _time in range(2):
            await ask(site)
        site.clock.advance(timedelta(days=1, hours=2))

    await site.worker.drain()

    assert len(site.mailbag.letters) == 3


async def test_a_wish_in_a_flood_is_kept_and_gets_its_letter_when_there_is_room(
    site: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reminders, "ASKED_BY_ALL", 2)
    for number in range(6):
        await ask(site, f"flood{number}@example.org", ip=f"198.51.100.{number}")
    assert (await ask(site)).headers["location"] == "/remind/asked"
    await tick(site)
    assert len(site.mailbag.letters) == 2
    assert len(await rows(site)) == 7

    for _day in range(3):
        await ask(site, "late@example.org")
        site.clock.advance(timedelta(days=1, hours=2))
        await tick(site)

    assert [letter["To"] for letter in site.mailbag.letters[2:8]] == [
        "flood2@example.org", "flood3@example.org", "flood4@example.org", "flood5@example.org", ADA, "late@example.org",
    ]  # fmt: skip
    site.clock.advance(timedelta(days=5))
    assert (await site.reader.get(link_in(site.mailbag))).status_code == 200
    await tick(site)
    left = {row.email for row in await rows(site)}
    assert left == {"flood4@example.org", "flood5@example.org", ADA, "late@example.org"}, "seven days from the letter"


async def test_forty_wishes_at_once_for_one_address_are_three_letters(site: Whole) -> None:
    for batch in range(4):
        answers = await asyncio.gather(*(ask(site, ip=f"198.51.{batch}.{number}") for number in range(10)))
        assert {answer.status_code for answer in answers} == {303}
    await ask(site, ADA.upper(), ip="198.51.100.250")

    await site.worker.drain()

    assert len(site.mailbag.letters) == 3
    assert len(await rows(site)) == 1


async def test_many_at_once_are_as_many_letters_as_allowed_on_both_engines(
    db: Database, ids: Ids, clock: FixedClock, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reminders, "ASKED_BY_ALL", 5)

    async def wish(number: int) -> None:
        async with db.unit_of_work() as session:
            await reminders.ask_reminder(
                session,
                email=f"reader{number % 8}+{number}@example.org",
                month=date(2027, 1, 1),
                network=str(number),
                settings=settings,
                ids=ids,
                now=clock.now(),
            )

    async def wait() -> None:
        async with db.unit_of_work() as session:
            await reminders.ask_those_waiting(session, settings=settings, ids=ids, now=clock.now())

    await asyncio.gather(*(wish(number) for number in range(12)), wait(), wait())

    async with db.reading() as session:
        assert await session.scalar(select(func.count(Letter.id))) == 5
        assert await session.scalar(select(func.count(Reminder.id))) == 12
    clock.advance(timedelta(days=1, hours=2))
    await asyncio.gather(wait(), wait())
    async with db.reading() as session:
        assert await session.scalar(select(func.count(Letter.id))) == 10


async def test_one_network_may_not_write_to_many(site: Whole) -> None:
    answers = [await ask(site, f"reader{number}@example.org") for number in range(12)]

    assert [answer.status_code for answer in answers] == [303] * 10 + [429] * 2
    assert "Please try again in an hour" in answers[-1].text
    site.clock.advance(timedelta(hours=3))
    assert (await ask(site)).status_code == 303


async def test_every_address_gets_the_same_answer(site: Whole) -> None:
    first = await ask(site)
    known = await ask(site)

    assert (first.status_code, first.headers["location"], first.content) == (
        known.status_code,
        known.headers["location"],
        known.content,
    )


@pytest.mark.parametrize(
    "email", ["", "ada", "ada@", "a" * 300 + "@example.org", "ada\u202e@example.org", "a@b\r\nBcc: c@d"]
)
async def test_what_is_no_address_comes_back_filled_in(site: Whole, email: str) -> None:
    answer = await ask(site, email, month="2027-03")

    page = Page(answer.text)
    assert answer.status_code == 422
    assert page.says("h1") == ["Remind me later"]
    assert "Enter an email address in the format" in answer.text
    assert 'value="2027-03" selected' in answer.text
    assert await letters_waiting(site) == 0


@pytest.mark.parametrize("told", [{"month": "2020-01"}, {"month": "soon"}, {"month": "2027-13"}, {"month": "９"}])
async def test_a_month_that_is_not_offered_is_refused(site: Whole, told: dict[str, str]) -> None:
    answer = await ask(site, **told)

    assert answer.status_code == 422
    assert "Choose one of these months" in answer.text


async def test_unknown_and_repeated_fields_and_other_types_are_refused(site: Whole) -> None:
    async def send(content: bytes, kind: str = "application/x-www-form-urlencoded") -> int:
        return (await site.reader.post("/remind", content=content, headers={"content-type": kind})).status_code

    assert await send(b"email=a@example.org&admin=1") == 400
    assert await send(b"email=a@example.org&email=b@example.org") == 400
    assert await send(b"email=%ff@example.org") == 400
    assert await send(b'{"email": "a@example.org"}', "application/json") == 415
    assert await send(b"email=" + b"a" * 20_000) == 413


async def test_a_forged_link_finds_nothing(site: Whole) -> None:
    for token in ("x", "01JDONATION000000000000000", "asked.x", "%2e%2e", "a" * 2_000):
        assert (await site.reader.get(f"/remind/{token}")).status_code == 404, token


@pytest.mark.parametrize(
    ("today", "first"),
    [
        (date(2026, 11, 20), date(2026, 12, 1)), (date(2026, 11, 21), date(2027, 1, 1)),
        (date(2026, 12, 1), date(2027, 1, 1)), (date(2026, 12, 31), date(2027, 2, 1)),
    ],
)  # fmt: skip
def test_the_next_month_is_skipped_when_it_is_near(today: date, first: date) -> None:
    assert next_month(today) == first


async def test_the_thank_you_page_makes_one_offer_and_leads_back_with_its_mark(site: Whole) -> None:
    from supporters.newsletters.lists import ensure_first_list

    async with site.db.unit_of_work() as session:
        await ensure_first_list(session, settings=site.settings, ids=site.ids, now=site.clock.now())

    async def paid(**more: str) -> str:
        given = await site.give(article="/news/ferry", **more)
        await site.pay(given)
        await site.settle()
        from whole import session_id

        return str(site.sandbox.session(session_id(given))["success_url"])

    async def declined(address: str) -> str:
        plain = {"content-type": "application/x-www-form-urlencoded"}
        answer = await site.reader.post(f"{address}/once", headers=plain)
        assert answer.status_code == 303, answer.text
        return (await site.reader.get(address)).text

    address = await paid()
    first = (await site.reader.get(address)).text
    without = await declined(address)
    wished = await declined(await paid(newsletter="on", email="cleo@example.org"))

    origin = (
        site.settings.site_url.partition("://")[0]
        + "://"
        + site.settings.site_url.partition("://")[2].partition("/")[0]
    )
    for text in (without, wished):
        assert f'href="{origin}/news/ferry#supporters-thanks"' in text
        assert f'href="{origin}/news/ferry#supporters-thanks-quiet"' in text
    assert first.count('<section class="panel"') == without.count('<section class="panel"') == 1
    assert 'action="/news"' not in first
    assert 'action="/news"' in without
    assert 'value="ben.osei@example.org"' in without
    assert 'action="/news"' not in wished
