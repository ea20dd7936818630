"""Reader pages in a real browser: accessible, the right width, usable by keyboard and without scripts."""

import pytest
from playwright.async_api import Browser

from looking import look
from supporters.demo.sample import FERRY
from supporters.discrepancies.codes import Code
from supporters.discrepancies.open import open_discrepancy
from supporters.kit.money import Money
from whole import Whole, session_id

pytestmark = pytest.mark.browser


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
        "mailbox": f"{base}/mailbox",
    }


@pytest.mark.timeout(300)
async def test_every_reader_page_is_accessible_at_every_width_and_scheme(served: Whole, chromium: Browser) -> None:
    pages = await addresses(served)
    context = await chromium.new_context(bypass_csp=True)
    page = await context.new_page()
    found: dict[str, list[str]] = {}
    for name, address in pages.items():
        await page.goto(address)
        found[name] = await look(page)
    await page.goto(pages["give"])
    await page.get_by_role("button", name="Continue").click()
    await page.get_by_text("There is a problem").wait_for()
    found["give-error"] = await look(page)
    await context.close()

    assert {name: told for name, told in found.items() if told} == {}


async def test_the_desks_page_of_a_discrepancy_is_accessible(served: Whole, chromium: Browser) -> None:
    async with served.db.unit_of_work() as session:
        code, subject = Code.PAYMENT_MISMATCH, "pi_3PqRsTuVwXyZ"
        now = served.clock.now()
        await open_discrepancy(session, code=code, subject=subject, amount=Money(2500, "GBP"), ids=served.ids, now=now)
    desk = await served.staff("finance")
    context = await chromium.new_context(bypass_csp=True)
    base = served.settings.base_url
    await context.add_cookies([{"name": name, "value": value, "url": base} for name, value in desk.cookies.items()])
    page = await context.new_page()
    await page.goto(f"{base}/desk/discrepancies")
    await page.locator("a[href^='/desk/discrepancies/0']").first.click()
    await page.get_by_role("heading", level=1).wait_for()

    assert await look(page) == []

    await context.close()
    await desk.aclose()


async def test_form_that_a_site_leads_to_shows_its_choice_and_leads_back(served: Whole, chromium: Browser) -> None:
    context = await chromium.new_context(java_script_enabled=False)
    page = await context.new_page()
    article = f"{served.settings.site_url}{FERRY.path}"

    await page.goto(f"{served.settings.base_url}/give?once=25&issue={FERRY.issue}&article={article}")

    assert await page.get_by_role("button").inner_text() == "Give £25"
    assert await page.locator("input[name=issue]").get_attribute("value") == FERRY.issue
    assert await page.get_by_role("link", name="Back to the article").get_attribute("href") == article
    await context.close()


async def test_button_says_what_is_chosen_without_a_script_of_its_own(served: Whole, chromium: Browser) -> None:
    page = await chromium.new_page()
    await page.goto(f"{served.settings.base_url}/give?frequency=once&amount=25")
    button = page.locator("button.button--primary")
    said = [await button.inner_text()]

    for value in ("50", "25", "other"):
        await page.locator(f"input[name=once][value='{value}']").check(force=True)
        said.append(await button.inner_text())

    assert said == ["Give £25", "Give £50", "Give £25", "Give this amount"]
    assert await page.locator("#other").is_visible()

    await page.get_by_role("group", name="How often?").get_by_label("Monthly").check(force=True)
    said = [await button.inner_text()]
    amounts = page.get_by_role("group", name="How much a month?", exact=True)
    for face in ("£10", "Other"):
        await amounts.get_by_label(face).check(force=True)
        said.append(await button.inner_text())

    assert said == ["Continue", "Give £10 a month", "Give this amount every month"]
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

    for path in ("/give?amount=25", "/news", "/mailbox", "/nowhere"):
        await page.goto(f"{base}{path}")

    assert [url for url in asked if not url.startswith(base)] == []
    assert [words for words in complaints if "404" not in words] == []
    assert await context.cookies() == []
    await context.close()
