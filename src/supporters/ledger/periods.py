"""Months: locked once they are closed, opened again for a reason. `post` reads them, the database holds to them."""

from collections.abc import Sequence
from datetime import date, datetime

from babel.dates import format_date
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.kit.clock import local_date
from supporters.kit.db import insert_for
from supporters.kit.errors import Conflict, Refused
from supporters.kit.strings import gettext as _
from supporters.kit.strings import language
from supporters.kit.text import clean_line
from supporters.ledger.lock import lock_ledger
from supporters.ledger.models import BankProof, ClosedBefore, LedgerTransaction, Period, PeriodState

NOTE_CHARS = 1000
_OF_CLOSING = ("period", "locked_at", "locked_by", "agreed_by", "bank_proof", "note", "alone_reason")


def month_of(day: date) -> str:
    """The month of this day as periods are named: 2026-11."""
    return f"{day:%Y-%m}"


def first_day(period: str) -> date:
    """The first day of the month. *Raises* Refused for what is no month."""
    try:
        if len(period) != 7:
            raise ValueError(period)
        return date.fromisoformat(f"{period}-01")
    except ValueError:
        raise Refused(_("A month is written like 2026-11.")) from None


def say_month(period: str) -> str:
    """The month as people say it: November 2026."""
    return format_date(first_day(period), "LLLL y", locale=language() or "en")


def next_month(day: date) -> date:
    """The first day of the month after this day's."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


async def locked_months(session: AsyncSession) -> frozenset[str]:
    """Every month that takes no postings now."""
    wanted = select(Period.period).where(Period.state == PeriodState.LOCKED)
    return frozenset(await session.scalars(wanted))


async def first_open_month(session: AsyncSession, *, after: date) -> date:
    """The first day of the first month that takes postings and comes after the month of `after`."""
    return open_after(after, await locked_months(session))


def is_closed(day: date, locked: frozenset[str]) -> bool:
    """Whether the day's month takes no postings: it is locked or comes before one that is, whose opening it would change."""
    return bool(locked) and month_of(day) <= max(locked)


def open_after(day: date, locked: frozenset[str]) -> date:
    """The first day of the first month after this day's that takes postings."""
    last = max(locked, default="")
    return next_month(first_day(last) if month_of(day) < last else day)


async def read_periods(session: AsyncSession) -> Sequence[Period]:
    """Every month that was ever locked, latest first."""
    return (await session.scalars(select(Period).order_by(Period.period.desc()))).all()


async def lock_month(
    session: AsyncSession,
    period: str,
    *,
    bank_proof: BankProof,
    note: str = "",
    alone_reason: str = "",
    actor_id: str,
    agreed_by: str | None = None,
    now: datetime,
    time_zone: str,
) -> None:
    """Nothing is posted in this month any more; what is learnt of it later stands in the first open month after it.

    `agreed_by`: the second person, whose deed it is then; `alone_reason`: why there is none where two should decide.
    *Raises* Refused for a month that is not over or has an open month with postings before it, Conflict when it is
    locked. *Writes* the month and the audit. Whether the month is ready to be closed is the caller's question.
    """
    day = first_day(period)
    await lock_ledger(session)
    if next_month(day) > local_date(now, time_zone):
        raise Refused(_("This month is not over yet. Nothing was locked."))
    known = await session.get(Period, period, populate_existing=True)
    if known is not None and known.state == PeriodState.LOCKED:
        raise Conflict(_("This month is locked already."))
    earlier = await open_month_before(session, period)
    if earlier is not None:
        said = {"month": say_month(earlier)}
        raise Refused(_("%(month)s is still open. Close it first. Nothing was locked.") % said)
    values = {
        "state": PeriodState.LOCKED.value,
        "bank_proof": bank_proof.value,
        "note": clean_line(note, limit=NOTE_CHARS),
        "alone_reason": clean_line(alone_reason, limit=NOTE_CHARS) or None,
        "locked_at": now,
        "locked_by": actor_id,
        "agreed_by": agreed_by,
        "transactions": await _count(session, period),
    }
    insert = insert_for(session, Period).values(period=period, **values)
    await session.execute(insert.on_conflict_do_update(index_elements=["period"], set_=values))
    detail = {"bank_proof": bank_proof.value}  # what people wrote stands with the month, not in the log
    await _record(session, "month.lock", period, detail, actor_id=agreed_by or actor_id, now=now)


async def open_month_before(session: AsyncSession, period: str) -> str | None:
    """The earliest month before this one that has postings and is not locked, if there is one."""
    locked = select(Period.period).where(Period.state == PeriodState.LOCKED)
    transaction = LedgerTransaction
    wanted = select(func.min(transaction.period)).where(transaction.period < period, transaction.period.not_in(locked))
    return await session.scalar(wanted)


async def reopen_month(
    session: AsyncSession,
    period: str,
    *,
    reason: str,
    alone_reason: str = "",
    actor_id: str,
    agreed_by: str | None = None,
    now: datetime,
) -> None:
    """This month takes postings again; how it was closed, and why it is open again, stands with it.

    `agreed_by`, `alone_reason`: as for locking. *Raises* as `require_opens`.
    """
    await lock_ledger(session)
    words = await require_opens(session, period, reason)
    values = {
        "reopened_at": now,
        "reopened_by": actor_id,
        "reopened_reason": words,
        "reopen_agreed_by": agreed_by,
        "reopen_alone_reason": clean_line(alone_reason, limit=NOTE_CHARS) or None,
    }
    was = (
        await session.scalars(select(Period).where(Period.period == period).execution_options(populate_existing=True))
    ).one()
    kept = {name: getattr(was, name) for name in _OF_CLOSING}
    turn = 1 + len(await closed_before(session, period))
    session.add(ClosedBefore(turn=turn, **kept, **values))
    await session.flush()
    changed = {"state": PeriodState.OPEN.value, **values}
    await session.execute(update(Period).where(Period.period == period).values(**changed))
    detail = {"asked_by": actor_id} if agreed_by else {}
    await _record(session, "month.reopen", period, detail, actor_id=agreed_by or actor_id, now=now)


async def require_opens(session: AsyncSession, period: str, reason: str) -> str:
    """The reason in one line, if the month may be opened again.

    *Raises* Refused without a reason or while a later month is locked, Conflict when it is open.
    """
    words = clean_line(reason, limit=NOTE_CHARS)
    if not words:
        raise Refused(_("Please write why. The month is still locked."))
    locked = await locked_months(session)
    if period not in locked:
        raise Conflict(_("This month is open."))
    later = max(locked)
    if later > period:
        raise Refused(_("%(month)s is locked. Open it first. Nothing was opened.") % {"month": say_month(later)})
    return words


async def closed_before(session: AsyncSession, period: str) -> Sequence[ClosedBefore]:
    """Every time that this month was closed and opened again, the latest first."""
    mine = select(ClosedBefore).where(ClosedBefore.period == period)
    return (await session.scalars(mine.order_by(ClosedBefore.turn.desc()))).all()


async def _count(session: AsyncSession, period: str) -> int:
    wanted = select(func.count()).select_from(LedgerTransaction).where(LedgerTransaction.period == period)
    return await session.scalar(wanted) or 0


async def _record(
    session: AsyncSession, action: str, period: str, detail: dict[str, str], *, actor_id: str, now: datetime
) -> None:
    await record(
        session,
        actor_kind="staff",
        actor_id=actor_id,
        action=action,
        record_kind="month",
        record_id=period,
        detail=detail,
        now=now,
    )
