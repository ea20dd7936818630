"""The product and the sandbox on two addresses of this machine, one clock for both, and people in front of a browser.

A person acts by what is on the page: by words, labels and headings; with a mouse, without scripts, or by keyboard alone.
"""

import asyncio
import base64
import socket
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any, Literal

import uvicorn
from playwright.async_api import Browser, Locator, Page

import plan_books
from givers import code_in
from supporters.jobs.queue import enqueue
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.plans.tend import TEND
from supporters.sandbox.acts import ACTIONS
from supporters.settings import Settings
from whole import Mailbag, Whole, free_port, running

ADA = "ada.brook@example.org"
PERIODS = {"Monthly": "month", "Yearly": "year"}
Frequency = Literal["Monthly", "Yearly"]
Way = Literal["mouse", "no scripts", "keyboard"]
WAYS: tuple[Way, ...] = ("mouse", "no scripts", "keyboard")
BY_TIMERS = (TEND, "balance.pull", "stripe.sweep")
PORTS = (free_port(), free_port())  # the same for every life of this process: an application is built once for all
MOST_PRESSES = 120
PATIENCE_MS = 20_000  # on a machine that does much else
WIDTH, HEIGHT = 390, 844


class Person:
    """Somebody with a browser of their own."""

    def __init__(self, page: Page, way: Way, base: str) -> None:
        self.page, self.way, self.base = page, way, base

    async def open(self, path: str) -> None:
        """The page at that address of the product."""
        await self.page.goto(path if "://" in path else f"{self.base}{path}")

    async def open_letter(self, letter: EmailMessage) -> None:
        """The letter as a mail program shows it."""
        part = letter.get_body(("html",))
        assert part
        shown = base64.b64encode(part.get_content().encode()).decode()
        await self.page.goto(f"data:text/html;charset=utf-8;base64,{shown}")

    async def press(self, words: str) -> None:
        """The button that says so, and what it leads to."""
        await self._go(self.page.get_by_role("button", name=words, exact=True))

    async def follow(self, words: str) -> None:
        """The link that says so, and where it leads. Of several with the same words, the first."""
        await self._go(self.page.get_by_role("link", name=words, exact=True).first)

    async def choose(self, words: str, *, of: str) -> None:
        """That answer to that question."""
        wanted = self.page.get_by_role("group", name=of).get_by_role("radio", name=words, exact=True)
        if self.way != "keyboard":
            await wanted.check(force=True)  # the tile around it is what takes the click
            return
        group = await wanted.get_attribute("name")
        await self._press_until("Tab", f"input[name='{group}']")
        if not await self._has_focus(wanted):
            for _ in range(MOST_PRESSES):
                await self.page.keyboard.press("ArrowDown")
                if await self._has_focus(wanted):
                    break
        if not await wanted.is_checked():
            await self.page.keyboard.press("Space")
        assert await wanted.is_checked(), words

    async def write(self, words: str, text: str) -> None:
        """That text in the field with that label, in place of what stood there."""
        field = self.page.get_by_label(words, exact=True)
        if self.way != "keyboard":
            await field.fill(text)
            return
        await self._reach(field)
        await self.page.keyboard.press("Control+a")
        await self.page.keyboard.type(text)

    async def look_again(self) -> None:
        """The same page, as it is now."""
        await self.page.reload()

    async def reads(self, *words: str) -> str:
        """All of that stands on the page, where it can be seen; gives all that does."""
        said = await self.said()
        for each in words:
            assert each in said, f"{each!r} is not on {self.page.url}: {said}"
        return said

    async def said(self) -> str:
        """All that can be seen on the page."""
        return " ".join((await self.page.locator("body").inner_text()).split())

    async def _go(self, wanted: Locator) -> None:
        if self.way == "keyboard":
            await self._reach(wanted)
            async with self.page.expect_navigation():
                await self.page.keyboard.press("Enter")
            return
        async with self.page.expect_navigation():
            await wanted.click()

    async def _reach(self, wanted: Locator) -> None:
        await wanted.wait_for()
        for _ in range(MOST_PRESSES):
            if await self._has_focus(wanted):
                return
            await self.page.keyboard.press("Tab")
        raise AssertionError(f"no number of tabs reaches {wanted} on {self.page.url}")

    async def _press_until(self, key: str, selector: str) -> None:
        for _ in range(MOST_PRESSES):
            await self.page.keyboard.press(key)
            if await self.page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
                return
        raise AssertionError(f"{key} never reaches {selector} on {self.page.url}")

    async def _has_focus(self, wanted: Locator) -> bool:
        return bool(await wanted.evaluate("each => each === document.activeElement"))


