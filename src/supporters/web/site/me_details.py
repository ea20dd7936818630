"""/me/details: the supporter's name, and the address that letters go to. /sign-in/address: the new mailbox says yes."""

from typing import Any

from litestar import post, route
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.errors import Refused
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line, is_printable
from supporters.newsletters.rules import masked
from supporters.people.details import ask_for_address, asked_address, person, rename, take_address
from supporters.people.matching import EmailProblem
from supporters.web.common.access import PUBLIC, SUPPORTER
from supporters.web.common.house import client_ip, house_of
from supporters.web.common.shell import AnyRequest, error_page, page
from supporters.web.common.supporter import PRIVATE, find_supporter, read_sealed, seal_for, supporter_of
from supporters.web.site.sign_in import LONGEST_EMAIL, email_words, read_address

NAME_CHARS = 120


@route("/me/details", http_method=["GET", "HEAD"], opt={"access": SUPPORTER})
async def show_details(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """Two forms: name, and address."""
    return await _details_page(request, reading)


@post("/me/details", status_code=303, opt={"access": SUPPORTER})
async def take_name(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """The supporter is called so from now on; the form again (422) for what is no name."""
    supporter = supporter_of(request)
    form = await read_sealed(request, supporter.session_hash, ["name"])
    typed = form.get("name", "")
    name = clean_line(typed, limit=NAME_CHARS + 1)
    problem = _name_problem(typed, name)
    if problem:
        return await _details_page(request, session, name=name[:NAME_CHARS], problems=[("name", problem)])
    await rename(session, supporter.supporter_id, name, now=house_of(request).clock.now())
    return Redirect("/me?done=name", status_code=303)


@post("/me/details/address", status_code=303, opt={"access": SUPPORTER})
async def take_new_address(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """A letter asks the new address; until its button is pressed nothing changes. 422 for no address, 429 above the limits."""
    house, supporter = house_of(request), supporter_of(request)
    form = await read_sealed(request, supporter.session_hash, ["email"])
    typed = form.get("email", "").strip()[:LONGEST_EMAIL]
    try:
        address = read_address(typed)
    except EmailProblem as problem:
        return await _details_page(request, session, email=typed, problems=[("email", email_words(problem))])
    try:
        await ask_for_address(
            session,
            supporter.supporter_id,
            address,
            network=client_ip(request),
            settings=house.settings,
            ids=house.ids,
            now=house.clock.now(),
        )
    except Refused as refused:
        return error_page(request, 429, refused.message, retry_after=3600)
    return Redirect("/me?done=address", status_code=303)


@route("/sign-in/address/{token:str}", http_method=["GET", "HEAD"], opt={"access": PUBLIC})
async def show_new_address(
    request: Request[Any, Any, Any], token: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """One button. Changes nothing, however often."""
    address = await asked_address(reading, token, now=house_of(request).clock.now())
    if address is None:
        return _run_out(request)
    return page(request, "site/me_address.html", headers=PRIVATE, address=masked(address), is_done=False)


@post("/sign-in/address/{token:str}", status_code=200, opt={"access": PUBLIC})
async def take_confirmed_address(
    request: Request[Any, Any, Any], token: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """Letters go to the new address from now on, the old one is told, and other browsers are signed out."""
    house = house_of(request)
    here = await find_supporter(request)
    address = await take_address(
        session,
        token,
        settings=house.settings,
        ids=house.ids,
        now=house.clock.now(),
        but=here.session_hash if here else None,
    )
    if address is None:
        return _run_out(request)
    return page(request, "site/me_address.html", headers=PRIVATE, address=masked(address), is_done=True)


async def _details_page(
    request: AnyRequest,
    session: AsyncSession,
    *,
    name: str | None = None,
    email: str = "",
    problems: list[tuple[str, str]] | None = None,
) -> Response[bytes]:
    house, supporter = house_of(request), supporter_of(request)
    me = await person(session, supporter.supporter_id, supporter.address_id, now=house.clock.now())
    return page(
        request,
        "site/me_details.html",
        status=422 if problems else 200,
        headers=PRIVATE,
        seal=seal_for(house.settings, supporter.session_hash),
        me=me,
        name=me.name if name is None else name,
        email=email,
        problems=problems or [],
        problem=dict(problems or []),
    )


def _name_problem(typed: str, name: str) -> str | None:
    if not name:
        return _("Enter your name")
    if len(name) > NAME_CHARS:
        return _("Enter your name with at most %(count)s characters") % {"count": NAME_CHARS}
    if not all(map(is_printable, typed)):
        return _("Enter your name without invisible characters")
    return None


def _run_out(request: AnyRequest) -> Response[bytes]:
    words = _("This link has been used, or is more than a day old. Type the new address again on your page.")
    return error_page(request, 410, words, way=(_("Go to your details"), "/me/details"))


HANDLERS = [show_details, take_name, take_new_address, show_new_address, take_confirmed_address]
