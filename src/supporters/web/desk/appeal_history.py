"""/desk/appeals/{id}/history: every version, what changed between two, bringing one back, and taking an appeal away."""

from typing import Any

import msgspec
from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.history import ChangedMeanwhile, Version, call_off, find_version, note, save_version, withdraw
from supporters.kit.errors import Conflict, NotFound
from supporters.kit.strings import gettext as _
from supporters.staff.queries import staff_names
from supporters.web.common.access import member_of
from supporters.web.common.house import house_of
from supporters.web.common.publishing import publish_prompts
from supporters.web.desk.appeal_form import Standing, standing_of
from supporters.web.desk.appeal_words import changes
from supporters.web.desk.frame import desk_page
from supporters.web.desk.roles import EDITS
from supporters.web.desk.seal import read_sealed

AnyRequest = Request[Any, Any, Any]
HERE = "/desk/appeals/{appeal_id:str}"


@get(f"{HERE}/history", opt={"access": EDITS})
async def show_history(
    request: AnyRequest, appeal_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """Every version, newest first, and what two of them say differently; without a choice, the two newest."""
    standing = await standing_of(reading, house_of(request), appeal_id)
    before, after = _chosen(request, standing)
    return await desk_page(
        request,
        reading,
        "desk/appeal_history.html",
        here="appeals",
        appeal=standing.appeal,
        versions=standing.versions,
        before=before,
        after=after,
        changes=changes(before.content, after.content, standing.terms, standing.funds),
        names=await staff_names(reading, [each.saved_by for each in standing.versions]),
    )


@post(f"{HERE}/back", status_code=303, opt={"access": EDITS})
async def bring_back(
    request: AnyRequest, appeal_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """What an earlier version said is the newest version, as a draft; nothing between is lost (303)."""
    house, member = house_of(request), member_of(request)
    form = await read_sealed(request, member, ["number", "base"])
    standing = await standing_of(session, house, appeal_id)
    appeal, newest = standing.appeal, standing.newest
    if appeal is None or newest is None or not form.get("number", "").isdecimal():
        raise NotFound(_("There is no such version of this appeal."))
    version = await find_version(session, appeal_id, int(form["number"][:9]))
    content = msgspec.structs.replace(version.content, slug=appeal.slug)
    base = int(form["base"][:9]) if form.get("base", "").isdecimal() else newest.number
    now = house.clock.now()
    try:
        number = await save_version(session, appeal_id, content, base=base, actor_id=member.id, ids=house.ids, now=now)
    except ChangedMeanwhile:
        words = _("Somebody else has saved this appeal meanwhile, so nothing was done. Look at its history again.")
        raise Conflict(words) from None
    detail: dict[str, object] = {"version": number, "from": version.number}
    await note(session, "bring_back", appeal_id, detail, actor_id=member.id, now=now)
    return Redirect(f"/desk/appeals/{appeal_id}?done=back", status_code=303)


@post(f"{HERE}/withdraw", status_code=303, opt={"access": EDITS})
async def take_away(
    request: AnyRequest, appeal_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """Readers no longer see the appeal (303); a conflict for the general one (409)."""
    house, member = house_of(request), member_of(request)
    await read_sealed(request, member, [])
    await standing_of(session, house, appeal_id)
    await withdraw(session, appeal_id)
    await publish_prompts(house, session)
    await note(session, "withdraw", appeal_id, {}, actor_id=member.id, now=house.clock.now())
    return Redirect(f"/desk/appeals/{appeal_id}?done=withdrawn", status_code=303)


@post(f"{HERE}/call-off", status_code=303, opt={"access": EDITS})
async def call_plan_off(
    request: AnyRequest, appeal_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """Nothing of the appeal is published by itself any more (303)."""
    house, member = house_of(request), member_of(request)
    await read_sealed(request, member, [])
    await standing_of(session, house, appeal_id)
    detail: dict[str, object] = {"versions": await call_off(session, appeal_id)}
    await note(session, "call_off", appeal_id, detail, actor_id=member.id, now=house.clock.now())
    return Redirect(f"/desk/appeals/{appeal_id}?done=called-off", status_code=303)


def _chosen(request: AnyRequest, standing: Standing) -> tuple[Version, Version]:
    """The two versions to compare: those that the address names, else the newest and the one before it."""
    newest = standing.newest
    if newest is None:
        raise NotFound(_("There is no such version of this appeal."))
    after = _named(request, "after", standing) or newest
    before = _named(request, "before", standing) or standing.version(after.number - 1) or after
    return before, after


def _named(request: AnyRequest, name: str, standing: Standing) -> Version | None:
    text = request.query_params.get(name, "")
    return standing.version(int(text[:9])) if text.isdecimal() else None


HANDLERS = [show_history, bring_back, take_away, call_plan_off]
