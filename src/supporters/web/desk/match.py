"""/desk/match: bank lines that nobody has explained, each with what it may be; and everything certain accepted at once."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankLine, LineState
from supporters.bank.queries import list_accounts
from supporters.kit.clock import local_date
from supporters.kit.ids import is_ulid
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.ledger.start import start_moment
from supporters.reconciliation.bulk import MOST_LOOKED, Pair, accept_certain, certain_among, certain_of, digest_of
from supporters.reconciliation.detect_bank import settle_dealt_with
from supporters.reconciliation.gifts import promises_named
from supporters.reconciliation.lines import Line
from supporters.reconciliation.match_names import references_of
from supporters.reconciliation.match_queries import (
    Left,
    count_left,
    count_open_before,
    find_action,
    find_line,
    list_open,
    matches_of_line,
    read_progress,
)
from supporters.reconciliation.models import MatchState
from supporters.reconciliation.proposals import Proposal, propose
from supporters.web.common.access import member_of
from supporters.web.common.forms import read_query
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.frame import desk_page
from supporters.web.desk.match_words import (
    FIELDS,
    PATH,
    MatchView,
    kind_words,
    read_match_view,
    show_open,
    show_proposal,
    side_words,
    undo_words,
    view_of,
)
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.seal import read_sealed

ROWS = 50


class Done(msgspec.Struct, frozen=True):
    """What was done last, as the list says it, with the way back."""

    words: str
    amount: Money
    way_back: str = ""  # what the button says
    action: str = ""  # where its form goes
    href: str = ""  # or the page that has more


@get(PATH, opt={"access": DOES_BOOKS})
async def show_match(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """The open lines that the address names, each with what it may be."""
    view, query = asked_view(request), read_query(request.scope["query_string"], ("done", "accepted"))
    left = await count_left(reading, view.wanted)
    total = sum(each.lines for each in left)
    view = msgspec.structs.replace(view, page=min(view.page, max(-(-total // ROWS), 1)))
    lines, found, certain = await _look(reading, view)
    places, named = places_of(request), await promises_named(reading, lines)
    return await desk_page(
        request,
        reading,
        "desk/match.html",
        here="match",
        view=view,
        rows=[show_open(line, found.get(line.id, ()), places=places, named=named.get(line.id)) for line in lines],
        total=total,
        left=[_in_and_out(each) for each in left],
        progress=[
            (Money(each.done_minor, each.currency), Money(each.total_minor, each.currency), each.left_lines)
            for each in await read_progress(reading, view.wanted)
        ],
        accounts=[(each.id, each.name) for each in await list_accounts(reading)],
        certain=len(certain),
        certain_sums=sums_of([line for line, _top in certain]),
        guard=await _guard(request, reading, view),
        done=await _done(reading, query),
        newer=view.address(page=str(view.page - 1)) if view.page > 1 else None,
        older=view.address(page=str(view.page + 1)) if view.page * ROWS < total else None,
        problems=view.problems,
    )


@get(PATH + "/certain", opt={"access": DOES_BOOKS})
async def show_certain(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """What would be accepted at once, with its sums, before anything is."""
    return await _certain_page(request, reading, asked_view(request))


@post(PATH + "/certain", status_code=303, opt={"access": DOES_BOOKS})
async def take_certain(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Redirect:
    """Everything certain is matched as it was looked at, or nothing is (409)."""
    member, house = member_of(request), house_of(request)
    form = await read_sealed(request, member, ["view", "seen"])
    view = view_of(form.get("view", ""), currency=house.settings.currency)
    now = house.clock.now()
    action_id = await accept_certain(
        session, view.wanted, seen=form.get("seen", ""), actor_id=member.id, ids=house.ids, now=now
    )
    await settle_dealt_with(session, now=now)
    return Redirect(view.address(page="", accepted=action_id), status_code=303)


def asked_view(request: AnyRequest) -> MatchView:
    """The part of the list that the address names."""
    fields = read_query(request.scope["query_string"], FIELDS)
    return read_match_view(fields, currency=house_of(request).settings.currency)


def places_of(request: AnyRequest) -> frozenset[str]:
    """The parts of the desk that have pages below their own."""
    paths = (route.path.split("/") for route in request.app.routes)
    return frozenset(parts[2] for parts in paths if parts[1] == "desk" and len(parts) > 3)


def sums_of(lines: Sequence[Line]) -> list[Money]:
    """What the lines come to, by currency."""
    found: defaultdict[str, int] = defaultdict(int)
    for line in lines:
        found[line.currency] += line.amount_minor
    return [Money(minor, currency) for currency, minor in sorted(found.items())]


async def _look(session: AsyncSession, view: MatchView) -> tuple[Sequence[Line], dict[str, list[Proposal]], list[Pair]]:
    """The lines of the page, what each line may be, and what is certain among the first lines of the view."""
    first = (view.page - 1) * ROWS
    looked = await list_open(session, view.wanted, limit=MOST_LOOKED)
    if first < MOST_LOOKED:
        lines = looked[first : first + ROWS]
        found = await propose(session, looked, in_full=[line.id for line in lines])
        return lines, found, certain_of(looked, found)
    lines = await list_open(session, view.wanted, limit=ROWS, offset=first)
    return lines, await propose(session, lines), []


def _in_and_out(left: Left) -> tuple[Money, Money]:
    return Money(left.in_minor, left.currency), Money(left.out_minor, left.currency)


async def _guard(request: AnyRequest, session: AsyncSession, view: MatchView) -> Any:
    """How many open lines are older than what is looked at or than the books, their day, and where they are; or None."""
    begun = await start_moment(session)
    zone = house_of(request).settings.time_zone
    edge = view.wanted.since or (local_date(begun, zone) if begun and not view.wanted.until else None)
    if edge is None:
        return None
    count = await count_open_before(session, edge, account_id=view.wanted.account_id)
    if not count:
        return None
    older = MatchView(view.wanted, {name: view.typed[name] for name in ("account",) if name in view.typed}, 1, [])
    return count, edge, older.address(to=edge.fromordinal(edge.toordinal() - 1).isoformat())


async def _done(session: AsyncSession, query: dict[str, str]) -> Done | None:
    """What was done last, as the records have it now: an address can't claim anything."""
    if is_ulid(query.get("accepted", "")):
        action = await find_action(session, query["accepted"])
        words = _("Accepted %(count)s matches") % {"count": action.matches if action else 0}
        return Done(words, Money(0, ""), href=f"{PATH}/history/{action.id}") if action else None
    line = await find_line(session, query["done"]) if is_ulid(query.get("done", "")) else None
    return await _done_with(session, line) if line else None


