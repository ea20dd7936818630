"""What the foot of an article costs a reader: nothing moves, nothing is stored, nobody else is asked; axe finds nothing."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, Locator, Page, Route, expect
from walking import Demo, foot

from looking import look

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
WIDTHS = (390, 1280)
RUNS = 10
LATE_SECONDS = 0.3
WATCH = """
window.moved = 0;
new PerformanceObserver(list => {
  for (const each of list.getEntries()) if (!each.hadRecentInput) window.moved += each.value;
}).observe({type: "layout-shift", buffered: true});
"""


async def opened(context: BrowserContext, address: str, *, late: bool) -> float:
    """How much moved while the article loaded and its reader scrolled to the end and half-way back."""
    page = await context.new_page()
    await page.add_init_script(WATCH)
    if late:
        await page.route(re.compile(r"/p/v1/.*\.json"), late_by(LATE_SECONDS))
    await page.goto(address)
    await page.mouse.move(200, 200)
    for distance in (100_000, -500, 100_000):
        await page.mouse.wheel(0, distance)
        await page.wait_for_timeout(120)
    moved = float(await page.evaluate("window.moved"))
    await page.evaluate(
        "document.documentElement.style.overflowAnchor = 'none'; document.body.style.marginTop = '90px'"
    )
    await page.wait_for_function(f"window.moved > {moved}", timeout=5_000)  # the ruler sees what moves
    await page.close()
    return moved


def late_by(seconds: float) -> Callable[[Route], Awaitable[None]]:
    async def wait(route: Route) -> None:
        await asyncio.sleep(seconds)
        await route.continue_()

    return wait


@pytest.mark.parametrize("site", ["pelican", "plain", "strict"])
async def test_nothing_moves_in_ten_runs_also_when_the_published_file_is_late(
    demo: Demo, chromium: Browser, site: str
) -> None:
    moved: list[float] = []
    for width in WIDTHS:
        context = await chromium.new_context(viewport={"width": width, "height": 844})
        moved += [await opened(context, demo.sites[site], late=run % 2 == 1) for run in range(RUNS // 2)]
        await context.close()

    assert moved == [0.0] * RUNS


@pytest.mark.parametrize("scripts", [True, False], ids=["script", "none"])
async def test_nothing_is_stored_and_only_the_paper_and_its_service_are_asked(
    demo: Demo, chromium: Browser, *, scripts: bool
) -> None:
    context = await chromium.new_context(java_script_enabled=scripts)
    asked: dict[str, list[str]] = {}
    for name, address in demo.sites.items():
        page = await context.new_page()
        page.on("request", lambda request, name=name: asked.setdefault(name, []).append(request.url))
        await page.goto(address)
        await page.mouse.wheel(0, 100_000)
        await page.wait_for_timeout(300)
        if scripts:
            assert await page.evaluate("localStorage.length") == 0
        await page.close()
    cookies = await context.cookies()
    await context.close()

    assert cookies == []
    of_service = {
        name: [urlsplit(url).path for url in urls if url.startswith(demo.give)] for name, urls in asked.items()
    }
    origins = {name: {"{0.scheme}://{0.netloc}".format(urlsplit(url)) for url in urls} for name, urls in asked.items()}
    home = {name: "{0.scheme}://{0.netloc}".format(urlsplit(address)) for name, address in demo.sites.items()}
    assert {name: found - {demo.give, home[name]} for name, found in origins.items()} == {
        name: set[str]() for name in origins
    }
    kinds = {name: [path.rpartition(".")[2] for path in paths] for name, paths in of_service.items()}
    expected = ["js", "json"] if scripts else []
    # the strict site's policy allows the script, and no request of its
    assert {**kinds, "strict": kinds["strict"][:1]} == dict.fromkeys(home, expected) | {"strict": expected[:1]}


async def choose(box: Locator) -> None:
    await box.get_by_label("£25").check(force=True)


async def another(box: Locator) -> None:
    await box.get_by_label("Other", exact=True).check(force=True)
    await box.locator("[name=other]").fill("0")
    await box.locator("[data-go] button").click()
    await expect(box.get_by_role("alert")).to_contain_text("between")


async def missing(box: Locator) -> None:
    await box.locator("[data-go] button").click()
    await expect(box.get_by_role("alert")).to_contain_text("Choose an amount")


async def remind(box: Locator) -> None:
    await box.locator("summary").click()


async def not_now(box: Locator) -> None:
    await box.get_by_role("button", name="Not now").click()


async def gives(box: Locator) -> None:
    await box.get_by_role("button", name="I already give").click()


STATES: dict[str, Callable[[Locator], Awaitable[None]]] = {
    "choosing": choose,
    "no-amount": missing,
    "other-amount-wrong": another,
    "reminder": remind,
    "not-now": not_now,
    "already-gives": gives,
}


async def state_of(page: Page, demo: Demo, site: str, act: Callable[[Locator], Awaitable[Any]]) -> list[str]:
    """What is wrong with the article once its reader has done this."""
    await page.goto(demo.sites[site])
    await page.evaluate("localStorage.clear()")
    await page.reload()
    await act(await foot(page, scripts=True))
    return await look(page)


async def test_every_state_of_the_foot_is_accessible_in_both_schemes(demo: Demo, chromium: Browser) -> None:
    context = await chromium.new_context(bypass_csp=True)
    page = await context.new_page()
    found: dict[str, list[str]] = {}
    homes = list(demo.sites)
    for number, (name, act) in enumerate(STATES.items()):
        site = homes[number % len(homes)]
        found[f"{name} on {site}"] = await state_of(page, demo, site, act)
    for name, address in demo.sites.items():
        await page.goto(f"{address}#supporters-thanks")
        found[f"thanks on {name}"] = await look(page, shot=f"site-{name}-thanks")
    await context.close()

    assert {name: told for name, told in found.items() if told} == {}


async def test_sites_are_accessible_without_any_script(demo: Demo, chromium: Browser) -> None:
    context = await chromium.new_context(bypass_csp=True)
    page = await context.new_page()
    await page.route(re.compile(r"/p/v1/prompt"), lambda route: route.abort())
    site, plain = (demo.sites[name].rpartition("/")[0] for name in ("pelican", "plain"))
    found: dict[str, list[str]] = {}
    for name, address in {**demo.sites, "issue": f"{site}/issue-2822.html", "front": f"{plain}/index.html"}.items():
        await page.goto(address)
        found[name] = await look(page, shot=f"site-{name}")
    await context.close()

    assert {name: told for name, told in found.items() if told} == {}
