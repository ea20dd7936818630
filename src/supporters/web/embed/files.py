"""GET /p/v1/…: published prompt files and the optional script, for any site and any cache.

A bare ASGI handler: an article page may be read by a hundred thousand people, and a cache in front may be missing. What is
served is bytes that lie ready; the database is asked once in five seconds for a file, however many ask at once, and once a
second at most for all names that do not exist.
"""

from functools import lru_cache
from typing import NamedTuple, cast
from urllib.parse import parse_qsl

import msgspec
import structlog
from litestar import asgi
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from supporters.kit.errors import DatabaseBusy
from supporters.kit.strings import gettext as _
from supporters.prompts.content import site_of
from supporters.prompts.files import PublishedPrompt
from supporters.prompts.script import Script, prompt_script
from supporters.prompts.sightings import Sighting, Sightings, note_sighting
from supporters.web.common.access import PUBLIC
from supporters.web.common.house import House

Pair = tuple[bytes, bytes]
JSON, HTML, SCRIPT = b"application/json", b"text/html; charset=utf-8", b"text/javascript; charset=utf-8"
A_MINUTE = b"public, max-age=60, stale-while-revalidate=600"
FOR_EVER = b"public, max-age=31536000, immutable"
SHARED: list[Pair] = [
    (b"access-control-allow-origin", b"*"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"vary", b"accept-encoding"),
]
METHODS = ("GET", "HEAD")
LONGEST_QUERY = 600
log = structlog.stdlib.get_logger("embed")


class Served(NamedTuple):
    """One file as it lies ready, each with its headers: for whoever takes gzip, for the others, for who has it already."""

    etag: bytes
    version: int
    packed: tuple[list[Pair], bytes]
    plain: tuple[list[Pair], bytes]
    known: list[Pair]


class Ready(ASGIMiddleware):
    """Answers GET and HEAD of a published file, ahead of what a request costs that has to be admitted first.

    Files are for everybody, so there is nobody to be admitted. All else goes on to the handler.
    """

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        http = cast("HTTPScope", scope)
        found = await _find(scope) if http["method"] in METHODS else None
        if found is None:
            await next_app(scope, receive, send)
            return
        await _serve(http, send, found)
        if http["query_string"] and found.version:
            await _note(scope, found.version)


# a mount, since the framework gives bare handlers no parts of a path
@asgi("/p/v1", is_mount=True, opt={"access": PUBLIC}, copy_scope=False, middleware=[Ready()])
async def published_file(scope: Scope, receive: Receive, send: Send) -> None:
    """What is no published file: 404, 405 or 503 in JSON words, and which methods there are."""
    del receive
    method = cast("HTTPScope", scope)["method"]
    if method == "OPTIONS":
        await _send(send, 204, [(b"allow", b"GET, HEAD"), *SHARED], b"")
    elif method not in METHODS:
        words = _("This address gives a file and takes nothing.")
        await _say(send, 405, words, more=[(b"allow", b"GET, HEAD")])
    elif scope["state"].get("busy"):
        await _say(send, 503, _("We cannot say just now. Keep the last good copy and try again."))
    else:
        await _say(send, 404, _("There is no published file of that name."), is_head=method == "HEAD")


async def _find(scope: Scope) -> Served | None:
    """The file of that name, ready to be sent; None when there is none, or when the database can't say."""
    house: House = scope["litestar_app"].state.house
    name = scope["path"].strip("/")
    placement, dot, kind = name.rpartition(".")
    if not dot or kind not in {"json", "html", "js"}:
        return None
    try:
        if kind == "js":
            script = await _script_of(house, name)
            return _ready_script(script, name) if script is not None else None
        prompt = await house.prompts.get(placement)
    except DatabaseBusy:
        scope["state"]["busy"] = True
        return None
    return _ready(prompt, kind) if prompt is not None else None


async def _script_of(house: House, name: str) -> Script | None:
    """The script of this release under both its names, or an earlier one: pages pasted then ask for it for ever."""
    script = prompt_script()
    return script if name in {"prompt.js", script.name} else await house.scripts.get(name)


@lru_cache(maxsize=50)
def _ready_script(script: Script, name: str) -> Served:
    cache = FOR_EVER if name == script.name else A_MINUTE
    return _served(script.etag.encode(), 0, SCRIPT, cache, script.body, script.packed)


