"""Payouts and months in a real browser: a month is closed by keyboard, and axe finds nothing on any of the pages."""

from datetime import timedelta

import pytest
from playwright.async_api import Browser, Page

from looking import look
from months.test_month_pages import paid_out
from supporters.staff.actions import add_staff
from whole import PASSWORD, Whole

pytestmark = pytest.mark.browser
LONG = {"test_a_month_is_closed_by_keyboard"}
EMAIL = "dana@weeklylamp.example"


async def press(page: Page, name: str) -> None:
    """The button, reached and pressed by keyboard."""
    await page.get_by_role("button", name=name).focus()
    async with page.expect_navigation():
        await page.keyboard.press("Enter")


async def test_a_month_is_closed_by_keyboard(served: Whole, chromium: Browser) -> None:
    payout = await paid_out(served)
    served.clock.advance(timedelta(days=20))
    base, clock = served.settings.base_url, served.clock
    async with served.db.unit_of_work() as session:
        await add_staff(session, EMAIL, "Dana Whitlow", "finance", PASSWORD, ids=served.ids, now=clock.now())
    page = await (await chromium.new_context(bypass_csp=True)).new_page()
    await page.goto(f"{base}/desk/sign-in?next=/desk/payouts")
    await page.get_by_label("Email address").fill(EMAIL)
    await page.get_by_label("Password").fill(PASSWORD)
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    found: dict[str, list[str]] = {"payouts": await look(page, shot="payouts")}

    await page.goto(f"{base}/desk/payouts/{payout.stripe_payout_id}")
    found["payout"] = await look(page, shot="payout")
    await page.goto(f"{base}/desk/stripe")
    found["stripe"] = await look(page, shot="stripe")
    await page.goto(f"{base}/desk/months")
    found["months"] = await look(page, shot="months")
    await page.goto(f"{base}/desk/months/{payout.arrival_on:%Y-%m}")
    await press(page, f"Close {payout.arrival_on:%B %Y}")
    found["fault"] = await look(page, shot="month-fault")
    await page.get_by_label("With statements brought here").focus()
    await page.keyboard.press("Space")
    await press(page, f"Close {payout.arrival_on:%B %Y}")
    await page.get_by_text("The month is closed").wait_for()
    found["closed"] = await look(page, shot="month-closed")
    await page.goto(f"{base}/desk/months/charts")
    found["charts"] = await look(page, shot="month-charts")
    await page.goto(f"{base}/desk/months/waiting")
    found["waiting"] = await look(page, shot="month-waiting")
    await page.goto(f"{base}/desk/accountant")
    found["links"] = await look(page, shot="accountant")

    assert {name: told for name, told in found.items() if told} == {}
    await page.context.close()
