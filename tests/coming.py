"""A reader comes down to the foot of an article, where the block's script waits for them."""

from contextlib import suppress

from playwright.async_api import Page
from playwright.async_api import TimeoutError as NotYet

NEAR = """() => {
  const block = document.querySelector("supporter-prompt");
  const top = block.getBoundingClientRect().top + scrollY - innerHeight - 40;
  scrollTo({top, behavior: "instant"});
}"""


async def come_near(page: Page) -> None:
    """The block is just below the window, or in sight already on a short page, and has put on its coat.

    On a slow machine the page may still grow after the first step: whoever comes down goes on coming down.
    """
    box = page.locator("supporter-prompt .box")
    for _step in range(9):
        await page.evaluate(NEAR)
        with suppress(NotYet):
            await box.wait_for(state="attached", timeout=2_000)
            return
    await page.evaluate(NEAR)
    await box.wait_for(state="attached")
