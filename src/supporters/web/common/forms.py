"""Forms as browsers send them, read strictly: one value a field, known fields only, small, valid UTF-8."""

from collections.abc import Collection
from typing import Any
from urllib.parse import parse_qsl

from litestar.connection import Request

from supporters.kit.strings import gettext as _
from supporters.web.common.errors import PageError

FORM_TYPE = "application/x-www-form-urlencoded"
LARGEST_BODY = 16_384
LARGEST_QUERY = 4_096
MOST_FIELDS = 60


async def read_form(
    request: Request[Any, Any, Any], fields: Collection[str], *, largest: int = LARGEST_BODY
) -> dict[str, str]:
    """The fields of the form that was sent. Raises PageError: 415 other type, 413 too large, 400 anything else wrong."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != FORM_TYPE:
        raise PageError(415, _("This address takes a form as a browser sends it, and nothing else. Nothing was done."))
    body = await read_body(request, largest=largest)
    found = parse_fields(body, only=fields)
    unknown = sorted(set(found) - set(fields))
    if unknown:
        raise PageError(400, _("The form carried a field that we do not know, so nothing was done."))
    return found


async def read_body(request: Request[Any, Any, Any], *, largest: int) -> bytes:
    """The body, if it has at most `largest` bytes; no more than that is ever held. Raises PageError 413, 400."""
    stated = request.headers.get("content-length", "0")
    if not (stated.isascii() and stated.isdigit()):
        raise PageError(400, _("The length of what was sent could not be understood."))
    if int(stated[:12]) > largest:
        raise _too_large()
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > largest:
            raise _too_large()
    return body


def read_query(query: bytes, fields: Collection[str]) -> dict[str, str]:
    """The fields of an address that matter here; others are left alone, since mailers and networks add their own.

    Raises PageError 400, 414.
    """
    if len(query) > LARGEST_QUERY:
        raise PageError(414, _("That address is too long. Open the page from the paper's own site."))
    return parse_fields(query, only=fields) if query else {}


def parse_fields(encoded: bytes, *, only: Collection[str]) -> dict[str, str]:
    """Every field once. Raises PageError 400 for bytes that are no text, and for a repeated field among `only`."""
    try:
        pairs = parse_qsl(
            encoded.decode("utf-8"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except UnicodeDecodeError:
        raise PageError(400, _("What was sent holds characters that are not valid text (UTF-8).")) from None
    except ValueError:
        raise PageError(400, _("What was sent holds too many fields.")) from None
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found and name in only:
            raise PageError(400, _("The same field was sent twice, so we cannot tell which one you mean."))
        found[name] = value
    return found


def _too_large() -> PageError:
    return PageError(
        413, _("What was sent is too large for this form. Nothing was done."), headers={"connection": "close"}
    )
