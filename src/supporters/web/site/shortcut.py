"""The quick way to a donation page that was drawn a moment ago for the very same link.

Most readers of an article come by one link within minutes. For them nothing is worked out again but the form's token,
which is each page's own. A page is kept for two seconds, so that an appeal's change or the off-switch is not delayed by
much, and only if it shows nothing that somebody typed.
"""

from datetime import timedelta
from typing import cast

import msgspec
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from supporters.web.common.house import House, Kept

KEEP = timedelta(seconds=2)
LONGEST_LINK = 1_000


class Shortcut(ASGIMiddleware):
    """Answers a GET with the page kept for its link; else lets the handler draw it."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        key = key_of(scope)
        house: House = scope["litestar_app"].state.house
        kept = house.links_drawn.peek(key) if key else None
        if kept is None or kept.until < house.clock.now():
            await next_app(scope, receive, send)
            return
        token = house.tokens.issue(house.ids.ulid(), now=house.clock.now()).encode()
        body = kept.before + token + kept.after
        headers = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})


def keep_page(house: House, scope: Scope, parts: tuple[bytes, bytes]) -> None:
    """The page may be given to the next reader of the same link."""
    key = key_of(scope)
    if key:
        house.links_drawn.put(key, Kept(*parts, until=house.clock.now() + KEEP))


def key_of(scope: Scope) -> bytes | None:
    """What makes two requests the same link: address, query, and where the reader came from. None: not to be kept."""
    if cast("HTTPScope", scope)["method"] != "GET":
        return None
    referrer = next((value for name, value in scope["headers"] if name == b"referer"), b"")
    key = msgspec.json.encode((scope["path"], scope["query_string"], referrer))
    return key if len(key) <= LONGEST_LINK else None
