"""Reading the published file, with the last good copy on disk for the time when it can't be read. Never raises."""

from __future__ import annotations  # sites may run an older Python than the service

import json
import os
import tempfile
import threading
import time
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, cast
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

TIMEOUT_SECONDS = 2.0
LARGEST_BYTES = 500_000
FORMAT = 1


class _Copy:
    """The last good copy: on disk for all processes, and in this one for the case that the disk takes nothing.

    One thread asks; meanwhile the others use what there is, and wait only when there is nothing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.asking = threading.Lock()
        self._asked_at = float("-inf")  # by the clock of this process
        self._body: bytes | None = None

    def read(self) -> bytes | None:
        """The copy's bytes, if there is one."""
        try:
            return self.path.read_bytes()
        except OSError:
            return self._body

    def is_due(self, max_age: float, *, is_usable: bool) -> bool:
        """Whether nobody has asked within `max_age` seconds: not this process, nor another that keeps a usable file."""
        if time.monotonic() - self._asked_at < max_age:
            return False
        if not is_usable:
            return True
        try:
            return abs(time.time() - self.path.stat().st_mtime) >= max_age  # ahead: the disk's clock, or ours set back
        except OSError:
            return True

    def claim(self) -> None:
        """Others see that the copy is being looked after, before the answer is there and whatever it is."""
        self._asked_at = time.monotonic()
        try:
            os.utime(self.path)
        except OSError:
            return

    def keep(self, body: bytes) -> None:
        """These bytes are the copy."""
        self._body = body
        _write(self.path, body)


_copies: dict[tuple[int, str], _Copy] = {}  # by process too: a lock that was held while a server forked would stay so


def fetch(
    base_url: str,
    placement: str,
    cache: str | os.PathLike[str],
    site: str = "",
    max_age: int = 60,
    form: str = "jinja",
) -> dict[str, Any] | None:
    """What is published for the placement: at most `max_age` seconds old, else the last good copy, else None.

    `cache` is a file of your site's own (the copy is written there whole or not at all). `site` is your site's host: with it
    the desk shows which version you show. Waits two seconds at most for each step of the call: to connect, to hear more.
    While one thread asks, the others get the copy at hand.
    """

    def ask(known: dict[str, Any] | None) -> bytes | None:
        told = _ask(_address(base_url, placement, "json", site, form), etag=str((known or {}).get("etag", "")))
        prompt = _as_prompt(_parse(told[1])) if told else None
        if told and prompt is not None:
            return json.dumps({"etag": told[0], "prompt": prompt}).encode()
        return None if known else b'{"prompt": null}'  # nor is a service that is down asked for every page

    copy = _newest(cache, max_age, _as_copy, ask)
    return _as_prompt(copy.get("prompt")) if copy else None


def fetch_html(
    base_url: str, placement: str, cache: str | os.PathLike[str], site: str = "", max_age: int = 60
) -> str | None:
    """The form as published HTML: at most `max_age` seconds old, else the last good copy, else None."""

    def ask(_known: str | None) -> bytes | None:
        told = _ask(_address(base_url, placement, "html", site, "plain"), etag="")
        return told[1] if told and told[1] and b"<supporter-prompt" in told[1] else None

    return _newest(cache, max_age, _as_text, ask)


def _newest(
    cache: str | os.PathLike[str],
    max_age: float,
    understand: Callable[[bytes | None], Any],
    ask: Callable[[Any], bytes | None],
) -> Any:
    """The copy as `understand` gives it, after `ask` was called for a newer one if that is due and nobody else does."""
    key = os.getpid(), os.path.abspath(cache)  # noqa: PTH100 - resolve() would read the disk
    held = _copies.setdefault(key, _Copy(Path(cache)))
    copy = understand(held.read())
    if copy and not held.is_due(max_age, is_usable=True):
        return copy
    if not held.asking.acquire(timeout=0 if copy else 2 * TIMEOUT_SECONDS):
        return copy
    try:
        copy = understand(held.read())
        if held.is_due(max_age, is_usable=bool(copy)):
            held.claim()
            body = ask(copy)
            if body is not None:
                held.keep(body)
                copy = understand(body)
    finally:
        held.asking.release()
    return copy


def _address(base_url: str, placement: str, kind: str, site: str, form: str) -> str:
    host = urlsplit(site).netloc if "://" in site else site
    query = f"?{urlencode({'site': host, 'form': form})}" if host else ""
    return f"{base_url.rstrip('/')}/p/v1/{placement}.{kind}{query}"


def _ask(address: str, *, etag: str) -> tuple[str, bytes | None] | None:
    """The answer's tag and body; no body when ours is the newest; None when there was no good answer."""
    try:
        if urlsplit(address).scheme not in {"http", "https"}:
            return None
        request = Request(address, headers={"If-None-Match": etag} if etag else {})  # noqa: S310 - http or https, see above
        with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            body = _body(answer)
            return (answer.headers.get("ETag", ""), body) if body is not None else None
    except HTTPError as error:
        with error:
            return (etag, None) if error.code == 304 else None
    except (OSError, HTTPException, ValueError):
        return None


def _body(answer: HTTPResponse) -> bytes | None:
    """The whole body; None when it is too long, or comes so slowly that a page would wait."""
    body, until = b"", time.monotonic() + TIMEOUT_SECONDS
    while part := answer.read1(65_536):
        body += part
        if len(body) > LARGEST_BYTES or time.monotonic() > until:
            return None
    stated = answer.headers.get("Content-Length", "")
    return body if not stated.isdigit() or len(body) == int(stated) else None


def _parse(body: bytes | None) -> Any:
    try:
        return json.loads(body or b"null")
    except ValueError:
        return None


def _as_prompt(found: object) -> dict[str, Any] | None:
    """What was found, if it is a published file that this template understands."""
    if not isinstance(found, dict):
        return None
    prompt = cast("dict[str, Any]", found)
    return prompt if prompt.get("v") == FORMAT and isinstance(prompt.get("words"), dict) else None


def _as_copy(body: bytes | None) -> dict[str, Any] | None:
    """The last good copy with its tag; None when there is none that can be read."""
    found = _parse(body)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None


def _as_text(body: bytes | None) -> str | None:
    try:
        return body.decode() if body is not None else None
    except ValueError:
        return None


def _write(path: Path, body: bytes) -> None:
    """The copy is replaced in one step, or stays as it was."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, made = tempfile.mkstemp(dir=path.parent, prefix=".supporters")
        with os.fdopen(handle, "wb") as file:
            file.write(body)
        Path(made).replace(path)
    except OSError:
        return
