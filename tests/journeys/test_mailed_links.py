"""Every letter that the house sends, and every link in it: a mail scanner changes nothing, then a person succeeds."""

import re
from datetime import timedelta
from email.message import EmailMessage

import httpx
import pytest
from sqlalchemy import select

from pages import Page
from paper import SETTINGS_ENV
from supporters.kit.db import Database
from supporters.settings import Settings, read_settings
from supporters.tables import METADATA
from whole import Whole

BEN = "ben.osei@example.org"
CLEO = "cleo.marsh@example.org"
ELSEWHERE = {"sec-fetch-site": "cross-site", "origin": "https://paper.example"}


@pytest.fixture
def settings() -> Settings:
    """A paper whose mail provider reports bounces."""
    return read_settings({**SETTINGS_ENV, "SUPPORTERS_MAIL_HOOK_SECRET": "a secret of the mail provider alone"})


def links_of(site: Whole, letter: EmailMessage) -> set[str]:
    """Every address of ours in a letter: both of its bodies and its headers."""
    parts = [part.get_content() for kind in ("plain", "html") if (part := letter.get_body((kind,))) is not None]
    said = " ".join([*parts, letter.get("List-Unsubscribe", "")])
    return set(re.findall(rf"{re.escape(site.settings.base_url)}/[^\s\"<>]+", said))


async def dump(db: Database) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    async with db.reading() as session:
        return {
            name: [tuple(row) for row in await session.execute(select(table).order_by(*table.primary_key.columns))]
            for name, table in METADATA.tables.items()
        }


async def everything_that_sends(site: Whole) -> None:
    """A donation with the newsletter's box ticked, a sign-up, and a wish to be reminded."""
    await site.pay(await site.give(newsletter="on"))
    await site.settle()
    for path, fields in (("/news", {"list": "daily"}), ("/remind", {})):
        answer = await site.reader.post(path, data={"email": CLEO, **fields}, headers=ELSEWHERE)
        assert answer.status_code in {200, 303}, answer.text
    await site.worker.drain()


async def scan(site: Whole) -> set[str]:
    """HEAD and GET ten times on every mailed link, as a mail scanner does; returns the links."""
    links = {link for letter in site.mailbag.letters for link in links_of(site, letter)}
    before = await dump(site.db)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=site.app)) as scanner:
        for link in links:
            for method in ("HEAD", "GET"):
                for _ in range(10):
                    assert (await scanner.request(method, link)).status_code == 200, link
    assert await dump(site.db) == before
    return links


async def press(site: Whole, link: str) -> None:
    """The one button of the page behind a mailed link."""
    page = Page((await site.reader.get(link)).text)
    answer = await site.reader.post(link, data=page.sent())
    assert answer.status_code == 303, answer.text
    await site.worker.drain()


async def test_a_scanner_on_every_mailed_link_changes_no_row_and_then_a_person_succeeds(whole: Whole) -> None:
    await everything_that_sends(whole)
    assert sorted(letter["To"] for letter in whole.mailbag.letters) == [BEN, BEN, CLEO, CLEO]

    links = await scan(whole)

    buttons = {link for link in links if "/confirm/" in link or "/remind/" in link}
    assert len(buttons) == 3
    for link in buttons:
        await press(whole, link)
    marketing = [letter["To"] for letter in whole.mailbag.letters if letter["List-Unsubscribe-Post"]]
    assert sorted(marketing) == [BEN, CLEO]
    await scan(whole)
    await whole.books_hold()


async def test_a_bounced_address_gets_no_further_letter_and_the_books_do_not_care(whole: Whole) -> None:
    await whole.pay(await whole.give())
    await whole.settle()
    (receipt,) = whole.mailbag.letters
    report = {"type": "bounce", "address": BEN, "message_id": receipt["Message-ID"], "is_hard": True}
    headers = {"authorization": f"Bearer {whole.settings.mail_hook_secret}"}
    told = await whole.reader.post("/hooks/mail", json={"events": [report]}, headers=headers)
    assert told.status_code == 200, told.text

    await whole.pay(await whole.give(amount="30"))
    await whole.settle()
    await whole.reader.post("/news", data={"email": BEN, "list": "daily"}, headers=ELSEWHERE)
    whole.clock.advance(timedelta(days=3))
    await whole.worker.tick()
    await whole.worker.drain()

    assert whole.mailbag.letters == [receipt]
    await whole.books_hold()
