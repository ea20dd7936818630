"""The desk's pages about people, in a real browser: they work, and axe finds nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.async_api import Browser, Page

from looking import look
from paper import SETTINGS_ENV
from supporters.settings import Settings, read_settings
from supporters.staff.actions import add_staff
from supporters.staff.new_password import PasswordLinks, make_link
from supporters.staff.totp import code_at, step_of
from whole import PASSWORD, Whole

pytestmark = pytest.mark.browser
EMAIL = "dana@weeklylamp.example"


@pytest.fixture
def settings() -> Settings:
    return replace(read_settings(SETTINGS_ENV), second_factor="required")


async def sign_in(page: Page, base: str) -> None:
    await page.goto(f"{base}/desk/sign-in")
    await page.get_by_label("Email address").fill(EMAIL)
    await page.get_by_label("Password").fill(PASSWORD)
    async with page.expect_navigation():
        await page.keyboard.press("Enter")


async def prove(page: Page, code: str) -> dict[str, list[str]]:
    """It is them, at the second try; what was found on the way."""
    found = {"proof": await look(page)}
    for typed in ("000000", code):
        await page.get_by_label("Your password").fill(PASSWORD)
        await page.get_by_label("Code", exact=True).fill(typed)
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        if typed != code:
            found["proof-fault"] = await look(page)
    await page.get_by_role("status").wait_for()
    return found


async def forget_password(served: Whole, page: Page, staff_id: str) -> dict[str, list[str]]:
    """Who has a second factor opens the link for a new password; what was found there."""
    async with served.db.unit_of_work() as session:
        link = await make_link(session, staff_id, links=PasswordLinks(served.settings), now=served.clock.now())
    await page.goto(link)
    found = {"new-password": await look(page)}
    await page.get_by_label("The new password").fill("short")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    return {**found, "new-password-fault": await look(page)}


async def test_an_admin_sets_up_the_second_factor_invites_and_reads_the_log(served: Whole, chromium: Browser) -> None:
    base, clock = served.settings.base_url, served.clock
    async with served.db.unit_of_work() as session:
        boss = await add_staff(session, EMAIL, "Dana Whitlow", "admin", PASSWORD, ids=served.ids, now=clock.now())
        eli = await add_staff(
            session, "eli@weeklylamp.example", "Eli Moss", "editor", PASSWORD, ids=served.ids, now=clock.now()
        )
    page = await (await chromium.new_context(bypass_csp=True)).new_page()
    found: dict[str, list[str]] = {}

    await sign_in(page, base)
    await page.get_by_role("heading", name="Set up a second factor").wait_for()
    found["second-factor"] = await look(page)
    secret = (await page.locator(".id").inner_text()).replace(" ", "")
    await page.get_by_label("Code", exact=True).fill(code_at(secret, step_of(clock.now())))
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="Recovery codes").wait_for()
    found["codes"] = await look(page)

    await page.get_by_role("link", name="I have kept them").click()
    await page.goto(f"{base}/desk/staff")
    await page.get_by_label("Name", exact=True).fill("Nora Hale")
    await page.get_by_label("Email address").fill("nora@weeklylamp.example")
    async with page.expect_navigation():
        await page.get_by_role("button", name="Send the invitation").click()
    found["fault"] = await look(page)
    await page.get_by_label("finance").check()
    await page.get_by_role("button", name="Send the invitation").click()
    await page.get_by_role("status").wait_for()
    found["staff"] = await look(page)
    await page.goto(f"{base}/desk/staff/{eli.id}")
    found["member"] = await look(page)
    clock.advance(timedelta(minutes=10))
    await page.get_by_label("viewer").check()
    await page.get_by_role("button", name="Change the role").click()
    await page.get_by_role("heading", name="Is it you?").wait_for()
    found |= await prove(page, code_at(secret, step_of(clock.now())))
    await page.goto(f"{base}/desk/audit")
    assert await page.get_by_role("row", name="Changed the role").count() == 1
    found["audit"] = await look(page)
    await page.goto(f"{base}/desk/you")
    found["you"] = await look(page)

    other = await (await chromium.new_context(bypass_csp=True)).new_page()
    clock.advance(timedelta(seconds=30))
    await sign_in(other, base)
    found["code"] = await look(other)
    await other.get_by_label("Code", exact=True).fill(code_at(secret, step_of(clock.now())))
    await other.keyboard.press("Enter")
    await other.wait_for_url(f"{base}/desk")
    await served.worker.drain()
    bodies = [letter.get_body(("plain",)) for letter in served.mailbag.letters]
    words = [word for body in bodies if body for word in body.get_content().split()]
    await other.goto(next(word for word in words if "/desk/join/" in word))
    found["join"] = await look(other)
    found |= await forget_password(served, other, boss.id)
    assert {name: faults for name, faults in found.items() if faults} == {}
