"""What the foot of an article costs a reader: nothing moves, nothing is stored, nobody else is asked; axe finds nothing."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, Locator, Page, Route, expect
from walking import Demo, foot, how_much, link_in

from looking import look

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
WIDTHS = (390, 1280)
LONG = {f"test_nothing_moves_in_ten_runs_also_when_the_published_file_is_late[{site}]" for site in ("plain", "strict")}
RUNS = 10  # at each width, every other one with the published file late
LATE_SECONDS = 0.3
MOST_ON_PAPER = 200  # CSS pixels: one line, and the site's own space around it
WATCH = """
window.moved = 0;
const count = entries => { for (const each of entries) if (!each.hadRecentInput) window.moved += each.value; };
window.ruler = new PerformanceObserver(list => count(list.getEntries()));
window.ruler.observe({type: "layout-shift", buffered: true});
window.frames_pass = async () => {
  for (let n = 0; n < 3; n++) await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  count(window.ruler.takeRecords());
};
"""
# To the end, where the block puts on its coat; the published file comes while the reader stands there; up, so that it
# may be shown; half-way down, and to the end again.
READ = """async hasFile => {
  const until = async met => { for (let n = 0; !met(); n++) { if (n > 600) throw "never"; await window.frames_pass(); } };
  const to = async top => { scrollTo({top, behavior: "instant"}); await window.frames_pass(); };
  const block = document.querySelector("supporter-prompt");
  await window.frames_pass();
  await to(1e6);
  await until(() => block.shadowRoot);
  if (hasFile) await until(() => performance.getEntriesByType("resource").some(
    each => each.name.endsWith(".json") && each.responseEnd));
  await window.frames_pass();
  for (const top of [0, document.body.scrollHeight - 500 - innerHeight, 1e6]) await to(top);
  if (!block.shadowRoot.querySelector(".box")) throw "no coat";
  return window.moved;
}"""
# How much moved, or null where the plain form stayed because its place is too small for the script's.
IN_SIGHT = """async () => {
  const block = document.querySelector("supporter-prompt");
  for (let n = 0; !block.shadowRoot; n++) { if (n > 600) throw "never"; await window.frames_pass(); }
  await window.frames_pass();
  return block.shadowRoot.querySelector(".box") && window.moved;
}"""
PUSH = """async () => {
  document.documentElement.style.overflowAnchor = "none";
  document.body.style.marginTop = "90px";
  await window.frames_pass();
  return window.moved;
}"""


async def moves(context: BrowserContext, address: str, *, late: bool, has_file: bool) -> list[float]:
    """How much moved in each of these runs, while the article loaded and its reader went to the end, up and down."""
    page = await context.new_page()
    await page.add_init_script(WATCH)
    if late:
        await page.route(re.compile(r"/p/v1/.*\.json"), late_by(LATE_SECONDS))
    moved: list[float] = []
    for _ in range(RUNS // 2):
        await page.goto(address)
        moved.append(float(await page.evaluate(READ, has_file)))
    assert await page.evaluate(PUSH) > moved[-1]  # the ruler sees what moves
    await page.close()
    return moved


def after(event: asyncio.Event) -> Callable[[Route], Awaitable[None]]:
    async def wait(route: Route) -> None:
        await event.wait()
        await route.continue_()

    return wait


def late_by(seconds: float) -> Callable[[Route], Awaitable[None]]:
    async def wait(route: Route) -> None:
        await asyncio.sleep(seconds)
        await route.continue_()

    return wait


@pytest.mark.parametrize("site", ["pelican", "plain", "strict"])
async def test_nothing_moves_in_ten_runs_also_when_the_published_file_is_late(
    demo: Demo, chromium: Browser, site: str
) -> None:
    moved: dict[str, list[float]] = {}
    for width in WIDTHS:
        for late in (False, True):
            # each its own context: the first run finds nothing in the cache
            context = await chromium.new_context(viewport={"width": width, "height": 844})
            # the strict site's policy allows no request of the script's
            runs = await moves(context, demo.sites[site], late=late, has_file=site != "strict")
            moved[f"{width} {late=}"] = runs
            await context.close()

    assert moved == dict.fromkeys(moved, [0.0] * (RUNS // 2))
    assert len(moved) * RUNS // 2 == RUNS * len(WIDTHS)


@pytest.mark.parametrize("site", ["pelican", "plain", "strict"])
async def test_who_is_at_the_foot_before_the_script_gets_its_form_and_nothing_moves(
    demo: Demo, chromium: Browser, site: str
) -> None:
    """The place that each site keeps is as tall as the script's form needs, on a small phone too."""
    coats: dict[int, float | None] = {}
    for width in (320, 360, 390, 480, 1280):
        context = await chromium.new_context(viewport={"width": width, "height": 844})
        page = await context.new_page()
        await page.add_init_script(WATCH)
        arrived = asyncio.Event()
        await page.route(re.compile(r"/p/v1/prompt"), after(arrived))
        await page.goto(demo.sites[site], wait_until="domcontentloaded")  # the page stands, its script is on the way
        await page.locator("supporter-prompt form").first.wait_for(state="attached")
        await page.evaluate("document.querySelector('supporter-prompt').scrollIntoView({behavior: 'instant'})")
        arrived.set()
        coats[width] = await page.evaluate(IN_SIGHT)
        await context.close()

    assert coats == dict.fromkeys(coats, 0.0)


