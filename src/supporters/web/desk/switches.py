"""/desk/switches: turning giving, or a part of it, off and on, with the words that readers then see."""

from typing import Any

import msgspec
from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.guard.switches import GIVING, METHODS, NAMES, RECURRING, WORDS_CHARS, read_switches, set_switch
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


class SwitchWords(msgspec.Struct, frozen=True):
    """What the desk says of one switch; `sample` is what readers see unless staff write something else."""

    heading: str
    about: str
    is_off: str
    turn_on: str
    turn_off: str
    sample: str


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
    if is_off:
        problem = _("Write what readers see meanwhile.") if not words else await _why_not(session, name)
        if problem:
            return await _page(request, session, typed={name: words}, problems=[(f"words-{name}", problem)])
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


def switch_words(name: str) -> SwitchWords:
    """How a switch is shown."""
    goes_on = _("Payments that were begun go on, and nothing on file changes.")
    once = _("You can give once meanwhile. Please come back in a few days for a monthly donation.")
    said = {
        GIVING: SwitchWords(
            _("Giving"),
            _("Turn it off when cards are being tested with our form, or when something is wrong.") + " " + goes_on,
            _("Readers can't start a donation. On the donation page they see:"),
            _("Turn giving on"),
            _("Turn giving off"),
            _("We can't take donations at the moment. Nothing was charged. Please come back in an hour."),
        ),
        RECURRING: SwitchWords(
            _("Monthly and yearly"),
            _("Readers can then give once only. Plans that exist go on and are renewed."),
            _("Readers can give once only. Beside the amounts they see:"),
            _("Turn monthly and yearly on"),
            _("Turn monthly and yearly off"),
            once,
        ),
        "card": _method(_("Cards"), _("Turn cards on"), _("Turn cards off")),
        "bacs_debit": _method(_("Direct Debit"), _("Turn Direct Debit on"), _("Turn Direct Debit off")),
        "sepa_debit": _method(_("SEPA direct debit"), _("Turn SEPA direct debit on"), _("Turn SEPA direct debit off")),
    }
    return said[name]


def _method(heading: str, turn_on: str, turn_off: str) -> SwitchWords:
    return SwitchWords(
        heading,
        _("New payment pages are then made without it. Plans that are paid that way go on."),
        _("New payment pages are made without it. Under the button readers see:"),
        turn_on,
        turn_off,
        _("This way to pay is not possible at the moment; the others are."),
    )


async def _why_not(session: AsyncSession, name: str) -> str | None:
    """Stripe makes no page on which nothing can be paid with."""
    switches = await read_switches(session)
    if name in METHODS and all(switches[each].is_off for each in METHODS if each != name):
        return _("Readers could then pay by nothing at all. Turn giving off instead.")
    return None


async def _page(
    request: AnyRequest,
    session: AsyncSession,
    *,
    typed: dict[str, str] | None = None,
    problems: list[tuple[str, str]] | None = None,
) -> Response[bytes]:
    switches = await read_switches(session)
    offers_recurring = house_of(request).settings.recurring_enabled  # else a switch that says "on" would be untrue
    return await desk_page(
        request,
        session,
        "desk/switches.html",
        here="switches",
        switches=[(switches[name], switch_words(name)) for name in NAMES if offers_recurring or name != RECURRING],
        typed=typed or {},
        names=await staff_names(session, [each.changed_by for each in switches.values()]),
        problems=problems or [],
    )


HANDLERS = [show_switches, take_switch]
