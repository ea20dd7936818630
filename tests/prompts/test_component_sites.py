"""The foot under the stylesheets of real sites: what is chosen is seen, words are whole, paper keeps no blank."""

import asyncio
from pathlib import Path

import pytest
from hosting import Content, Host
from playwright.async_api import Page, Route

from coming import come_near
from supporters.web.desk.snippets import style

pytestmark = pytest.mark.browser

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SHEETS = {
    "lamp": "pelican/theme/static/lamp.css",
    "estuary": "plain/estuary.css",
    "documents": "strict/documents.css",
}
SITES = [*SHEETS, "bare"]
BARE = ":root { color-scheme: light dark; font: 1em/1.4 sans-serif; }\n"  # and the lines that the desk gives
NARROW = 320
FOCUS_RING = 5  # CSS pixels beyond a field
MOST_ON_PAPER = 200  # CSS pixels: one line, and the site's own space around it
LEAST_CONTRAST = 3  # Source: WCAG 2.2, 1.4.11.
# Each of the chosen tiles' borders against what it stands on, as the screen mixes them.
CONTRASTS = """() => {
  const root = document.querySelector("supporter-prompt").shadowRoot ?? document;
  const ink = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const page = document.body.appendChild(document.createElement("i"));
  page.style.color = "Canvas";
  const light = colors => {
    for (const each of colors) { ink.fillStyle = each; ink.fillRect(0, 0, 1, 1); }
    const [r, g, b] = [...ink.getImageData(0, 0, 1, 1).data].map(
      part => (part /= 255) <= .03928 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  return [...root.querySelectorAll(":checked + span")].filter(each => each.checkVisibility()).map(tile => {
    const under = [getComputedStyle(page).color];
    for (let at = tile.parentElement; at; at = at.parentElement ?? at.getRootNode().host)
      under.splice(1, 0, getComputedStyle(at).backgroundColor);
    const [low, high] = [light(under), light([...under, getComputedStyle(tile).borderTopColor])].sort((a, b) => a - b);
    return (high + .05) / (low + .05);
  });
}"""
LINES = """all => all.map(each => {
  const range = document.createRange();
  range.selectNodeContents(each);
  return [each.textContent, range.getClientRects().length];
})"""
TALL = "document.querySelector('supporter-prompt').getBoundingClientRect().height"


@pytest.fixture(params=SITES)
def dressed(request: pytest.FixtureRequest, host: Host, content: Content) -> Host:
    """The host's page in the clothes of one of the example sites, or bare with the lines that the desk gives."""
    name: str = request.param
    own = name == "bare"
    host.style = BARE + style(content) if own else (EXAMPLES / SHEETS[name]).read_text(encoding="utf-8")
    return host


async def opened(host: Host, *, script: bool, width: int = 390) -> Page:
    host.with_script = script
    page = await host.context.new_page()
    await page.set_viewport_size({"width": width, "height": 800})
    await page.emulate_media(color_scheme="dark")
    await host.open(page=page)
    return page


async def choose(page: Page) -> None:
    for name in ("frequency", "monthly"):
        await page.locator(f"[name={name}]:visible").first.check(force=True)


@pytest.mark.parametrize("script", [True, False], ids=["script", "none"])
async def test_on_a_dark_page_the_chosen_tile_is_seen_and_on_paper_stands_one_line(
    dressed: Host, *, script: bool
) -> None:
    page = await opened(dressed, script=script)
    has_tiles = script or not dressed.style.startswith(BARE)
    await choose(page)
    contrasts = await page.evaluate(CONTRASTS)
    await page.emulate_media(media="print")
    printed = [await each.inner_text() for each in await page.locator("supporter-prompt >> *:visible").all()]

    assert len(contrasts) == 2
    assert min(contrasts) >= LEAST_CONTRAST or not has_tiles
    assert await page.evaluate(TALL) <= MOST_ON_PAPER
    assert set(printed) == {"Give at give.example/give"}


@pytest.mark.parametrize("script", [True, False], ids=["script", "none"])
async def test_on_the_narrowest_screen_no_word_breaks_and_no_tile_is_cut(dressed: Host, *, script: bool) -> None:
    dressed.before = "<p>Story.</p>" * 80
    page = await opened(dressed, script=script, width=NARROW)
    if script:
        await come_near(page)

    tiles = page.locator(".box [part=tile]:visible" if script else "[part=tile]:visible")
    lines = await tiles.evaluate_all(LINES)
    cut = await tiles.evaluate_all("all => all.filter(each => each.scrollWidth > each.clientWidth + 1).length")

    assert lines == [[text, 1] for text, _ in lines]
    assert len(lines) == 8
    assert cut == 0


async def test_an_error_stands_free_and_belongs_to_its_field(host: Host) -> None:
    page = await opened(host, script=True)
    field, error, button = (page.locator(f".box {each}") for each in ("[name=other]", "[data-error]", "[data-go]"))
    await page.get_by_label("Other", exact=True).locator("visible=true").check(force=True)
    await button.get_by_role("button").click()

    tops = [await each.evaluate("each => each.getBoundingClientRect().top") for each in (error, button)]
    ends = [await each.evaluate("each => each.getBoundingClientRect().bottom") for each in (field, error)]
    named = await field.evaluate(
        "each => each.getRootNode().getElementById(each.getAttribute('aria-describedby')).innerText"
    )

    assert named == "Give an amount between £2 and £10,000."
    assert min(top - end for top, end in zip(tops, ends, strict=True)) > FOCUS_RING


async def test_a_rhythm_chosen_just_before_it_is_switched_off_gives_way_to_once(host: Host) -> None:
    host.before = "<p>Story.</p>" * 80
    host.published = host.content | {
        "version": 2, "frequencies": ["once"], "amounts": {"once": host.content["amounts"]["once"]},
    }  # fmt: skip
    page = await opened(host, script=True)
    may_come = asyncio.Event()

    async def late(route: Route) -> None:
        await may_come.wait()
        await route.fallback()

    await page.route("**/p/v1/*.json", late)
    await come_near(page)
    await page.locator(".box").get_by_label("Monthly").check(force=True)
    await page.evaluate("scrollTo(0, 0)")
    async with page.expect_response("**/p/v1/*.json"):
        may_come.set()
    await page.wait_for_function(
        "!document.querySelector('supporter-prompt').shadowRoot.querySelector('[value=monthly]')"
    )

    assert await page.locator(".box [data-ladder=once]:visible").count() == 1
    assert await page.locator(".box [data-go]").inner_text() == "Continue"
