"""GET /q/{number}: the short address in print, on to the donation page with the issue signed by us."""

from typing import Any
from urllib.parse import urlencode

from litestar import route
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.attribution import origin_query, origin_signer
from supporters.appeals.issues import NUMBER_CHARS, issue_of_number, print_fields
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.web.common.access import PUBLIC
from supporters.web.common.house import house_of
from supporters.web.common.shell import page


@route("/q/{number:str}", http_method=["GET", "HEAD"], opt={"access": PUBLIC})
async def show_short(
    request: Request[Any, Any, Any], number: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[Any]:
    """On to the donation page (303). A number that is not on record gets a page with the way there (404), unsigned."""
    issue = await issue_of_number(reading, number)
    if issue is not None:
        signer = origin_signer(house_of(request).settings.secret_key)
        query = origin_query(signer, print_fields(issue.number, appeal=issue.appeal_slug))
        return Response(b"", status_code=303, headers={"location": f"/give?{query}", "cache-control": "no-store"})
    said = clean_line(number, limit=NUMBER_CHARS)
    fields = {name: value for name, value in print_fields(said).items() if value}
    return page(
        request,
        "site/short.html",
        status=404,
        words=_("We have no issue of that number on record. What you give goes to the general fund."),
        href=f"/give?{urlencode(fields)}",
    )


HANDLERS = [show_short]
