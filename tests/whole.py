"""The whole product in one process: real app, worker, SDK, sandbox, SMTP and database; only clock and chance are held.

Every request to Stripe and every answer and event from it is held to Stripe's own document.
"""

import html
import json
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx
from aiosmtpd.controller import Controller
from litestar import Litestar

from openapi import ValidatingApp, stripe_document
from prepared import prepare_once
from stripe_in_process import IDLE as IDLE_SANDBOXES
from stripe_in_process import InProcessClient, take_sandbox
from supporters.app import build_house, create_app
from supporters.checks import run_checks
from supporters.kit import assets
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.mail.transport import SmtpTransport
from supporters.payments.gateway import Gateway
from supporters.sandbox.config import SandboxConfig
from supporters.sandbox.sandbox import Sandbox
from supporters.settings import Settings
from supporters.staff import passwords
from supporters.staff.actions import add_staff
from supporters.staff.passwords import Passwords
from supporters.worker import Tools, Worker

PASSWORD = "a long enough password"
SAME_ORIGIN = {"sec-fetch-site": "same-origin"}


class Mailbag:
    """A real mail server that keeps what it is sent."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.answer: str | None = None
        self._port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self._port, ready_timeout=10)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if self.answer:
            return self.answer
        message = BytesParser(policy=policy.default).parsebytes(envelope.content)
        assert isinstance(message, EmailMessage)
        self.letters.append(message)
        return "250 taken"

    def start(self) -> None:
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self._port}"


def free_port() -> int:
    """A port on loopback that nothing uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Whole:
    """A running product, and the hands to use it with."""

    def __init__(self, db: Database, clock: FixedClock, ids: Ids, settings: Settings, mailbag: Mailbag) -> None:
        self.db, self.clock, self.ids, self.settings, self.mailbag = db, clock, ids, settings, mailbag
        config = SandboxConfig(
            seed=2822,
            clock=clock,
            webhook_url=f"{settings.base_url}/hooks/stripe",
            webhook_secret=settings.stripe_webhook_secrets[0],
            base_url=settings.stripe_api_base,
            in_background=False,
        )
        self.deliveries: list[tuple[dict[str, str], bytes]] = []
        self.sandbox_app = take_sandbox(config, self._deliver)
        self.validated = ValidatingApp(self.sandbox_app)
        self.sandbox: Sandbox = self.sandbox_app.state.sandbox
        self.stripe_http = InProcessClient(self.validated)
        self.tools = Tools(
            settings=settings,
            db=db,
            gateway=Gateway(
                settings.stripe_secret_key,
                api_base=settings.stripe_api_base,
                http_client=self.stripe_http,
                max_network_retries=0,
            ),
            transport=SmtpTransport(mailbag.url),
            clock=clock,
            ids=ids,
        )
        self.app = take_app(self.tools)
        self.worker = Worker(self.tools)
        self.reader = self.browser()
        self.courier = httpx.AsyncClient(transport=httpx.ASGITransport(app=self.app), base_url=settings.base_url)
        self.bank = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.sandbox_app), base_url=settings.stripe_api_base
        )

    def browser(self) -> httpx.AsyncClient:
        """A browser with an empty jar."""
        transport = httpx.ASGITransport(app=self.app, client=("203.0.113.7", 50000))
        return httpx.AsyncClient(transport=transport, base_url=self.settings.base_url, headers=SAME_ORIGIN)

    async def _deliver(self, url: str, headers: dict[str, str], body: bytes) -> int:
        assert url == f"{self.settings.base_url}/hooks/stripe"
        stripe_document().check_event(json.loads(body))
        self.deliveries.append((headers, body))
        sent = {key: value for key, value in headers.items() if key.lower() != "sec-fetch-site"}
        return (await self.courier.post("/hooks/stripe", headers=sent, content=body)).status_code

    async def give(self, *, amount: str = "25", email: str = "ben.osei@example.org", **more: str) -> httpx.Response:
        """The form, opened and sent; the answer to sending it."""
        page = await self.reader.get("/give", params={"frequency": "once"})
        assert page.status_code == 200, page.text
        self.clock.advance(timedelta(seconds=20))
        fields = {
            **hidden_fields(page.text),
            "frequency": "once",
            "once": "other",
            "other": amount,
            "email": email,
            "name": "Ben Osei",
            **more,
        }
        return await self.reader.post("/give", data=fields)

    async def pay(self, given: httpx.Response, outcome: str = "pay") -> dict[str, Any]:
        """The payment page that the reader was sent to, used with that outcome."""
        assert given.status_code == 303, given.text
        return await self.sandbox.pay(session_id(given), outcome)  # pyright: ignore[reportArgumentType]

    async def settle(self) -> None:
        """Everything that is under way has arrived: settlement, webhooks, jobs, letters."""
        for _ in range(3):
            await self.sandbox.deliver_all()
            await self.worker.drain()
            self.clock.advance(timedelta(seconds=5))

    async def staff(self, role: str = "admin") -> httpx.AsyncClient:
        """A member of staff with that role, signed in."""
        email = f"{role}@weeklylamp.example"
        async with self.db.unit_of_work() as session:
            await add_staff(
                session, email, role.title(), role, PASSWORD, ids=self.ids, now=self.clock.now(), passwords=ONCE
            )
        desk = self.browser()
        page = await desk.get("/desk/sign-in")
        fields = {**hidden_fields(page.text), "email": email, "password": PASSWORD}
        answer = await desk.post("/desk/sign-in", data=fields)
        assert answer.status_code == 303, answer.text
        return desk

    async def books_hold(self, *, against_stripe: bool = True) -> None:
        """Every invariant holds, and the ledger's Stripe account is Stripe's balance to the penny."""
        balance = await self.tools.gateway.balance() if against_stripe else None
        async with self.db.reading() as session:
            broken = await run_checks(session, now=self.clock.now(), stripe_balance=balance)
        assert broken == []

    async def close(self) -> None:
        """Nothing stays open, and no word to or from Stripe was out of order."""
        await self.reader.aclose()
        await self.bank.aclose()
        await self.courier.aclose()
        await self.stripe_http.close_async()
        await self.sandbox.close()
        IDLE.setdefault(self.settings, []).append(self.app)
        IDLE_SANDBOXES.append(self.sandbox_app)
        self.validated.assert_clean()


