"""<supporter-prompt> waits until its reader comes near, by whichever way; nothing moves when they come all at once."""

import itertools
from typing import Any

import pytest
from hosting import Host
from playwright.async_api import Page

from coming import come_near

pytestmark = pytest.mark.browser

FAR = "<p>Story.</p>" * 120
ROOT = "!!document.querySelector('supporter-prompt').shadowRoot"
WATCH = """
window.moved = window.read = 0;
new PerformanceObserver(list => { for (const each of list.getEntries()) if (!each.hadRecentInput) window.moved += each.value })
  .observe({type: "layout-shift", buffered: true});
const item = Object.getOwnPropertyDescriptor(Window.prototype, "localStorage") ??
  Object.getOwnPropertyDescriptor(window, "localStorage");
Object.defineProperty(window, "localStorage", {get() { window.read++; return item.get.call(window); }});
"""


@pytest.fixture
async def far(host: Host) -> Host:
    """A page whose foot is several windows below its top, and that counts what moves and what is read."""
    host.before = FAR
    await host.context.add_init_script(WATCH)
    return host


async def told(page: Page, what: str) -> Any:
    return await page.evaluate(what)


async def test_while_the_page_loads_nothing_is_asked_read_or_changed(far: Host) -> None:
    page = await far.open()

    assert not await told(page, ROOT)
    assert await told(page, "window.read") == 0
    assert [name.partition(".")[0] for name in far.asked] == ["prompt"]

    await come_near(page)
    await page.wait_for_timeout(100)

    assert await told(page, "document.querySelector('supporter-prompt').getBoundingClientRect().top > innerHeight")
    assert far.asked[1:] == ["article-foot.json"]
    assert await told(page, "window.moved") == 0


@pytest.mark.parametrize("key", ["End", "Tab", "Control+f"])
async def test_a_key_starts_it_before_the_key_does_its_work(far: Host, key: str) -> None:
    page = await far.open()

    await page.keyboard.press(key)

    assert await told(page, ROOT)
    await page.wait_for_timeout(150)
    assert await told(page, "window.moved") == 0
    assert await told(page, "document.activeElement.matches('supporter-prompt')") is (key == "Tab")
    assert await page.locator("supporter-prompt .box").count() == 1


async def test_on_paper_stands_the_address_though_nobody_came_near(far: Host) -> None:
    page = await far.open()

    await page.pdf()

    assert await told(page, ROOT)
    await page.emulate_media(media="print")
    assert await page.locator("supporter-prompt .box [data-print]").is_visible()
    assert not await page.locator("supporter-prompt .box form").first.is_visible()


async def test_whoever_has_just_given_is_thanked_at_once(far: Host) -> None:
    page = await far.open("/news/ferry#supporters-thanks")

    thanks = page.locator("supporter-prompt .box").get_by_role("status")
    assert await thanks.inner_text() == "Thank you for giving to The Weekly Lamp."
    assert await told(page, "document.querySelector('supporter-prompt').getBoundingClientRect().top < innerHeight")


async def test_a_jump_to_the_end_moves_nothing(far: Host) -> None:
    styles = ("supporter-prompt{display:block}", "supporter-prompt{display:block;min-height:54em}")
    for style, width in itertools.product(styles, (390, 1280)):
        far.style = style
        page = await far.context.new_page()
        await page.set_viewport_size({"width": width, "height": 800})
        await far.open(page=page)

        await told(page, "scrollTo({top: 1e6, behavior: 'instant'})")
        await page.wait_for_timeout(150)

        assert await told(page, ROOT)
        assert await told(page, "window.moved") == 0, (style, width)
        assert await page.get_by_role("button", name="Continue").is_visible()
        await page.close()


async def test_a_block_that_the_page_moves_or_drops_starts_once_or_never(far: Host) -> None:
    page = await far.open()
    await told(page, "document.querySelector('main').append(document.querySelector('supporter-prompt'))")
    dropped = "const gone = document.querySelector('supporter-prompt').cloneNode(true); document.body.append(gone); "
    await told(page, f"{{ {dropped} gone.remove(); window.gone = gone }}")

    await page.keyboard.press("Shift")
    await come_near(page)
    await page.wait_for_timeout(100)

    assert await page.locator("supporter-prompt .box").count() == 1
    assert not await told(page, "!!window.gone.shadowRoot")
    assert far.asked[1:] == ["article-foot.json"]
    assert far.errors == []


async def test_who_came_into_the_plain_form_another_way_keeps_it(far: Host) -> None:
    page = await far.open()

    await page.locator("supporter-prompt [name=once]").first.focus()
    await page.wait_for_timeout(100)
    await page.keyboard.press("Space")

    assert not await told(page, ROOT)
    assert await told(page, "document.activeElement.checked")
