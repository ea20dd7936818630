"""/desk/discrepancies/{id}: one difference, what is known and said about it, who looks after it, and how it is closed."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, TypedDict

import msgspec
from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.queries import fund_names
from supporters.audit.queries import AuditFilter, list_entries
from supporters.discrepancies.codes import Code, Resolution, describe_resolution
from supporters.discrepancies.discuss import COMMENT_CHARS, add_comment, assign, bookkeepers, change_due, is_alone
from supporters.discrepancies.evidence import evidence_of
from supporters.discrepancies.letters import tell_mentioned
from supporters.discrepancies.mentions import handles
from supporters.discrepancies.models import Discrepancy
from supporters.discrepancies.queries import comments_on, find_discrepancy, mentions_on
from supporters.discrepancies.reasons import reasons_of
from supporters.discrepancies.resolve import REASON_LIMIT
from supporters.discrepancies.rules import ways
from supporters.kit.clock import local_date
from supporters.kit.errors import NotFound, Refused
from supporters.kit.ids import Ids, is_ulid
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.reconciliation.match_queries import find_line
from supporters.reconciliation.refund_told import tell_giver, telling_of
from supporters.reconciliation.resolution_facts import look_at
from supporters.reconciliation.resolutions import (
    Asked,
    Outcome,
    Rules,
    agree,
    close,
    decline,
    needs_second,
    what_moved,
    what_moves,
)
from supporters.reconciliation.second_letters import Closing
from supporters.reconciliation.second_request import Deed, MissingAlone, asked_for
from supporters.reconciliation.two_deeds import largest_of
from supporters.staff.queries import staff_names
from supporters.web.common.access import member_of
from supporters.web.common.house import House, house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.bank_words import said_of
from supporters.web.desk.discrepancy_words import (
    KNOWN,
    PATH,
    history_of,
    is_about_line,
    links_of,
    moves_in_words,
    moves_something,
    show,
    ways_of,
)
from supporters.web.desk.export_words import size_words
from supporters.web.desk.frame import desk_page
from supporters.web.desk.match import places_of
from supporters.web.desk.month_words import read_moment
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.seal import read_sealed
from supporters.web.desk.second import Waits, awaited_names, show_waiting, tell_colleagues

ONE = PATH + "/{discrepancy_id:str}"
DEEDS = 100
MOST_HANDLES = 12  # that the form names
LATEST = date(9998, 12, 30)
Problems = list[tuple[str, str]]


class Who(TypedDict):
    """Who does it, and when."""

    actor_id: str
    ids: Ids
    now: datetime


class Typed(msgspec.Struct, frozen=True):
    """What stands in the forms."""

    way: str = ""
    reason: str = ""
    fund: str = ""
    alone: str = ""
    words: str = ""
    due: str = ""
    owner: str | None = None
    again: str = ""
    tell: bool = False


@get(ONE, opt={"access": DOES_BOOKS})
async def show_discrepancy(
    request: Request[Any, Any, Any], discrepancy_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """One discrepancy, what is known about it, and the forms that deal with it."""
    return await discrepancy_page(request, reading, await find_one(reading, discrepancy_id))


@post(ONE, status_code=303, opt={"access": DOES_BOOKS})
async def take_resolution(
    request: Request[Any, Any, Any], discrepancy_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The discrepancy is closed or waits for a second person; or the form comes back (422)."""
    member, house = member_of(request), house_of(request)
    form = await read_sealed(request, member, ["way", "reason", "fund", "alone", "tell"])
    found = await find_one(session, discrepancy_id)
    typed = Typed(
        way=form.get("way", ""),
        reason=clean_line(form.get("reason", ""), limit=REASON_LIMIT),
        fund=form.get("fund", "")[:26],
        alone=clean_line(form.get("alone", ""), limit=REASON_LIMIT),
        tell="tell" in form,
    )
    problems = _problems(found, typed)
    if problems:
        return await discrepancy_page(request, session, found, typed=typed, problems=problems)
    asked = Asked(
        resolution=Resolution(typed.way),
        reason=typed.reason,
        fund_id=typed.fund or None,
        alone_reason=typed.alone,
    )
    try:
        async with session.begin_nested():
            who: Who = {"actor_id": member.id, "ids": house.ids, "now": house.clock.now()}
            done = await close(session, found.id, asked, rules=rules_of(house), **who)
            if typed.tell:
                await tell_giver(session, found, settings=house.settings, **who)
    except Refused as refused:
        place = "alone" if isinstance(refused, MissingAlone) else f"way-{_first(found)}"
        return await discrepancy_page(request, session, found, typed=typed, problems=[(place, refused.message)])
    if done is Outcome.ASKED:
        amount = Money(abs(found.amount_minor), found.currency) if found.amount_minor and found.currency else None
        await tell_colleagues(request, session, Closing.DISCREPANCY, f"{PATH}/{found.id}", amount=amount)
    return Redirect(f"{PATH}/{found.id}", status_code=303)


