"""A supporter's own pages in a real browser without scripts: in by the code, looked at, out again. Accessible all the way."""

from datetime import timedelta

import pytest
from playwright.async_api import Browser

from givers import add_giver, code_in
from looking import look
from supporters.plans.links import PlanLinks
from whole import Whole

pytestmark = pytest.mark.browser
ADA = "ada.brook@example.org"


async def on_file(served: Whole) -> list[str]:
    """Ada with an active plan and a failing one; the links of both letters."""
    now = served.clock.now()
    failing = {
        "state": "failing",
        "failure_code": "insufficient_funds",
        "failed_at": now,
        "next_try_at": now + timedelta(days=5),
        "tries": 1,
    }
    given = [await add_giver(served, ADA, name="Ada Brook", payments=2, plan=plan) for plan in ({}, failing)]
    links = PlanLinks(served.settings.secret_key, served.settings.base_url)
    return [links.plan_url(each.plan_id, now=now) for each in given]


@pytest.mark.timeout(300)
async def test_own_pages_are_accessible_and_work_without_scripts(served: Whole, chromium: Browser) -> None:
    links, base = await on_file(served), served.settings.base_url
    context = await chromium.new_context(bypass_csp=True)  # axe is a script; the product has none to switch off here
    page = await context.new_page()
    found: dict[str, list[str]] = {}
    await page.goto(f"{base}/me")
    await page.get_by_label("Email").fill(ADA)
    await page.keyboard.press("Enter")
    await page.get_by_text("If we know that address").wait_for()
    await served.worker.drain()
    found["check"] = await look(page)
    await page.get_by_label("Code").fill(code_in(served))
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="Your giving").wait_for()
    found["me"] = await look(page)
    await page.goto(f"{base}/me/statement/2026")
    found["statement"] = await look(page)
    await page.goto(links[1])
    found["link"] = await look(page)
    await page.goto(f"{base}/me")
    await page.get_by_role("button", name="Sign out", exact=True).click()
    await page.get_by_role("heading", name="Sign in").wait_for()

    assert {name: faults for name, faults in found.items() if faults} == {}
