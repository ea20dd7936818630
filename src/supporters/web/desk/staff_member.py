"""/desk/staff/{id}: one member of staff. Role, password, second factor, suspension; each needs a fresh proof and is audited."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, TypedDict

from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.errors import Refused
from supporters.kit.strings import gettext as _
from supporters.staff.actions import change_role, deactivate, reset_second_factor, restore
from supporters.staff.erase import erase_member
from supporters.staff.letter_words import role_word
from supporters.staff.letters import StaffLetters
from supporters.staff.models import Role
from supporters.staff.new_password import PasswordLinks, send_link
from supporters.staff.queries import find_staff
from supporters.staff.rules import is_erased
from supporters.staff.second_factor import count_recovery_codes
from supporters.staff.sessions import live_sessions
from supporters.web.common.access import member_of
from supporters.web.common.forms import read_query
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.frame import desk_page
from supporters.web.desk.roles import RUNS_STAFF
from supporters.web.desk.staff_keys import letters_of
from supporters.web.desk.staff_words import role_about, staff_tag
from supporters.web.desk.step_up import read_proved

ONE = "/desk/staff/{staff_id:str}"


class _By(TypedDict):
    letters: StaffLetters
    actor_id: str
    now: datetime


Deed = Callable[[Mapping[str, str]], Awaitable[str]]


@get(ONE, opt={"access": RUNS_STAFF})
async def show_member(
    request: Request[Any, Any, Any], staff_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """Who it is, and what can be changed."""
    return await _page(request, reading, staff_id, [])


@post(f"{ONE}/role", status_code=303, opt={"access": RUNS_STAFF, "proof": True})
async def take_role(
    request: Request[Any, Any, Any], staff_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The member of staff has that role and signs in again; or the page comes back (422)."""

    async def change(form: Mapping[str, str]) -> str:
        if form.get("role", "") not in set(Role):
            raise Refused(_("Choose a role."))
        await change_role(session, staff_id, form["role"], **_by(request))
        return "role"

    return await _take(request, session, staff_id, ["role"], "role-viewer", change)


@post(f"{ONE}/suspend", status_code=303, opt={"access": RUNS_STAFF, "proof": True})
async def take_suspension(
    request: Request[Any, Any, Any], staff_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The member of staff can't sign in and is signed out everywhere; or the page comes back (422)."""

    async def suspend(_form: Mapping[str, str]) -> str:
        if staff_id == member_of(request).id:
            raise Refused(_("Nobody suspends themselves. Another admin can."))
        await deactivate(session, staff_id, **_by(request))
        return "suspended"

    return await _take(request, session, staff_id, [], "suspend", suspend)


@post(f"{ONE}/restore", status_code=303, opt={"access": RUNS_STAFF, "proof": True})
async def take_restoration(
    request: Request[Any, Any, Any], staff_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The member of staff may sign in again."""

    async def let_in(_form: Mapping[str, str]) -> str:
        await restore(session, staff_id, **_by(request))
        return "restored"

    return await _take(request, session, staff_id, [], "suspend", let_in)


@post(f"{ONE}/second-factor", status_code=303, opt={"access": RUNS_STAFF, "proof": True})
async def take_reset(
    request: Request[Any, Any, Any], staff_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The member of staff has no second factor any more and signs in again; or the page comes back (422)."""

    async def reset(_form: Mapping[str, str]) -> str:
        if staff_id == member_of(request).id:
            raise Refused(_("Your own second factor is changed under Your sign-in."))
        await reset_second_factor(session, staff_id, **_by(request))
        return "reset"

    return await _take(request, session, staff_id, [], "reset", reset)


@post(f"{ONE}/new-password", status_code=303, opt={"access": RUNS_STAFF, "proof": True})
async def take_password_link(
    request: Request[Any, Any, Any], staff_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """A letter with a link to set a new password is in the post; or the page comes back (422)."""

    async def send(_form: Mapping[str, str]) -> str:
        if staff_id == member_of(request).id:
            raise Refused(_("Your own password is changed under Your sign-in."))
        house = house_of(request)
        links, actor_id, now = PasswordLinks(house.settings), member_of(request).id, house.clock.now()
        await send_link(session, staff_id, links=links, ids=house.ids, now=now, actor_id=actor_id)
        return "password"

    return await _take(request, session, staff_id, [], "password", send)


def _by(request: AnyRequest) -> _By:
    house = house_of(request)
    return _By(letters=letters_of(house), actor_id=member_of(request).id, now=house.clock.now())


@post(f"{ONE}/erase", status_code=303, opt={"access": RUNS_STAFF, "proof": True})
async def take_erasure(
    request: Request[Any, Any, Any], staff_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """Nothing here says any more who it was, once the box was ticked; or the page comes back (422)."""

    async def erase(form: Mapping[str, str]) -> str:
        if not form.get("sure"):
            raise Refused(_("Tick the box, if you are sure. Erasing can't be undone."))
        await erase_member(session, staff_id, actor_id=member_of(request).id, now=house_of(request).clock.now())
        return "erased"

    return await _take(request, session, staff_id, ["sure"], "sure", erase)


async def _take(
    request: AnyRequest, session: AsyncSession, staff_id: str, fields: list[str], where: str, deed: Deed
) -> Response[Any]:
    """The deed is done once the session was proved lately; what it refuses stands on the page, at the field `where`."""
    form = await read_proved(request, fields)
    if isinstance(form, Response):
        return form
    try:
        done = await deed(form)
    except Refused as refused:
        return await _page(request, session, staff_id, [(where, refused.message)])
    return Redirect(f"/desk/staff/{staff_id}?done={done}", status_code=303)


async def _page(
    request: AnyRequest, session: AsyncSession, staff_id: str, problems: list[tuple[str, str]]
) -> Response[bytes]:
    it = await find_staff(session, staff_id)
    query = read_query(request.scope["query_string"], ["done"])
    return await desk_page(
        request,
        session,
        "desk/staff_member.html",
        here="staff",
        it=it,
        role=role_word(Role(it.role)),
        tag=staff_tag(it),
        is_erased=is_erased(it.email),
        is_self=it.id == member_of(request).id,
        browsers=len(await live_sessions(session, it.id, now=house_of(request).clock.now())),
        codes_left=await count_recovery_codes(session, it.id),
        roles=[(role.value, role_word(role), role_about(role)) for role in Role],
        done=None if problems else _done_words(query.get("done", "")),
        problems=problems,
    )


def _done_words(done: str) -> str | None:
    return {
        "role": _("Changed. Whoever it is signs in again."),
        "password": _("The link is on its way. It works for 24 hours and once."),
        "suspended": _("Suspended, and signed out everywhere."),
        "restored": _("May sign in again, with the password and role of before."),
        "erased": _("Erased. What this person did stays in the audit log, without a name."),
        "reset": _("The second factor is gone. At the next sign-in a new one can be set up."),
    }.get(done)


HANDLERS = [show_member, take_role, take_suspension, take_restoration, take_reset, take_password_link, take_erasure]
