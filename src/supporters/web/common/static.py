"""What pages load: stylesheet, icons. Names change with the content, so browsers keep a file for ever."""

from typing import Any

from litestar import get
from litestar.connection import Request
from litestar.params import FromPath
from litestar.response import Response

from supporters.kit.assets import Asset
from supporters.web.common.access import PUBLIC
from supporters.web.common.errors import PageError
from supporters.web.common.house import house_of
from supporters.web.common.shell import words_of

FOR_EVER = "public, max-age=31536000, immutable"


@get("/assets/{name:str}", opt={"access": PUBLIC})
async def asset(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
    """One file, packed where the browser takes that; 304 for one that it has."""
    found = house_of(request).assets.find(name)
    if found is None:
        raise PageError(404, words_of(404)[1])
    headers = {"cache-control": FOR_EVER, "etag": found.etag, "vary": "accept-encoding"}
    if _is_known(request.headers.get("if-none-match", ""), found):
        return Response(b"", status_code=304, media_type=found.media_type, headers=headers)
    if found.packed is None or not _takes_gzip(request.headers.get("accept-encoding", "")):
        return Response(found.body, media_type=found.media_type, headers=headers)
    return Response(found.packed, media_type=found.media_type, headers={**headers, "content-encoding": "gzip"})


@get("/favicon.ico", opt={"access": PUBLIC})
async def favicon(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The icon under the name that browsers ask for by themselves."""
    house = house_of(request)
    found = house.assets.find(house.assets.address("favicon.svg").rpartition("/")[2])
    if found is None:
        raise PageError(404, words_of(404)[1])
    headers = {"cache-control": "public, max-age=86400", "etag": found.etag}
    return Response(found.body, media_type=found.media_type, headers=headers)


def _is_known(if_none_match: str, found: Asset) -> bool:
    return any(tag.strip().removeprefix("W/") in {found.etag, "*"} for tag in if_none_match.split(","))


def _takes_gzip(accept_encoding: str) -> bool:
    for part in accept_encoding.split(","):
        coding, _mark, quality = part.partition(";")
        if coding.strip().lower() == "gzip":
            return quality.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


HANDLERS = [asset, favicon]
