"""The demo's own pages, in front of the product: a sample article under /paper and the mailbox under /mailbox.

A small ASGI application without a framework: it answers its own two paths and hands everything else to the product.
"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import msgspec

from supporters.appeals.rules import default_amounts
from supporters.demo.mailbox import list_letters, read_letter
from supporters.demo.sample import FERRY
from supporters.kit.assets import TYPES, Assets
from supporters.kit.money import Money, format_money, plain_amount
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
    """`app`, with the sample article and the mailbox in front of it."""
    pages = DemoPages(settings, mailbox)

    async def both(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (answer := await pages.answer(scope["method"], scope["path"])):
            await _reply(send, answer)
            return
        await app(scope, receive, send)

    return both


class DemoPages:
    """Answers /paper and /mailbox."""

    def __init__(self, settings: Settings, mailbox: Path) -> None:
        assets = Assets(STATIC)
        self._settings = settings
        self._mailbox = mailbox
        self._templates = Templates(settings, asset=assets.address)

    async def answer(self, method: str, path: str) -> Answer | None:
        """The reply to a request for one of the demo's pages, or None for a page of the product."""
        first, _slash, rest = path.strip("/").partition("/")
        if first not in {"paper", "mailbox", ""}:
            return None
        if method not in {"GET", "HEAD"}:
            return self._missing() if first else None
        if first == "mailbox":
            return await asyncio.to_thread(self._mail, rest)
        return self._paper(rest) if first else _go_to(FERRY.path)

    def _paper(self, rest: str) -> Answer:
        file = FILES / rest
        if file.parent == FILES and file.suffix in TYPES and file.is_file():
            return Answer(file.read_bytes(), media_type=TYPES[file.suffix])
        if f"/paper/{rest}" == FERRY.path:
            return self._page(
                "demo/article.html", article=FERRY, ladders=self._ladders(), frequencies=self._frequencies()
            )
        if rest in {"about", "privacy"}:
            return self._page("demo/plain.html", about=rest == "about")
        return _go_to(FERRY.path)

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

    def _frequencies(self) -> tuple[str, ...]:
        return ("monthly", "yearly", "once") if self._settings.recurring_enabled else ()

    def _ladders(self) -> dict[str, list[tuple[str, str]]]:
        """Per frequency on offer: the value that is sent, and the face."""
        currency, locale = self._settings.currency, self._settings.locale
        offered = self._frequencies() or ("once",)
        return {
            name: [
                (plain_amount(Money(minor, currency)), format_money(Money(minor, currency), locale, trim=True))
                for minor in default_amounts(currency)[name]
            ]
            for name in offered
        }


def _go_to(path: str) -> Answer:
    return Answer(b"", status=302, location=path)


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
