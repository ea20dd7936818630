"""How the sandbox's pages are drawn and under which rules a browser shows them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

from babel.dates import format_datetime
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from litestar import Response
from litestar.enums import MediaType
from markupsafe import Markup

from supporters.kit.strings import gettext, ngettext
from supporters.paths import data_dir
from supporters.sandbox.money import display

SIGNS = {
    "warning": '<path d="M10 2.6 1.8 17h16.4L10 2.6Z"/><path d="M10 8v4m0 2.4v.1"/>',
    "cross": '<circle cx="10" cy="10" r="8"/><path d="m7 7 6 6m0-6-6 6"/>',
    "tick": '<circle cx="10" cy="10" r="8"/><path d="m6.3 10.3 2.6 2.6 4.8-5.4"/>',
    "clock": '<circle cx="10" cy="10" r="8"/><path d="M10 5.5V10l3 2"/>',
    "copies": '<path d="M7 7h10v10H7zM13 7V3H3v10h4"/>',
    "dash": '<circle cx="10" cy="10" r="8"/><path d="M6.5 10h7"/>',
}


def icon(name: str) -> Markup:
    """A small drawing that repeats what the words beside it say."""
    drawing = f'<svg class="icon" viewBox="0 0 20 20" aria-hidden="true">{SIGNS[name]}</svg>'
    return Markup(drawing)  # noqa: S704 - a fixed text of ours


def moment(at: int) -> str:
    """Epoch seconds as people in Britain write a moment, in UTC."""
    return format_datetime(datetime.fromtimestamp(at, UTC), "d MMMM y, HH:mm", locale="en_GB")


def isotime(at: int) -> str:
    """Epoch seconds for machines that read a page."""
    return datetime.fromtimestamp(at, UTC).isoformat()


def _environment() -> Environment:
    loader = FileSystemLoader(data_dir("templates") / "sandbox")
    environment = Environment(
        loader=loader,
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(gettext, ngettext, newstyle=True)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] - added by the i18n extension
    environment.filters.update({"moment": moment, "isotime": isotime, "money": display})  # pyright: ignore[reportArgumentType, reportCallIssue] - any function may be a filter
    environment.globals.update(icon=icon)  # pyright: ignore[reportArgumentType] - any function may be a global
    return environment


ENVIRONMENT = _environment()


def draw(
    template: str, *, status: int = 200, may_lead_to: Sequence[str | None] = (), **values: object
) -> Response[str]:
    """The page, with the rules that a browser keeps; forms of it may end at the addresses of `may_lead_to`."""
    text = ENVIRONMENT.get_template(template).render(**values)
    targets = sorted({origin for address in may_lead_to if address and (origin := origin_of(address))})
    forms = " ".join(["'self'", *targets])
    policy = (
        "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action {forms}"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(text, status_code=status, headers=headers, media_type=MediaType.HTML)


def origin_of(address: str) -> str:
    """Scheme, host and port of a web address; empty for anything else."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else ""
