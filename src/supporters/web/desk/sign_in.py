"""/desk/sign-in and its second step, /desk/sign-in/code; POST /desk/sign-out."""

import re
from typing import Any

from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.guard.rules import network_key
from supporters.kit.errors import Refused
from supporters.kit.strings import gettext as _
from supporters.staff.browsers import family_of
from supporters.staff.second_factor import WrongCode
from supporters.staff.sessions import Stage
from supporters.staff.sign_in import Guess, WrongSignIn, sign_out
from supporters.web.common.access import PUBLIC, member_of
from supporters.web.common.forms import read_form, read_query
from supporters.web.common.house import client_ip, house_of
from supporters.web.common.shell import AnyRequest, page
from supporters.web.desk.cookies import cookie_name, member_of_cookie, no_cookie, session_cookie, token_of
from supporters.web.desk.roles import EVERYBODY
from supporters.web.desk.seal import read_sealed, seal_of
from supporters.web.desk.staff_keys import letters_of, proofs_of, sign_ins_of

HOME = "/desk"
CODE = "/desk/sign-in/code"
LONGEST_EMAIL = 254
LONGEST_NEXT = 1_000
_SAFE_NEXT = re.compile(r"/desk(?:[/?][\x21-\x5b\x5d-\x7e]*)?")
OWES_CODE = frozenset({Stage.CODE, Stage.FULL})  # a page left open in another tab may be sent twice
ANY_STAGE = frozenset(Stage)


@get("/desk/sign-in", opt={"access": PUBLIC})
async def show_sign_in(request: Request[Any, Any, Any]) -> Response[Any]:
    """The form; whoever is signed in goes on to the desk."""
    cookie_name(house_of(request).settings)
    query = read_query(request.scope["query_string"], ["next", "done"])
    target = safe_next(query.get("next", ""))
    if await member_of_cookie(request):
        return Redirect(target, status_code=303)
    return _form(request, target=target, said=_said(query.get("done", "")))


@post("/desk/sign-in", status_code=303, opt={"access": PUBLIC})
async def take_sign_in(request: Request[Any, Any, Any]) -> Response[Any]:
    """A new session and its cookie, or the form again. Opens its own units of work around the slow check."""
    house = house_of(request)
    form = await read_form(request, ["email", "password", "next"])
    email, target = form.get("email", "")[:LONGEST_EMAIL], safe_next(form.get("next", ""))
    browser = family_of(request.headers.get("user-agent", ""))
    guess = Guess(email, form.get("password", ""), network_key(client_ip(request)), browser)
    try:
        token = await sign_ins_of(house.settings).sign_in(
            house.db, guess, ids=house.ids, now=house.clock.now(), old_token=token_of(request)
        )
    except WrongSignIn as wrong:
        return _form(request, target=target, email=email, problem=wrong.message, status=422)
    except Refused as refused:
        return _form(request, target=target, email=email, problem=refused.message, status=429)
    response = Redirect(target, status_code=303)
    response.set_cookie(session_cookie(house.settings, token))
    return response


@get(CODE, opt={"access": EVERYBODY, "stages": OWES_CODE})
async def show_code(request: Request[Any, Any, Any]) -> Response[Any]:
    """The form for the code; whoever is signed in already goes on to the desk."""
    target = safe_next(read_query(request.scope["query_string"], ["next"]).get("next", ""))
    if member_of(request).stage == Stage.FULL:
        return Redirect(target, status_code=303)
    return _code_form(request, target=target)


@post(CODE, status_code=303, opt={"access": EVERYBODY, "stages": OWES_CODE})
async def take_code(request: Request[Any, Any, Any]) -> Response[Any]:
    """The sign-in is complete under a new token, or the form comes again."""
    house, member = house_of(request), member_of(request)
    form = await read_sealed(request, member, ["code", "next"])
    target, now = safe_next(form.get("next", "")), house.clock.now()
    if member.stage == Stage.FULL:
        return Redirect(target, status_code=303)
    try:
        token = await proofs_of(house.settings).finish_sign_in(
            house.db, member, form.get("code", ""), letters=letters_of(house), ids=house.ids, now=now
        )
    except WrongCode as wrong:
        return _code_form(request, target=target, problem=wrong.message, status=422)
    except Refused as refused:
        return _code_form(request, target=target, problem=refused.message, status=429)
    response = Redirect(target, status_code=303)
    response.set_cookie(session_cookie(house.settings, token))
    return response


@post("/desk/sign-out", status_code=303, opt={"access": EVERYBODY, "stages": ANY_STAGE})
async def take_sign_out(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """The session is gone, here and in the database."""
    house, member = house_of(request), member_of(request)
    await read_sealed(request, member, [])
    await sign_out(session, member, now=house.clock.now())
    response = Redirect("/desk/sign-in", status_code=303)
    response.set_cookie(no_cookie(house.settings))
    return response


def safe_next(target: str) -> str:
    """A place on the desk to go on to; anything else becomes its front page."""
    is_safe = len(target) <= LONGEST_NEXT and _SAFE_NEXT.fullmatch(target) and "//" not in target.partition("?")[0]
    return target if is_safe and not target.startswith("/desk/sign-") else HOME


def _said(done: str) -> str | None:
    return _("You can sign in now, with the password that you chose.") if done in {"joined", "password"} else None


def _form(
    request: AnyRequest,
    *,
    target: str,
    email: str = "",
    problem: str | None = None,
    status: int = 200,
    said: str | None = None,
) -> Response[bytes]:
    title = _("Sign in to the desk")
    headers = {"retry-after": "300"} if status == 429 else None
    return page(
        request,
        "desk/sign_in.html",
        status=status,
        headers=headers,
        title=title,
        target=target,
        email=email,
        problem=problem,
        said=said,
    )


def _code_form(request: AnyRequest, *, target: str, problem: str | None = None, status: int = 200) -> Response[bytes]:
    return page(
        request,
        "desk/your_code.html",
        status=status,
        headers={"retry-after": "300"} if status == 429 else None,
        title=_("A code from your app"),
        target=target,
        problem=problem,
        said=None,
        seal=seal_of(house_of(request).settings, member_of(request)),
    )


HANDLERS: list[HTTPRouteHandler] = [show_sign_in, take_sign_in, show_code, take_code, take_sign_out]
