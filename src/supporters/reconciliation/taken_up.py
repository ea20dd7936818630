"""A bank line that is open again is a question again at once, and not only when the search finds it at night."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankLine, LineState
from supporters.discrepancies.codes import MOVES, Code, Resolution
from supporters.discrepancies.models import Discrepancy, DiscrepancyState
from supporters.discrepancies.open import open_discrepancy
from supporters.discrepancies.rules import due_day
from supporters.kit.ids import Ids
from supporters.reconciliation.detect_bank import ABOUT_LINES, difference_of
from supporters.reconciliation.proposals import propose
from supporters.reconciliation.resolution_sources import take_back
from supporters.reconciliation.second_request import Deed, forget


async def ask_again(session: AsyncSession, line_ids: Sequence[str], *, ids: Ids, now: datetime) -> None:
    """What was asked about these lines is open again, and what nothing explains is asked. *Idempotent*.

    What a resolution did to the books beside the line is reversed, as the line's own entries were.
    """
    mine = BankLine.id.in_(line_ids) & (BankLine.state == LineState.OPEN.value) & BankLine.is_kept_whole
    lines = (await session.scalars(select(BankLine).where(mine).order_by(BankLine.id))).all()
    known = await _reopen(session, [line.id for line in lines], ids=ids, now=now)
    news = [line for line in lines if line.id not in known]
    proposed = await propose(session, news) if news else {}
    for line in news:
        found = difference_of(line, next(iter(proposed.get(line.id, ())), None), has_waited=True)
        if found:
            await open_discrepancy(
                session,
                code=found.code,
                subject=found.subject,
                amount=found.amount,
                detail=found.detail,
                ids=ids,
                now=now,
            )


def open_again(found: Discrepancy, now: datetime) -> None:
    """It waits for a person, as if nobody had closed it; what was said about it stays in its history."""
    found.state, found.reopened_at = DiscrepancyState.OPEN, now
    found.resolution = found.reason = found.alone_reason = None
    found.resolved_by = found.resolved_at = found.agreed_by = None
    found.due_on = due_day(Code(found.code), opened_on=now.date())


async def _reopen(session: AsyncSession, line_ids: Sequence[str], *, ids: Ids, now: datetime) -> set[str]:
    """The lines of which a discrepancy tells; each of those is open."""
    about = Discrepancy.code.in_([code.value for code in ABOUT_LINES]) & Discrepancy.subject.in_(line_ids)
    told = (await session.scalars(select(Discrepancy).where(about).with_for_update())).all()
    for found in told:
        if found.state == DiscrepancyState.OPEN:
            continue
        if found.resolution and Resolution(found.resolution) in MOVES:
            await take_back(session, found, today=now.date(), ids=ids, now=now)
        open_again(found, now)
    await session.flush()
    await forget(session, Deed.OPEN_DISCREPANCY, [found.id for found in told])  # what was asked for is so
    return {found.subject for found in told}