@post(ONE + "/comment", status_code=303, opt={"access": DOES_BOOKS})
async def take_comment(
    request: Request[Any, Any, Any], discrepancy_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """What somebody wrote stands under it; or the form comes back (422)."""
    member, house = member_of(request), house_of(request)
    form = await read_sealed(request, member, ["words"])
    found, words = await find_one(session, discrepancy_id), form.get("words", "").replace("\r\n", "\n")
    if not words.strip() or len(words) > COMMENT_CHARS:
        wrong = _("Write something, in at most %(count)s characters.") % {"count": COMMENT_CHARS}
        return await discrepancy_page(request, session, found, typed=Typed(words=words), problems=[("words", wrong)])
    now = house.clock.now()
    said = await add_comment(session, found.id, words, actor_id=member.id, ids=house.ids, now=now)
    await tell_mentioned(
        session,
        found,
        said.names,
        comment_id=said.comment_id,
        by=member.name,
        settings=house.settings,
        ids=house.ids,
        now=now,
    )
    return Redirect(f"{PATH}/{found.id}#comments", status_code=303)


@post(ONE + "/owner", status_code=303, opt={"access": DOES_BOOKS})
async def take_owner(
    request: Request[Any, Any, Any], discrepancy_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """Somebody looks after it, by a day; or the form comes back (422)."""
    member, house = member_of(request), house_of(request)
    form = await read_sealed(request, member, ["owner", "due"])
    found, owner, due = await find_one(session, discrepancy_id), form.get("owner", "") or None, form.get("due", "")
    day = _read_day(due)
    if day is None:
        said = _("Write the day as year, month and day: 2026-11-22.")
        return await discrepancy_page(
            request, session, found, typed=Typed(due=due[:40], owner=owner or ""), problems=[("due", said)]
        )
    now = house.clock.now()
    try:
        if owner != found.owner_id:
            await assign(session, found.id, owner, actor_id=member.id, now=now)
    except Refused as refused:  # a colleague who stopped meanwhile
        return await discrepancy_page(
            request, session, found, typed=Typed(due=due, owner=""), problems=[("owner", refused.message)]
        )
    if day != found.due_on:
        await change_due(session, found.id, day, actor_id=member.id, now=now)
    return Redirect(f"{PATH}/{found.id}", status_code=303)


@post(ONE + "/agree", status_code=303, opt={"access": DOES_BOOKS})
async def take_agreement(
    request: Request[Any, Any, Any], discrepancy_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Redirect:
    """What the first person asked for is done, if it is what this page showed."""
    member, house = member_of(request), house_of(request)
    form = await read_sealed(request, member, ["asked"])
    found, now, rules = await find_one(session, discrepancy_id), house.clock.now(), rules_of(house)
    seen_at = read_moment(form.get("asked", ""))
    await agree(session, found.id, rules=rules, actor_id=member.id, ids=house.ids, now=now, seen_at=seen_at)
    return Redirect(f"{PATH}/{found.id}", status_code=303)


@post(ONE + "/decline", status_code=303, opt={"access": DOES_BOOKS})
async def take_refusal(
    request: Request[Any, Any, Any], discrepancy_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Redirect:
    """What the first person asked for is not done."""
    member = member_of(request)
    await read_sealed(request, member, [])
    found = await find_one(session, discrepancy_id)
    await decline(session, found.id, actor_id=member.id, now=house_of(request).clock.now())
    return Redirect(f"{PATH}/{found.id}", status_code=303)


async def discrepancy_page(
    request: AnyRequest,
    session: AsyncSession,
    found: Discrepancy,
    *,
    typed: Typed | None = None,
    problems: Problems | None = None,
) -> Response[bytes]:
    """The page of one discrepancy; with problems, its forms come back as they were typed (422)."""
    house, member = house_of(request), member_of(request)
    deeds = await list_entries(session, AuditFilter(record_kind="discrepancy", record_id=found.id), limit=DEEDS)
    thread, files = await comments_on(session, found.id), await evidence_of(session, found.id)
    told, colleagues = await mentions_on(session, found.id), await bookkeepers(session)
    people = [
        *(each.actor_id for each in deeds),
        *(each.written_by for each in thread),
        *(who for each in told.values() for who in each),
        *(who for each in files for who in (each.added_by, each.erased_by)),
    ]
    names = await staff_names(session, [*people, found.resolved_by, found.agreed_by, found.asked_by, found.owner_id])
    return await desk_page(
        request,
        session,
        "desk/discrepancy.html",
        here="discrepancies",
        it=show(found),
        line=await _bank_words(session, found),
        names=names,
        today=local_date(house.clock.now(), house.settings.time_zone),
        links=links_of(found, is_test=house.settings.is_test_mode, places=places_of(request)),
        comments=thread,
        told=told,
        files=[(each, size_words(each.size_bytes)) for each in files],
        handles=[handle for who, handle in handles(colleagues).items() if who != member.id][:MOST_HANDLES],
        deeds=history_of(deeds, names, await reasons_of(session, found.id)),
        owners=list(colleagues.items()),
        funds=list((await fund_names(session)).items()) if moves_something(found) else [],
        typed=typed or Typed(),
        may_agree=found.asked_by is not None and found.asked_by != member.id,
        problems=problems or [],
        **await _closing(request, session, found),
    )


async def _bank_words(session: AsyncSession, found: Discrepancy) -> str:
    """What the bank wrote, where it is about one of its lines."""
    line = await find_line(session, found.subject) if is_about_line(found) else None
    return said_of(line.counterparty, line.text) if line else ""


async def _closing(request: AnyRequest, session: AsyncSession, found: Discrepancy) -> Mapping[str, Any]:
    """The ways of closing it or of opening it again, and whether that takes two people."""
    house, member = house_of(request), member_of(request)
    rules = rules_of(house)
    moves = await what_moves(session, found)
    takes_two = any(needs_second(found, way, entries, rules) for way, entries in moves.items())
    if found.resolution:
        takes_two = 0 < rules.second_above_minor < await largest_of(session, found)
    looked = {way: await look_at(session, found, way) for way in moves} if not found.resolution else {}
    facts = {way: fact.words for way, fact in looked.items() if fact}
    shown = ways_of(found, moves, facts, locale=house.settings.locale)
    return {
        "ways": shown,
        "wanted": next((each for each in shown if each.value == found.asked_resolution), None),
        "closed_how": describe_resolution(Resolution(found.resolution)) if found.resolution else "",
        "booked": moves_in_words(await what_moved(session, found), locale=house.settings.locale),
        "takes_two": takes_two,
        "alone": takes_two and await is_alone(session, member.id),
        "awaited": await awaited_names(session, found.asked_by) if found.asked_by else "",
        "opening": await _opening(request, session, found),
        "telling": await telling_of(session, found),
    }


async def _opening(request: AnyRequest, session: AsyncSession, found: Discrepancy) -> Waits | None:
    """That somebody has asked to open it again."""
    asked = await asked_for(session, Deed.OPEN_DISCREPANCY, found.id) if found.resolution else None
    facts = [(_("Why"), str(asked.wanted.get("reason", "")))] if asked else []
    where = f"{PATH}/{found.id}/reopen"
    return await show_waiting(request, session, Deed.OPEN_DISCREPANCY, found.id, facts, where) if asked else None


async def find_one(session: AsyncSession, discrepancy_id: str) -> Discrepancy:
    """The discrepancy of the address. Raises NotFound."""
    found = await find_discrepancy(session, discrepancy_id) if is_ulid(discrepancy_id) else None
    if found is None or found.code not in KNOWN:
        raise NotFound(_("There is no such discrepancy."))
    return found


def _problems(found: Discrepancy, typed: Typed) -> Problems:
    problems: Problems = []
    if typed.way not in ways(Code(found.code)):
        problems.append((f"way-{_first(found)}", _("Choose how it is closed.")))
    if not typed.reason:
        problems.append(("reason", _("Write why, for whoever reads this in a year.")))
    return problems


def _first(found: Discrepancy) -> str:
    return ways(Code(found.code))[0].value


def _read_day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day <= LATEST else None


def rules_of(house: House) -> Rules:
    """What the house says about closing."""
    settings = house.settings
    return Rules(second_above_minor=settings.second_person_above_minor, time_zone=settings.time_zone)


HANDLERS = [
    show_discrepancy,
    take_resolution,
    take_comment,
    take_owner,
    take_agreement,
    take_refusal,
]
