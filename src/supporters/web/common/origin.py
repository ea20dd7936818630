"""Requests that change something must come from our own pages.

The browser's `Sec-Fetch-Site` decides; where an old browser sends none, `Origin` (else `Referer`) must be our own origin; with
neither, the request is refused. Source: OWASP, "Cross-Site Request Forgery Prevention", Fetch Metadata with origin fall-back,
read 2026-11-22. Routes that others call by design carry `opt={"cross_site": True}`: a named list that a test holds.
"""

from typing import cast
from urllib.parse import urlsplit

from litestar.datastructures import Headers
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from supporters.kit.strings import gettext as _
from supporters.web.common.errors import PageError

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
OWN = frozenset({"same-origin", "none"})


class OriginGuard(ASGIMiddleware):
    """Answers 403 to an unsafe request that another site made."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, base_url: str) -> None:
        self._origin = origin_of(base_url)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        method: str = cast("HTTPScope", scope)["method"]
        if method not in SAFE_METHODS and not _is_exempt(scope) and not self._is_own(Headers.from_scope(scope)):
            raise PageError(
                403,
                _(
                    "This request did not come from one of our own pages, so nothing was done. Open the page and try again."
                ),
            )
        await next_app(scope, receive, send)

    def _is_own(self, headers: Headers) -> bool:
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site in OWN
        claimed = headers.get("origin") or headers.get("referer")
        return claimed is not None and origin_of(claimed) == self._origin


def origin_of(address: str) -> str | None:
    """Scheme, host and port of an address, or None when it has none."""
    try:
        parts = urlsplit(address)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return None
    return f"{parts.scheme}://{parts.hostname}:{port}" if parts.hostname and port else None


def _is_exempt(scope: Scope) -> bool:
    return bool(scope["route_handler"].opt.get("cross_site", False))
