"""The running demo, and the steps that every journey through it is made of."""

import asyncio
import fcntl
import re
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from keeper import DATA, IN_USE, SAID
from playwright.async_api import Locator, Page

from coming import come_near
from supporters.demo.mailbox import Letter, read_letter
from whole import free_port

LABELS = ("Article", "Donate", "Supporter", "Desk", "Mailbox", "Sandbox", "Statement", "Plain site", "Strict site")
START_SECONDS = 180
TRIES = 150
PAUSE_SECONDS = 0.1
THANKS_SECONDS = 0.3
MOST_PRESSES = 130
KEEPERS: list[subprocess.Popen[bytes]] = []  # they outlive this process, and end by themselves


class Demo:
    """The running demo and the addresses that it printed."""

    def __init__(self, lines: list[str], folder: Path) -> None:
        self.lines = lines
        self.folder = folder
        self._letters: dict[str, Letter] = {}
        said = {line.partition(":")[0]: line.partition(":")[2].split()[0] for line in lines if "http" in line}
        self.article, self.donate, self.sign_in, self.desk, self.mailbox, self.sandbox, *others = (
            said[label] for label in LABELS
        )
        self.statement, plain, strict = others
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
            found = [each for each in self._kept() if email in each.recipient]
            if len(found) >= count:
                return found
            await asyncio.sleep(PAUSE_SECONDS)
        raise AssertionError(f"{email} got {[each.subject for each in found]}, not {count} letters")

    def _kept(self) -> list[Letter]:
        """Every letter in the mailbox, newest first. Each is read once."""
        names = {path.stem for path in (self.folder / "mailbox").glob("*.eml")}
        for name in names - self._letters.keys():
            if letter := read_letter(self.folder / "mailbox", name):
                self._letters[name] = letter
        return [self._letters[name] for name in sorted(self._letters, reverse=True)]

    def let_an_hour_pass_for_sign_ups(self) -> None:
        """Readers of all tests come from one network; those of the last hour are counted no more."""
        with closing(sqlite3.connect(self.folder / "supporters.db", timeout=20)) as db, db:
            db.execute("DELETE FROM guard_count WHERE key LIKE 'news_network:%'")


@asynccontextmanager
async def shared_demo(folder: Path) -> AsyncIterator[Demo]:
    """`supporters demo` on ports of its own: the first process that wants it starts it, all others of the run share it."""
    with (folder / "starting").open("wb") as starting, (folder / IN_USE).open("wb") as in_use:
        await asyncio.to_thread(fcntl.flock, starting, fcntl.LOCK_EX)
        await asyncio.to_thread(fcntl.flock, in_use, fcntl.LOCK_SH)
        lines = await _said(folder)
        fcntl.flock(starting, fcntl.LOCK_UN)
        yield Demo(lines, folder / DATA)


async def _said(folder: Path) -> list[str]:
    """What the demo says once it is ready; it is started if it does not run."""
    said = folder / SAID
    keeper = None if said.exists() else _start(folder)
    lines: list[str] = []
    async with asyncio.timeout(START_SECONDS):
        while not lines or not lines[-1].startswith("Ctrl-C"):
            assert keeper is None or keeper.poll() is None, lines
            await asyncio.sleep(PAUSE_SECONDS)  # another process says it: there is nothing to wait on but its file
            lines = said.read_text().splitlines() if said.exists() else lines
    return lines


def _start(folder: Path) -> subprocess.Popen[bytes]:
    names = ("--port", "--sandbox-port", "--smtp-port", "--site-port", "--plain-port", "--strict-port")
    ports = [word for pair in zip(names, [str(free_port()) for _ in names], strict=True) for word in pair]
    keeper = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("keeper.py")), str(folder), *ports],
        start_new_session=True,  # Ctrl-C ends those who use it, and that ends it
    )
    KEEPERS.append(keeper)
    return keeper


async def foot(page: Page, *, scripts: bool) -> Locator:
    """The forms at the end of the article, as this reader has them: the script's, or those of the page itself."""
    if scripts:
        await come_near(page)
        return page.locator("supporter-prompt .box")
    return page.locator("supporter-prompt")


def how_much(ask: Locator, words: str = "How much?") -> Locator:
    """The amounts under those words: to give once, if not told otherwise."""
    return ask.get_by_role("group", name=words, exact=True)


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
        await asyncio.sleep(THANKS_SECONDS)
        await page.reload()
    raise AssertionError(await page.content())


def link_in(letter: Letter, part: str) -> str:
    """The first address in the letter that holds `part`."""
    found = next((url for url in re.findall(r"https?://[^\s<>\"]+", letter.text) if part in url), None)
    assert found, letter.text
    return found
