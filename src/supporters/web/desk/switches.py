"""/desk/switches: turning giving off and on, with the words that readers then see."""

from typing import Any

from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.guard.switches import NAMES, WORDS_CHARS, read_switches, set_switch
from supporters.kit.errors import NotFound
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.staff.queries import staff_names
from supporters.web.common.access import member_of
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.frame import desk_page
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.seal import read_sealed


@get("/desk/switches", opt={"access": DOES_BOOKS})
async def show_switches(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """Every switch with who turned it last, and the form that turns it."""
    return await _page(request, reading)


@post("/desk/switches/{name:str}", status_code=303, opt={"access": DOES_BOOKS})
async def take_switch(
    request: Request[Any, Any, Any], name: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The switch is turned and the audit says by whom; readers see it within seconds. The form again (422) without words."""
    house, member = house_of(request), member_of(request)
    form = await read_sealed(request, member, ["turn", "words"])
    if name not in NAMES:
        raise NotFound(_("There is no such switch."))
    is_off, words = form.get("turn") == "off", clean_line(form.get("words", ""), limit=WORDS_CHARS)
    if is_off and not words:
        return await _page(request, session, problems=[("words", _("Write what readers see while giving is off."))])
    now = house.clock.now()
    await set_switch(session, name, is_off=is_off, words=words or None, actor_id=member.id, now=now)
    await record(
        session,
        actor_kind="staff",
        actor_id=member.id,
        action="switch.off" if is_off else "switch.on",
        record_kind="switch",
        record_id=name,
        detail={"words": words},
        now=now,
    )
    house.switches.forget()
    return Redirect("/desk/switches", status_code=303)


async def _page(
    request: AnyRequest, session: AsyncSession, *, problems: list[tuple[str, str]] | None = None
) -> Response[bytes]:
    switches = await read_switches(session)
    return await desk_page(
        request,
        session,
        "desk/switches.html",
        here="switches",
        giving=switches["giving"],
        names=await staff_names(session, [each.changed_by for each in switches.values()]),
        problems=problems or [],
    )


HANDLERS = [show_switches, take_switch]
