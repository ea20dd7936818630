"""GET and POST /desk/sign-in, POST /desk/sign-out."""

import re
from typing import Any

from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.guard.rules import network_key
from supporters.kit.errors import Refused
from supporters.kit.signing import Signer
from supporters.kit.strings import gettext as _
from supporters.settings import Settings
from supporters.staff.passwords import Passwords
from supporters.staff.sign_in import Guess, SignIns, WrongSignIn, sign_out
from supporters.web.common.access import PUBLIC, member_of
from supporters.web.common.forms import read_form, read_query
from supporters.web.common.house import client_ip, house_of
from supporters.web.common.shell import AnyRequest, page
from supporters.web.desk.cookies import cookie_name, member_of_cookie, no_cookie, session_cookie, token_of
from supporters.web.desk.roles import EVERYBODY
from supporters.web.desk.seal import read_sealed

HOME = "/desk"
LONGEST_EMAIL = 254
LONGEST_NEXT = 1_000
_SAFE_NEXT = re.compile(r"/desk(?:[/?][\x21-\x5b\x5d-\x7e]*)?")
_PASSWORDS = Passwords()  # its two threads serve every sign-in of this process


@get("/desk/sign-in", opt={"access": PUBLIC})
async def show_sign_in(request: Request[Any, Any, Any]) -> Response[Any]:
    """The form; whoever is signed in goes on to the desk."""
    cookie_name(house_of(request).settings)
    target = safe_next(read_query(request.scope["query_string"], ["next"]).get("next", ""))
    if await member_of_cookie(request):
        return Redirect(target, status_code=303)
    return _form(request, target=target)


@post("/desk/sign-in", status_code=303, opt={"access": PUBLIC})
async def take_sign_in(request: Request[Any, Any, Any]) -> Response[Any]:
    """A new session and its cookie, or the form again. Opens its own units of work around the slow check."""
    house = house_of(request)
    form = await read_form(request, ["email", "password", "next"])
    email, target = form.get("email", "")[:LONGEST_EMAIL], safe_next(form.get("next", ""))
    guess = Guess(email, form.get("password", ""), network_key(client_ip(request)))
    try:
        token = await _sign_ins(house.settings).sign_in(
            house.db, guess, ids=house.ids, now=house.clock.now(), old_token=token_of(request)
        )
    except WrongSignIn as wrong:
        return _form(request, target=target, email=email, problem=wrong.message, status=422)
    except Refused as refused:
        return _form(request, target=target, email=email, problem=refused.message, status=429)
    response = Redirect(target, status_code=303)
    response.set_cookie(session_cookie(house.settings, token))
    return response


@post("/desk/sign-out", status_code=303, opt={"access": EVERYBODY})
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


def _sign_ins(settings: Settings) -> SignIns:
    return SignIns(Signer(settings.secret_key, "staff-sign-in"), _PASSWORDS)


def _form(
    request: AnyRequest, *, target: str, email: str = "", problem: str | None = None, status: int = 200
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
    )


HANDLERS = [show_sign_in, take_sign_in, take_sign_out]
