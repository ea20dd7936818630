"""The running demo, and the steps that every journey through it is made of."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Locator, Page

from supporters.demo.mailbox import Letter, list_letters
from whole import free_port

LABELS = ("Article", "Donate", "Desk", "Mailbox", "Sandbox", "Plain site", "Strict site")
START_SECONDS = 90
TRIES = 60
PAUSE_SECONDS = 0.25
MOST_PRESSES = 90


class Demo:
    """The running demo and the addresses that it printed."""

    def __init__(self, lines: list[str], folder: Path) -> None:
        self.lines = lines
        self.folder = folder
        said = {line.partition(":")[0]: line.partition(":")[2].split()[0] for line in lines if "http" in line}
        self.article, self.donate, self.desk, self.mailbox, self.sandbox, plain, strict = (
            said[label] for label in LABELS
        )
        self.sites = {"pelican": self.article, "plain": plain, "strict": strict}
        found = re.search(r"sign in as (\S+), password (\S+)\)", "\n".join(lines))
        assert found
        self.email, self.password = found[1], found[2]

    @property
    def give(self) -> str:
        """The origin of the donation service."""
        return self.donate.removesuffix("/give")

    async def letters(self, email: str, count: int) -> list[Letter]:
        """The letters to the reader, newest first, as soon as there are so many."""
        found: list[Letter] = []
        for _ in range(TRIES):
            found = [each for each in list_letters(self.folder / "mailbox") if email in each.recipient]
            if len(found) >= count:
                return found
            await asyncio.sleep(PAUSE_SECONDS)
        raise AssertionError(f"{email} got {[each.subject for each in found]}, not {count} letters")


@asynccontextmanager
async def running_demo(folder: Path) -> AsyncIterator[Demo]:
    """`supporters demo` as a process of its own, on ports of its own."""
    names = ("--port", "--sandbox-port", "--smtp-port", "--site-port", "--plain-port", "--strict-port")
    ports = [word for pair in zip(names, [str(free_port()) for _ in names], strict=True) for word in pair]
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "supporters.cli", "demo", "--data-dir", str(folder), *ports),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert running.stdout is not None
    lines: list[str] = []
    try:
        async with asyncio.timeout(START_SECONDS):
            while not lines or not lines[-1].startswith("Ctrl-C"):
                line = await running.stdout.readline()
                assert line, lines
                lines.append(line.decode().strip())
        yield Demo(lines, folder)
    finally:
        if running.returncode is None:
            running.terminate()
        await running.wait()


async def foot(page: Page, *, scripts: bool) -> Locator:
    """The forms at the end of the article, as this reader has them: the script's, or those of the page itself."""
    if scripts:
        box = page.locator("supporter-prompt .box")
        await box.wait_for(state="attached")
        return box
    return page.locator("supporter-prompt")


async def press_until(page: Page, wanted: str, *, key: str = "Tab") -> None:
    """Moves the focus until it is on what `wanted` selects, in the page or in the prompt; fails when it never gets there."""
    look = """wanted => {
        let here = document.activeElement;
        while (here && here.shadowRoot && here.shadowRoot.activeElement) here = here.shadowRoot.activeElement;
        return here.matches(wanted);
    }"""
    for _ in range(MOST_PRESSES):
        await page.keyboard.press(key)
        if await page.evaluate(look, wanted):
            return
    raise AssertionError(f"{key} never reaches {wanted}")


async def wait_for_thanks(page: Page, name: str) -> None:
    """The thank-you page says so; without script it is asked again."""
    await page.wait_for_url("**/thanks/**")
    heading = page.get_by_role("heading", name=f"Thank you, {name}")
    for _ in range(TRIES):
        if await heading.count():
            return
        await asyncio.sleep(PAUSE_SECONDS * 2)
        await page.reload()
    raise AssertionError(await page.content())


def link_in(letter: Letter, part: str) -> str:
    """The first address in the letter that holds `part`."""
    found = next((url for url in re.findall(r"https?://[^\s<>\"]+", letter.text) if part in url), None)
    assert found, letter.text
    return found
