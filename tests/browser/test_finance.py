"""The finance rooms of the demo by keyboard alone: a statement comes, is matched and explained, and the books go out."""

import asyncio
import re
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, FileChooser, Page, expect
from walking import TRIES, Demo, press_until

from supporters.checks import run_checks
from supporters.kit.clock import SystemClock
from supporters.kit.db import Database

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

OTHER_FORMATS = ("xml", "ofx", "sta")
PATIENCE_SECONDS, PAUSE_SECONDS = 30, 0.25


async def download(demo: Demo, folder: Path, form: str) -> Path:
    """The statement of the sandbox's bank that the demo names, as a file."""
    async with httpx.AsyncClient() as client:
        reply = await client.get(demo.statement.replace(".csv?", f".{form}?"))
    kept = folder / f"statement.{form}"
    kept.write_bytes(reply.raise_for_status().content)
    return kept


async def press(page: Page, wanted: str) -> None:
    """The focus goes there, and Enter is pressed."""
    await press_until(page, wanted)
    async with page.expect_navigation():
        await page.keyboard.press("Enter")


async def sign_in(page: Page, demo: Demo) -> None:
    await page.goto(demo.desk)
    await press_until(page, "input[name=email]")
    await page.keyboard.type(demo.email)
    await press_until(page, "input[name=password]")
    await page.keyboard.type(demo.password)
    await page.keyboard.press("Enter")
    await page.get_by_text("Needs you").first.wait_for()


class Chooser:
    """Chooses files wherever the page asks for one. It listens from the first page on: asked for anew, it may come late."""

    def __init__(self, page: Page) -> None:
        self._asked: asyncio.Queue[FileChooser] = asyncio.Queue()
        page.on("filechooser", self._asked.put_nowait)

    async def bring(self, page: Page, kept: Path) -> None:
        """The file is chosen on the account's page and sent."""
        await press_until(page, "#file")
        await page.keyboard.press("Space")
        async with asyncio.timeout(PATIENCE_SECONDS):
            asked = await self._asked.get()
        await asked.set_files(kept)
        await press(page, "form[action$='/files'] button")


async def figures(page: Page) -> dict[str, str]:
    """What the check found, by its words."""
    told = await page.locator(".stats div").all_inner_texts()
    return {lines[0]: lines[1] for each in told if len(lines := each.split("\n")) > 1}


async def take_the_statement(page: Page, demo: Demo, chooser: Chooser, folder: Path) -> str:
    """The statement is brought as a table, its columns are confirmed, and its lines are taken; gives the account's page."""
    await press(page, "nav a[href='/desk/bank']")
    await press(page, "main a[href^='/desk/bank/0']")
    account = page.url
    await chooser.bring(page, await download(demo, folder, "csv"))
    await expect(page).to_have_url(re.compile("/columns$"))
    await press(page, "main button.button--primary")
    await expect(page.get_by_role("heading", name="Check the statement")).to_be_visible()
    assert int((await figures(page))["New"]) > 0
    await press(page, "form[action$='/take'] button")
    await expect(page.get_by_text("Imported").first).to_be_visible()
    return account


async def wait_for_the_house(page: Page) -> None:
    """Every line with Stripe's reference has been matched by the house; the others are open."""
    await press(page, "nav a[href='/desk/match']")
    rows = page.locator("[data-row]")
    named = rows.filter(has_text=re.compile(r"STRIPE \d{9}"))
    for _ in range(TRIES):
        if not await named.count():
            break
        await asyncio.sleep(PAUSE_SECONDS)
        await page.reload()
    await expect(named).to_have_count(0)
    await expect(rows.filter(has_text="P LARKHAM")).to_have_count(1)


async def explain_the_first(page: Page) -> None:
    """The oldest open line is booked as other income, with the reason."""
    left = await page.locator("[data-row]").count()
    await press(page, "[data-row]")
    await press_until(page, "select#account")
    await page.keyboard.type("Other income")
    await press_until(page, "#note")
    await page.keyboard.type("A reader's standing order, in place of a plan.")
    await press(page, "form[action$='/account'] button")
    await expect(page.locator("#done")).to_contain_text("£10.00")
    await expect(page.locator("[data-row]")).to_have_count(left - 1)


async def export_for_xero(page: Page) -> str:
    """A file for Xero was looked at and made; gives its name."""
    await press(page, "nav a[href='/desk/exports']")
    await press_until(page, "select#f-target")
    await page.keyboard.type("Xero")
    await press(page, "form[action='/desk/exports/new'] button")
    await press(page, "form[action='/desk/exports'] button")
    await expect(page.get_by_text("The file is made.")).to_be_visible()
    async with page.expect_download() as coming:
        await press_until(page, "a[href$='/file']")
        await page.keyboard.press("Enter")
    return (await coming.value).suggested_filename


async def broken_checks(demo: Demo) -> list[str]:
    """The checks of the demo's books that do not hold."""
    db = Database(f"sqlite:///{demo.folder / 'supporters.db'}")
    try:
        async with db.reading() as session:
            return [each.name for each in await run_checks(session, now=SystemClock().now())]
    finally:
        await db.close()


async def test_a_month_is_matched_explained_and_handed_on_by_keyboard_alone(
    demo: Demo, chromium: Browser, tmp_path: Path
) -> None:
    page = await chromium.new_page()
    chooser = Chooser(page)
    await sign_in(page, demo)

    account = await take_the_statement(page, demo, chooser, tmp_path)
    again: dict[str, str] = {}
    for form in OTHER_FORMATS:
        await page.goto(account)
        await chooser.bring(page, await download(demo, tmp_path, form))
        again[form] = (await figures(page))["New"]
    await wait_for_the_house(page)
    await explain_the_first(page)
    name = await export_for_xero(page)
    await page.close()

    assert again == dict.fromkeys(OTHER_FORMATS, "0")
    assert re.fullmatch(r"xero-.*\.zip", name)
    assert await broken_checks(demo) == []
