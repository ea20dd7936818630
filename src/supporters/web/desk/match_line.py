"""/desk/match/{line}: one bank line, what it may be and what it is, and everything that a person can say of it."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec
from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankLine, LineState
from supporters.bank.queries import find_account
from supporters.discrepancies.codes import Code
from supporters.discrepancies.discuss import COMMENT_CHARS, is_alone
from supporters.kit.errors import Conflict, NotFound, Refused
from supporters.kit.ids import is_ulid
from supporters.kit.money import Money, format_money
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.ledger.chart import Account
from supporters.ledger.periods import is_closed, locked_months, open_after
from supporters.reconciliation.ask import ask_about, question_of
from supporters.reconciliation.bulk import accept, said_by
from supporters.reconciliation.detect_bank import settle_dealt_with
from supporters.reconciliation.gifts import promises_named
from supporters.reconciliation.match_names import references_of
from supporters.reconciliation.match_queries import find_line, matches_of_line, other_lines_of
from supporters.reconciliation.matches import ACCOUNTS, NOTE_CHARS, Because, Part, set_aside, take_up, undo
from supporters.reconciliation.models import MatchState, Side
from supporters.reconciliation.promises_kept import take_back_unmatched
from supporters.reconciliation.proposals import propose
from supporters.reconciliation.second_request import Deed, Done, MissingAlone, asked_for, withdraw
from supporters.reconciliation.two_deeds import agree_to_book, book_or_ask, wanted_parts
from supporters.staff.queries import staff_names
from supporters.web.common.access import member_of
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.bank_words import show_line
from supporters.web.desk.frame import desk_page
from supporters.web.desk.match import asked_view, places_of
from supporters.web.desk.match_find import PICKS, Found, picked_of, read_find
from supporters.web.desk.match_words import (
    PATH,
    account_words,
    kept_reasons,
    match_state_tag,
    show_match,
    show_named,
    show_proposal,
    side_words,
    undo_words,
    view_of,
)
from supporters.web.desk.month_words import read_moment
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.seal import read_sealed
from supporters.web.desk.second import Waits, show_waiting, tell_colleagues, who_of

ONE = PATH + "/{line_id:str}"
Problems = list[tuple[str, str]]


class Typed(msgspec.Struct, frozen=True):
    """What stands in the forms."""

    account: str = ""
    note: str = ""
    aside: str = ""
    words: str = ""
    rest: str = ""
    rest_note: str = ""
    alone: str = ""


@get(ONE, opt={"access": DOES_BOOKS})
async def show_line_to_match(
    request: Request[Any, Any, Any], line_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """The line, what it may be with every reason, other payments to choose from, and the forms."""
    return await _page(request, reading, await _find(reading, line_id))


@post(ONE + "/match", status_code=303, opt={"access": DOES_BOOKS})
async def take_proposal(
    request: Request[Any, Any, Any], line_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The line is what was proposed and pressed; nothing happens (409) when that does not hold any more."""
    member, house = member_of(request), house_of(request)
    form = await read_sealed(request, member, ["key", "view"])
    line, now = await find_open(session, line_id), house.clock.now()
    proposals = (await propose(session, [line])).get(line.id, ())
    wanted = next((each for each in proposals if each.key == form.get("key")), None)
    if wanted is None:
        raise Conflict(_("This suggestion does not hold any more, so nothing was matched. Look at the line again."))
    parts, because = said_by(wanted)
    if any(part.side == Side.ACCOUNT for part in parts):  # what a rule knows may take two people too
        return await _confirm(request, session, line, parts, Typed(), because=because, view=form.get("view", ""))
    try:
        async with session.begin_nested():
            await accept(session, [line.id], wanted, actor_id=member.id, ids=house.ids, now=now)
    except Refused as refused:
        return await _page(request, session, await _find(session, line_id), problems=[("ours", refused.message)])
    await settle_dealt_with(session, now=now)
    return back_to_list(request, form.get("view", ""), line)


