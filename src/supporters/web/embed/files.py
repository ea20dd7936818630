"""GET /p/v1/…: published prompt files and the optional script, for any site and any cache.

A bare ASGI handler: an article page may be read by a hundred thousand people, and a cache in front may be missing. What is
served is bytes that lie ready; the database is asked once in five seconds for a file, however many ask at once, and once a
second at most for all names that do not exist.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, cast
from urllib.parse import parse_qsl

import msgspec
import structlog
from litestar import Litestar, asgi
from litestar.types import HTTPScope, LifeSpanReceive, LifeSpanScope, LifeSpanSend, Message, Receive, Scope, Send

from supporters.kit.errors import DatabaseBusy
from supporters.kit.strings import gettext as _
from supporters.prompts.content import site_of
from supporters.prompts.files import PublishedPrompt
from supporters.prompts.script import Script, prompt_script
from supporters.prompts.sightings import Sightings, note_sighting
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
FOLDER = "/p/v1/"
KINDS = frozenset({"json", "html", "js"})
METHODS = frozenset({"GET", "HEAD"})
LONGEST_QUERY = 600
LONGEST_ENCODINGS = 200
log = structlog.stdlib.get_logger("embed")


class Served(NamedTuple):
    """One file as it lies ready, each with its headers: for whoever takes gzip, for the others, for who has it already."""

    etag: bytes
    version: int
    packed: tuple[list[Pair], bytes]
    plain: tuple[list[Pair], bytes]
    known: list[Pair]


class Files:
    """What lies ready to be sent, complete with every header, and is looked up before anything else of a request is.

    Files are for everybody, so there is nobody to be admitted. `secured` gives the headers of a response with the security
    headers that it lacks.
    """

    def __init__(self, house: House, secured: Callable[[list[Pair]], list[Pair]]) -> None:
        self.house = house
        self.secured = secured
        self._lying: dict[str, tuple[Script | PublishedPrompt, Served]] = {}
        self._sightings = Sightings(frozenset(site_of(site) for site in house.settings.sites))

    async def find(self, scope: HTTPScope, name: str) -> Served | None:
        """The file, ready to be sent; None when there is none, or, marked in the request's state, when that can't be said."""
        placement, dot, kind = name.rpartition(".")
        if not dot or kind not in KINDS:
            return None
        try:
            source = await (self._script_of(name) if kind == "js" else self.house.prompts.get(placement))
        except DatabaseBusy:
            _mark(scope, "busy", True)
            return None
        if source is None:
            return None
        lying = self._lying.get(name)
        if lying is None or lying[0] is not source:
            lying = self._lying[name] = (source, self._ready(source, name, kind))
        return lying[1]

    async def give(self, scope: HTTPScope, send: Send, found: Served, name: str) -> None:
        """The file has gone out; then what the site's helper said of itself is noted."""
        await _serve(scope, send, found)
        if scope["query_string"] and found.version:
            await self._note(scope["query_string"], name.rpartition(".")[0], found.version)

    async def _script_of(self, name: str) -> Script | None:
        """The script of this release under both its names, or an earlier one: pages pasted then ask for it for ever."""
        script = prompt_script()
        return script if name in {"prompt.js", script.name} else await self.house.scripts.get(name)

    def _ready(self, source: Script | PublishedPrompt, name: str, kind: str) -> Served:
        if isinstance(source, Script):
            cache = FOR_EVER if name == source.name else A_MINUTE
            return self._served(source.etag, 0, SCRIPT, cache, source.body, source.packed)
        if kind == "json":
            return self._served(source.etag, source.version, JSON, A_MINUTE, source.json, source.packed_json)
        return self._served(source.etag, source.version, HTML, A_MINUTE, source.html, source.packed_html)

    def _served(self, etag: str, version: int, media_type: bytes, cache: bytes, plain: bytes, packed: bytes) -> Served:
        tag = etag.encode()
        shared = [(b"etag", tag), (b"cache-control", cache), *SHARED]

        def ready(body: bytes, more: list[Pair]) -> tuple[list[Pair], bytes]:
            own = [(b"content-type", media_type), (b"content-length", str(len(body)).encode())]
            return self.secured([*shared, *own, *more]), body

        zipped = ready(packed, [(b"content-encoding", b"gzip")])
        return Served(tag, version, zipped, ready(plain, []), self.secured(shared))

    async def _note(self, query: bytes, placement: str, version: int) -> None:
        """What the site's helper says of itself is stored, after the answer has gone out and at most once a minute."""
        if len(query) > LONGEST_QUERY:
            return
        told = dict(parse_qsl(query.decode("latin-1"), max_num_fields=20)) if query.count(b"&") < 20 else {}
        now = self.house.clock.now()
        seen = self._sightings.take(told, placement=placement, version=version, now=now)
        if seen is None:
            return
        try:
            async with self.house.db.unit_of_work() as session:
                await note_sighting(session, seen, now=now)
        except DatabaseBusy:
            log.warning("sighting_lost")


