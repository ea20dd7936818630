"""Reading the published file, with the last good copy on disk for the time when it can't be read. Never raises."""

import json
import os
import tempfile
import time
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, cast
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

TIMEOUT_SECONDS = 2.0
LARGEST_BYTES = 500_000
FORMAT = 1


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
    """
    path = Path(cache)
    copy = _read(path)
    if not copy or _age_seconds(path) >= max_age:
        told = _ask(_address(base_url, placement, "json", site, form), etag=str(copy.get("etag", "")))
        prompt = _as_prompt(_parse(told[1])) if told else None
        if told and prompt is not None:
            copy = {"etag": told[0], "prompt": prompt}
            _write(path, json.dumps(copy).encode())
        elif copy:
            _touch(path)  # it is still the newest, or nothing newer can be had: not asked again for a while
        else:
            _write(path, b'{"prompt": null}')  # nor is a service that is down asked for every page
    return _as_prompt(copy.get("prompt"))


def fetch_html(
    base_url: str, placement: str, cache: str | os.PathLike[str], site: str = "", max_age: int = 60
) -> str | None:
    """The form as published HTML: at most `max_age` seconds old, else the last good copy, else None."""
    path = Path(cache)
    if path.is_file() and _age_seconds(path) < max_age:
        return _text(path)
    told = _ask(_address(base_url, placement, "html", site, "plain"), etag="")
    if told and told[1] and b"<supporter-prompt" in told[1]:
        _write(path, told[1])
    else:
        _touch(path)
    return _text(path)


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


def _read(path: Path) -> dict[str, Any]:
    """The last good copy with its tag; empty when there is none that can be read."""
    try:
        found: object = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None


def _age_seconds(path: Path) -> float:
    """How long ago the copy was looked after, by the clock of the disk that it lies on."""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".supporters") as probe:
            return max(0.0, Path(probe.name).stat().st_mtime - path.stat().st_mtime)
    except OSError:
        return float("inf")


def _touch(path: Path) -> None:
    try:
        os.utime(path)
    except OSError:
        return


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
