"""The search for differences that no single event shows: one statement for each kind, repeatable, each night.

What is for information is one row for each month and currency, with how many and how much, and no names. What is in order
again is closed by the house itself. A resolved one opens again only when it looks otherwise than it did.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import not_, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.codes import MOVES, Code, Resolution
from supporters.discrepancies.models import Discrepancy, DiscrepancyState
from supporters.discrepancies.open import Difference, open_many
from supporters.discrepancies.resolve import settle_discrepancy
from supporters.jobs.work import Work
from supporters.kit.clock import local_date
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _
from supporters.ledger.lock import lock_ledger
from supporters.reconciliation import detect_balance, detect_bank, detect_payments
from supporters.reconciliation.detect_bank import settle_dealt_with
from supporters.reconciliation.detect_look import Look, look_back
from supporters.reconciliation.resolution_sources import in_suspense, money_of, take_back
from supporters.reconciliation.taken_up import open_again

log = structlog.stdlib.get_logger("discrepancies")

Finder = Callable[[AsyncSession, Look], Awaitable[Sequence[Difference]]]
FINDERS: tuple[Finder, ...] = (*detect_payments.FINDERS, *detect_balance.FINDERS, *detect_bank.FINDERS)
# These close by themselves once they are in order.
SETTLES = (Code.DONATION_NO_BT, Code.REFUND_PENDING_FUNDS, Code.REFUND_EXCEEDS, Code.RESERVE_HELD)


async def detect_all(
    work: Work, _payload: dict[str, Any], *, time_zone: str, livemode: bool, account: str | None
) -> None:
    """Job `discrepancies.detect`: every difference that the records show is open or was resolved as it looks now."""
    now = work.clock.now()
    look = look_back(now, time_zone=time_zone, livemode=livemode, account=account)
    changed = 0
    for finder in FINDERS:
        async with work.db.reading() as session:
            found = await finder(session, look)
        async with work.db.unit_of_work() as session:
            changed += await open_many(session, found, ids=work.ids, now=now)
    async with work.db.unit_of_work() as session:
        changed += await settle_gone(session, look, now=now)
    async with work.db.unit_of_work() as session:
        changed += await open_unmatched(session, time_zone=time_zone, ids=work.ids, now=now)
        changed += await settle_dealt_with(session, now=now)
    async with work.db.unit_of_work() as session:
        changed += await open_left(session, now=now)
    if changed:
        log.info("discrepancies_changed", count=changed)


async def settle_gone(session: AsyncSession, look: Look, *, now: datetime) -> int:
    """Differences of some kinds that are not there any more are closed by the house; says how many."""
    settled = 0
    for code in SETTLES:
        still = {each.subject for each in await _search(session, look, code)}
        d = Discrepancy
        wanted = select(d.subject).where(
            d.code == code.value, d.state == DiscrepancyState.OPEN, d.opened_at >= look.since
        )
        for subject in (await session.scalars(wanted)).all():
            if subject not in still:
                words = _("It is in order now.")
                how = Resolution.EXPLAINED
                settled += await settle_discrepancy(
                    session, code=code, subject=subject, resolution=how, reason=words, now=now
                )
    return settled


async def open_left(session: AsyncSession, *, now: datetime) -> int:
    """Whatever came into suspense after a resolution had cleared it is looked at by a person too; says how many."""
    d = Discrepancy
    moved = select(d).where(d.state == DiscrepancyState.RESOLVED, d.code.in_(_SUSPENSE), d.resolution.in_(_MOVES))
    opened = 0
    for found in (await session.scalars(moved.with_for_update())).all():
        sums = {currency: minor for currency, minor in (await money_of(session, found)).sums.items() if minor}
        if not sums:
            continue
        open_again(found, now)
        found.detail = {**found.detail, **_left(sums, found.currency)}
        opened += 1
    await session.flush()
    return opened


async def open_unmatched(session: AsyncSession, *, time_zone: str, ids: Ids, now: datetime) -> int:
    """A credit that a resolution had placed, and whose bank line somebody has taken back since, is open; says how many.

    What the resolution did to the books beside the line is reversed, as the line's own entries were. Where the line is
    something else by now, `settle_dealt_with` closes it.
    """
    await lock_ledger(session)
    d = Discrepancy
    wanted = (
        select(d)
        .where(d.state == DiscrepancyState.RESOLVED, d.code == Code.BANK_CREDIT_UNKNOWN.value)
        .where(d.resolution.in_(_MOVES), not_(in_suspense(d.subject)))
        .with_for_update(of=d)
    )
    opened = (await session.scalars(wanted)).all()
    for found in opened:
        await take_back(session, found, today=local_date(now, time_zone), ids=ids, now=now)
        open_again(found, now)
    await session.flush()
    return len(opened)


def _left(sums: Mapping[str, int], own: str | None) -> dict[str, int]:
    return {"left_minor" if currency == own else f"left_{currency}": minor for currency, minor in sums.items()}


async def _search(session: AsyncSession, look: Look, code: Code) -> Sequence[Difference]:
    finder = {
        Code.DONATION_NO_BT: detect_payments.paid_without_line,
        Code.REFUND_PENDING_FUNDS: detect_payments.refunds_that_wait,
        Code.REFUND_EXCEEDS: detect_payments.refunds_of_too_much,
        Code.RESERVE_HELD: detect_balance.reserves_held,
    }[code]
    return await finder(session, look)


_MOVES = [way.value for way in MOVES]
_SUSPENSE = [
    code.value for code in (Code.PAYMENT_MISMATCH, Code.DUPLICATE_PAYMENT, Code.PAYMENT_UNTRACED, Code.UNKNOWN_CATEGORY)
]
