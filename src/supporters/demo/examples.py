"""The three sample sites, built from `examples/` and renewed when the published words have changed.

Each is renewed in the way that its own readme tells: Pelican builds anew, the two others run a command over their files.
Whatever goes wrong, the pages that were built last stay.
"""

import asyncio
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from supporters.paths import data_dir
from supporters.snippet import fetch

PLACEMENTS = ("article-foot", "issue-page")
GIVE = "https://give.weeklylamp.example"
NAMES = {"pelican": "weeklylamp", "plain": "estuary.weeklylamp", "strict": "documents.weeklylamp"}
MOVED = frozenset([".html", ".txt", ".py", ".xml"])
LONGEST_BUILD_SECONDS = 60.0


def is_pelican_here() -> bool:
    """Whether the article site can be built: Pelican comes with the extra `demo`, and the other two need nothing."""
    return find_spec("pelican") is not None


class Origins(NamedTuple):
    """Where the donation service and the three sites are served."""

    give: str
    pelican: str
    plain: str
    strict: str


class Examples:
    """The built sites in `folder`, one folder each; `root` says where the pages of a site lie now."""

    def __init__(self, folder: Path, origins: Origins) -> None:
        self._source = data_dir("examples")
        self._folder = folder
        self._origins = origins
        self._shown: list[dict[str, Any] | None] | None = None
        self._builds = 0
        self.roots: dict[str, Path] = {}

    def prepare(self) -> None:
        """The sites lie in the folder as they are in `examples/`, with the addresses of this machine and no words yet."""
        shutil.rmtree(self._folder / "built", ignore_errors=True)
        for name in NAMES:
            copy = self._folder / "built" / name
            shutil.copytree(
                self._source / name, copy, ignore=shutil.ignore_patterns("__pycache__", ".snippet", "output")
            )
            for file in (each for each in copy.iterdir() if each.suffix in MOVED):
                file.write_text(self._moved(file.read_text(encoding="utf-8")), encoding="utf-8")
            self.roots[name] = copy

    def policy(self) -> str:
        """The Content-Security-Policy of the strict site."""
        return (self.roots["strict"] / "policy.txt").read_text(encoding="utf-8").strip()

    async def renew(self) -> bool:
        """All three sites show what is published now, or what they showed last; whether they show any words at all."""
        words = await asyncio.to_thread(self._published)
        if words != self._shown:
            self._shown = words if await self._build_pelican() else None
        await self._refresh()
        return any(words)

    def forget(self) -> None:
        """The next renewal builds anew, whatever is published."""
        self._shown = None

    def _published(self) -> list[dict[str, Any] | None]:
        """What is published, or was when it could last be read."""
        cache = self._folder / "last-good"
        return [fetch(self._origins.give, code, cache / f"{code}.json", max_age=0) for code in PLACEMENTS]

    async def _build_pelican(self) -> bool:
        """The site is built beside the old one and takes its place when it is whole."""
        source, root = self._folder / "built" / "pelican", self._folder / "built" / f"pelican-{self._builds}"
        command = (
            "-m",
            "pelican",
            str(source / "content"),
            "-s",
            str(source / "pelicanconf.py"),
            "-o",
            str(root),
            "-q",
        )
        if not await _run(*command) or not (root / "index.html").is_file():
            return False
        old, self.roots["pelican"] = self.roots["pelican"], root
        if self._builds:
            await asyncio.to_thread(shutil.rmtree, old, ignore_errors=True)
        self._builds += 1
        return True

    async def _refresh(self) -> None:
        plain, strict, give = self.roots["plain"], self.roots["strict"], self._origins.give
        cache = str(self._folder / "plain-cache")
        command = ("-m", "supporters.snippet", "refresh", give, str(plain), "--site", self._origins.plain)
        await _run(*command, "--cache", cache)
        await _run(str(strict / "refresh.py"), give, str(strict), self._origins.strict)

    def _moved(self, text: str) -> str:
        text = text.replace(GIVE, self._origins.give)
        for name, host in NAMES.items():
            text = text.replace(f"https://{host}.example", getattr(self._origins, name))
        return text


async def _run(*command: str) -> bool:
    """Whether Python ended well with these arguments, in its time."""
    nothing = asyncio.subprocess.DEVNULL
    running = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=nothing, stderr=nothing)
    try:
        return await asyncio.wait_for(running.wait(), LONGEST_BUILD_SECONDS) == 0
    except TimeoutError:
        running.kill()
        await running.wait()
        return False
