"""/desk/appeals: what readers are asked, written here, checked, and published now or later."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.actions import create_fund
from supporters.appeals.advice import Level
from supporters.appeals.content import Content, read_content, read_moment
from supporters.appeals.history import (
    ChangedMeanwhile,
    Version,
    create_appeal,
    latest_versions,
    note,
    plan_version,
    publish_version,
    save_version,
)
from supporters.appeals.models import Appeal
from supporters.kit.errors import Conflict
from supporters.kit.strings import gettext as _
from supporters.reports.tickers import Ticker, raised_by
from supporters.web.common.access import member_of
from supporters.web.common.house import House, house_of
from supporters.web.common.publishing import publish_prompts
from supporters.web.desk import appeal_history, appeal_picture, appeal_preview
from supporters.web.desk.appeal_form import (
    LARGEST,
    SENT,
    Draft,
    Standing,
    advice_on,
    draft_of,
    editor,
    put_together,
    standing_of,
)
from supporters.web.desk.appeal_words import state_tag
from supporters.web.desk.frame import desk_page
from supporters.web.desk.roles import EDITS
from supporters.web.desk.seal import read_sealed
from supporters.web.desk.words import Tag

AnyRequest = Request[Any, Any, Any]
HERE = "/desk/appeals"


class Listed(msgspec.Struct, frozen=True):
    """One appeal of the list. `raised` is what the books say came in for it; None while no reader has seen it."""

    appeal: Appeal
    tag: Tag
    planned: Version | None
    raised: Ticker | None


@get(HERE, opt={"access": EDITS})
async def show_appeals(request: AnyRequest, reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """Every appeal, the general one first, then the newest."""
    rows = await read_appeals(reading, now=house_of(request).clock.now())
    return await desk_page(request, reading, "desk/appeals.html", here="appeals", rows=rows)


async def read_appeals(reading: AsyncSession, *, now: datetime) -> list[Listed]:
    """The list of appeals."""
    appeals = (await reading.scalars(select(Appeal).order_by(Appeal.created_at.desc()))).all()
    raised = await raised_by(reading, [each.id for each in appeals], now=now)
    latest = await latest_versions(reading, appeals)
    rows: list[Listed] = []
    for appeal in sorted(appeals, key=lambda each: each.slug != "general"):
        versions = latest[appeal.id]
        planned = next((each for each in versions if each.is_planned), None)
        has_been_seen = appeal.is_published or appeal.version > 0
        so_far = raised.get(appeal.slug) if has_been_seen else None
        rows.append(Listed(appeal, state_tag(appeal, versions[0], now=now), planned, so_far))
    return rows


@get(f"{HERE}/new", opt={"access": EDITS})
async def show_new_appeal(request: AnyRequest, reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """An empty editor."""
    standing = await standing_of(reading, house_of(request), None)
    return await editor(request, reading, standing, draft_of(standing))


@post(f"{HERE}/new", status_code=303, opt={"access": EDITS}, request_max_body_size=LARGEST)
async def take_new_appeal(request: AnyRequest, session: NamedDependency[AsyncSession]) -> Response[Any]:
    """The appeal exists as a draft (303), or the form again with what is wrong (422)."""
    house, member = house_of(request), member_of(request)
    fields = await read_sealed(request, member, SENT, largest=LARGEST)
    standing = await standing_of(session, house, None)
    written = read_content(fields, standing.terms)
    if written.content is None:
        return await editor(request, session, standing, _again(fields, 0, written.problems))
    content = await _with_fund(session, house, written.content, written.fund_name)
    currency, now = house.settings.currency, house.clock.now()
    try:
        appeal_id = await create_appeal(session, content, currency=currency, actor_id=member.id, ids=house.ids, now=now)
    except Conflict as error:
        return await editor(request, session, standing, _again(fields, 0, [("slug", error.message)]))
    detail: dict[str, object] = {"slug": content.slug, "version": 1}
    await note(session, "create", appeal_id, detail, actor_id=member.id, now=now)
    return Redirect(f"{HERE}/{appeal_id}?done=created", status_code=303)


@get(f"{HERE}/{{appeal_id:str}}", opt={"access": EDITS})
async def show_appeal(
    request: AnyRequest, appeal_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """The editor with the words saved last."""
    standing = await standing_of(reading, house_of(request), appeal_id)
    return await editor(request, reading, standing, draft_of(standing))


@post(f"{HERE}/{{appeal_id:str}}", status_code=303, opt={"access": EDITS}, request_max_body_size=LARGEST)
async def take_appeal(
    request: AnyRequest, appeal_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The words are saved, and published now or at a time if that was asked (303).

    The form again with what is wrong (422), or with both editors' words when somebody else has saved meanwhile (409).
    """
    house = house_of(request)
    fields = await read_sealed(request, member_of(request), SENT, largest=LARGEST)
    standing = await standing_of(session, house, appeal_id)
    fields = {**fields, "slug": fields.get("slug") or (standing.appeal.slug if standing.appeal else "")}
    base = _number(fields.get("base", ""))
    written = read_content(fields, standing.terms)
    problems, at = [*written.problems], None
    if fields.get("do") == "plan":
        at = _planned_time(house, fields, problems)
    if written.content is not None and fields.get("do") in {"publish", "plan"}:
        problems += _hindrances(house, standing, written.content)
    if standing.newest is not None and base != standing.newest.number and standing.version(base) is not None:
        return await editor(request, session, standing, put_together(fields, base, standing), status=409)
    if problems or written.content is None:
        return await editor(request, session, standing, _again(fields, base, problems))
    content = await _with_fund(session, house, written.content, written.fund_name)
    return await _save(request, session, standing, content, fields=fields, base=base, at=at)


