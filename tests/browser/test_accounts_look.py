"""The pages on the books themselves in a real browser: by keyboard alone, and axe finds nothing."""

import pytest
from playwright.async_api import Browser

from looking import look
from supporters.ledger.verdict import keep_verdict
from supporters.staff.actions import add_staff
from whole import PASSWORD, Whole

pytestmark = pytest.mark.browser
LONG = {"test_accounts_are_named_by_keyboard_and_broken_books_are_seen"}
EMAIL = "dana@weeklylamp.example"
BROKEN = {"stripe_balance": ["currency=GBP ledger_minor=1239942 mirror_minor=1240007"], "ledger_locked_months": ["x"]}


async def test_accounts_are_named_by_keyboard_and_broken_books_are_seen(served: Whole, chromium: Browser) -> None:
    base, clock = served.settings.base_url, served.clock
    async with served.db.unit_of_work() as session:
        await add_staff(session, EMAIL, "Dana Whitlow", "finance", PASSWORD, ids=served.ids, now=clock.now())
    page = await (await chromium.new_context(bypass_csp=True)).new_page()
    await page.goto(f"{base}/desk/sign-in?next=/desk/accounts/4010")
    await page.get_by_label("Email address").fill(EMAIL)
    await page.get_by_label("Password").fill(PASSWORD)
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    found: dict[str, list[str]] = {}

    await page.goto(f"{base}/desk/accounts/4010")
    await page.get_by_label("Code there").focus()
    await page.keyboard.type("200")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    found["fault"] = await look(page, shot="account-fault")
    await page.get_by_label("Name there").focus()
    await page.keyboard.type("Income:Donations from readers, monthly and yearly")
    await page.keyboard.press("Tab")
    await page.keyboard.type("No VAT")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    await page.get_by_role("status").wait_for()
    found["account"] = await look(page, shot="account")
    async with served.db.unit_of_work() as session:
        await keep_verdict(session, BROKEN, now=clock.now())
    await page.goto(f"{base}/desk/accounts")
    found["accounts"] = await look(page, shot="accounts")
    await page.get_by_role("link", name="See what is wrong").focus()
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    found["books"] = await look(page, shot="books")

    assert {name: told for name, told in found.items() if told} == {}
    await page.context.close()
