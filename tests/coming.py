"""A reader comes down to the foot of an article, where the block's script waits for them."""

from playwright.async_api import Page

NEAR = """() => {
  const block = document.querySelector("supporter-prompt");
  const top = block.getBoundingClientRect().top + scrollY - innerHeight - 40;
  scrollTo({top, behavior: "instant"});
}"""


async def come_near(page: Page) -> None:
    """The block is just below the window, or in sight already on a short page, and has put on its coat."""
    await page.evaluate(NEAR)
    await page.locator("supporter-prompt .box").wait_for(state="attached")
