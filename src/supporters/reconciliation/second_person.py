"""Two people close a month: one asks, another who does the books agrees. The month stays open meanwhile, and so do its books.

Where nobody else does the books, whoever works alone writes why; that stands with the month.
"""

from datetime import date, datetime
from enum import StrEnum

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.kit.db import changed_rows, insert_for
from supporters.kit.errors import Conflict, Refused
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.ledger.lock import lock_ledger
from supporters.ledger.models import BankProof
from supporters.ledger.periods import NOTE_CHARS, locked_months, month_of
from supporters.reconciliation.certify import Maker
from supporters.reconciliation.closing import Close, close_month, require_ready
from supporters.reconciliation.models import CloseRequest
from supporters.reconciliation.month_queries import trial_balance
from supporters.reconciliation.second_request import why_alone

INCOME = "4"  # what every account of income begins with


class Closed(StrEnum):
    """What came of closing one."""

    CLOSED = "closed"  # It is locked and certified.
    ASKED = "asked"  # It waits for a second person.


async def close_or_ask(session: AsyncSession, wanted: Close, maker: Maker, *, second_above_minor: int) -> Closed:
    """The month is closed, or a second person is asked to agree.

    *Raises* as `close_month`; MissingAlone where nobody can be asked and no reason says why; Conflict when it waits already.
    """
    await lock_ledger(session)
    if not await needs_second(session, wanted.month, second_above_minor):
        await close_month(session, msgspec.structs.replace(wanted, alone_reason=""), maker)
        return Closed.CLOSED
    if await why_alone(session, maker.actor_id, wanted.alone_reason) is not None:
        await close_month(session, wanted, maker)
        return Closed.CLOSED
    await require_ready(session, wanted, maker)
    await _ask(session, wanted, maker)
    return Closed.ASKED


async def agree_to_close(
    session: AsyncSession, month: date, maker: Maker, *, broken: int, seen_at: datetime | None = None
) -> None:
    """The month is closed as the first person asked, and both are on record.

    `seen_at`: when that was asked to which this person agrees. *Raises* Conflict when nothing is asked or something else is
    asked since, Refused for the one who asked, and as `close_month`: what has come up meanwhile counts.
    """
    await lock_ledger(session)
    found = await asked_to_close(session, month, is_held=True)
    if found is None:
        raise Conflict(_("Nobody is asked to agree here any more. Nothing was changed."))
    if found.asked_by == maker.actor_id:
        raise Refused(_("Somebody else has to agree: you asked for it yourself."))
    if seen_at is not None and seen_at != found.asked_at:
        raise Conflict(_("Something else is asked for by now. Look at it again; nothing was changed."))
    wanted = Close(month=month, bank_proof=BankProof(found.bank_proof), note=found.note, broken=broken)
    await close_month(session, wanted, maker, asked_by=found.asked_by)


async def withdraw_close(session: AsyncSession, month: date, *, actor_id: str, now: datetime) -> None:
    """Nobody is asked any more, whether the first person took it back or the second said no. *Raises* Conflict."""
    gone = delete(CloseRequest).where(CloseRequest.period == month_of(month))
    if not changed_rows(await session.execute(gone)):
        raise Conflict(_("Nobody is asked to agree here any more. Nothing was changed."))
    await _note(session, "month.decline", month, actor_id=actor_id, now=now)


async def asked_to_close(session: AsyncSession, month: date, *, is_held: bool = False) -> CloseRequest | None:
    """What waits for a second person, if anything; held, nobody takes it back until the transaction ends."""
    mine = select(CloseRequest).where(CloseRequest.period == month_of(month))
    mine = mine.with_for_update() if is_held else mine
    return await session.scalar(mine.execution_options(populate_existing=True))


async def months_asked(session: AsyncSession) -> frozenset[str]:
    """Every month whose closing waits for a second person."""
    return frozenset(await session.scalars(select(CloseRequest.period)))


async def needs_second(session: AsyncSession, month: date, second_above_minor: int) -> bool:
    """Whether two people close this month: more income stands in it, in some currency, than one decides on. 0: never."""
    if not second_above_minor:
        return False
    income: dict[str, int] = {}
    for each in await trial_balance(session, month):
        if each.account.startswith(INCOME):
            income[each.currency] = income.get(each.currency, 0) + each.credit_minor
    return max(income.values(), default=0) > second_above_minor


async def _ask(session: AsyncSession, wanted: Close, maker: Maker) -> None:
    period = month_of(wanted.month)
    if period in await locked_months(session):
        raise Conflict(_("This month is locked already."))
    values = {
        "period": period,
        "bank_proof": wanted.bank_proof.value,
        "note": clean_line(wanted.note, limit=NOTE_CHARS),
        "asked_by": maker.actor_id,
        "asked_at": maker.now,
    }
    asking = insert_for(session, CloseRequest).values(**values).on_conflict_do_nothing()
    if not changed_rows(await session.execute(asking)):
        raise Conflict(_("Somebody has asked to close this month already. Nothing was changed."))
    await _note(session, "month.ask", wanted.month, actor_id=maker.actor_id, now=maker.now)


async def _note(session: AsyncSession, action: str, month: date, *, actor_id: str, now: datetime) -> None:
    await record(
        session,
        actor_kind="staff",
        actor_id=actor_id,
        action=action,
        record_kind="month",
        record_id=month_of(month),
        detail={},
        now=now,
    )
