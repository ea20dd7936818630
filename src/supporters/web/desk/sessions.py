"""/desk/you: one's own sign-in. Which browsers are signed in, the password, the second factor, the weekly letter."""

from typing import Any

from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.errors import NotFound, Refused
from supporters.kit.strings import gettext as _
from supporters.staff.accounts import change_password, choose_money_letter, hash_new_password, may_go_without
from supporters.staff.actions import note
from supporters.staff.proving import WrongProofCode
from supporters.staff.queries import find_staff
from supporters.staff.second_factor import count_recovery_codes
from supporters.staff.sessions import close_one_session, close_other_sessions, live_sessions
from supporters.web.common.access import member_of
from supporters.web.common.forms import read_query
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.cookies import session_cookie
from supporters.web.desk.frame import desk_page
from supporters.web.desk.roles import DOES_BOOKS, EVERYBODY
from supporters.web.desk.seal import read_sealed
from supporters.web.desk.staff_keys import PASSWORDS, letters_of, proofs_of, second_required

PATH = "/desk/you"


@get(PATH, opt={"access": EVERYBODY})
async def show_you(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """One's own sign-in."""
    return await _page(request, reading, [])


@post(f"{PATH}/sessions/{{session_id:str}}/end", status_code=303, opt={"access": EVERYBODY})
async def take_session_end(
    request: Request[Any, Any, Any], session_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """That browser is signed out. Raises NotFound for a session that is over, or somebody else's."""
    member = member_of(request)
    await read_sealed(request, member, [])
    if not await close_one_session(session, member.id, session_id):
        raise NotFound(_("That browser is signed out already."))
    now = house_of(request).clock.now()
    await note(session, "staff.session_end", member.id, {}, actor_id=member.id, now=now)
    return Redirect(f"{PATH}?done=ended", status_code=303)


@post(f"{PATH}/sessions/end-others", status_code=303, opt={"access": EVERYBODY})
async def take_others_end(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """Only this browser is left."""
    member = member_of(request)
    await read_sealed(request, member, [])
    await close_other_sessions(session, member)
    now = house_of(request).clock.now()
    await note(session, "staff.session_end", member.id, {"which": "others"}, actor_id=member.id, now=now)
    return Redirect(f"{PATH}?done=others", status_code=303)


@post(f"{PATH}/letter", status_code=303, opt={"access": DOES_BOOKS})
async def take_letter(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """The weekly letter about the books comes, or comes no more; or the page says what to choose (422)."""
    member = member_of(request)
    wanted = (await read_sealed(request, member, ["wanted"])).get("wanted", "")
    if wanted not in ("yes", "no"):
        return await _page(request, session, [("letter", _("Choose whether the letter comes. Nothing was changed."))])
    await choose_money_letter(session, member, is_wanted=wanted == "yes", now=house_of(request).clock.now())
    return Redirect(f"{PATH}?done=letter-{wanted}#letter", status_code=303)


@post(f"{PATH}/password", status_code=303, opt={"access": EVERYBODY})
async def take_password(request: Request[Any, Any, Any]) -> Response[Any]:
    """The new password counts and other browsers are signed out; or the page comes back (422).

    Takes password and code however lately they were given. Opens its own units of work around the slow hashes.
    """
    house, member = house_of(request), member_of(request)
    form = await read_sealed(request, member, ["current", "code", "new"])
    now, letters, field = house.clock.now(), letters_of(house), "new"
    try:
        made = await hash_new_password(form.get("new", ""), email=member.email, passwords=PASSWORDS)
        field = "current"
        given, code = form.get("current", ""), form.get("code", "")
        await proofs_of(house.settings).prove(house.db, member, given, code=code, letters=letters, now=now)
    except Refused as refused:
        field = "code" if isinstance(refused, WrongProofCode) else field
        async with house.db.reading() as reading:
            return await _page(request, reading, [(field, refused.message)])
    async with house.db.unit_of_work() as session:
        token = await change_password(session, member, made, letters=letters, ids=house.ids, now=now)
    response = Redirect(f"{PATH}?done=password", status_code=303)
    response.set_cookie(session_cookie(house.settings, token))
    return response


async def _page(request: AnyRequest, session: AsyncSession, problems: list[tuple[str, str]]) -> Response[bytes]:
    house, member = house_of(request), member_of(request)
    query = read_query(request.scope["query_string"], ["done"])
    return await desk_page(
        request,
        session,
        "desk/your_sign_in.html",
        here="you",
        it=await find_staff(session, member.id),
        sessions=await live_sessions(session, member.id, now=house.clock.now()),
        codes_left=await count_recovery_codes(session, member.id),
        may_go_without=may_go_without(member, second_required=second_required(house.settings)),
        done=None if problems else _done_words(query.get("done", "")),
        problems=problems,
    )


def _done_words(done: str) -> str | None:
    return {
        "ended": _("That browser is signed out."),
        "others": _("Every other browser is signed out."),
        "letter-yes": _("The weekly letter comes again, on Mondays."),
        "letter-no": _("The weekly letter comes no more."),
        "password": _("Your password is changed, and every other browser is signed out."),
        "off": _("The second factor is gone. You sign in with your password alone."),
    }.get(done)


HANDLERS = [show_you, take_session_end, take_others_end, take_letter, take_password]
