"""Somebody who does the books with the keyboard alone: Tab, Enter and the keys of the pages; only the first address is typed."""

import asyncio
import re
from datetime import date
from pathlib import Path

from playwright.async_api import FileChooser, Locator, Page

from looking import look
from whole import PASSWORD

EMAIL = "dana@weeklylamp.example"
MOST_PRESSES = 40
PATIENCE_SECONDS = 60
HAS_FOCUS = "wanted => document.activeElement.matches(wanted)"
# How many presses of Tab it is from here, as far as can be told: of radios one is a stop, and a date has several.
HOW_FAR = """wanted => {
    let here = document.activeElement;
    if (here.matches(wanted)) return 0;
    if (here == document.body) here = document.querySelector(":target") ?? here;
    const known = "a[href],button,input:not([type=hidden]),select,textarea,summary,[tabindex]";
    const radio = each => document.querySelector(`input[name="${each.name}"]:checked`)
        ?? document.querySelector(`input[name="${each.name}"]`);
    const stops = [...document.querySelectorAll(known)].filter(each => each.tabIndex >= 0 && !each.disabled
        && (each.type != "radio" || each == radio(each))
        && each.checkVisibility({contentVisibilityAuto: true, visibilityProperty: true}));
    const goal = stops.findIndex(each => each.matches(wanted)), at = stops.indexOf(here);
    if (goal < 0) return 1;
    if (at >= 0) return goal - at;
    const next = stops.findIndex(each => here.compareDocumentPosition(each) & Node.DOCUMENT_POSITION_FOLLOWING);
    const from = next < 0 ? stops.length : next;
    return goal < from ? goal - from : goal - from + 1;
}"""


class Bookkeeper:
    """Dana, in front of the desk."""

    def __init__(self, page: Page, base: str) -> None:
        self.page, self.base = page, base
        self.looked: dict[str, list[str]] = {}  # what axe and narrow screens found wrong, by kind of page
        self._asked: asyncio.Queue[FileChooser] = asyncio.Queue()
        page.set_default_timeout(PATIENCE_SECONDS * 1000)
        page.on("filechooser", self._asked.put_nowait)

    # hands

    async def reach(self, wanted: str) -> None:
        """The focus is on what `wanted` selects, by Tab or back by Shift+Tab: it may be there already.

        As many keys as it should take are pressed at once; then each press is looked at.
        """
        for _ in range(MOST_PRESSES):
            away = int(await self.page.evaluate(HOW_FAR, wanted))
            if not away:
                return
            for _press in range(abs(away)):
                await self.page.keyboard.press("Tab" if away > 0 else "Shift+Tab")
        raise AssertionError(f"no key reaches {wanted} on {self.page.url}")

    async def skip(self) -> None:
        """Past the navigation, by the link that is there for it."""
        await self.reach(".skip")
        await self.page.keyboard.press("Enter")

    async def follow(self, wanted: str) -> None:
        """The focus goes there, Enter is pressed, and the next page has come."""
        await self.reach(wanted)
        await self.enter()

    async def enter(self, key: str = "Enter") -> None:
        """That key is pressed, and the next page has come."""
        async with self.page.expect_navigation():
            await self.page.keyboard.press(key)

    async def open(self, place: str) -> None:
        """A part of the desk, by the navigation; whoever was away for long signs in again."""
        await self.follow(f"nav a[href='/desk/{place}']")
        if "/desk/sign-in" in self.page.url:
            await self.sign_in()

    async def write(self, wanted: str, text: str) -> None:
        """That text in that field, in place of what stood there."""
        await self.reach(wanted)
        await self.page.keyboard.press("Control+a")
        await self.page.keyboard.type(text)

    async def write_day(self, wanted: str, day: date) -> None:
        """That day in that field, in the order that this browser wants."""
        await self.reach(wanted)
        for order in ("%m%d%Y", "%d%m%Y", "%Y%m%d"):
            await self.page.keyboard.type(f"{day:{order}}")
            if await self.page.locator(wanted).input_value() == day.isoformat():
                return
            await self.page.keyboard.press("Shift+Tab")
            await self.reach(wanted)
        raise AssertionError(f"{wanted} never becomes {day}")

    async def choose(self, name: str, value: str) -> None:
        """That answer of several, with the arrows."""
        wanted = f"input[name='{name}'][value='{value}']"
        await self.reach(f"input[name='{name}']")
        for _ in range(MOST_PRESSES):
            if await self.page.evaluate(HAS_FOCUS, wanted):
                break
            await self.page.keyboard.press("ArrowDown")
        if not await self.page.locator(wanted).is_checked():
            await self.page.keyboard.press("Space")
        assert await self.page.locator(wanted).is_checked(), wanted

    # what there is

    def main(self, wanted: str) -> Locator:
        """That in the page itself."""
        return self.page.locator("main").locator(wanted)

    async def shows(self, words: str) -> None:
        """The page says so, as soon as it is there."""
        await self.page.get_by_text(words).first.wait_for()

    async def look(self, kind: str) -> None:
        """The page is looked at, once for its kind."""
        if kind not in self.looked:
            self.looked[kind] = await look(self.page, shot=f"year-{kind}")
            await self.page.set_viewport_size({"width": 1280, "height": 900})

    # the doors

    async def come(self) -> None:
        """The first address, and in."""
        await self.page.goto(f"{self.base}/desk")
        await self.sign_in()

    async def sign_in(self) -> None:
        """In by email and password."""
        await self.write("input[name=email]", EMAIL)
        await self.write("input[name=password]", PASSWORD)
        await self.enter()

    # bank statements

    async def add_account(self, name: str, currency: str) -> None:
        """An account is known from now on; its page is shown."""
        await self.open("bank")
        await self.look("bank")
        await self.skip()
        await self.write("#name", name)
        await self.write("#currency", currency)
        await self.enter()
        await self.page.get_by_role("heading", name=name).wait_for()

    async def bring(self, account: str, kept: Path) -> dict[str, str]:
        """The file is brought, its columns are confirmed if it is a table; returns the figures of the check."""
        await self.open("bank")
        await self._to_account(account)
        await self.look("bank-account")
        await self.skip()
        await self.reach("#file")
        await self.page.keyboard.press("Space")
        async with asyncio.timeout(PATIENCE_SECONDS):
            asked = await self._asked.get()
        await asked.set_files(kept)
        await self.follow("form[action$='/files'] button")
        if self.page.url.endswith("/columns"):
            await self.look("bank-columns")
            await self.skip()
            await self.follow("main button.button--primary")
        await self.page.get_by_role("heading", name="Check the statement").wait_for()
        await self.look("bank-check")
        told = await self.page.locator(".stats div").all_inner_texts()
        return {lines[0]: lines[1] for each in told if len(lines := each.split("\n")) > 1}

    async def _to_account(self, name: str) -> None:
        link = self.main("tbody a").filter(has_text=re.compile(f"^{name}$"))
        address = await link.get_attribute("href")
        await self.skip()
        await self.follow(f"main a[href='{address}']")

    async def take(self) -> None:
        """What was checked is taken."""
        await self.skip()
        await self.follow("form[action$='/take'] button")
        await self.page.get_by_text("Imported").first.wait_for()
        await self.look("bank-file")
