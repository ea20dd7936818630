"""Accepting at once what is certain, and nothing that is not: one line of the history, each match undone by itself."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.errors import Conflict
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _
from supporters.ledger.lock import lock_ledger
from supporters.reconciliation.lines import Line
from supporters.reconciliation.match_queries import LineFilter, list_open
from supporters.reconciliation.matches import MANY, Because, Part, begin_action, confirm
from supporters.reconciliation.models import Confidence, Side
from supporters.reconciliation.proposals import Proposal, propose

MOST_LOOKED, MOST_TAKEN = 500, 200

Pair = tuple[Line, Proposal]


async def certain_among(session: AsyncSession, wanted: LineFilter) -> list[Pair]:
    """The open lines of this view that are certainly one payment, with it; at most 200, the oldest first."""
    lines = await list_open(session, wanted, limit=MOST_LOOKED)
    found = await propose(session, lines, in_full=())
    return certain_of(lines, found)[:MOST_TAKEN]


def certain_of(lines: Sequence[Line], found: dict[str, list[Proposal]]) -> list[Pair]:
    """Those of the lines whose first proposal is certain."""
    tops = [(line, found[line.id][0]) for line in lines if line.id in found]
    return [(line, top) for line, top in tops if top.confidence == Confidence.CERTAIN]


def digest_of(pairs: Sequence[Pair]) -> str:
    """What was looked at, to be recognised when it is accepted."""
    said = "\n".join(f"{line.id} {top.key}" for line, top in pairs)
    return hashlib.sha256(said.encode()).hexdigest()[:32]


async def accept_certain(
    session: AsyncSession, wanted: LineFilter, *, seen: str, actor_id: str, ids: Ids, now: datetime
) -> str:
    """Every certain line of the view is matched, as it was looked at; returns the action's id.

    *Raises* Conflict when it is not what was looked at any more: then nothing is matched. *Writes* as `confirm` does.
    """
    await lock_ledger(session)
    pairs = await certain_among(session, wanted)
    if not pairs or digest_of(pairs) != seen:
        raise Conflict(_("What is certain has changed meanwhile, so nothing was matched. Look at the list again."))
    action_id = await begin_action(session, kind=MANY, actor_id=actor_id, ids=ids, now=now, matches=len(pairs))
    for line, top in pairs:
        await accept(session, [line.id], top, actor_id=actor_id, ids=ids, now=now, action_id=action_id)
    return action_id


async def accept(
    session: AsyncSession,
    line_ids: Sequence[str],
    proposal: Proposal,
    *,
    actor_id: str,
    ids: Ids,
    now: datetime,
    note: str = "",
    action_id: str | None = None,
) -> str:
    """The line is what was proposed, with the reasons that were shown; returns the action's id. *Raises* as `confirm`."""
    parts, because = said_by(proposal, note=note)
    return await confirm(
        session,
        proposal.line_ids or line_ids,
        parts,
        because=because,
        actor_id=actor_id,
        ids=ids,
        now=now,
        action_id=action_id,
    )


def said_by(proposal: Proposal, *, note: str = "") -> tuple[list[Part], Because]:
    """What a line is if this is so, and why, with the reasons that were shown."""
    reasons = tuple(
        {
            "attribute": each.attribute.value,
            "ours": each.ours,
            "theirs": each.theirs,
            "outcome": each.outcome.value,
        }
        for each in proposal.reasons
    )
    parts = [Part(Side(each.side), each.ref_id, each.amount_minor) for each in proposal.parts]
    return parts, Because(confidence=proposal.confidence, reasons=reasons, note=note, rule_id=proposal.rule_id)
