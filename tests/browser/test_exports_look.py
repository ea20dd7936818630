"""The pages of exports in a real browser: axe finds nothing on any of them, also where something is wrong."""

from collections.abc import AsyncIterator

import httpx
import pytest
from playwright.async_api import Browser, Route

from exports.test_desk_exports import break_books, make, paid
from looking import look
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.settings import Settings
from whole import Mailbag, Whole, running

pytestmark = pytest.mark.browser
LONG = {"test_pages_of_exports_look_right"}


@pytest.fixture
async def site(sqlite_db: Database, clock: FixedClock, settings: Settings, mailbag: Mailbag) -> AsyncIterator[Whole]:
    async with running(sqlite_db, clock, Ids(clock), settings, mailbag) as product:
        yield product


async def test_pages_of_exports_look_right(site: Whole, chromium: Browser) -> None:
    await paid(site)
    desk, base = await site.staff("finance"), site.settings.base_url
    made = (await make(desk)).headers["location"]
    await paid(site, amount="10", email="iris@example.org")
    page = await chromium.new_page()
    await page.route("**/*", _through(desk, base))

    await page.goto(f"{base}/desk/exports")
    assert await look(page, shot="exports") == []
    await page.goto(f"{base}{made}")
    assert await look(page, shot="export-batch") == []
    await page.goto(f"{base}/desk/exports/new?target=xero&mode=payout&from=2026-11-01&to=2026-11-30")
    assert await look(page, shot="export-preview") == []
    await break_books(site)
    await page.goto(f"{base}/desk/exports/new?target=csv&mode=payout&from=2026-11-01&to=2026-11-30")
    assert await look(page, shot="export-broken") == []
    await page.goto(f"{base}/desk/exports/new?target=sap&mode=&from=x&to=2026-01-31")
    assert await look(page, shot="export-problems") == []
    await page.close()
    await desk.aclose()


def _through(desk: httpx.AsyncClient, base_url: str):
    async def answer(route: Route) -> None:
        asked = route.request
        if not asked.url.startswith(base_url):
            await route.abort()
            return
        found = await desk.request(asked.method, asked.url, follow_redirects=True)
        sent = {name: value for name, value in found.headers.items() if name != "content-security-policy"}
        await route.fulfill(status=found.status_code, headers=sent, body=found.content)

    return answer
