"""/desk/match/history: everything that was matched, by whom and why, and the way back from each match."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar import get
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankLine
from supporters.kit.errors import NotFound
from supporters.kit.ids import is_ulid
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.reconciliation.match_names import references_of
from supporters.reconciliation.match_queries import (
    count_standing,
    find_action,
    list_actions,
    matches_of,
    sample_matches,
)
from supporters.reconciliation.models import BankMatch, MatchAction, MatchState
from supporters.staff.queries import staff_names
from supporters.web.common.forms import read_query
from supporters.web.desk.bank_words import said_of
from supporters.web.desk.frame import desk_page
from supporters.web.desk.match import places_of
from supporters.web.desk.match_words import (
    PATH,
    ShownPart,
    ShownReason,
    action_words,
    kept_reasons,
    match_state_tag,
    show_match,
    undo_words,
)
from supporters.web.desk.paging import page_number
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.words import Tag

HISTORY = PATH + "/history"
ACTIONS, SAMPLE, ROWS = 20, 3, 50
LAST_PAGE = 10_000


class ShownMatch(msgspec.Struct, frozen=True):
    """One match with its line."""

    line: BankLine
    said: str
    amount: Money
    part: ShownPart
    tag: Tag
    reasons: Sequence[ShownReason]
    undo: str  # what its button says; empty where it is undone
    record: BankMatch


class ShownAction(msgspec.Struct, frozen=True):
    """One line of the history with the first of its matches."""

    words: str
    record: MatchAction
    standing: int
    matches: Sequence[ShownMatch]


@get(HISTORY, opt={"access": DOES_BOOKS})
async def show_history(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """What was matched, the latest first, each with the way back."""
    before = read_query(request.scope["query_string"], ("before",)).get("before", "")
    actions = await list_actions(reading, before=before if is_ulid(before) else None, limit=ACTIONS + 1)
    shown, ids = actions[:ACTIONS], [each.id for each in actions[:ACTIONS]]
    samples: defaultdict[str, list[ShownMatch]] = defaultdict(list)
    places = places_of(request)
    kinds = {each.id: each.kind for each in shown}
    pairs = await sample_matches(reading, ids, each=SAMPLE)
    known = await references_of(reading, [match for match, _line in pairs])
    for match, line in pairs:
        samples[match.action_id].append(_show(match, line, places, kinds[match.action_id], known))
    standing = await count_standing(reading, ids)
    return await desk_page(
        request,
        reading,
        "desk/match_history.html",
        here="match",
        actions=[ShownAction(action_words(each), each, standing.get(each.id, 0), samples[each.id]) for each in shown],
        names=await staff_names(reading, [each.made_by for each in shown if each.made_by]),
        newest=HISTORY if before else None,
        older=f"{HISTORY}?before={shown[-1].id}" if len(actions) > ACTIONS else None,
    )


@get(HISTORY + "/{action_id:str}", opt={"access": DOES_BOOKS})
async def show_action(
    request: Request[Any, Any, Any], action_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """All matches of one line of the history."""
    action = await find_action(reading, action_id) if is_ulid(action_id) else None
    if action is None:
        raise NotFound(_("There is no such line of the history."))
    text = read_query(request.scope["query_string"], ("page",)).get("page", "")
    page = page_number(text, most=LAST_PAGE)
    rows = await matches_of(reading, [action.id], limit=ROWS, offset=(page - 1) * ROWS)
    places, known = places_of(request), await references_of(reading, [match for match, _line in rows])
    here = f"{HISTORY}/{action.id}"
    people = [action.made_by, *(match.undone_by for match, _line in rows)]
    return await desk_page(
        request,
        reading,
        "desk/match_action.html",
        here="match",
        action=action,
        words=action_words(action),
        rows=[_show(match, line, places, action.kind, known) for match, line in rows],
        standing=(await count_standing(reading, [action.id])).get(action.id, 0),
        names=await staff_names(reading, [each for each in people if each]),
        newer=f"{here}?page={page - 1}" if page > 1 else None,
        older=f"{here}?page={page + 1}" if page * ROWS < action.matches else None,
    )


def _show(match: BankMatch, line: BankLine, places: frozenset[str], kind: str, known: Mapping[str, str]) -> ShownMatch:
    return ShownMatch(
        line=line,
        said=said_of(line.counterparty, line.text),
        amount=Money(match.amount_minor, match.currency),
        part=show_match(match, known, places=places),
        tag=match_state_tag(match),
        reasons=kept_reasons(match),
        undo=undo_words([match] if match.state == MatchState.CONFIRMED else [], kind=kind),
        record=match,
    )


HANDLERS = [show_history, show_action]