class FilesFirst(Litestar):
    """The application, with the published files ahead of it: they need nothing of what a request is given on its way."""

    files: Files

    async def __call__(
        self, scope: Scope | LifeSpanScope, receive: Receive | LifeSpanReceive, send: Send | LifeSpanSend
    ) -> None:
        """A published file goes out at once. Whatever the look-up can't do is done, or put in words, by the handler."""
        if scope["type"] == "http" and scope["path"].startswith(FOLDER) and scope["method"] in METHODS:
            name = scope["path"][len(FOLDER) :]
            house: House = self.state["house"]
            if self.files.house is not house:  # a house with other tools has moved in
                self.files = Files(house, self.files.secured)
            try:
                found = await self.files.find(scope, name)
            except Exception as error:
                _mark(scope, "fault", error)  # the handler raises it again, where it becomes a page
            else:
                if found is not None:
                    await self.files.give(scope, cast("Send", send), found, name)
                    return
        await super().__call__(scope, receive, send)


# a mount, since the framework gives bare handlers no parts of a path
@asgi(FOLDER.rstrip("/"), is_mount=True, opt={"access": PUBLIC}, copy_scope=False)
async def published_file(scope: Scope, receive: Receive, send: Send) -> None:
    """What is no published file: 404, 405 or 503 in JSON words, and which methods there are."""
    del receive
    method = cast("HTTPScope", scope)["method"]
    fault: Exception | None = scope["state"].get("fault")
    if fault is not None:
        raise fault
    if method == "OPTIONS":
        await _send(send, 204, [(b"allow", b"GET, HEAD"), *SHARED], b"")
    elif method not in METHODS:
        words = _("This address gives a file and takes nothing.")
        await _say(send, 405, words, more=[(b"allow", b"GET, HEAD")])
    elif scope["state"].get("busy"):
        await _say(send, 503, _("We cannot say just now. Keep the last good copy and try again."))
    else:
        await _say(send, 404, _("There is no published file of that name."), is_head=method == "HEAD")


def _mark(scope: HTTPScope, name: str, value: object) -> None:
    """The handler finds it in the request's state, which the server may have left out."""
    if "state" not in scope:
        scope["state"] = {}
    scope["state"][name] = value


async def _serve(scope: HTTPScope, send: Send, found: Served) -> None:
    known = takes_gzip = False
    for name, value in scope["headers"]:
        if name == b"if-none-match":
            known = known or is_known(value, found.etag)
        elif name == b"accept-encoding" and len(value) < LONGEST_ENCODINGS:
            takes_gzip = accepts_gzip(value)
    if known:
        await _send(send, 304, found.known, b"")
        return
    headers, body = found.packed if takes_gzip else found.plain
    await _send(send, 200, headers, b"" if scope["method"] == "HEAD" else body)


def is_known(if_none_match: bytes, etag: bytes) -> bool:
    """Whether the header names this version: weakly, since proxies that pack mark it so."""
    return any(tag.strip().removeprefix(b"W/") in {etag, b"*"} for tag in if_none_match.split(b","))


@lru_cache(maxsize=200)  # browsers know few ways of saying it
def accepts_gzip(accept_encoding: bytes) -> bool:
    """Whether the header allows gzip."""
    if b"gzip" not in accept_encoding:
        return False
    for part in accept_encoding.split(b","):
        coding, _mark, quality = part.partition(b";")
        if coding.strip().lower() == b"gzip":
            return quality.replace(b" ", b"").rstrip(b"0").rstrip(b".") not in {b"q=", b"q"}
    return False


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
