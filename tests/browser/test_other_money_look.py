"""Other money in a real browser: a reader's promise and the desk's pages are without faults in both schemes and widths."""

import pytest
from playwright.async_api import Browser
from sqlalchemy import insert

from looking import look
from supporters.donations.other_models import GivingAccount
from supporters.staff.actions import add_staff
from whole import PASSWORD, Whole

pytestmark = pytest.mark.browser
LONG = {"test_promise_and_desk_look_right"}
EMAIL = "dana@weeklylamp.example"


async def test_promise_and_desk_look_right(served: Whole, chromium: Browser) -> None:
    base, now = served.settings.base_url, served.clock.now()
    account = {"currency": "GBP", "holder": "The Weekly Lamp Ltd", "numbers": "Sort code 12-34-56\nAccount 12345678"}
    async with served.db.unit_of_work() as session:
        await add_staff(session, EMAIL, "Dana Whitlow", "finance", PASSWORD, ids=served.ids, now=now)
        await session.execute(insert(GivingAccount).values(**account, is_shown=True, changed_by="dana", changed_at=now))
    page = await (await chromium.new_context(bypass_csp=True, java_script_enabled=True)).new_page()
    found: dict[str, list[str]] = {}

    await page.goto(f"{base}/other-ways")
    found["form"] = await look(page, shot="other-ways")
    await page.get_by_text("Every month").click()
    await page.get_by_label("Amount in GBP").fill("10")
    await page.get_by_label("Email").fill("jo@reader.example")
    await page.get_by_label("Your name").fill("Jo Smith")
    async with page.expect_navigation():
        await page.get_by_role("button", name="Get my reference").press("Enter")
    found["made"] = await look(page, shot="other-ways-made")
    await page.goto(f"{base}/desk/sign-in?next=/desk/other-money/new")
    await page.get_by_label("Email address").fill(EMAIL)
    await page.get_by_label("Password").fill(PASSWORD)
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    await page.get_by_label("Cheque", exact=True).check()
    await page.get_by_label("Amount").fill("50")
    await page.get_by_label("Who gave it").fill("Rosa Kane")
    async with page.expect_navigation():
        await page.get_by_role("button", name="Write it down").press("Enter")
    found["payment"] = await look(page, shot="other-payment")
    await page.goto(f"{base}/desk/other-money")
    found["list"] = await look(page, shot="other-money")

    assert {name: faults for name, faults in found.items() if faults} == {}
