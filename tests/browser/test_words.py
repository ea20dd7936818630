"""Words changed at the desk appear on all three sites, nothing pasted; the last good words outlive the service."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser

from whole import Whole, free_port

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
PATHS = ("the-crew-that-keeps-the-river-open.html", "tide-tables-written-by-hand.html", "")
WORDS = "Four reporters, one <old> ferry & all of the winter ahead."
EVERY_SECONDS = 1.0
TRIES = 120


@asynccontextmanager
async def sites(give: str, folder: Path) -> AsyncIterator[list[str]]:
    """The articles of the three sites, served by a process that does not depend on the service; renewed every second."""
    ports = [str(free_port()) for _ in range(3)]
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "supporters.demo.sites", "--give", give, "--data", str(folder)),
        *("--every", str(EVERY_SECONDS), "--ports", *ports),
        stdin=asyncio.subprocess.PIPE,
    )
    try:
        yield [f"http://127.0.0.1:{port}/{path}" for port, path in zip(ports, PATHS, strict=True)]
    finally:
        assert running.stdin is not None
        running.stdin.close()
        await running.wait()


async def until_all_say(articles: list[str], words: str) -> None:
    """Every article shows the words; fails when one never does."""
    pages: list[str] = []
    async with httpx.AsyncClient() as reader:
        for _ in range(TRIES):
            try:
                pages = [(await reader.get(article)).text for article in articles]
            except httpx.TransportError:  # not open yet
                pages = []
            if pages and all(words in page for page in pages):
                return
            await asyncio.sleep(0.25)
    raise AssertionError(
        [(page[page.find("data-version") :][:18], page[page.find('data-word="why"') :][:90]) for page in pages]
    )


async def change_words(served: Whole, chromium: Browser, words: str) -> None:
    """An editor opens the general appeal, writes why, and publishes."""
    desk = await served.staff("editor")
    context = await chromium.new_context()
    base = served.settings.base_url
    await context.add_cookies([{"name": name, "value": value, "url": base} for name, value in desk.cookies.items()])
    page = await context.new_page()
    await page.goto(f"{base}/desk/appeals")
    await page.locator("main a[href^='/desk/appeals/0']").first.click()
    await page.locator("textarea[name=ask], input[name=ask]").fill(words)
    async with page.expect_navigation():
        await page.get_by_role("button", name="Publish appeal").click()
    told = await page.locator("main").inner_text()
    assert told.startswith("Published."), told
    await context.close()
    await desk.aclose()


async def test_words_changed_at_the_desk_reach_all_three_sites_and_outlive_the_service(
    served: Whole, stop_serving: asyncio.Event, chromium: Browser, tmp_path: Path
) -> None:
    async with sites(served.settings.base_url, tmp_path / "sites") as articles:
        await until_all_say(articles, "Make a donation to The Weekly Lamp")

        await change_words(served, chromium, WORDS)

        shown = WORDS.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        served.clock.advance(
            timedelta(seconds=6)
        )  # what the web read just before the change, it keeps for five seconds
        await until_all_say(articles, shown)

        stop_serving.set()
        with pytest.raises(httpx.TransportError):
            for _ in range(TRIES):
                async with httpx.AsyncClient() as reader:
                    await reader.get(f"{served.settings.base_url}/p/v1/article-foot.json")
                await asyncio.sleep(0.25)
        await asyncio.sleep(EVERY_SECONDS * 4)  # the sites look for new words meanwhile, and find nobody
        await until_all_say(articles, shown)
    last_good = tmp_path / "sites" / "built" / "pelican" / ".snippet" / "article-foot.json"
    assert "Four reporters" in last_good.read_text()
