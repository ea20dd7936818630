"""/desk/you/second-factor: setting up the app, taking it away, new recovery codes."""

from typing import Any

import segno
from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.errors import Conflict
from supporters.kit.strings import gettext as _
from supporters.staff.accounts import (
    may_go_without,
    renew_recovery_codes,
    set_up_second_factor,
    take_second_factor_off,
)
from supporters.staff.second_factor import Setup, WrongCode
from supporters.staff.sessions import Stage
from supporters.staff.totp import in_groups, setup_url
from supporters.web.common.access import member_of
from supporters.web.common.errors import PageError
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.cookies import session_cookie
from supporters.web.desk.frame import Waiting, desk_page
from supporters.web.desk.roles import EVERYBODY
from supporters.web.desk.staff_keys import factors_of, letters_of, second_required
from supporters.web.desk.step_up import HAVE_OR_OWE, ask_proof, read_proved

PATH = "/desk/you/second-factor"
QR_EDGE = 4  # modules of white around the code, which readers of it need


@get(PATH, opt={"access": EVERYBODY, "stages": HAVE_OR_OWE, "proof": True})
async def show_setup(request: Request[Any, Any, Any]) -> Response[Any]:
    """A new secret as picture and letters, and the form for the first code. Nothing is stored yet."""
    if member_of(request).has_second:
        return Redirect("/desk/you", status_code=303)
    needs = await ask_proof(request)
    return needs or await _setup_page(request, _begin(request), [])


@post(PATH, status_code=200, opt={"access": EVERYBODY, "stages": HAVE_OR_OWE, "proof": True})
async def take_setup(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """The second factor stands and its recovery codes are shown, once; or the form comes back (422)."""
    house, member = house_of(request), member_of(request)
    form = await read_proved(request, ["setup", "code"])
    if isinstance(form, Response):
        return form
    factors, now = factors_of(house.settings), house.clock.now()
    setup = factors.resume(form.get("setup", ""), member.id, now=now)
    if setup is None:
        words = _("This page was open for too long. Scan the new picture, then enter its code.")
        return await _setup_page(request, _begin(request), [("code", words)])
    try:
        token, codes = await set_up_second_factor(
            session,
            member,
            setup,
            form.get("code", ""),
            factors=factors,
            letters=letters_of(house),
            ids=house.ids,
            now=now,
        )
    except WrongCode as wrong:
        return await _setup_page(request, setup, [("code", wrong.message)])
    response = await _codes_page(request, codes, is_new=True)
    response.set_cookie(session_cookie(house.settings, token))
    return response


@post(f"{PATH}/codes", status_code=200, opt={"access": EVERYBODY, "proof": True})
async def take_new_codes(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """Ten new recovery codes are shown, once; the old ones open nothing."""
    house, member = house_of(request), member_of(request)
    form = await read_proved(request, [])
    if isinstance(form, Response):
        return form
    if not member.has_second:
        raise Conflict(_("There is no second factor yet. Set it up first."))
    codes = await renew_recovery_codes(
        session,
        member,
        factors=factors_of(house.settings),
        letters=letters_of(house),
        ids=house.ids,
        now=house.clock.now(),
    )
    return await _codes_page(request, codes, is_new=False)


@post(f"{PATH}/off", status_code=303, opt={"access": EVERYBODY, "proof": True})
async def take_off(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """One signs in with the password alone. Raises PageError 403 for a role that needs the second factor."""
    house, member = house_of(request), member_of(request)
    form = await read_proved(request, [])
    if isinstance(form, Response):
        return form
    if not may_go_without(member, second_required=second_required(house.settings)):
        raise PageError(403, _("Your role needs a second factor, so nothing was changed."))
    await take_second_factor_off(session, member, letters=letters_of(house), now=house.clock.now())
    return Redirect("/desk/you?done=off", status_code=303)


def qr_of(text: str) -> tuple[int, str]:
    """The text as a QR code: its width in modules with the white edge, and the dark modules as the path of an SVG."""
    code = segno.make_qr(text, error="m")
    rows = [
        f"M{x + QR_EDGE} {y + QR_EDGE}h1v1h-1z"
        for y, row in enumerate(code.matrix)
        for x, is_dark in enumerate(row)
        if is_dark
    ]
    return len(code.matrix) + 2 * QR_EDGE, "".join(rows)


def _begin(request: AnyRequest) -> Setup:
    house = house_of(request)
    return factors_of(house.settings).begin(member_of(request).id, ids=house.ids, now=house.clock.now())


async def _setup_page(request: AnyRequest, setup: Setup, problems: list[tuple[str, str]]) -> Response[bytes]:
    house, member = house_of(request), member_of(request)
    url = setup_url(setup.secret, account=member.email, issuer=house.settings.publisher_name)
    width, path = qr_of(url)
    async with house.db.reading() as reading:
        return await desk_page(
            request,
            reading,
            "desk/your_second_factor.html",
            here="you",
            setup=setup.sealed,
            url=url,
            typed_secret=in_groups(setup.secret),
            qr_width=width,
            qr_path=path,
            is_owed=member.stage == Stage.SET_UP,
            problems=problems,
        )


async def _codes_page(request: AnyRequest, codes: list[str], *, is_new: bool) -> Response[bytes]:
    async with house_of(request).db.reading() as reading:
        return await desk_page(
            request,
            reading,
            "desk/your_recovery_codes.html",
            here="you",
            waiting=Waiting(),
            codes=codes,
            is_new=is_new,
        )


HANDLERS = [show_setup, take_setup, take_new_codes, take_off]
