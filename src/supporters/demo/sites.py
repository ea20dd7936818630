"""Serving the three sample sites, each on a port of its own, so that they are other origins than the donation service.

`python -m supporters.demo.sites` is a process of its own: the sites stand when the service is stopped.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import click

from supporters.demo.examples import Examples, Origins
from supporters.demo.processes import HOST, server_of, until_input_ends
from supporters.kit.assets import TYPES

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

KINDS = {**TYPES, ".html": "text/html; charset=utf-8", ".xml": "application/rss+xml; charset=utf-8"}
RENEW_SECONDS = 20.0
FIRST_WORDS_SECONDS = 20.0
SHORT_SECONDS = 0.2


def origin_at(port: int) -> str:
    """The origin of a sample site."""
    return f"http://{HOST}:{port}"


class StaticSite:
    """Answers with the files of a folder, whichever that is at the moment."""

    def __init__(self, root: Callable[[], Path], *, policy: str = "") -> None:
        self._root = root
        self._policy = policy

    async def __call__(self, scope: Scope, _receive: object, send: Send) -> None:
        """One answer: the file, or 404."""
        if scope["type"] != "http":
            return
        file = self._file(unquote(scope["path"])) if scope["method"] in {"GET", "HEAD"} else None
        body = b"Not found" if file is None else await asyncio.to_thread(file.read_bytes)
        kind = KINDS[file.suffix] if file else "text/plain; charset=utf-8"
        headers = {
            "content-type": kind,
            "content-length": str(len(body)),
            "cache-control": "no-cache",
            "x-content-type-options": "nosniff",
            "referrer-policy": "strict-origin-when-cross-origin",
        }
        if self._policy:
            headers["content-security-policy"] = self._policy
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200 if file else 404, "headers": encoded})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _file(self, path: str) -> Path | None:
        root = self._root().resolve()
        parts = [part for part in path.split("/") if part]
        if any(part.startswith(".") or "\\" in part or "\0" in part for part in parts):
            return None
        file = root.joinpath(*(parts or ["index.html"]))
        return file if file.suffix in KINDS and file.is_file() and file.resolve().is_relative_to(root) else None


async def serve_sites(*, give: str, data: Path, ports: tuple[int, int, int], every: float) -> None:
    """The sites are built, served and renewed until the task is cancelled. Nothing listens before they show words.

    When no words can be had for twenty seconds, they are served as they are.
    """
    examples = Examples(data, Origins(give, *(origin_at(port) for port in ports)))
    await asyncio.to_thread(examples.prepare)
    with suppress(TimeoutError):
        async with asyncio.timeout(FIRST_WORDS_SECONDS):
            while not await examples.renew():  # noqa: ASYNC110 - another process, and it offers no event
                await asyncio.sleep(SHORT_SECONDS)
    policies = {"strict": examples.policy()}
    apps = [
        StaticSite(lambda name=name: examples.roots[name], policy=policies.get(name, "")) for name in examples.roots
    ]
    servers = [server_of(app, port=port) for app, port in zip(apps, ports, strict=True)]
    serving = [asyncio.create_task(server.serve()) for server in servers]
    try:
        while True:
            await asyncio.sleep(every)
            await examples.renew()
    finally:
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*serving, return_exceptions=True)


@click.command()
@click.option("--give", required=True, help="address of the donation service")
@click.option("--data", required=True, type=click.Path(path_type=Path))
@click.option("--ports", required=True, nargs=3, type=int, help="of the Pelican, the plain and the strict site")
@click.option("--every", default=RENEW_SECONDS, show_default=True, help="seconds after which new words are looked for")
def main(give: str, data: Path, ports: tuple[int, int, int], every: float) -> None:
    """Serve the sample sites until standard input ends."""

    async def both() -> None:
        serving = asyncio.create_task(serve_sites(give=give, data=data, ports=ports, every=every))
        ended = asyncio.create_task(until_input_ends())
        await asyncio.wait({serving, ended}, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if serving.done():
            await serving  # says why
        serving.cancel()
        await asyncio.gather(serving, ended, return_exceptions=True)

    asyncio.run(both())


if __name__ == "__main__":
    main()
