"""Reader pages in a real browser: accessible, the right width, usable by keyboard and without scripts."""

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page

from supporters.demo.sample import FERRY
from whole import Whole, session_id

pytestmark = pytest.mark.browser
SHOTS = Path(__file__).resolve().parents[1] / "_shots"
# Colours do not depend on the width, so the dark scheme is looked at in two of the three.
LOOKS = (("light", 320), ("light", 390), ("light", 1280), ("dark", 390), ("dark", 1280))


async def addresses(served: Whole) -> dict[str, str]:
    """Every reader page, in every state."""
    paid = await served.give(amount="25", email="ben.osei@example.org")
    await served.pay(paid)
    await served.settle()
    waiting = await served.give(amount="33", email="ada@example.org")
    over = await served.give(amount="44", email="cleo@example.org")
    await served.pay(over, "expired")
    await served.settle()
    thanks = {
        name: served.sandbox.session(session_id(given))["success_url"]
        for name, given in (("thanks", paid), ("thanks-waiting", waiting), ("thanks-not-charged", over))
    }
    base = served.settings.base_url
    return thanks | {
        "give": f"{base}/give",
        "give-carried": f"{base}/give?frequency=monthly&amount=25&article={FERRY.path}",
        "back": served.sandbox.session(session_id(waiting))["cancel_url"],
        "missing": f"{base}/nowhere",
        "article": f"{base}{FERRY.path}",
        "mailbox": f"{base}/mailbox",
    }


async def faults(page: Page) -> list[str]:
    """What axe finds, best practice included, and whether the page scrolls sideways."""
    found = await Axe().run(page)
    violations: list[dict[str, Any]] = found.response["violations"]
    told = [f"{one['id']}: {one['help']}: {[node['html'][:120] for node in one['nodes']]}" for one in violations]
    excess = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return told + ([f"scrolls sideways by {excess} px"] if excess > 0 else [])


@pytest.mark.timeout(300)
async def test_every_reader_page_is_accessible_at_every_width_and_scheme(served: Whole, chromium: Browser) -> None:
    SHOTS.mkdir(exist_ok=True)
    pages = await addresses(served)
    found: dict[str, list[str]] = {}
    for scheme, width in LOOKS:
        context = await chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
        )
        page = await context.new_page()
        for name, address in pages.items():
            await page.goto(address)
            found[f"{name} {width} {scheme}"] = await faults(page)
            suffix = "-dark" if scheme == "dark" else ""
            await page.screenshot(path=SHOTS / f"{name}-{width}{suffix}.png", full_page=True)
        await page.goto(pages["give"])
        await page.get_by_role("button", name="Continue").click()
        await page.get_by_text("There is a problem").wait_for()
        found[f"give-error {width} {scheme}"] = await faults(page)
        await page.screenshot(
            path=SHOTS / f"give-error-{width}{'-dark' if scheme == 'dark' else ''}.png", full_page=True
        )
        await context.close()

    assert {name: told for name, told in found.items() if told} == {}


async def test_reader_goes_from_article_to_form_by_keyboard_alone_and_without_scripts(
    served: Whole, chromium: Browser
) -> None:
    context = await chromium.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{served.settings.base_url}{FERRY.path}")

    await page.locator("input[name=once]").first.focus()
    for _ in range(2):
        await page.keyboard.press("ArrowRight")
    await page.keyboard.press("Enter")

    await page.wait_for_url("**/give?**")
    assert await page.get_by_role("button").inner_text() == "Give £25"
    assert await page.locator("input[name=issue]").get_attribute("value") == FERRY.issue
    assert await page.get_by_role("link", name="Back to the article").get_attribute("href") == (
        f"{served.settings.base_url}{FERRY.path}"
    )
    await context.close()


async def test_button_forgets_the_amount_as_soon_as_another_is_chosen(served: Whole, chromium: Browser) -> None:
    page = await chromium.new_page()
    await page.goto(f"{served.settings.base_url}/give?amount=25")
    button = page.locator("button.button--primary")
    said = [await button.inner_text()]

    for value in ("50", "25", "other"):
        await page.locator(f"input[name=once][value='{value}']").check(force=True)
        said.append(await button.inner_text())

    assert said == ["Give £25", "Continue", "Give £25", "Continue"]
    assert await page.locator("#other").is_visible()
    await page.close()


async def test_failed_form_puts_the_reader_at_the_summary(served: Whole, chromium: Browser) -> None:
    page = await chromium.new_page()
    await page.goto(f"{served.settings.base_url}/give")

    await page.get_by_role("button", name="Continue").click()

    await page.get_by_text("There is a problem").wait_for()
    assert await page.evaluate("document.activeElement.className") == "error-summary"
    await page.get_by_role("link", name="Enter your name").click()
    assert await page.evaluate("document.activeElement.id") == "name"
    await page.close()


async def test_reader_pages_load_nothing_from_elsewhere_and_set_no_cookie(served: Whole, chromium: Browser) -> None:
    context = await chromium.new_context()
    page = await context.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    base = served.settings.base_url

    for path in ("/give?amount=25", FERRY.path, "/mailbox", "/nowhere"):
        await page.goto(f"{base}{path}")

    assert [url for url in asked if not url.startswith(base)] == []
    assert [words for words in complaints if "404" not in words] == []
    assert await context.cookies() == []
    await context.close()
