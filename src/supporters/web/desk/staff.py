"""/desk/staff: who works here, who is invited, and the form that invites."""

from collections.abc import Mapping
from typing import Any

from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.errors import SupportersError
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.staff.actions import NAME_LONGEST, clean_email
from supporters.staff.invitations import invite, open_invitations, withdraw
from supporters.staff.letter_words import role_word
from supporters.staff.models import Role, Staff
from supporters.staff.queries import all_staff, find_staff
from supporters.staff.sessions import NEEDS_SECOND
from supporters.web.common.access import member_of
from supporters.web.common.forms import read_query
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.frame import desk_page
from supporters.web.desk.roles import RUNS_STAFF
from supporters.web.desk.seal import read_sealed
from supporters.web.desk.staff_keys import second_required
from supporters.web.desk.staff_words import role_about, staff_tag
from supporters.web.desk.step_up import read_proved

PATH = "/desk/staff"
LONGEST_EMAIL = 254


@get(PATH, opt={"access": RUNS_STAFF})
async def show_staff(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """Everybody with role, second factor and last sign-in; open invitations; the form."""
    return await _page(request, reading, {}, [])


@post(PATH, status_code=303, opt={"access": RUNS_STAFF, "proof": True})
async def take_invitation(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """The invitation is in the post, or the form comes back (422)."""
    house = house_of(request)
    form = await read_proved(request, ["email", "name", "role"])
    if isinstance(form, Response):
        return form
    problems = invitation_problems(form)
    if problems:
        return await _page(request, session, form, problems)
    try:
        await invite(
            session,
            form["email"],
            form["name"],
            form["role"],
            actor=await find_staff(session, member_of(request).id),
            settings=house.settings,
            ids=house.ids,
            now=house.clock.now(),
        )
    except SupportersError as refused:
        return await _page(request, session, form, [("email", refused.message)])
    return Redirect(f"{PATH}?done=invited", status_code=303)


@post(f"{PATH}/invitations/{{invitation_id:str}}/withdraw", status_code=303, opt={"access": RUNS_STAFF})
async def take_withdrawal(
    request: Request[Any, Any, Any], invitation_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The mailed link opens nothing any more."""
    member = member_of(request)
    await read_sealed(request, member, [])
    await withdraw(session, invitation_id, actor_id=member.id, now=house_of(request).clock.now())
    return Redirect(f"{PATH}?done=withdrawn", status_code=303)


def invitation_problems(form: Mapping[str, str]) -> list[tuple[str, str]]:
    """What is wrong with the form, by field."""
    problems: list[tuple[str, str]] = []
    if not clean_line(form.get("name", ""), limit=NAME_LONGEST):
        problems.append(("name", _("Write the name, as colleagues know it.")))
    try:
        clean_email(form.get("email", ""))
    except SupportersError:
        problems.append(("email", _("Write an address like nora@paper.example.")))
    if form.get("role", "") not in set(Role):
        problems.append((f"role-{Role.VIEWER}", _("Choose a role.")))
    return problems


async def _page(
    request: AnyRequest, session: AsyncSession, form: Mapping[str, str], problems: list[tuple[str, str]]
) -> Response[bytes]:
    now = house_of(request).clock.now()
    done = read_query(request.scope["query_string"], ["done"]).get("done", "")
    return await desk_page(
        request,
        session,
        "desk/staff.html",
        here="staff",
        rows=[_row(request, each) for each in await all_staff(session)],
        invited=[
            (each, role_word(Role(each.role)), each.expires_at <= now) for each in await open_invitations(session)
        ],
        roles=[(role.value, role_word(role), role_about(role)) for role in Role],
        entry={name: form.get(name, "")[:LONGEST_EMAIL] for name in ("email", "name", "role")},
        done=None if problems else _done_words(done),
        problems=problems,
    )


def _row(request: AnyRequest, staff: Staff) -> tuple[Staff, str, object, bool]:
    """Who, as what, how things stand, and whether a second factor is still owed."""
    role = Role(staff.role)
    is_owed = staff.totp_sealed is None and role in NEEDS_SECOND and second_required(house_of(request).settings)
    return staff, role_word(role), staff_tag(staff), is_owed


def _done_words(done: str) -> str | None:
    return {
        "invited": _("The invitation is on its way. Its link works for seven days and once."),
        "withdrawn": _("Withdrawn. The mailed link opens nothing any more."),
    }.get(done)


HANDLERS = [show_staff, take_invitation, take_withdrawal]
