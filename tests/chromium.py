"""The one Chromium that the browser journeys of a process share."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

# Without windows it is the same browser for a third of the processor's time.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-sync")


def chromium_path() -> str | None:
    """The machine's own, the lightest first; None where only Playwright's may be there."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@asynccontextmanager
async def started_chromium() -> AsyncIterator[Browser]:
    """A browser without anything open, closed in the end."""
    async with async_playwright() as player:
        browser = await player.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        yield browser
        await browser.close()
