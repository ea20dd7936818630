"""/desk/join/{token}: where a mailed invitation leads. Looking at it does nothing; the form uses it up."""

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
from supporters.kit.text import clean_line
from supporters.staff.accounts import hash_new_password
from supporters.staff.actions import NAME_LONGEST
from supporters.staff.invitations import find_invitation, join
from supporters.staff.letter_words import role_word
from supporters.staff.models import Invitation, Role
from supporters.web.common.access import PUBLIC
from supporters.web.common.forms import read_form
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest, page
from supporters.web.desk.staff_keys import PASSWORDS

PATH = "/desk/join/{token:str}"


@get(PATH, opt={"access": PUBLIC})
async def show_join(
    request: Request[Any, Any, Any], token: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """Who was invited as what, and the form. 404 for a link that opens nothing."""
    invitation = await find_invitation(reading, token, now=house_of(request).clock.now())
    return _page(request, invitation, name=invitation.name, problems=[])


@post(PATH, status_code=303, opt={"access": PUBLIC})
async def take_join(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[Any]:
    """Whoever was invited can sign in; or the form comes back (422). The password is hashed between units of work."""
    house = house_of(request)
    now = house.clock.now()
    form = await read_form(request, ["name", "password"])
    async with house.db.reading() as session:
        invitation = await find_invitation(session, token, now=now)
    name = clean_line(form.get("name", ""), limit=NAME_LONGEST)
    problems = [] if name else [("name", _("Write your name."))]
    made = ""
    try:
        made = await hash_new_password(form.get("password", ""), email=invitation.email, passwords=PASSWORDS)
    except Refused as refused:
        problems.append(("password", refused.message))
    if problems:
        return _page(request, invitation, name=name, problems=problems)
    async with house.db.unit_of_work() as session:
        await join(session, invitation, name, password_hash=made, ids=house.ids, now=now)
    return Redirect("/desk/sign-in?done=joined", status_code=303)


def _page(
    request: AnyRequest, invitation: Invitation, *, name: str, problems: list[tuple[str, str]]
) -> Response[bytes]:
    return page(
        request,
        "desk/staff_join.html",
        status=422 if problems else 200,
        title=_("Join the desk"),
        email=invitation.email,
        role=role_word(Role(invitation.role)),
        name=name,
        where=request.url.path,
        problem=bool(problems),
        problems=problems,
        problem_of=defaultdict(lambda: None, problems),
        said=None,
    )


HANDLERS = [show_join, take_join]
