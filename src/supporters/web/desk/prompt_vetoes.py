"""Editors' veto at the desk: nothing is asked for on one page, under one tag, or on some days. With reason and log."""

from datetime import date
from typing import Any

from litestar import post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.rules import find_article
from supporters.audit.record import record
from supporters.kit.errors import NotFound
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.prompts.vetoes import add_veto, is_vetoes_full, lift_veto
from supporters.settings import Settings
from supporters.web.common.access import member_of
from supporters.web.common.house import house_of
from supporters.web.common.publishing import publish_prompts
from supporters.web.desk.prompt_list import prompts_page
from supporters.web.desk.roles import EDITS
from supporters.web.desk.seal import read_sealed

FIELDS = ("path", "tag", "from", "until", "reason")
TAG_CHARS, REASON_CHARS, LONGEST_DAYS = 100, 300, 366
Veto = dict[str, Any]
Problems = list[tuple[str, str]]


@post("/desk/prompts/no-ask", status_code=303, opt={"access": EDITS})
async def take_veto(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """Nothing is asked for there from the next minute on. 422 with the form again when it is not clear where."""
    house, member = house_of(request), member_of(request)
    form = dict(await read_sealed(request, member, FIELDS))
    problems: Problems = []
    where = read_where(form, house.settings, problems)
    reason = clean_line(form.get("reason", ""), limit=REASON_CHARS)
    if not reason:
        problems.append(("reason", _("Say why, in a few words: others will ask")))
    if not problems and await is_vetoes_full(session):
        problems.append(("path", _("So many are in force already that one must be lifted first")))
    if problems:
        return await prompts_page(request, session, problems=problems, told=form)
    now = house.clock.now()
    veto_id = await add_veto(session, **where, reason=reason, actor=member.id, ids=house.ids, now=now)
    await publish_prompts(house, session)
    detail = {"reason": reason, **{key: str(value) for key, value in form.items() if value and key != "reason"}}
    await _log(session, "veto.add", veto_id, member.id, detail, now)
    return Redirect("/desk/prompts#no-ask", status_code=303)


@post("/desk/prompts/no-ask/{veto_id:str}/lift", status_code=303, opt={"access": EDITS})
async def take_lift(
    request: Request[Any, Any, Any], veto_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """It is asked there again; the veto stays in the list as lifted."""
    house, member = house_of(request), member_of(request)
    await read_sealed(request, member, ())
    now = house.clock.now()
    if not await lift_veto(session, veto_id, actor=member.id, now=now):
        raise NotFound(_("That was lifted before, or never was."))
    await publish_prompts(house, session)
    await _log(session, "veto.lift", veto_id, member.id, {}, now)
    return Redirect("/desk/prompts#no-ask", status_code=303)


async def _log(session: AsyncSession, action: str, veto_id: str, actor: str, detail: dict[str, str], now: Any) -> None:
    await record(
        session,
        actor_kind="staff",
        actor_id=actor,
        action=action,
        record_kind="veto",
        record_id=veto_id,
        detail=detail,
        now=now,
    )


def read_where(form: dict[str, str], settings: Settings, problems: Problems) -> Veto:
    """The one of path, tag and days that the form names."""
    path, tag = form.get("path", "").strip(), clean_line(form.get("tag", ""), limit=TAG_CHARS)
    first, last = form.get("from", "").strip(), form.get("until", "").strip()
    if sum(map(bool, (path, tag, first or last))) != 1:
        problems.append(("path", _("Give one of the three: a page, a tag, or days")))
        return {}
    if tag:
        return {"tag": tag}
    if path:
        article = find_article(path, sites=settings.sites)
        if article is None:
            problems.append(("path", _("Give a page of one of your sites, like /news/funeral")))
            return {}
        return {"path": article[1]}
    return _days(first or last, last or first, problems)


def _days(first: str, last: str, problems: Problems) -> Veto:
    try:
        start, end = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:
        problems.append(("from", _("Give days like 2026-11-23")))
        return {}
    if end < start:
        problems.append(("until", _("The last day lies before the first")))
    elif (end - start).days >= LONGEST_DAYS:
        problems.append(("until", _("At most a year at a time")))
    return {"days": (start, end)}


HANDLERS = [take_veto, take_lift]