@lru_cache(maxsize=50)
def _ready(prompt: PublishedPrompt, kind: str) -> Served:
    etag = prompt.etag.encode()
    if kind == "json":
        return _served(etag, prompt.version, JSON, A_MINUTE, prompt.json, prompt.packed_json)
    return _served(etag, prompt.version, HTML, A_MINUTE, prompt.html, prompt.packed_html)


def _served(etag: bytes, version: int, media_type: bytes, cache: bytes, plain: bytes, packed: bytes) -> Served:
    shared = [(b"etag", etag), (b"cache-control", cache), *SHARED]

    def ready(body: bytes, more: list[Pair]) -> tuple[list[Pair], bytes]:
        own = [(b"content-type", media_type), (b"content-length", str(len(body)).encode())]
        return [*shared, *own, *more], body

    return Served(etag, version, ready(packed, [(b"content-encoding", b"gzip")]), ready(plain, []), shared)


async def _serve(scope: HTTPScope, send: Send, found: Served) -> None:
    known = takes_gzip = False
    for name, value in scope["headers"]:
        if name == b"if-none-match":
            known = known or is_known(value, found.etag)
        elif name == b"accept-encoding":
            takes_gzip = accepts_gzip(value)
    if known:
        await _send(send, 304, found.known, b"")
        return
    headers, body = found.packed if takes_gzip else found.plain
    await _send(send, 200, headers, b"" if scope["method"] == "HEAD" else body)


def is_known(if_none_match: bytes, etag: bytes) -> bool:
    """Whether the header names this version: weakly, since proxies that pack mark it so."""
    return any(tag.strip().removeprefix(b"W/") in {etag, b"*"} for tag in if_none_match.split(b","))


def accepts_gzip(accept_encoding: bytes) -> bool:
    """Whether the header allows gzip."""
    if b"gzip" not in accept_encoding:
        return False
    for part in accept_encoding.split(b","):
        coding, _mark, quality = part.partition(b";")
        if coding.strip().lower() == b"gzip":
            return quality.replace(b" ", b"").rstrip(b"0").rstrip(b".") not in {b"q=", b"q"}
    return False


async def _note(scope: Scope, version: int) -> None:
    """What the site's helper says of itself is stored, after the answer has gone out and at most once a minute."""
    house: House = scope["litestar_app"].state.house
    seen = _sighting(scope, house, scope["path"].strip("/").rpartition(".")[0], version)
    if seen is None:
        return
    try:
        async with house.db.unit_of_work() as session:
            await note_sighting(session, seen, now=house.clock.now())
    except DatabaseBusy:
        log.warning("sighting_lost")


def _sighting(scope: Scope, house: House, placement: str, version: int) -> Sighting | None:
    query = cast("HTTPScope", scope)["query_string"]
    if len(query) > LONGEST_QUERY:
        return None
    state = scope["litestar_app"].state
    sightings: Sightings | None = state.get("sightings")
    if sightings is None:
        sightings = state["sightings"] = Sightings(frozenset(site_of(site) for site in house.settings.sites))
    told = dict(parse_qsl(query.decode("latin-1"), max_num_fields=20)) if query.count(b"&") < 20 else {}
    return sightings.take(told, placement=placement, version=version, now=house.clock.now())


async def _say(send: Send, status: int, words: str, *, is_head: bool = False, more: list[Pair] | None = None) -> None:
    body = problem(status, words)
    length = (b"content-length", str(len(body)).encode())
    kind = (b"content-type", b"application/problem+json")
    cache = (b"cache-control", b"no-store")
    await _send(send, status, [kind, length, cache, *SHARED, *(more or [])], b"" if is_head else body)


def problem(status: int, words: str) -> bytes:
    """What went wrong, as problem+json: whoever asks here is a program."""
    return msgspec.json.encode({"type": "about:blank", "status": status, "detail": words})


async def _send(send: Send, status: int, headers: list[Pair], body: bytes) -> None:
    await send(cast("Message", {"type": "http.response.start", "status": status, "headers": headers}))
    await send(cast("Message", {"type": "http.response.body", "body": body, "more_body": False}))


HANDLERS = [published_file]
