"""Rules that a person has switched on set lines aside that are none of our business, and say so on the line."""

from sqlalchemy import ColumnElement, exists, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankLine
from supporters.bank.models import LineState as State
from supporters.kit.db import changed_rows
from supporters.kit.words import plain_words_of
from supporters.reconciliation.automatic import OPEN, everything_on_line
from supporters.reconciliation.models import BankMatch, MatchRule, RuleKind, RuleState

BY_RULE = "rule: "  # begins the note of a line that a rule has set aside; its words follow


async def set_aside_by_rules(session: AsyncSession) -> int:
    """Every open line with the words of such a rule is set aside; says how many.

    Left alone: lines that a person has taken up again, and lines that were ever matched. *Idempotent by* the lines' state.
    """
    rule = MatchRule
    wanted = select(rule.words).where(rule.kind == RuleKind.IGNORE.value, rule.state == RuleState.ON.value)
    found = 0
    for words in (await session.scalars(wanted.order_by(rule.words))).all():
        moved = update(BankLine).where(*_fits(words)).values(state=State.SET_ASIDE.value, state_note=BY_RULE + words)
        found += changed_rows(await session.execute(moved.execution_options(synchronize_session=False)))
    return found


def _fits(words: str) -> tuple[ColumnElement[bool], ...]:
    held = literal(" ") + plain_words_of(everything_on_line()) + " "
    return (
        BankLine.state == OPEN,
        BankLine.state_note.is_(None),
        ~exists(select(BankMatch.id).where(BankMatch.bank_line_id == BankLine.id)),
        held.like(f"% {words} %"),
    )