class Lifetime:
    """The whole product with its clock in hand, its letters, and whoever walks up to it."""

    def __init__(self, whole: Whole, chromium: Browser, way: Way) -> None:
        self.whole = whole
        self.way: Way = way
        self._chromium = chromium

    async def person(self) -> Person:
        """A reader with an empty browser."""
        context = await self._chromium.new_context(
            java_script_enabled=self.way != "no scripts",
            viewport={"width": WIDTH, "height": HEIGHT},
            reduced_motion="reduce",
        )
        page = await context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        return Person(page, self.way, self.whole.settings.base_url)

    async def staff(self, role: str = "admin", desk: Person | None = None) -> Person:
        """A member of staff with that role, signed in, in the browser of `desk` if there is one already."""
        client = await self.whole.staff(role)
        desk = desk or await self.person()
        jar = client.cookies.jar
        await desk.page.context.add_cookies(
            [{"name": each.name, "value": each.value or "", "url": desk.base} for each in jar]
        )
        await client.aclose()
        return desk

    async def begin(self, giver: Person, *pay: str, frequency: Frequency = "Monthly", amount: str = "£10") -> None:
        """The amount is promised, and paid on Stripe's pages with the buttons that say `pay`."""
        period = PERIODS[frequency]
        await giver.open("/give")
        await giver.choose(frequency, of="How often?")
        await giver.choose(amount, of=f"How much a {period}?")
        await giver.write("Email", ADA)
        await giver.write("Name", "Ada Brook")
        self.whole.clock.advance(timedelta(seconds=30))  # nobody types faster
        await giver.press(f"Give {amount} a {period}")
        await giver.reads("This page stands in for Stripe’s.", "Donation to The Weekly Lamp", f"{amount}.00 a {period}")
        for words in pay or (f"Subscribe: {amount}.00 a {period}",):
            await giver.press(words)
        await self.settle()
        await giver.look_again()

    async def sign_in(self, giver: Person) -> None:
        """In by the code that was mailed."""
        await giver.open("/me")
        await giver.write("Email", ADA)
        await giver.press("Send me an email to sign in")
        await self.settle()
        await giver.write("Code", code_in(self.whole))
        await giver.press("Sign in")

    async def settle(self) -> None:
        """A minute has gone by, and all that was under way in it has arrived: news of Stripe, jobs, letters."""
        for _ in range(3):
            while await self.whole.sandbox.deliver_due():
                await self.whole.worker.drain()
            await self.whole.worker.drain()
            self.whole.clock.advance(timedelta(seconds=20))

    async def pass_until(self, year: int, month: int, day: int) -> None:
        """It is noon of that day, at Stripe and here, and what looks after plans and books has run."""
        whole = self.whole
        whole.clock.set(datetime(year, month, day, 12, tzinfo=UTC))
        await self.settle()
        whole.clock.advance(timedelta(minutes=2))  # then a payment that nobody has explained is asked about
        async with whole.db.unit_of_work() as session:
            for kind in BY_TIMERS:
                await enqueue(session, kind, {}, ids=whole.ids, now=whole.clock.now())
        await self.settle()

    async def happens(self, name: str, **told: Any) -> None:
        """Something that only a bank or Stripe can do."""
        shape, act = ACTIONS[name]
        await act(self.whole.sandbox, shape(**told))

    def charges(self) -> list[str]:
        """Stripe's ids of all that was taken or tried, oldest first."""
        return [str(charge["id"]) for charge in self.whole.sandbox.objects("charge")]

    def subjects(self) -> list[str]:
        """What the letters of this life are about, oldest first."""
        return [str(letter["Subject"]) for letter in self.whole.mailbag.letters]

    def letter(self, subject: str, *words: str) -> EmailMessage:
        """The newest letter with that subject, which says those words."""
        found = [each for each in self.whole.mailbag.letters if str(each["Subject"]) == subject]
        assert found, self.subjects()
        said = text_of(found[-1])
        for each in words:
            assert each in said, said
        return found[-1]

    async def books_equal_stripes(self) -> None:
        """Each bill is one donation, no number of a receipt is missing, and every account is what Stripe's lines say."""
        sandbox = self.whole.sandbox
        async with self.whole.db.reading() as session:
            bills = await plan_books.instalments_and_bills(session, sandbox.objects("invoice"))
            payments = await plan_books.donations_and_payments(session, sandbox.objects("charge"))
            gaps = await plan_books.gaps_in_receipts(session)
            booked: Counter[str] = await plan_books.booked(session)
        assert bills[0] == bills[1]
        assert payments[0] == payments[1]
        assert gaps == []
        assert booked == plan_books.told_by_lines(sandbox.objects("balance_transaction"), sandbox.objects("dispute"))
        await self.whole.books_hold()


def text_of(letter: EmailMessage) -> str:
    """What the letter says to those who read it as plain text."""
    part = letter.get_body(("plain",))
    assert part
    return " ".join(part.get_content().split())


@asynccontextmanager
async def living(
    db: Database, clock: FixedClock, settings: Settings, mailbag: Mailbag, chromium: Browser, way: Way
) -> AsyncGenerator[Lifetime]:
    """The product and the sandbox, each served at an address of its own, and closed and checked at the end."""
    async with AsyncExitStack() as stack:
        shop, bank = (stack.enter_context(_listening(port)) for port in PORTS)
        here = replace(
            settings,
            base_url=_address(shop),
            stripe_api_base=_address(bank),
            checkout_origin=_address(bank),
            recurring_enabled=True,
        )
        whole = await stack.enter_async_context(running(db, clock, Ids(clock), here, mailbag))
        for app, listening in ((whole.app, shop), (whole.sandbox_app, bank)):
            await stack.enter_async_context(_serving(app, listening))
        yield Lifetime(whole, chromium, way)


def _listening(port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # the life before has only just left it
    try:
        listening.bind(("127.0.0.1", port))
    except OSError:  # somebody took it meanwhile: then this life has another address, and an application of its own
        listening.bind(("127.0.0.1", 0))
    listening.listen(100)
    return listening


def _address(listening: socket.socket) -> str:
    return f"http://127.0.0.1:{listening.getsockname()[1]}"


@asynccontextmanager
async def _serving(app: Any, listening: socket.socket) -> AsyncGenerator[None]:
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:  # noqa: ASYNC110 - the server offers no event
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = server.force_exit = True
        await task
