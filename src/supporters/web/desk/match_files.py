"""/desk/match.csv and /desk/match/history.csv: what is open with what it may be, and what was matched with its reasons."""

from collections.abc import AsyncIterator, Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankLine
from supporters.bank.queries import list_accounts
from supporters.kit.errors import NotFound
from supporters.kit.ids import is_ulid
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.reconciliation.lines import Line
from supporters.reconciliation.match_names import references_of
from supporters.reconciliation.match_queries import find_action, list_actions, list_open, matches_of
from supporters.reconciliation.models import BankMatch, MatchAction
from supporters.reconciliation.proposals import Proposal, propose
from supporters.staff.queries import staff_names
from supporters.web.common.errors import PageError
from supporters.web.common.house import House, house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.list_file import PORTION, ListFile, Rows, in_portions, list_files
from supporters.web.desk.match import asked_view
from supporters.web.desk.match_words import (
    PATH,
    ShownReason,
    action_words,
    kept_reasons,
    match_state_tag,
    show_open,
    side_words,
)
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.sheet import number

ACTIONS = 200
OPEN_AMOUNT, MATCHED = 4, 6  # which columns of the files, from 0


async def _open_lines(request: AnyRequest) -> tuple[ListFile, AsyncIterator[Rows]]:
    view, house = asked_view(request), house_of(request)
    if view.problems:
        raise PageError(400, _("The filter in this address can't be read, so nothing was exported."))
    header = [
        _("Bank line"), _("Account"), _("Booked"), _("Currency"), _("Amount"), _("Who"), _("What they wrote"),
        _("Bank's reference"), _("May be"), _("Its id"), _("How sure"), _("Why"), _("Other proposals"),
    ]  # fmt: skip
    wanted = ListFile(
        name="open-bank-lines", action="bank_line.export", view=view.typed, header=header, numbers={OPEN_AMOUNT}
    )

    async def read(session: AsyncSession, limit: int, offset: int) -> Rows:
        lines = await list_open(session, view.wanted, limit=limit, offset=offset)
        found = await propose(session, lines)
        names = {each.id: each.name for each in await list_accounts(session)}
        return [_open_cells(line, found.get(line.id, ()), names.get(line.bank_account_id, "")) for line in lines]

    return wanted, in_portions(house, read)


def _matched_header() -> list[str]:
    return [
        _("Matched (UTC)"), _("What"), _("By"), _("Bank line"), _("Booked"), _("Currency"), _("Amount"), _("Who"),
        _("What they wrote"), _("Matched with"), _("Its id"), _("How sure"), _("Why"), _("Rule"), _("Note"), _("Undone by"),
        _("Undone (UTC)"), _("Agreed by"), _("Why alone"),
    ]  # fmt: skip


async def _matched(request: AnyRequest) -> tuple[ListFile, AsyncIterator[Rows]]:
    wanted = ListFile(name="matches", view={}, header=_matched_header(), numbers={MATCHED})
    return wanted, _history(house_of(request))


async def _matched_at_once(request: AnyRequest) -> tuple[ListFile, AsyncIterator[Rows]]:
    action_id = request.path_params["action_id"]
    async with house_of(request).db.reading() as session:
        action = await find_action(session, action_id) if is_ulid(action_id) else None
    if action is None:
        raise NotFound(_("There is no such line of the history."))
    wanted = ListFile(name="matches", view={"action": action.id}, header=_matched_header(), numbers={MATCHED})

    async def read(session: AsyncSession, limit: int, offset: int) -> Rows:
        return await _portion(session, {action.id: action}, limit=limit, offset=offset)

    return wanted, in_portions(house_of(request), read)


async def _portion(session: AsyncSession, known: Mapping[str, MatchAction], *, limit: int, offset: int) -> Rows:
    pairs = await matches_of(session, list(known), limit=limit, offset=offset)
    ids = [who for match, _line in pairs for who in (known[match.action_id].made_by, match.undone_by)]
    names = await staff_names(session, ids)
    called = await references_of(session, [match for match, _line in pairs])
    return [_matched_cells(match, line, known[match.action_id], names, called) for match, line in pairs]


async def _history(house: House) -> AsyncIterator[Rows]:
    """Opens its own reading session: the request's is closed before the first line is sent."""
    before: str | None = None
    async with house.db.reading() as session:
        while actions := await list_actions(session, before=before, limit=ACTIONS):
            known, offset = {each.id: each for each in actions}, 0
            while rows := await _portion(session, known, limit=PORTION, offset=offset):
                yield rows
                offset += len(rows)
            before = actions[-1].id


def _open_cells(line: Line, proposals: Sequence[Proposal], account: str) -> list[str]:
    top = show_open(line, proposals, places=()).top
    return [
        line.id,
        account,
        line.booked_on.isoformat(),
        line.currency,
        number(Money(line.amount_minor, line.currency)),
        line.counterparty,
        line.text,
        line.bank_reference,
        " + ".join(each.title for each in top.parts) if top else "",
        " + ".join(each.ref_id for each in proposals[0].parts) if top else "",
        top.tag.word if top else "",
        _in_words(top.reasons) if top else "",
        str(max(len(proposals) - 1, 0)),
    ]


def _matched_cells(
    match: BankMatch, line: BankLine, action: MatchAction, names: dict[str, str], called: Mapping[str, str]
) -> list[str]:
    undone = match.undone_at.strftime("%Y-%m-%d %H:%M:%S") if match.undone_at else ""
    return [
        action.made_at.strftime("%Y-%m-%d %H:%M:%S"),
        action_words(action),
        names.get(action.made_by or "", ""),
        line.id,
        line.booked_on.isoformat(),
        match.currency,
        number(Money(match.amount_minor, match.currency)),
        line.counterparty,
        line.text,
        side_words(match.side, match.ref_id, called.get(match.ref_id, "")),
        match.ref_id,
        match_state_tag(match).word,
        _in_words(kept_reasons(match)),
        match.rule_id or "",
        match.note or "",
        names.get(match.undone_by or "", ""),
        undone,
        names.get(action.agreed_by or "", ""),
        action.alone_reason or "",
    ]


def _in_words(reasons: Sequence[ShownReason]) -> str:
    """Every comparison: what it was, what we expected, what the bank wrote."""
    return "; ".join(
        f"{each.words}: {ours} / {theirs}"
        if (ours := _side(each, is_ours=True)) and (theirs := _side(each))
        else each.words
        for each in reasons
    )


def _side(reason: ShownReason, *, is_ours: bool = False) -> str:
    text, day, amounts = (
        (reason.ours, reason.our_day, reason.our_amounts)
        if is_ours
        else (reason.theirs, reason.their_day, reason.their_amounts)
    )
    return text or (day.isoformat() if day else " + ".join(f"{number(each)} {each.currency}" for each in amounts))


HANDLERS = [
    *list_files(PATH, access=DOES_BOOKS, asked=_open_lines),
    *list_files(PATH + "/history/{action_id:str}/matches", access=DOES_BOOKS, asked=_matched_at_once),
    *list_files(PATH + "/history", access=DOES_BOOKS, asked=_matched),
]
