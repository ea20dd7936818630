"""The demo's own pages, in front of the product: the mailbox under /mailbox; "/" leads to the sample article.

A small ASGI application without a framework: it answers its own paths and hands everything else to the product.
"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import msgspec

from supporters.demo.mailbox import list_letters, read_letter
from supporters.demo.sample import FERRY
from supporters.kit.assets import Assets
from supporters.kit.templates import Templates
from supporters.paths import STATIC
from supporters.settings import Settings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

FILES = Path(__file__).resolve().parent / "files"
BRAND = ("mark.svg", "cover.svg")
HTML = "text/html; charset=utf-8"
OPEN_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-src 'self'"
)
LETTER_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; sandbox"
)


class Answer(msgspec.Struct, frozen=True):
    """One reply."""

    body: bytes
    media_type: str = HTML
    status: int = 200
    policy: str = OPEN_POLICY + "; frame-ancestors 'none'"
    location: str | None = None


def place_brand(data_dir: Path) -> None:
    """The sample paper's mark and front page are where the product looks for a publisher's own pictures."""
    folder = data_dir / "brand"
    folder.mkdir(parents=True, exist_ok=True)
    for name in BRAND:
        shutil.copyfile(FILES / name, folder / name)


def with_demo_pages(app: App, *, settings: Settings, mailbox: Path) -> App:
    """`app`, with the mailbox in front of it."""
    pages = DemoPages(settings, mailbox)

    async def both(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (answer := await pages.answer(scope["method"], scope["path"])):
            await _reply(send, answer)
            return
        await app(scope, receive, send)

    return both


class DemoPages:
    """Answers / and /mailbox."""

    def __init__(self, settings: Settings, mailbox: Path) -> None:
        assets = Assets(STATIC)
        self._settings = settings
        self._mailbox = mailbox
        self._templates = Templates(settings, asset=assets.address)

    async def answer(self, method: str, path: str) -> Answer | None:
        """The reply to a request for one of the demo's pages, or None for a page of the product."""
        first, _slash, rest = path.strip("/").partition("/")
        if first not in {"mailbox", ""}:
            return None
        if method not in {"GET", "HEAD"}:
            return self._missing() if first else None
        return await asyncio.to_thread(self._mail, rest) if first else _go_to(self._settings.site_url + FERRY.path)

    def _mail(self, rest: str) -> Answer:
        if not rest:
            return self._page("demo/mailbox.html", letters=list_letters(self._mailbox))
        name, _slash, part = rest.partition("/")
        letter = read_letter(self._mailbox, name)
        if letter is None or part not in {"", "html", "text"}:
            return self._missing()
        if part == "html":
            policy = LETTER_POLICY + "; frame-ancestors 'self'"
            return Answer((letter.html or "").encode(), policy=policy)
        if part == "text":
            return Answer(letter.text.encode(), media_type="text/plain; charset=utf-8")
        return self._page("demo/letter.html", letter=letter)

    def _missing(self) -> Answer:
        return msgspec.structs.replace(self._page("demo/missing.html"), status=404)

    def _page(self, template: str, **context: object) -> Answer:
        return Answer(self._templates.render(template, **context).encode())


def _go_to(address: str) -> Answer:
    return Answer(b"", status=302, location=address)


async def _reply(send: Send, answer: Answer) -> None:
    headers = {
        "content-type": answer.media_type,
        "content-length": str(len(answer.body)),
        "content-security-policy": answer.policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "strict-origin-when-cross-origin",
        "cache-control": "no-store",
    }
    if answer.location:
        headers["location"] = answer.location
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    await send({"type": "http.response.body", "body": answer.body})
