"""Pages, error pages and the headers that every response carries, whoever made it."""

import traceback
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any, cast
from urllib.parse import quote

import msgspec
import structlog
from litestar.connection import Request
from litestar.exceptions import HTTPException
from litestar.response import Redirect, Response
from litestar.types import Message, Scope

from supporters.kit.errors import Conflict, DatabaseBusy, DeadLink, NotFound, Refused, SupportersError
from supporters.kit.strings import gettext as _
from supporters.settings import Settings
from supporters.web.common.errors import PageError, SignInNeeded
from supporters.web.common.house import house_of

HTML = "text/html"
PROBLEM = "application/problem+json"
STATUS_OF = {DatabaseBusy: 503, NotFound: 404, Conflict: 409, Refused: 403}
MOST_FRAMES = 12
log = structlog.stdlib.get_logger()
AnyRequest = Request[Any, Any, Any]


def page(
    request: AnyRequest,
    template: str,
    /,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **context: object,
) -> Response[bytes]:
    """The template as a page that no cache keeps."""
    return html(house_of(request).templates.render(template, **context), status=status, headers=headers)


def html(text: str | bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response[bytes]:
    """`text` as a page that no cache keeps."""
    kept = {"cache-control": "no-store", **(headers or {})}
    body = text if isinstance(text, bytes) else text.encode()
    return Response(body, media_type=HTML, status_code=status, headers=kept)


def error_page(
    request: AnyRequest,
    status: int,
    words: str | None = None,
    *,
    reference: str | None = None,
    retry_after: int | None = None,
    heading: str | None = None,
    way: tuple[str, str] | None = None,
) -> Response[bytes]:
    """What went wrong, as a page for people and as problem+json for whoever prefers that.

    `heading` and `words` stand for the usual ones of the status; `way` leads on, as words and address.
    """
    usual_title, usual = words_of(status)
    title = heading or usual_title
    headers = {"retry-after": str(retry_after)} if retry_after else {}
    if prefers_json(request):
        problem = {"type": "about:blank", "title": title, "status": status, "detail": words or usual}
        if reference:
            problem["reference"] = reference
        body = msgspec.json.encode(problem)
        return Response(body, media_type=PROBLEM, status_code=status, headers={"cache-control": "no-store", **headers})
    where = "/desk" if request.url.path.startswith("/desk") else None
    return page(
        request,
        "site/error.html",
        status=status,
        headers=headers,
        title=title,
        words=words or usual,
        reference=reference,
        desk=where,
        way=way,
    )


def words_of(status: int) -> tuple[str, str]:
    """Title and usual words for a status."""
    known = {
        400: (_("That did not work"), _("The request could not be understood. Nothing was done.")),
        403: (_("Not allowed"), _("This page is not for you. Nothing was done.")),
        404: (_("Page not found"), _("There is no page at this address. Check the link, or start from the paper.")),
        405: (_("Not possible here"), _("This address does not do that. Nothing was done.")),
        409: (_("Already done"), _("This was done before, or has changed meanwhile. Look at the page again.")),
        410: (_dead_link(), _("It has been used, or is too old. Nothing was done.")),
        413: (_("Too large"), _("What was sent is too large. Nothing was done.")),
        414: (_("Address too long"), _("That address is too long.")),
        415: (_("Not a form"), _("This address takes a form as a browser sends it, and nothing else.")),
        422: (_("There is a problem"), _("Something in the form needs another look. Nothing was done.")),
        429: (_("Too many tries"), _("There were too many tries from here. Wait a few minutes and try again.")),
        503: (_("Not available at the moment"), _("We cannot do this just now. Please try again in a few minutes.")),
    }
    if status in known:
        return known[status]
    return known[400] if status < 500 else (_("Something went wrong"), _("The fault is ours. Please try again later."))


def _dead_link() -> str:
    return _("This link does not work any more")


def prefers_json(request: AnyRequest) -> bool:
    """Whether the client asks for JSON before HTML. Browsers never do."""
    accept = request.headers.get("accept", "")
    if "json" not in accept:
        return False
    for part in accept.lower().split(","):
        kind = part.partition(";")[0].strip()
        if kind in {"text/html", "application/xhtml+xml"}:
            return False
        if kind in {"application/json", PROBLEM}:
            return True
    return False


def show_http_error(request: AnyRequest, error: HTTPException) -> Response[Any]:
    """An error with a status: our words where we wrote them, else the usual ones."""
    if isinstance(error, SignInNeeded) and not prefers_json(request):
        return _to_sign_in(request, error.where)
    words = error.words if isinstance(error, PageError) else None
    response = error_page(request, error.status_code, words)
    allow = {name.lower(): value for name, value in (error.headers or {}).items()}.get("allow")
    if allow:
        response.headers["allow"] = allow
    return response


def show_error(request: AnyRequest, error: Exception) -> Response[Any]:
    """Any other error: known ones in words, an unexpected one as a reference and nothing else."""
    known = _known(error)
    if known is not None:
        status = next((code for kind, code in STATUS_OF.items() if isinstance(known, kind)), 400)
        if isinstance(known, DeadLink):
            return error_page(request, status, known.message, heading=_dead_link(), way=known.way)
        return error_page(request, status, known.message, retry_after=5 if status == 503 else None)
    reference = house_of(request).ids.reference("E")
    route = str(getattr(cast("dict[str, object]", request.scope).get("route_handler"), "handler_name", ""))
    log.error("request_failed", reference=reference, error=type(error).__name__, where=where_in(error), route=route)
    return error_page(
        request,
        500,
        _("The fault is ours, and the details are in our log. If you write to us, give this reference."),
        reference=reference,
    )


def where_in(error: BaseException) -> str:
    """The innermost frames of an error, without its message: messages can hold what people typed."""
    frames = traceback.extract_tb(error.__traceback__)[-MOST_FRAMES:]
    return " < ".join(f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames))


