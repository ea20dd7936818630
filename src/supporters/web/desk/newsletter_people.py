"""People on a list, for who may see them: search, evidence, stopping for somebody who asked, and the list as a file."""

from collections.abc import AsyncIterator
from typing import Any

from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.kit.clock import local_date
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.mail.suppression import ALL, MARKETING, Suppressions
from supporters.newsletters.actions import stop
from supporters.newsletters.desk_queries import find_people, find_person
from supporters.newsletters.lists import find_list
from supporters.newsletters.queries import ConfirmedRow, confirmed_rows
from supporters.web.common.access import member_of
from supporters.web.common.errors import PageError
from supporters.web.common.forms import read_query
from supporters.web.common.house import House, house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.frame import desk_page
from supporters.web.desk.list_file import PORTION, Rows
from supporters.web.desk.newsletter_words import method_word, state_tag, status_word
from supporters.web.desk.roles import SEES_PEOPLE
from supporters.web.desk.seal import read_sealed
from supporters.web.desk.sheet import moment, spreadsheet
from supporters.web.desk.step_up import read_proved

PATH = "/desk/newsletters"
REASON_CHARS = 200
SHORTEST_SEARCH = 3
MOST_FOUND = 50


@get(f"{PATH}/{{newsletter_id:str}}/people", opt={"access": SEES_PEOPLE})
async def show_people(
    request: Request[Any, Any, Any], newsletter_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """Addresses that contain what was typed: three characters or more, fifty at most. There is no page of everybody."""
    found = await find_list(reading, newsletter_id)
    words = clean_line(read_query(request.scope["query_string"], ("q",)).get("q", ""), limit=254)
    is_long_enough = len(words) >= SHORTEST_SEARCH
    people = await find_people(reading, newsletter_id, words, limit=MOST_FOUND) if is_long_enough else []
    return await desk_page(
        request,
        reading,
        "desk/newsletter_people.html",
        here="newsletters",
        it=found,
        words=words,
        is_long_enough=is_long_enough,
        people=[(each, state_tag(each.state)) for each in people],
        most=MOST_FOUND,
    )


@get(f"{PATH}/people/{{subscriber_id:str}}", opt={"access": SEES_PEOPLE})
async def show_person(
    request: Request[Any, Any, Any], subscriber_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """One address: its lists, every piece of evidence, and what suppresses it."""
    return await _person_page(request, reading, subscriber_id, [])


@post(f"{PATH}/people/{{subscriber_id:str}}", status_code=303, opt={"access": SEES_PEOPLE})
async def take_stop_for(
    request: Request[Any, Any, Any], subscriber_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """Every list is stopped for somebody who asked, or a suppression is lifted; with a reason, in evidence and audit."""
    house, member = house_of(request), member_of(request)
    form = await read_sealed(request, member, ["turn", "reason"])
    person = await find_person(session, subscriber_id)
    reason = clean_line(form.get("reason", ""), limit=REASON_CHARS)
    turn = form.get("turn", "")
    if turn not in {"stop", "lift"}:
        raise PageError(400, _("The form carried a value that we do not know, so nothing was done."))
    if not reason:
        return await _person_page(request, session, subscriber_id, [(f"reason-{turn}", _("Write why: it is kept"))])
    now = house.clock.now()
    if turn == "stop":
        await stop(
            session,
            person.id,
            slugs=None,
            why="staff",
            settings=house.settings,
            ids=house.ids,
            now=now,
            detail={"reason": reason, "staff": member.id},
        )
    else:
        for scope in (ALL, MARKETING):
            await Suppressions(house.settings.secret_key).lift(session, person.address, scope=scope)
    await record(
        session,
        actor_kind="staff",
        actor_id=member.id,
        action=f"subscriber.{turn}",
        record_kind="subscriber",
        record_id=person.id,
        detail={"reason": reason},
        now=now,
    )
    return Redirect(f"{PATH}/people/{person.id}", status_code=303)


@post(f"{PATH}/{{newsletter_id:str}}/export", opt={"access": SEES_PEOPLE, "proof": True}, status_code=200)
async def export_list(request: Request[Any, Any, Any], newsletter_id: FromPath[str]) -> Response[Any]:
    """Everybody whom the list may be sent to, as CSV or XLSX. The audit says who took it and why, before a line goes out."""
    house, member = house_of(request), member_of(request)
    form = await read_proved(request, ["reason", "kind"])
    if isinstance(form, Response):
        return form
    reason = clean_line(form.get("reason", ""), limit=REASON_CHARS)
    now = house.clock.now()
    async with house.db.unit_of_work() as session:
        found = await find_list(session, newsletter_id)
        if not reason:
            raise PageError(422, _("Say what the file is for, then export again. Nothing was exported."))
        await record(
            session,
            actor_kind="staff",
            actor_id=member.id,
            action="newsletter.export",
            record_kind="newsletter",
            record_id=newsletter_id,
            detail={"list": found.slug, "reason": reason},
            now=now,
        )
    name = f"{found.slug}-{local_date(now, house.settings.time_zone).isoformat()}"
    kind = "xlsx" if form.get("kind") == "xlsx" else "csv"
    return await spreadsheet(name, _header(), _portions(house, found.slug), kind=kind)


async def _person_page(
    request: AnyRequest, session: AsyncSession, subscriber_id: str, problems: list[tuple[str, str]]
) -> Response[bytes]:
    person = await find_person(session, subscriber_id)
    return await desk_page(
        request,
        session,
        "desk/newsletter_person.html",
        here="newsletters",
        person=person,
        lists=[(name, state_tag(state)) for _slug, name, state in person.lists],
        evidence=[(each, status_word(each.status), method_word(each.method)) for each in person.evidence],
        suppressed=[(scope, method_word(reason), at) for scope, reason, at in person.suppressed],
        problems=problems,
    )


def _header() -> list[str]:
    return [
        _("Email"), _("Name"), _("Asked (UTC)"), _("Confirmed (UTC)"), _("Basis"), _("Method"), _("Form"), _("Page"),
        _("Wording"), _("Wording SHA-256"),
    ]  # fmt: skip


async def _portions(house: House, slug: str) -> AsyncIterator[Rows]:
    """Opens its own reading session: the request's is closed before the first line is sent."""
    held: list[list[str]] = []
    async with house.db.reading() as session:
        async for row in confirmed_rows(session, slug):
            held.append(_cells(row))
            if len(held) == PORTION:
                yield held
                held = []
    yield held


def _cells(row: ConfirmedRow) -> list[str]:
    return [
        row.address,
        row.name,
        moment(row.asked_at),
        moment(row.confirmed_at),
        row.basis,
        row.method,
        row.form,
        row.path,
        row.wording_id,
        row.wording_sha256,
    ]


HANDLERS = [show_people, show_person, take_stop_for, export_list]
