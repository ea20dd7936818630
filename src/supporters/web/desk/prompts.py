"""/desk/prompts: the places on the publisher's site, what each asks for, and which site shows what."""

import json
from collections.abc import Sequence
from typing import Any

from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.queries import published_appeal, published_appeals
from supporters.audit.record import record
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.newsletters.queries import public_lists
from supporters.prompts.files import published_prompt
from supporters.prompts.placements import change_placement, placement_of
from supporters.web.common.access import member_of
from supporters.web.common.house import house_of
from supporters.web.common.publishing import publish_prompts
from supporters.web.common.shell import AnyRequest
from supporters.web.desk import prompt_look, prompt_vetoes
from supporters.web.desk.frame import desk_page
from supporters.web.desk.prompt_list import prompts_page
from supporters.web.desk.roles import EDITS
from supporters.web.desk.seal import read_sealed
from supporters.web.desk.snippets import snippets_of

FIELDS = ("appeal", "newsletter", "heading", "is_on")
HEADING_CHARS = 120


@get("/desk/prompts", opt={"access": EDITS})
async def show_prompts(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """Every place, every site that shows one, and where nothing is asked."""
    return await prompts_page(request, reading)


@get("/desk/prompts/{code:str}", opt={"access": EDITS})
async def show_prompt(
    request: Request[Any, Any, Any], code: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """One place: what it asks for, and its snippet in every form."""
    return await _place_page(request, reading, code)


@post("/desk/prompts/{code:str}", status_code=303, opt={"access": EDITS})
async def take_prompt(
    request: Request[Any, Any, Any], code: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The place asks as told, and the published file says so; readers see it within a minute. 422 with the form again."""
    house, member = house_of(request), member_of(request)
    form = dict(await read_sealed(request, member, FIELDS))
    await placement_of(session, code)
    problems = await _problems(session, form)
    if problems:
        return await _place_page(request, session, code, problems=problems, told=form)
    now = house.clock.now()
    changed = await change_placement(
        session,
        code,
        appeal_slug=form["appeal"],
        newsletter_slug=form.get("newsletter") or None,
        heading=clean_line(form.get("heading", ""), limit=HEADING_CHARS),
        is_on=form.get("is_on") == "on",
        now=now,
    )
    if changed:
        await publish_prompts(house, session)
        await record(
            session,
            actor_kind="staff",
            actor_id=member.id,
            action="placement.change",
            record_kind="placement",
            record_id=code,
            detail=changed,
            now=now,
        )
    return Redirect(f"/desk/prompts/{code}", status_code=303)


async def _problems(session: AsyncSession, form: dict[str, str]) -> list[tuple[str, str]]:
    wrong: list[tuple[str, str]] = []
    if await published_appeal(session, form.get("appeal", "")) is None:
        wrong.append(("appeal", _("Choose an appeal that is published")))
    chosen = form.get("newsletter", "")
    if chosen and chosen not in {each.slug for each in await public_lists(session)}:
        wrong.append(("newsletter", _("Choose a newsletter that anybody may join")))
    if len(form.get("heading", "").strip()) > HEADING_CHARS:
        wrong.append(("heading", _("At most %(count)s characters") % {"count": HEADING_CHARS}))
    return wrong


async def _place_page(
    request: AnyRequest,
    session: AsyncSession,
    code: str,
    *,
    problems: Sequence[tuple[str, str]] = (),
    told: dict[str, str] | None = None,
) -> Response[bytes]:
    place = await placement_of(session, code)
    prompt = await published_prompt(session, code)
    settings = house_of(request).settings
    file: dict[str, Any] = json.loads(prompt.json) if prompt else {}
    entry = told or {
        "appeal": place.appeal_slug,
        "newsletter": place.newsletter_slug or "",
        "heading": place.heading,
        "is_on": "on" if place.is_on else "",
    }
    return await desk_page(
        request,
        session,
        "desk/prompt.html",
        here="prompts",
        place=place,
        entry={name: entry.get(name, "") for name in FIELDS},
        appeals=await published_appeals(session),
        now=house_of(request).clock.now(),
        lists=await public_lists(session),
        usual=_("Make a donation to %(paper)s") % {"paper": settings.publisher_name},
        prompt=prompt,
        asked_slug=file.get("appeal"),
        snippets=snippets_of(file, prompt.html.decode(), settings=settings) if prompt else [],
        problems=problems,
    )


HANDLERS = [show_prompts, *prompt_vetoes.HANDLERS, *prompt_look.HANDLERS, show_prompt, take_prompt]