@pytest.mark.parametrize("scripts", [True, False], ids=["script", "none"])
async def test_nothing_is_stored_and_only_the_paper_and_its_service_are_asked(
    demo: Demo, chromium: Browser, *, scripts: bool
) -> None:
    context = await chromium.new_context(java_script_enabled=scripts)
    asked: dict[str, list[str]] = {}
    for name, address in demo.sites.items():
        page = await context.new_page()
        page.on("request", lambda request, name=name: asked.setdefault(name, []).append(request.url))
        if scripts and name != "strict":
            async with page.expect_request("**/p/v1/*.json"):
                await page.goto(address)
                await page.mouse.wheel(0, 100_000)
        else:
            await page.goto(address)
            await page.mouse.wheel(0, 100_000)
        await page.wait_for_timeout(300)  # for whatever more might be asked
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


async def ready(page: Page, _demo: Demo) -> Locator:
    """The block as the script shows it to somebody who comes for the first time."""
    box = await foot(page, scripts=True)
    await expect(box).to_have_attribute("data-state", "ask")
    return box


async def choose(page: Page, demo: Demo) -> None:
    box = await ready(page, demo)
    await how_much(box).get_by_label("£25").check(force=True)
    await expect(box.locator("[data-go]")).to_contain_text("Give £25")


async def choose_monthly(page: Page, demo: Demo) -> None:
    box = await ready(page, demo)
    await box.get_by_role("group", name="How often?").get_by_label("Monthly").check(force=True)
    await how_much(box, "How much a month?").get_by_label("£5").check(force=True)
    await expect(box.locator("[data-go]")).to_contain_text("Give £5 a month")


async def open_other(page: Page, demo: Demo) -> Locator:
    box = await ready(page, demo)
    await how_much(box).get_by_label("Other", exact=True).check(force=True)
    await expect(box.locator("[name=other]")).to_be_visible()
    return box


async def enter_too_little(page: Page, demo: Demo) -> None:
    box = await open_other(page, demo)
    await box.locator("[name=other]").fill("0")
    await box.locator("[data-go] button").click()
    await expect(box.get_by_role("alert")).to_contain_text("between")


async def choose_nothing(page: Page, demo: Demo) -> None:
    box = await ready(page, demo)
    await box.locator("[data-go] button").click()
    await expect(box.get_by_role("alert")).to_contain_text("Choose an amount")


async def be_going(page: Page, demo: Demo) -> None:
    """The next page has not answered yet: "no content" leaves the reader where they are."""
    await page.route("**/give?**", lambda route: route.fulfill(status=204))
    box = await ready(page, demo)
    await how_much(box).get_by_label("£25").check(force=True)
    words = json.loads(await page.locator("supporter-prompt").get_attribute("data-words") or "{}")
    await box.locator("[data-go] button").click()
    await expect(box.locator("[data-go]")).to_have_text(words["going"])


async def open_reminder(page: Page, demo: Demo) -> Locator:
    box = await ready(page, demo)
    await box.locator("summary").click()
    await expect(box.locator("details input[type=email]")).to_be_visible()
    return box


async def set_reminder(page: Page, demo: Demo) -> None:
    box = await open_reminder(page, demo)
    await box.locator("details input[type=email]").fill("reminded@states.example.org")
    await box.locator("details button").click()
    await page.get_by_role("heading", name="Check your inbox").wait_for()
    (asked,) = await demo.letters("reminded@states.example.org", 1)
    await page.goto(link_in(asked, "/remind/"))
    await page.locator("main button").first.click()
    await page.get_by_role("status").wait_for()


async def fill_newsletter(page: Page, demo: Demo) -> Locator:
    box = await ready(page, demo)
    await box.locator("[data-news] input[type=email]").fill("signs.up@states.example.org")
    return box