class Once(Passwords):
    """Password hashes are made to cost time: one for each password is enough for all whom a test hires."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[str, str] = {}

    async def make(self, password: str) -> str:
        if password not in self._made:
            self._made[password] = await super().make(password)
        return self._made[password]


ONCE = Once()
# So it is with looking whether they fit: the same hash and the same password are compared once.
passwords._fits = cache(passwords._fits)
# And so it is with packing the same files for each new house.
assets._packed = cache(assets._packed)

# Registering a hundred handlers takes a quarter of a second: an application that nobody uses any more gets a new house.
IDLE: dict[Settings, list[Litestar]] = {}


def take_app(tools: Tools) -> Litestar:
    """The web service with those tools inside."""
    idle = IDLE.get(tools.settings)
    if not idle:
        return create_app(tools.settings, tools=tools, with_worker=False)
    app = idle.pop()
    app.state.clear()
    app.state.house = build_house(tools)
    return app


@asynccontextmanager
async def running(
    db: Database, clock: FixedClock, ids: Ids, settings: Settings, mailbag: Mailbag
) -> AsyncIterator[Whole]:
    """The product on `db`, prepared, closed and checked at the end."""
    whole = Whole(db, clock, ids, settings, mailbag)
    await prepare_once(whole.tools)
    try:
        yield whole
    finally:
        await whole.close()


def session_id(given: httpx.Response) -> str:
    """The checkout session that an answer leads to."""
    return urlsplit(given.headers["location"]).path.rpartition("/")[2]


def hidden_fields(page: str) -> dict[str, str]:
    """The hidden fields of a page's forms, as a browser would send them."""
    found: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*type=\"?hidden\"?[^>]*>", page):
        name = re.search(r'name="([^"]*)"', tag)
        value = re.search(r'value="([^"]*)"', tag)
        if name:
            found[name[1]] = html.unescape(value[1]) if value else ""
    return found


def words(page: str) -> str:
    """What a page says, without its tags."""
    text = re.sub(r"<(script|style|svg)\b.*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(text).split())