EXCEPTION_HANDLERS: Mapping[Any, Any] = {HTTPException: show_http_error, Exception: show_error}


class SecurityHeaders:
    """Adds to every response, also to those that the framework makes itself, what it lacks of the security headers.

    Given to the application as a `before_send` hook. A response that sets one of these headers itself keeps its own.
    """

    def __init__(self, settings: Settings) -> None:
        always = {
            "x-content-type-options": "nosniff",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
            "x-frame-options": "DENY",
        }
        if settings.is_https:
            always["strict-transport-security"] = "max-age=63072000"
        forms = f"'self' {settings.checkout_origin}"
        self._public = _encoded(
            {
                **always,
                "content-security-policy": content_policy(scripts="'none'", forms=forms),
                "referrer-policy": "strict-origin-when-cross-origin",
            }
        )
        self._desk = _encoded(
            {
                **always,
                "content-security-policy": content_policy(scripts="'self'", forms="'self'") + "; connect-src 'self'",
                # "no-referrer" would make browsers send `Origin: null` with the desk's own forms
                "referrer-policy": "same-origin",
                "cache-control": "no-store",
            }
        )

    async def __call__(self, message: Message, scope: Scope) -> None:
        if message["type"] != "http.response.start":
            return
        wanted = self._desk if scope["path"].startswith("/desk") else self._public
        message["headers"] = _completed(message.get("headers", ()), wanted)

    def secured(self, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """The headers of a public response, and what they lack of the security headers."""
        return _completed(headers, self._public)


def content_policy(*, scripts: str, forms: str) -> str:
    """The Content-Security-Policy: nothing but our own style, pictures and, where named, scripts."""
    return (
        f"default-src 'none'; style-src 'self'; img-src 'self'; font-src 'none'; script-src {scripts}; "
        f"form-action {forms}; base-uri 'none'; frame-ancestors 'none'"
    )


def _completed(
    headers: Iterable[tuple[bytes, bytes]], wanted: Sequence[tuple[bytes, bytes]]
) -> list[tuple[bytes, bytes]]:
    kept = list(headers)
    present = {name.lower() for name, _value in kept}
    return [*kept, *(pair for pair in wanted if pair[0] not in present)]


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def _known(error: BaseException) -> SupportersError | None:
    """The error that we can put in words. The framework wraps an error that a dependency raised while it was closing."""
    if isinstance(error, SupportersError):
        return error
    inner: tuple[BaseException, ...] = getattr(error, "exceptions", ())
    if len(inner) == 1:
        return _known(inner[0])
    return None


def _to_sign_in(request: AnyRequest, where: str) -> Response[Any]:
    if request.method != "GET":
        return Redirect(where, status_code=303)
    query = request.scope["query_string"].decode("ascii", "ignore")
    target = request.url.path + (f"?{query}" if query else "")
    return Redirect(f"{where}?next={quote(target, safe='/')}", status_code=303)