async def sign_up(page: Page, demo: Demo) -> None:
    demo.let_an_hour_pass_for_sign_ups()
    box = await fill_newsletter(page, demo)
    await box.locator("[data-news] button").click()
    await page.get_by_role("heading", name="Check your inbox").wait_for()


async def say_i_give(page: Page, demo: Demo) -> None:
    box = await ready(page, demo)
    await box.get_by_role("button", name="I already give").click()
    await expect(box).to_have_attribute("data-state", "gives")


async def say_not_now(page: Page, demo: Demo) -> None:
    box = await ready(page, demo)
    await box.get_by_role("button", name="Not now").click()
    await expect(box).to_have_attribute("data-state", "later")


async def come_back_from_giving(page: Page, _demo: Demo) -> None:
    await page.goto(f"{page.url}#supporters-thanks")  # only the fragment differs: the page stays, until it is loaded
    await page.reload()
    await expect(await foot(page, scripts=True)).to_have_attribute("data-state", "given")


async def lose_the_script(page: Page, _demo: Demo) -> None:
    await page.route(re.compile(r"/p/v1/prompt"), lambda route: route.abort())
    await page.reload()
    await expect(page.locator("supporter-prompt > [data-in=ask] [data-go] button")).to_be_visible()


async def lose_the_service(page: Page, demo: Demo) -> None:
    await page.route(f"{demo.give}/**", lambda route: route.abort())
    await page.reload()
    await expect(page.locator("supporter-prompt > [data-in=ask] [data-go] button")).to_be_visible()


async def print_it(page: Page, demo: Demo) -> None:
    box = await ready(page, demo)
    await page.emulate_media(media="print")
    await expect(box.locator("[data-print]")).to_be_visible()
    await expect(box.locator("[data-go]")).to_be_hidden()
    paper = await page.locator("supporter-prompt").bounding_box()
    assert paper
    assert paper["height"] < MOST_ON_PAPER


# The states that the design names, in its order and words.
DESIGNED = (
    *("fallback link", "ready", "choosing", "other amount open", "error", "going", "reminder form", "reminder set"),
    *("newsletter form", "check your inbox", "already supporter", "dismissed", "offline or blocked", "print"),
)
STATES: dict[str, Callable[[Page, Demo], Awaitable[object]]] = {
    "fallback link": lose_the_script,
    "ready": ready,
    "choosing": choose,
    "other amount open": open_other,
    "error": enter_too_little,
    "going": be_going,
    "reminder form": open_reminder,
    "reminder set": set_reminder,
    "newsletter form": fill_newsletter,
    "check your inbox": sign_up,
    "already supporter": say_i_give,
    "dismissed": say_not_now,
    "offline or blocked": lose_the_service,
    "print": print_it,
    # and three that the script knows besides
    "choosing monthly": choose_monthly,
    "no amount": choose_nothing,
    "has just given": come_back_from_giving,
}
SITES = ("pelican", "plain", "strict")
SEEN = {site: list(STATES)[number :: len(SITES)] for number, site in enumerate(SITES)}


def test_every_designed_state_is_looked_at_on_some_site() -> None:
    looked_at = [name for names in SEEN.values() for name in names]

    assert sorted(looked_at) == sorted(STATES)
    assert set(DESIGNED) - set(looked_at) == set()
    assert min(len(names) for names in SEEN.values()) >= 5


@pytest.mark.parametrize("site", SITES)
async def test_every_state_of_the_foot_is_accessible_in_both_schemes(demo: Demo, chromium: Browser, site: str) -> None:
    found: dict[str, list[str]] = {}
    for name in SEEN[site]:
        context = await chromium.new_context(bypass_csp=True)
        page = await context.new_page()
        await page.goto(demo.sites[site])
        await STATES[name](page, demo)
        found[name] = await look(page)
        await context.close()

    assert {name: told for name, told in found.items() if told} == {}


async def test_sites_are_accessible_without_any_script(demo: Demo, chromium: Browser) -> None:
    """The Pelican article is looked at without its script among the states."""
    context = await chromium.new_context(bypass_csp=True)
    page = await context.new_page()
    await page.route(re.compile(r"/p/v1/prompt"), lambda route: route.abort())
    site, plain = (demo.sites[name].rpartition("/")[0] for name in ("pelican", "plain"))
    found: dict[str, list[str]] = {}
    more = {"issue": f"{site}/issue-2822.html", "front": f"{plain}/index.html"}
    for name, address in {"plain": demo.sites["plain"], "strict": demo.sites["strict"], **more}.items():
        await page.goto(address)
        found[name] = await look(page)
    await context.close()

    assert {name: told for name, told in found.items() if told} == {}
