"""Receivers and connections in a real browser: axe finds nothing and nothing scrolls sideways."""

import httpx
import pytest
from playwright.async_api import Browser, Route
from stand_ins import ListmonkStandIn

from looking import faults, look
from machines import Receiver, wire
from supporters.newsletters.lists import ensure_first_list
from whole import Whole


def through(desk: httpx.AsyncClient, base_url: str):
    """Every request of the browser is answered by the product in this process, signed in."""

    async def answer(route: Route) -> None:
        asked = route.request
        if not asked.url.startswith(base_url):
            await route.abort()
            return
        headers = {name: value for name, value in asked.headers.items() if name in ("content-type", "accept")}
        found = await desk.request(
            asked.method, asked.url, headers=headers, content=asked.post_data_buffer, follow_redirects=True
        )
        sent = {name: value for name, value in found.headers.items() if name != "content-security-policy"}
        await route.fulfill(status=found.status_code, headers=sent, body=found.content)

    return answer


@pytest.mark.browser
async def test_pages_of_receivers_and_connections_look_right(site: Whole, chromium: Browser) -> None:
    crm = Receiver()
    crm.status, crm.body = 500, b"<h1>Internal Server Error</h1>"
    wire(site, crm_test=crm, sender_example=ListmonkStandIn(site.clock))
    async with site.db.unit_of_work() as session:
        await ensure_first_list(session, settings=site.settings, ids=site.tools.ids, now=site.clock.now())
    desk, base = await site.staff(), site.settings.base_url
    page = await chromium.new_page()
    await page.route("**/*", through(desk, base))

    await page.goto(f"{base}/desk/senders/webhooks/new")
    await page.get_by_role("button", name="Add the receiver").click()
    await page.get_by_role("textbox", name="Address").fill("https://crm.test/hook")
    await page.get_by_role("textbox", name="What it is", exact=True).fill("Our supporter records")
    await page.get_by_label("A donation was paid").check()
    await page.get_by_role("button", name="Add the receiver").click()
    await page.get_by_role("link", name="I have copied it").click()
    await page.get_by_role("button", name="Send a test message").click()
    await site.worker.drain()
    await page.reload()
    assert await look(page) == []

    await page.goto(f"{base}/desk/senders/connections/new")
    await page.get_by_label("listmonk").check()
    await page.get_by_role("textbox", name="Name", exact=True).fill("Letters")
    await page.get_by_role("textbox", name="Address").fill("https://sender.example")
    await page.get_by_label("API user").fill("api_user")
    await page.get_by_label("Token or key").fill("token-1")
    await page.get_by_role("button", name="Go on to the lists").click()
    await page.locator("select").first.select_option("3")
    await page.get_by_role("button", name="Save and begin").click()
    await site.worker.drain()
    await page.reload()
    assert await look(page) == []
    await page.goto(f"{base}/desk/senders")
    assert await faults(page) == []
