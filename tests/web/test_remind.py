"""Being asked again later: one letter in the chosen month, three letters a day at most, nothing by a mere look."""

import asyncio
import re
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from pages import Page
from supporters.jobs.queue import enqueue
from supporters.mail.models import Letter
from supporters.prompts.jobs import SEND_REMINDERS
from supporters.prompts.models import Reminder
from supporters.prompts.words import next_month
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


async def test_forty_wishes_at_once_for_one_address_are_three_letters(site: Whole) -> None:
    for batch in range(4):
        answers = await asyncio.gather(*(ask(site, ip=f"198.51.{batch}.{number}") for number in range(10)))
        assert {answer.status_code for answer in answers} == {303}
    await ask(site, ADA.upper(), ip="198.51.100.250")

    await site.worker.drain()

    assert len(site.mailbag.letters) == 3
    assert len(await rows(site)) == 1


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

    async def page(**more: str) -> Any:
        given = await site.give(article="/news/ferry", **more)
        await site.pay(given)
        await site.settle()
        from whole import session_id

        return (await site.reader.get(site.sandbox.session(session_id(given))["success_url"])).text

    without = await page()
    wished = await page(newsletter="on", email="cleo@example.org")

    origin = (
        site.settings.site_url.partition("://")[0]
        + "://"
        + site.settings.site_url.partition("://")[2].partition("/")[0]
    )
    for text in (without, wished):
        assert f'href="{origin}/news/ferry#supporters-thanks"' in text
        assert f'href="{origin}/news/ferry#supporters-thanks-quiet"' in text
    assert without.count('<section class="panel"') == 1
    assert 'action="/news"' in without
    assert 'value="ben.osei@example.org"' in without
    assert 'action="/news"' not in wished
