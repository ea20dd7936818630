"""GET /pictures/{name}: the picture of a shared link, for ever: its address changes with its bytes."""

import re
from typing import Any

from litestar import route
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.pictures import picture_body
from supporters.appeals.queries import PICTURES
from supporters.kit.strings import gettext as _
from supporters.web.common.access import PUBLIC
from supporters.web.common.errors import PageError
from supporters.web.common.static import FOR_EVER

KINDS = {"png": "image/png", "jpg": "image/jpeg"}
_NAME = re.compile(r"([0-9a-f]{64})\.(png|jpg)")


@route(f"{PICTURES}/{{name:str}}", http_method=["GET", "HEAD"], opt={"access": PUBLIC})
async def show_picture(
    request: Request[Any, Any, Any], name: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """The picture (200), 304 for whoever has it, 404 where no appeal has it any more."""
    known = _NAME.fullmatch(name)
    body = await picture_body(reading, known[1], KINDS[known[2]]) if known else None
    if known is None or body is None:
        raise PageError(404, _("There is no picture at this address."))
    etag = f'"{known[1][:32]}"'
    # any page may show it: programs that draw a card for a link do
    headers = {"cache-control": FOR_EVER, "etag": etag, "cross-origin-resource-policy": "cross-origin"}
    if etag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, media_type=KINDS[known[2]], headers=headers)
    return Response(body, media_type=KINDS[known[2]], headers=headers)


HANDLERS = [show_picture]
