"""The bank's pages in a real browser: a statement is brought, checked, imported and undone by keyboard, and axe finds nothing."""

from datetime import date

import pytest
from playwright.async_api import Browser, Page

from looking import look
from statements import Line, write
from supporters.bank import files
from supporters.staff.actions import add_staff
from whole import PASSWORD, Whole

pytestmark = pytest.mark.browser
LONG = {
    "test_a_statement_goes_from_file_to_lines_and_back_by_keyboard",
    "test_a_page_that_waits_is_not_loaded_again_while_something_on_it_has_focus",
}
EMAIL = "dana@weeklylamp.example"
LINES = [
    Line(
        date(2026, 11, 2), 2500, "A Müller", "LAMP appeal DON-7K3F-9Q thank you for everything you write", "NTRF000123"
    ),
    Line(date(2026, 11, 2), 500, "Jo O'Brien & Sons", "standing order", "NTRF000124"),
    Line(date(2026, 11, 3), 500, "Jo O'Brien & Sons", "standing order", "NTRF000125"),
    Line(date(2026, 11, 4), 148_980, "STRIPE PAYMENTS UK LTD", "STRIPE PAYOUT po_1Pxyz", "NTRF000126"),
    Line(date(2026, 11, 5), -900_000, "Office Landlord Ltd", "office rent november", "NTRF000127"),
    Line(date(2026, 11, 6), -1250, "Unity Bank", "monthly bank charge", "NTRF000128"),
]


async def press(page: Page, name: str) -> None:
    """The button, reached and pressed by keyboard."""
    await page.get_by_role("button", name=name).focus()
    async with page.expect_navigation():
        await page.keyboard.press("Enter")


async def test_a_statement_goes_from_file_to_lines_and_back_by_keyboard(served: Whole, chromium: Browser) -> None:
    base, clock = served.settings.base_url, served.clock
    async with served.db.unit_of_work() as session:
        await add_staff(session, EMAIL, "Dana Whitlow", "finance", PASSWORD, ids=served.ids, now=clock.now())
    page = await (await chromium.new_context(bypass_csp=True)).new_page()
    await page.goto(f"{base}/desk/sign-in?next=/desk/bank")
    await page.get_by_label("Email address").fill(EMAIL)
    await page.get_by_label("Password").fill(PASSWORD)
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    found: dict[str, list[str]] = {}

    await page.goto(f"{base}/desk/bank")
    await press(page, "Add the account")
    found["add"] = await look(page, shot="bank-fault")
    await page.get_by_label("Name", exact=True).focus()
    await page.keyboard.type("Unity current")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await page.keyboard.type("GB29 NWBK 6016 1331 9268 19")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    account = page.url
    await page.get_by_label("File from the bank").set_input_files(
        {"name": "November.csv", "mimeType": "text/csv", "buffer": write("csv", LINES, opening=1_000_000)}
    )
    await press(page, "Continue")
    found["columns"] = await look(page, shot="bank-columns")
    await press(page, "Show what would happen")
    found["check"] = await look(page, shot="bank-check")
    await press(page, "Import 6 lines")
    found["done"] = await look(page, shot="bank-file")
    done = page.url
    await page.goto(account)
    await page.get_by_label("File from the bank").set_input_files(
        {"name": "late.sta", "mimeType": "text/plain", "buffer": write("mt940", [LINES[4], *LINES], opening=2_000_000)}
    )
    await press(page, "Continue")
    found["again"] = await look(page, shot="bank-again")
    await press(page, "Import 1 line")
    await page.goto(account)
    found["account"] = await look(page, shot="bank-account")
    await page.goto(f"{base}/desk/bank")
    found["accounts"] = await look(page, shot="bank")
    await page.goto(done)
    await press(page, "Undo this import")
    await page.get_by_text("Its lines were taken back").wait_for()

    assert {name: told for name, told in found.items() if told} == {}
    await page.context.close()


async def test_a_page_that_waits_is_not_loaded_again_while_something_on_it_has_focus(
    served: Whole, chromium: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LARGE_BYTES", 10)
    base, clock = served.settings.base_url, served.clock
    async with served.db.unit_of_work() as session:
        await add_staff(session, EMAIL, "Dana Whitlow", "finance", PASSWORD, ids=served.ids, now=clock.now())
    page = await (await chromium.new_context()).new_page()
    await page.goto(f"{base}/desk/sign-in?next=/desk/bank")
    await page.get_by_label("Email address").fill(EMAIL)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await page.get_by_label("Name", exact=True).fill("Unity current")
    await press(page, "Add the account")
    await page.get_by_label("File from the bank").set_input_files(
        {"name": "late.sta", "mimeType": "text/plain", "buffer": write("mt940", LINES, opening=2_000_000)}
    )
    await page.clock.install()
    await press(page, "Continue")
    stop = page.get_by_role("link", name="Stop looking")
    await stop.focus()
    await page.evaluate("window.isSame = true")

    await page.clock.run_for(20_000)
    assert await page.evaluate("window.isSame")
    await page.evaluate("document.activeElement.blur()")
    async with page.expect_navigation():
        await page.clock.run_for(7_000)

    assert not await page.evaluate("'isSame' in window")
    async with page.expect_navigation():
        await stop.press("Enter")
    await page.get_by_text("The page does not look again by itself.").wait_for()
    assert await page.locator("script[src*=look-again]").count() == 0
    await page.context.close()
