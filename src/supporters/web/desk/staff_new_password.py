"""/desk/new-password/{token}: where the link leads that an admin sent. Looking at it does nothing; the form uses it up."""

from collections import defaultdict
from typing import Any

from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.errors import Refused
from supporters.kit.strings import gettext as _
from supporters.staff.accounts import hash_new_password
from supporters.staff.models import Staff
from supporters.staff.new_password import PasswordLinks, set_new_password
from supporters.web.common.access import PUBLIC
from supporters.web.common.forms import read_form
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest, page
from supporters.web.desk.staff_keys import PASSWORDS, letters_of

PATH = "/desk/new-password/{token:str}"


@get(PATH, opt={"access": PUBLIC})
async def show_new_password(
    request: Request[Any, Any, Any], token: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """Whose password it is, and the form. 404 for a link that opens nothing."""
    house = house_of(request)
    staff = await PasswordLinks(house.settings).find(reading, token, now=house.clock.now())
    return _page(request, staff, [])


@post(PATH, status_code=303, opt={"access": PUBLIC})
async def take_new_password(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[Any]:
    """Whoever was sent the link signs in with the new password; or the form comes back (422). Hashed between units of work."""
    house = house_of(request)
    now = house.clock.now()
    form = await read_form(request, ["password"])
    async with house.db.reading() as session:
        staff = await PasswordLinks(house.settings).find(session, token, now=now)
    try:
        made = await hash_new_password(form.get("password", ""), email=staff.email, passwords=PASSWORDS)
    except Refused as refused:
        return _page(request, staff, [("password", refused.message)])
    async with house.db.unit_of_work() as session:
        await set_new_password(session, staff, made, letters=letters_of(house), now=now)
    return Redirect("/desk/sign-in?done=password", status_code=303)


def _page(request: AnyRequest, staff: Staff, problems: list[tuple[str, str]]) -> Response[bytes]:
    return page(
        request,
        "desk/staff_new_password.html",
        status=422 if problems else 200,
        title=_("A new password"),
        email=staff.email,
        where=request.url.path,
        problem=bool(problems),
        problems=problems,
        problem_of=defaultdict(lambda: None, problems),
        said=None,
    )


HANDLERS = [show_new_password, take_new_password]
