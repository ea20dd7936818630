"""The preview beside the editor of an appeal, in a real browser: it follows what is typed, under the desk's own policy."""

from typing import Any

import pytest
from playwright.async_api import Browser, FrameLocator, Page, expect
from sqlalchemy import select

from looking import look
from supporters.appeals.models import Appeal
from supporters.staff.actions import add_staff
from whole import PASSWORD, Whole

pytestmark = pytest.mark.browser
EMAIL = "eli@weeklylamp.example"


async def at_the_editor(served: Whole, page: Page) -> FrameLocator:
    """The editor of the general appeal is open; returns its preview."""
    async with served.db.unit_of_work() as session:
        await add_staff(session, EMAIL, "Eli Moss", "editor", PASSWORD, ids=served.ids, now=served.clock.now())
        appeal_id = await session.scalar(select(Appeal.id).where(Appeal.slug == "general"))
    base = served.settings.base_url
    await page.goto(f"{base}/desk/sign-in")
    await page.get_by_label("Email address").fill(EMAIL)
    await page.get_by_label("Password").fill(PASSWORD)
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    await page.goto(f"{base}/desk/appeals/{appeal_id}")
    return page.frame_locator("iframe[name=preview]")


async def test_the_preview_follows_what_is_typed_in_every_view(served: Whole, chromium: Browser) -> None:
    page = await (await chromium.new_context()).new_page()  # the desk's own policy holds
    said: list[str] = []
    page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
    preview = await at_the_editor(served, page)
    status, heading = page.locator("#follows"), page.get_by_label("Heading")
    await expect(status).to_contain_text("with what you type")
    steps: Any = await page.evaluate("history.length")

    await heading.fill("Warm presses, told live")
    await expect(preview.get_by_role("heading", name="Warm presses, told live")).to_be_visible()
    await preview.locator("body").evaluate("body => { body.ownerDocument.defaultView.scrollTo(0, 200) }")
    await heading.press_sequentially("!")
    await expect(preview.get_by_role("heading", name="told live!")).to_have_count(1)
    scrolled = await preview.locator("body").evaluate("body => body.ownerDocument.defaultView.scrollY")
    kept = await page.evaluate("history.length")
    await heading.fill("")
    await expect(status).to_contain_text("Write a heading")
    still = await preview.get_by_role("heading", name="told live!").count()
    await heading.fill("Said again")
    await page.locator("#ask").fill("Asked at the foot")
    await page.get_by_role("link", name="Block, dark").click()
    await expect(preview.locator("supporter-prompt .box").get_by_text("Asked at the foot")).to_be_visible()
    await page.locator("#ask").fill("Asked once more")
    await expect(preview.locator("supporter-prompt .box").get_by_text("Asked once more")).to_be_visible()
    unlike_policy = list(said)
    await page.locator("#letter_signoff").fill("Thanks for %(amount)s")
    await page.get_by_role("link", name="Letter", exact=True).click()
    await expect(preview.get_by_text("Thanks for £25")).to_be_visible()
    width = await preview.locator("body").evaluate("body => body.ownerDocument.defaultView.innerWidth")
    await page.get_by_label("As wide as a desktop").check()
    wide = await preview.locator("body").evaluate("body => body.ownerDocument.defaultView.innerWidth")

    assert (scrolled, still, kept) == (200, 1, steps)
    assert (width, wide) == (390, 1280)
    # what was refused is what was asked for: words that are wrong, and the published file, which a draft is not
    assert [line for line in unlike_policy if "422" not in line and "/p/v1/article-foot.json" not in line] == []
    async with served.db.reading() as session:
        assert await session.scalar(select(Appeal.heading).where(Appeal.slug == "general")) != "Said again"


async def test_what_was_typed_is_drawn_after_a_lost_connection_too(served: Whole, chromium: Browser) -> None:
    page = await (await chromium.new_context(bypass_csp=True)).new_page()
    preview = await at_the_editor(served, page)
    await expect(page.locator("#follows")).to_contain_text("with what you type")

    await page.route("**/preview/*", lambda route: route.abort())
    await page.get_by_label("Heading").fill("Not drawn yet")
    await expect(page.locator("#follows")).to_contain_text("shows earlier words")
    await page.unroute("**/preview/*")
    await page.get_by_label("Heading").press_sequentially("!")

    await expect(preview.get_by_role("heading", name="Not drawn yet!")).to_be_visible()
    assert await look(page) == []