@post(ONE + "/chosen", status_code=303, opt={"access": DOES_BOOKS})
async def take_chosen(
    request: Request[Any, Any, Any], line_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The line is the payments that were chosen, and what is left is on an account; or the form comes back (422)."""
    member = member_of(request)
    form = await read_sealed(request, member, [*PICKS, "rest", "rest_note", "alone", "view"])
    line = await find_open(session, line_id)
    found = await picked_of(session, form, line)
    typed = Typed(
        rest=form.get("rest", ""),
        rest_note=clean_line(form.get("rest_note", ""), limit=NOTE_CHARS),
        alone=clean_line(form.get("alone", ""), limit=NOTE_CHARS),
    )
    parts = [Part(Side(each.side), each.ref_id, each.amount_minor) for each in found.picked]
    left = found.left_of(line)
    if left.minor and not typed.rest and [part.side for part in parts] == [Side.PROMISE] and line.amount_minor > 0:
        parts, left = [msgspec.structs.replace(parts[0], amount_minor=line.amount_minor)], Money(0, line.currency)
    problems: Problems = []
    if found.is_stale or not parts:
        problems.append(
            ("find", _("A payment that was chosen is not open any more. Choose again; nothing was matched."))
        )
    elif left.minor and typed.rest:
        problems = _account_problems(typed.rest, typed.rest_note, "rest", "rest_note")
        parts.append(Part(Side.ACCOUNT, typed.rest, left.minor))
    elif left.minor:
        problems.append(("rest", _("What was chosen does not add up to the bank line. Say what the rest is.")))
    if problems:
        return await _page(request, session, line, typed=typed, found=found, problems=problems)
    return await _confirm(request, session, line, parts, typed, found, view=form.get("view", ""))


@post(ONE + "/account", status_code=303, opt={"access": DOES_BOOKS})
async def take_account(
    request: Request[Any, Any, Any], line_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The line is booked on the account, or the form comes back (422)."""
    member = member_of(request)
    form = await read_sealed(request, member, ["account", "note", "alone", "view"])
    line = await find_open(session, line_id)
    typed = Typed(
        account=form.get("account", ""),
        note=clean_line(form.get("note", ""), limit=NOTE_CHARS),
        alone=clean_line(form.get("alone", ""), limit=NOTE_CHARS),
    )
    problems = _account_problems(typed.account, typed.note, "account", "note")
    if problems:
        return await _page(request, session, line, typed=typed, problems=problems)
    part = Part(Side.ACCOUNT, typed.account, line.amount_minor)
    return await _confirm(request, session, line, [part], typed, view=form.get("view", ""))


@post(ONE + "/agree", status_code=303, opt={"access": DOES_BOOKS})
async def take_booking_agreed(
    request: Request[Any, Any, Any], line_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The line is booked as the first person asked, if that is what this page showed; or the page says why not (422)."""
    form = await read_sealed(request, member_of(request), ["asked"])
    line = await find_open(session, line_id)
    try:
        async with session.begin_nested():
            await agree_to_book(session, line.id, who_of(request), seen_at=read_moment(form.get("asked", "")))
    except (Refused, Conflict) as refused:
        return await _page(request, session, await _find(session, line_id), problems=[("two", refused.message)])
    await settle_dealt_with(session, now=house_of(request).clock.now())
    return Redirect(f"{PATH}/{line_id}", status_code=303)


@post(ONE + "/decline", status_code=303, opt={"access": DOES_BOOKS})
async def take_booking_refused(
    request: Request[Any, Any, Any], line_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Redirect:
    """The line stays open, and nobody is asked any more."""
    member = member_of(request)
    await read_sealed(request, member, [])
    line = await _find(session, line_id)
    with suppress(Conflict):  # pressed twice, or both at once
        await withdraw(session, Deed.BANK_LINE, line.id, actor_id=member.id, now=house_of(request).clock.now())
    return Redirect(f"{PATH}/{line.id}", status_code=303)


@post(ONE + "/aside", status_code=303, opt={"access": DOES_BOOKS})
async def take_aside(
    request: Request[Any, Any, Any], line_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The line stays out of the books, with the reason; or the form comes back (422)."""
    member, now = member_of(request), house_of(request).clock.now()
    form = await read_sealed(request, member, ["aside", "view"])
    line, words = await find_open(session, line_id), clean_line(form.get("aside", ""), limit=NOTE_CHARS)
    if not words:
        problem = ("aside", _("Write why, for whoever reads this in a year."))
        return await _page(request, session, line, problems=[problem])
    await set_aside(session, line.id, note=words, actor_id=member.id, now=now)
    await settle_dealt_with(session, now=now)
    return back_to_list(request, form.get("view", ""), line)


@post(ONE + "/take-up", status_code=303, opt={"access": DOES_BOOKS})
async def take_line_up(
    request: Request[Any, Any, Any], line_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Redirect:
    """A line that was set aside is open again."""
    member, house = member_of(request), house_of(request)
    await read_sealed(request, member, ["view"])
    line = await _find(session, line_id)
    await take_up(session, line.id, actor_id=member.id, ids=house.ids, now=house.clock.now())
    return Redirect(f"{PATH}/{line.id}", status_code=303)


@post(ONE + "/undo", status_code=303, opt={"access": DOES_BOOKS})
async def take_undoing(
    request: Request[Any, Any, Any], line_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Redirect:
    """The line is open again and the books have the opposite entries; what the match itself had made is taken back too."""
    member, house = member_of(request), house_of(request)
    await read_sealed(request, member, ["view"])
    line = await _find(session, line_id)
    now = house.clock.now()
    await undo(session, line.id, actor_id=member.id, ids=house.ids, now=now)
    await take_back_unmatched(session, ids=house.ids, now=now, settings=house.settings, actor_id=member.id)
    return Redirect(f"{PATH}/{line.id}", status_code=303)


@post(ONE + "/ask", status_code=303, opt={"access": DOES_BOOKS})
async def take_question(
    request: Request[Any, Any, Any], line_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The note stands under a discrepancy that colleagues see; or the form comes back (422)."""
    member, house = member_of(request), house_of(request)
    form = await read_sealed(request, member, ["words"])
    line, words = await _find(session, line_id), form.get("words", "")
    if not words.strip() or len(words) > COMMENT_CHARS:
        said = _("Write something, in at most %(count)s characters.") % {"count": COMMENT_CHARS}
        return await _page(request, session, line, typed=Typed(words=words), problems=[("words", said)])
    asked = await ask_about(session, line, words, actor_id=member.id, ids=house.ids, now=house.clock.now())
    return Redirect(f"/desk/discrepancies/{asked}", status_code=303)


async def _find(session: AsyncSession, line_id: str) -> BankLine:
    line = await find_line(session, line_id) if is_ulid(line_id) else None
    if line is None or line.state == LineState.UNDONE:
        raise NotFound(_("There is no such bank line."))
    return line


async def find_open(session: AsyncSession, line_id: str) -> BankLine:
    """The line, while nobody has dealt with it. *Raises* NotFound, Conflict."""
    line = await _find(session, line_id)
    if line.state != LineState.OPEN:
        raise Conflict(_("Somebody has dealt with this bank line already. Nothing was changed."))
    return line


def back_to_list(request: AnyRequest, view: str, line: BankLine) -> Redirect:
    """To the list, as it was left, with what was done."""
    seen = view_of(view, currency=house_of(request).settings.currency)
    return Redirect(seen.address(done=line.id), status_code=303)


async def _confirm(
    request: AnyRequest,
    session: AsyncSession,
    line: BankLine,
    parts: Sequence[Part],
    typed: Typed,
    found: Found | None = None,
    *,
    because: Because | None = None,
    view: str,
) -> Response[Any]:
    house, line_id = house_of(request), line.id
    because, who = because or Because(note=typed.note or typed.rest_note), who_of(request, alone=typed.alone)
    most, amount = house.settings.second_person_above_minor, Money(line.amount_minor, line.currency)
    try:
        async with session.begin_nested():
            done = await book_or_ask(session, line_id, parts, because, who, second_above_minor=most)
    except Refused as refused:
        line = await _find(session, line_id)
        place = "ours" if not isinstance(refused, MissingAlone) else "rest-alone" if typed.rest else "alone"
        return await _page(request, session, line, typed=typed, found=found, problems=[(place, refused.message)])
    if done is Done.ASKED:
        await tell_colleagues(request, session, Deed.BANK_LINE, f"{PATH}/{line_id}", amount=amount)
        return Redirect(f"{PATH}/{line_id}", status_code=303)
    await settle_dealt_with(session, now=who.now)
    return back_to_list(request, view, line)


def _account_problems(account: str, note: str, where: str, where_note: str) -> Problems:
    problems: Problems = []
    if account not in set(ACCOUNTS):
        problems.append((where, _("Choose an account.")))
    if not note:
        problems.append((where_note, _("Write why, for whoever reads this in a year.")))
    return problems


async def _waiting(request: AnyRequest, session: AsyncSession, line: BankLine) -> Waits | None:
    """What somebody has asked to book the line as."""
    asked = await asked_for(session, Deed.BANK_LINE, line.id)
    if asked is None:
        return None
    parts, because = wanted_parts(asked)
    locale = house_of(request).settings.locale
    facts = [
        (
            side_words(part.side.value, part.ref_id, ""),
            format_money(Money(part.amount_minor, line.currency), locale),
        )
        for part in parts
    ]
    where = f"{PATH}/{line.id}"
    return await show_waiting(request, session, Deed.BANK_LINE, line.id, [*facts, (_("Why"), because.note)], where)


async def _page(
    request: AnyRequest,
    session: AsyncSession,
    line: BankLine,
    *,
    typed: Typed | None = None,
    found: Found | None = None,
    problems: Problems | None = None,
) -> Response[bytes]:
    view = asked_view(request)
    is_open, places = line.state == LineState.OPEN, places_of(request)
    history = await matches_of_line(session, line.id)
    standing = [match for match, _action in history if match.state == MatchState.CONFIRMED]
    proposals = (await propose(session, [line])).get(line.id, []) if is_open else []
    people = [each for match, action in history for each in (match.undone_by, action.made_by)]
    locked = await locked_months(session)
    people += [action.agreed_by for _match, action in history]
    known = await references_of(session, [match for match, _action in history])
    most = house_of(request).settings.second_person_above_minor
    find = await read_find(request, session, line, found, places=places) if is_open else None
    return await desk_page(
        request,
        session,
        "desk/match_line.html",
        here="match",
        view=view,
        row=show_line(line),
        account=await find_account(session, line.bank_account_id),
        proposals=[show_proposal(each, places=places) for each in proposals],
        named=show_named((await promises_named(session, [line])).get(line.id)) if is_open else None,
        find=find,
        waits=await _waiting(request, session, line) if is_open else None,
        takes_two=0 < most < abs(line.amount_minor),
        rest_takes_two=find is not None and 0 < most < abs(find.left.minor),
        is_alone=most > 0 and await is_alone(session, member_of(request).id),
        history=[
            (show_match(match, known, places=places), match_state_tag(match), kept_reasons(match), match, action)
            for match, action in history
        ],
        undo=undo_words(standing, kind=next((action.kind for match, action in history if match in standing), "")),
        others=await other_lines_of(session, standing),
        later=open_after(line.booked_on, locked) if is_closed(line.booked_on, locked) else None,
        accounts=[(each.value, account_words(each.value)) for each in ACCOUNTS],
        suspense=Account.SUSPENSE.value,
        question=await question_of(session, Code.BANK_CREDIT_UNKNOWN, line.id),
        names=await staff_names(session, [each for each in people if each]),
        typed=typed or Typed(),
        problems=problems or [],
    )


HANDLERS = [
    show_line_to_match,
    take_proposal,
    take_chosen,
    take_account,
    take_booking_agreed,
    take_booking_refused,
    take_aside,
    take_line_up,
    take_undoing,
    take_question,
]
