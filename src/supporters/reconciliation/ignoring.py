"""Rules that a person has switched on set lines aside that are none of our business, and say so on the line."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, exists, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankLine
from supporters.bank.models import LineState as State
from supporters.donations.reference import find_references
from supporters.kit.db import changed_rows
from supporters.kit.words import plain_words_of
from supporters.reconciliation.automatic import OPEN, everything_on_line
from supporters.reconciliation.lines import OpenLine, every_line, read_lines
from supporters.reconciliation.matching import STRIPE_WORDS, has_words, may_name_ours
from supporters.reconciliation.models import BankMatch, MatchRule, RuleKind, RuleState, Side
from supporters.reconciliation.proposals import propose

BY_RULE = "rule: "  # begins the note of a line that a rule has set aside; its words follow
AT_ONCE = 500


async def set_aside_by_rules(session: AsyncSession) -> int:
    """Every open line with the words of such a rule is set aside; says how many.

    Left alone: lines that a person has taken up again, lines that were ever matched, and lines that may be money of ours.
    *Idempotent by* the lines' state.
    """
    rule = MatchRule
    wanted = select(rule.words).where(rule.kind == RuleKind.IGNORE.value, rule.state == RuleState.ON.value)
    found = 0
    for words in (await session.scalars(wanted.order_by(rule.words))).all():
        lines = await read_lines(session, every_line().where(*_fits(words)).order_by(BankLine.booked_on, BankLine.id))
        for start in range(0, len(lines), AT_ONCE):
            mine = BankLine.id.in_(await _none_of_ours(session, lines[start : start + AT_ONCE]))
            moved = update(BankLine).where(mine, BankLine.state == OPEN)
            changed = moved.values(state=State.SET_ASIDE.value, state_note=BY_RULE + words)
            found += changed_rows(await session.execute(changed.execution_options(synchronize_session=False)))
    return found


async def _none_of_ours(session: AsyncSession, lines: Sequence[OpenLine]) -> list[str]:
    """Those of the lines on which no reference of ours stands, and which no payment fits that we expect."""
    strangers = [line for line in lines if not _names_ours(line)]
    from_stripe = {line.id for line in strangers if has_words(f"{line.text} {line.counterparty}", STRIPE_WORDS)}
    offered = await propose(session, strangers, in_full=from_stripe)
    return [
        line.id
        for line in strangers
        if all(part.side == Side.ACCOUNT for each in offered.get(line.id, ()) for part in each.parts)
    ]


def _names_ours(line: OpenLine) -> bool:
    said = " ".join((line.bank_reference, line.end_to_end, line.text))
    return may_name_ours(said) and bool(find_references(said))


def _fits(words: str) -> tuple[ColumnElement[bool], ...]:
    held = literal(" ") + plain_words_of(everything_on_line()) + " "
    return (
        BankLine.state == OPEN,
        BankLine.state_note.is_(None),
        ~exists(select(BankMatch.id).where(BankMatch.bank_line_id == BankLine.id)),
        held.like(f"% {words} %"),
    )