async def _done_with(session: AsyncSession, line: BankLine) -> Done:
    amount, here = Money(line.amount_minor, line.currency), f"{PATH}/{line.id}"
    if line.state == LineState.SET_ASIDE:
        return Done(_("Set aside"), amount, _("Take it up again"), f"{here}/take-up")
    standing = [pair for pair in await matches_of_line(session, line.id) if pair[0].state == MatchState.CONFIRMED]
    if not standing:
        return Done(_("Open again"), amount, href=here)
    matches, kind = [match for match, _action in standing], standing[0][1].kind
    known = await references_of(session, matches[:3])
    names = ", ".join(side_words(each.side, each.ref_id, known.get(each.ref_id, "")) for each in matches[:3])
    undo = undo_words(matches, kind=kind)
    return Done(_("Matched with %(names)s") % {"names": names}, amount, undo, f"{here}/undo")


async def _certain_page(request: AnyRequest, session: AsyncSession, view: MatchView) -> Response[bytes]:
    pairs = await certain_among(session, view.wanted)
    kinds: defaultdict[tuple[str, str], list[Line]] = defaultdict(list)
    for line, top in pairs:
        kinds[top.parts[0].side, line.currency].append(line)
    places = places_of(request)
    return await desk_page(
        request,
        session,
        "desk/match_certain.html",
        here="match",
        view=view,
        seen=digest_of(pairs),
        rows=[(show_open(line, [top], places=places), show_proposal(top, places=places)) for line, top in pairs],
        kinds=[(kind_words(side), len(lines), sums_of(lines)[0]) for (side, _currency), lines in sorted(kinds.items())],
        sums=sums_of([line for line, _top in pairs]),
    )


HANDLERS = [show_match, show_certain, take_certain]