async def _save(
    request: AnyRequest,
    session: AsyncSession,
    standing: Standing,
    content: Content,
    *,
    fields: Mapping[str, str],
    base: int,
    at: datetime | None,
) -> Response[Any]:
    house, member = house_of(request), member_of(request)
    appeal, now, deed = standing.appeal, house.clock.now(), fields.get("do", "save")
    assert appeal is not None
    try:
        number = await save_version(session, appeal.id, content, base=base, actor_id=member.id, ids=house.ids, now=now)
    except ChangedMeanwhile:
        fresh = await standing_of(session, house, appeal.id)
        return await editor(request, session, fresh, put_together(fields, base, fresh), status=409)
    except Conflict as error:
        return await editor(request, session, standing, _again(fields, base, [("slug", error.message)]))
    if at is not None:
        await plan_version(session, appeal.id, number, at=at)
    elif deed == "publish":
        await publish_version(session, appeal.id, number, ids=house.ids, now=now)
        await publish_prompts(house, session)
    detail: dict[str, object] = {"version": number, "base": base, "publish_at": at.isoformat() if at else None}
    deed = deed if deed in {"publish", "plan"} else "save"
    await note(session, deed, appeal.id, detail, actor_id=member.id, now=now)
    done = {"publish": "published", "plan": "planned", "save": "saved"}[deed]
    return Redirect(f"{HERE}/{appeal.id}?done={done}", status_code=303)


def _hindrances(house: House, standing: Standing, content: Content) -> list[tuple[str, str]]:
    """What must be put right before this content may be published, as problems of its form."""
    return [
        (each.field or "checks", each.words) for each in advice_on(house, standing, content) if each.level is Level.BAD
    ]


def _planned_time(house: House, fields: Mapping[str, str], problems: list[tuple[str, str]]) -> datetime | None:
    at = read_moment(fields.get("publish_at", "").strip(), house.settings.time_zone)
    if at is None:
        problems.append(("publish_at", _("Say when: the day as year, month and day, with the time")))
    elif at <= house.clock.now():
        problems.append(("publish_at", _("That time has passed. Choose a later one, or publish at once")))
    return at


async def _with_fund(session: AsyncSession, house: House, content: Content, fund_name: str) -> Content:
    """The content with the fund that was asked for, made if it is new."""
    if not fund_name:
        return content
    return msgspec.structs.replace(content, fund_id=await create_fund(session, fund_name, ids=house.ids))


def _again(fields: Mapping[str, str], base: int, problems: list[tuple[str, str]]) -> Draft:
    return Draft(typed=dict(fields), base=base, problems=problems)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else -1


HANDLERS = [
    show_appeals,
    show_new_appeal,
    take_new_appeal,
    show_appeal,
    take_appeal,
    *appeal_history.HANDLERS,
    *appeal_preview.HANDLERS,
    *appeal_picture.HANDLERS,
]
