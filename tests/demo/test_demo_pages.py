"""The demo's own pages: an article that asks, and a mailbox that shows what was sent."""

import socket
from collections.abc import AsyncIterator, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiosmtplib
import httpx
import pytest

from supporters.appeals.pictures import read_picture
from supporters.demo import sample
from supporters.demo.mailbox import MailSink, list_letters
from supporters.demo.pages import FILES, place_brand, with_demo_pages
from supporters.demo.sample import FERRY, AppealWords
from supporters.kit.assets import Assets
from supporters.paths import STATIC
from supporters.settings import Settings


async def product(scope: Any, _receive: Any, send: Any) -> None:
    """Stands where the product would be."""
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


def test_the_pictures_of_the_samples_appeals_are_fit_for_sharing() -> None:
    pictures = {each.slug: each for each in vars(sample).values() if isinstance(each, AppealWords) and each.picture}

    found = read_picture((FILES / pictures["warm-rooms"].picture).read_bytes())

    assert (found.width, found.height) == (1200, 630)
    assert all(each.picture_alt for each in pictures.values())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "mailbox"


@pytest.fixture
def sink(folder: Path) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = MailSink(folder, host="127.0.0.1", port=port)
    server.start()
    yield port
    server.stop()


@pytest.fixture
async def reader(settings: Settings, folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = with_demo_pages(product, settings=settings, mailbox=folder)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1:8000") as client:
        yield client


def unfinished(folder: Path) -> list[Path]:
    return list(folder.glob("*.part"))


def letter() -> EmailMessage:
    message = EmailMessage()
    message["From"] = "receipts@weeklylamp.example"
    message["To"] = "Zoë <zoe@example.org>"
    message["Subject"] = "Your receipt – £25"
    message["Date"] = "Sun, 22 Nov 2026 09:36:00 +0000"
    message.set_content("Thank you, Zoë. £25 arrived.")
    message.add_alternative("<p>Thank you, <b>Zoë</b>.</p><script>alert(1)</script>", subtype="html")
    return message


async def test_front_page_of_the_demo_is_the_sample_article(reader: httpx.AsyncClient, settings: Settings) -> None:
    answer = await reader.get("/")

    assert (answer.status_code, answer.headers["location"]) == (302, settings.site_url + FERRY.path)


@pytest.mark.parametrize("path", ["/give", "/desk", "/paper", "/mailboxes", "/hooks/stripe"])
async def test_everything_else_is_the_products(reader: httpx.AsyncClient, path: str) -> None:
    answer = await reader.get(path)

    assert (answer.status_code, answer.text) == (418, path)


async def test_sent_letter_is_listed_and_opens_as_text_and_html(
    reader: httpx.AsyncClient, sink: int, folder: Path
) -> None:
    await aiosmtplib.send(letter(), hostname="127.0.0.1", port=sink)

    (kept,) = list_letters(folder)
    listed = await reader.get("/mailbox")
    opened = await reader.get(f"/mailbox/{kept.id}")
    text = await reader.get(f"/mailbox/{kept.id}/text")
    as_html = await reader.get(f"/mailbox/{kept.id}/html")

    assert "Zoë &lt;zoe@example.org&gt;" in listed.text
    assert "Your receipt – £25" in listed.text
    assert "<script" not in opened.text
    assert "Thank you, Zoë. £25 arrived." in text.text
    assert "<b>Zoë</b>" in as_html.text
    assert "sandbox" in as_html.headers["content-security-policy"]
    assert unfinished(folder) == []


@pytest.mark.parametrize("path", ["/mailbox/x", "/mailbox/../settings", "/mailbox/01ARZ3NDEKTSV4RRFFQ69G5FAV/exe"])
async def test_letter_that_is_not_there_is_a_404(reader: httpx.AsyncClient, path: str) -> None:
    answer = await reader.get(path)

    assert answer.status_code in {404, 418}
    assert (answer.status_code == 418) == (path == "/mailbox/../settings")


async def test_sample_paper_brings_its_own_mark_and_cover(tmp_path: Path) -> None:
    place_brand(tmp_path)

    assets = Assets(STATIC, own=tmp_path / "brand")

    assert assets.own("mark")
    assert assets.own("cover")
