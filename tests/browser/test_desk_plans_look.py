"""The desk's pages about plans in a real browser: axe finds nothing, and nothing is wider than the screen."""

from datetime import timedelta

import pytest
from playwright.async_api import Browser

from givers import add_giver
from looking import look
from supporters.staff.actions import add_staff
from whole import PASSWORD, Whole

pytestmark = pytest.mark.browser


async def test_the_pages_about_plans_are_sound_at_every_width(served: Whole, chromium: Browser) -> None:
    base, now = served.settings.base_url, served.clock.now()
    failed = {"state": "failing", "failed_invoice_id": "in_f", "failed_at": now, "tries": 1}
    given = await add_giver(served, "rosa@example.org", name="Rosa Marín", payments=3, plan={})
    await add_giver(
        served, "jo@example.org", name="Jo", payments=2, plan={**failed, "next_try_at": now + timedelta(days=3)}
    )
    async with served.db.unit_of_work() as session:
        await add_staff(session, "dana@weeklylamp.example", "Dana", "admin", PASSWORD, ids=served.ids, now=now)
    page = await (await chromium.new_context(bypass_csp=True)).new_page()
    await page.goto(f"{base}/desk/sign-in")
    await page.get_by_label("Email address").fill("dana@weeklylamp.example")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="Needs you").wait_for()

    found = {"today": await look(page, shot="p6-today")}
    for name in ("plans", f"plans/{given.plan_id}", "failed-payments", "base", "base/books", "income", "income/books"):
        await page.goto(f"{base}/desk/{name}")
        found[name] = await look(page, shot=f"p6-{name.replace('/', '-')[:12]}")
    await page.goto(f"{base}/desk/plans/{given.plan_id}")
    await page.get_by_role("button", name="Stop", exact=True).click()
    await page.get_by_role("heading", name="Stop it?").wait_for()
    found["confirm"] = await look(page)

    assert {name: faults for name, faults in found.items() if faults} == {}
