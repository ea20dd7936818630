"""What a page looks like to axe and to a small screen, in both schemes. One load, several looks."""

from pathlib import Path
from typing import Any, Literal

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Page

SHOTS = Path(__file__).resolve().parent / "_shots"
# Colours do not depend on the width: each scheme is looked at once, at the width where most is shown or squeezed.
LOOKS: tuple[tuple[Literal["light", "dark"], int], ...] = (("light", 390), ("dark", 1280))
WIDTHS = (320, 390, 1280)
HEIGHT = 900


RUN = 'axe.run(document, {resultTypes: ["violations"]}).then(found => found.violations)'


async def faults(page: Page) -> list[str]:
    """What axe finds as the page stands, best practice included."""
    if not await page.evaluate("'axe' in window"):  # it is half a megabyte: once for each document
        await page.evaluate(AXE_SCRIPT)
    violations: list[dict[str, Any]] = await page.evaluate(RUN)
    return [f"{one['id']}: {one['help']}: {[node['html'][:120] for node in one['nodes']]}" for one in violations]


async def look(page: Page, *, shot: str | None = None) -> list[str]:
    """What is wrong with the page in light and dark, and at every width. `shot` names pictures to keep of it."""
    told: list[str] = []
    for scheme, width in LOOKS:
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # no colour is caught half-way
        await page.set_viewport_size({"width": width, "height": HEIGHT})
        told += [f"{scheme} {width}: {fault}" for fault in await faults(page)]
        if shot:
            SHOTS.mkdir(exist_ok=True)
            await page.screenshot(path=SHOTS / f"{shot}-{width}-{scheme}.png", full_page=True)
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": HEIGHT})
        excess = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        told += [f"{width}: scrolls sideways by {excess} px"] if excess > 0 else []
    return told
