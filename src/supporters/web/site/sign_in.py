"""/sign-in: a supporter's own door. A letter brings a link and a code; a GET shows a button, a POST lets in.

The answer to an address is the same whether we know it or not. Link and code open only in the browser that asked.
"""

import re
from typing import Any

from litestar import post, route
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.errors import Refused
from supporters.kit.strings import gettext as _
from supporters.kit.text import is_printable
from supporters.newsletters.rules import masked
from supporters.people.matching import EmailFault, EmailProblem, read_email
from supporters.people.sign_in import (
    CODE_DIGITS,
    Ask,
    LetIn,
    has_asked,
    look_at_link,
    request_sign_in,
    use_code,
    use_link,
)
from supporters.web.common.access import PUBLIC
from supporters.web.common.forms import read_form, read_query
from supporters.web.common.house import client_ip, house_of
from supporters.web.common.shell import AnyRequest, error_page, page
from supporters.web.common.supporter import (
    NONCE,
    PRIVATE,
    check_possible,
    known_cookie,
    known_of,
    nonce_cookie,
    nonce_of,
    session_cookie,
    signed_in,
    spent,
    token_of,
)

HOME = "/me"
CHECK = "/sign-in/check"
LONGEST_NEXT = 200
LONGEST_EMAIL = 320
_SAFE_NEXT = re.compile(r"/(?:me|give)(?:[/?][\x21-\x5b\x5d-\x7e]*)?")


@route("/sign-in", http_method=["GET", "HEAD"], opt={"access": PUBLIC})
async def show_sign_in(request: Request[Any, Any, Any]) -> Response[Any]:
    """One field; whoever is signed in goes on to their pages."""
    check_possible(house_of(request).settings)
    target = safe_next(read_query(request.scope["query_string"], ["next"]).get("next", ""))
    if await signed_in(request):
        return Redirect(target, status_code=303)
    return form_page(request, target=target)


@post("/sign-in", status_code=303, opt={"access": PUBLIC})
async def take_sign_in(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """If we know the address, a letter is on its way: the same answer for every address.

    422 with the form again for what is no address, 429 for a network that asks too often.
    """
    house = house_of(request)
    check_possible(house.settings)
    form = await read_form(request, ["email", "next"])
    typed, target = form.get("email", "").strip()[:LONGEST_EMAIL], safe_next(form.get("next", ""))
    try:
        address = read_address(typed)
    except EmailProblem as problem:
        return form_page(request, target=target, email=typed, problem=email_words(problem), status=422)
    nonce = nonce_of(request) or house.ids.token()
    ask = Ask(address=address, nonce=nonce, network=client_ip(request), target=target, known=known_of(request))
    try:
        await request_sign_in(session, ask, settings=house.settings, ids=house.ids, now=house.clock.now())
    except Refused as refused:
        return error_page(request, 429, refused.message, retry_after=3600)
    response = Redirect(CHECK, status_code=303)
    response.set_cookie(nonce_cookie(house.settings, nonce))
    return response


@route(CHECK, http_method=["GET", "HEAD"], opt={"access": PUBLIC})
async def show_check(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[Any]:
    """Check your email, with a field for the code."""
    if not await has_asked(reading, nonce_of(request), now=house_of(request).clock.now()):
        return Redirect("/sign-in", status_code=303)
    return _check_page(request)


@post(CHECK, status_code=303, opt={"access": PUBLIC})
async def take_check(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """The supporter is signed in, or the form again (422). A wrong code counts as a try."""
    house = house_of(request)
    form = await read_form(request, ["code"])
    code = re.sub(r"[\s\-\u2010-\u2015]", "", form.get("code", ""))[:40]
    if not (len(code) == CODE_DIGITS and code.isascii() and code.isdigit()):
        return _check_page(request, problem=_("Enter the six digits of the code in our email."))
    let_in = await use_code(
        session,
        code,
        nonce_of(request),
        settings=house.settings,
        ids=house.ids,
        now=house.clock.now(),
        old_token=token_of(request),
        known=known_of(request),
    )
    if let_in is None:
        is_open = await has_asked(session, nonce_of(request), now=house.clock.now())
        return _check_page(request, problem=_wrong_code() if is_open else _used_up())
    return _welcome(request, let_in)


@route("/sign-in/confirm/{token:str}", http_method=["GET", "HEAD"], opt={"access": PUBLIC})
async def show_confirm(
    request: Request[Any, Any, Any], token: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[Any]:
    """One button, in the browser that asked; in another one, what to do there. Changes nothing, however often."""
    check_possible(house_of(request).settings)
    link = await look_at_link(reading, token, nonce_of(request), now=house_of(request).clock.now())
    if link is None:
        return _spent(request)
    return page(
        request,
        "site/sign_in_confirm.html",
        headers=PRIVATE,
        address=masked(link.address),
        is_from_here=link.is_from_here,
    )


@post("/sign-in/confirm/{token:str}", status_code=303, opt={"access": PUBLIC})
async def take_confirm(
    request: Request[Any, Any, Any], token: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The supporter is signed in; the link opens nothing any more."""
    house = house_of(request)
    let_in = await use_link(
        session,
        token,
        nonce_of(request),
        settings=house.settings,
        ids=house.ids,
        now=house.clock.now(),
        old_token=token_of(request),
        known=known_of(request),
    )
    return _welcome(request, let_in) if let_in else _spent(request)


def safe_next(target: str) -> str:
    """A page of the supporter's, or of giving, to go on to; anything else becomes their front page."""
    is_safe = len(target) <= LONGEST_NEXT and _SAFE_NEXT.fullmatch(target) and "//" not in target.partition("?")[0]
    return target if is_safe else HOME


def read_address(typed: str) -> str:
    """What was typed as an address that can be written to. Raises EmailProblem."""
    if not all(map(is_printable, typed)):
        raise EmailProblem(EmailFault.NOT_AN_ADDRESS)
    return read_email(typed)


def email_words(problem: EmailProblem) -> str:
    """What to do about an address that can't be taken."""
    if problem.fault is EmailFault.EMPTY:
        return _("Enter your email address")
    return _("Enter an email address in the format name@example.org")


def form_page(
    request: AnyRequest,
    *,
    target: str = HOME,
    email: str = "",
    problem: str | None = None,
    told: str | None = None,
    status: int = 200,
) -> Response[bytes]:
    """The page with the one field, and above it what was wrong with a link, if anything was."""
    return page(
        request,
        "site/sign_in.html",
        status=status,
        headers=PRIVATE,
        target=target,
        email=email,
        problem=problem,
        told=told,
    )


def _check_page(request: AnyRequest, *, problem: str | None = None) -> Response[bytes]:
    status = 422 if problem else 200
    return page(request, "site/sign_in_check.html", status=status, headers=PRIVATE, problem=problem)


def _wrong_code() -> str:
    return _("That is not the code of our newest email. Look again, or ask for another one.")


def _used_up() -> str:
    return _("That code opens nothing any more. Ask for another email below.")


def _spent(request: AnyRequest) -> Response[bytes]:
    told = _("This link has been used, or is more than 15 minutes old. Ask for another one here.")
    return form_page(request, told=told, status=410)


def _welcome(request: AnyRequest, let_in: LetIn) -> Response[Any]:
    settings = house_of(request).settings
    response = Redirect(let_in.target, status_code=303)
    response.set_cookie(session_cookie(settings, let_in.token))
    response.set_cookie(known_cookie(settings, let_in.known))
    response.set_cookie(spent(settings, NONCE))
    return response


HANDLERS = [show_sign_in, take_sign_in, show_check, take_check, show_confirm, take_confirm]
