"""What a match with money that never met Stripe does to that money, at once and set by set; nothing for payouts.

A promise that is kept becomes a donation with a receipt by a job of the same transaction (`keep_promises`): a statement may
hold hundreds of them, and a person who confirms one should not wait.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.models import Frequency
from supporters.donations.other_models import (
    Deposit,
    DepositState,
    OtherPayment,
    OtherRefund,
    OtherRefundState,
    OtherState,
    Promise,
    PromiseState,
)
from supporters.jobs.queue import enqueue
from supporters.kit.errors import Conflict
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _
from supporters.reconciliation.models import Side

KEEP_PROMISES = "promises.keep"
EXPECTING = (PromiseState.OPEN.value, PromiseState.RUNNING.value)
EXECUTION = {"synchronize_session": False}
Target = tuple[str, str]  # side, ref_id


async def settle(session: AsyncSession, targets: Iterable[Target], *, ids: Ids, now: datetime) -> None:
    """Deposits and payments that the bank shows have cleared; promises count this payment, and a job makes it a donation.

    *Raises* Conflict when a promise expects another payment by now.
    """
    found = _by_side(targets)
    await _move_deposits(session, found[Side.DEPOSIT], DepositState.PAID_IN, DepositState.CLEARED)
    await _move_payments(session, found[Side.OTHER_PAYMENT], OtherState.RECORDED, OtherState.CLEARED)
    await _move_refunds(session, found[Side.OTHER_REFUND], OtherRefundState.PAID, OtherRefundState.CLEARED)
    for promise_id, turn in map(turn_of, found[Side.PROMISE]):
        await _count(session, promise_id, turn, now=now)
    if found[Side.PROMISE]:
        await enqueue(session, KEEP_PROMISES, {}, ids=ids, now=now, dedupe="all")


async def unsettle(session: AsyncSession, targets: Iterable[Target], *, ids: Ids, now: datetime) -> None:
    """The same, taken back: what the bank had shown is expected again. *Raises* Conflict where some of it was paid back."""
    found = _by_side(targets)
    await _require_not_paid_back(session, found[Side.OTHER_PAYMENT], found[Side.PROMISE])
    await _move_refunds(session, found[Side.OTHER_REFUND], OtherRefundState.CLEARED, OtherRefundState.PAID)
    await _move_deposits(session, found[Side.DEPOSIT], DepositState.CLEARED, DepositState.PAID_IN)
    await _move_payments(session, found[Side.OTHER_PAYMENT], OtherState.CLEARED, OtherState.RECORDED)
    for promise_id, _turn in map(turn_of, found[Side.PROMISE]):
        once = (Promise.id == promise_id) & (Promise.state == PromiseState.KEPT.value)
        again = update(Promise).where(once).values(state=PromiseState.OPEN.value, closed_at=None)
        await session.execute(again, execution_options=EXECUTION)
    if found[Side.PROMISE] or found[Side.OTHER_PAYMENT]:
        await enqueue(session, KEEP_PROMISES, {}, ids=ids, now=now, dedupe="all")


def turn_of(ref_id: str) -> tuple[str, int]:
    """Which payment of which promise it is."""
    promise_id, _sep, turn = ref_id.partition(":")
    return promise_id, int(turn)


def _by_side(targets: Iterable[Target]) -> dict[str, list[str]]:
    sides = (Side.DEPOSIT, Side.OTHER_PAYMENT, Side.PROMISE, Side.OTHER_REFUND)
    found: dict[str, list[str]] = {side.value: [] for side in sides}
    for side, ref_id in dict.fromkeys(targets):
        if side in found:
            found[side].append(ref_id)
    return found


async def _move_deposits(
    session: AsyncSession, deposit_ids: Sequence[str], old: DepositState, new: DepositState
) -> None:
    if not deposit_ids:
        return
    mine = Deposit.id.in_(deposit_ids) & (Deposit.state == old.value)
    await session.execute(update(Deposit).where(mine).values(state=new.value), execution_options=EXECUTION)
    is_cleared = new is DepositState.CLEARED
    was, now_is = (
        (OtherState.DEPOSITED, OtherState.CLEARED) if is_cleared else (OtherState.CLEARED, OtherState.DEPOSITED)
    )
    held = OtherPayment.deposit_id.in_(deposit_ids) & (OtherPayment.state == was.value)
    await session.execute(update(OtherPayment).where(held).values(state=now_is.value), execution_options=EXECUTION)


async def _move_payments(session: AsyncSession, payment_ids: Sequence[str], old: OtherState, new: OtherState) -> None:
    if payment_ids:
        mine = OtherPayment.id.in_(payment_ids) & (OtherPayment.state == old.value)
        await session.execute(update(OtherPayment).where(mine).values(state=new.value), execution_options=EXECUTION)


async def _move_refunds(
    session: AsyncSession, refund_ids: Sequence[str], old: OtherRefundState, new: OtherRefundState
) -> None:
    if refund_ids:
        mine = OtherRefund.id.in_(refund_ids) & (OtherRefund.state == old.value)
        await session.execute(update(OtherRefund).where(mine).values(state=new.value), execution_options=EXECUTION)


async def _require_not_paid_back(session: AsyncSession, payment_ids: Sequence[str], promised: Sequence[str]) -> None:
    """None of these payments has gone back to its giver: what was given back was here."""
    turns = [
        (OtherPayment.promise_id == promise_id) & (OtherPayment.promise_turn == turn)
        for promise_id, turn in map(turn_of, promised)
    ]
    if not (payment_ids or turns):
        return
    query = (
        select(OtherRefund.id)
        .join(OtherPayment, OtherPayment.id == OtherRefund.other_payment_id)
        .where(or_(OtherPayment.id.in_(payment_ids), *turns), OtherRefund.state != OtherRefundState.VOID.value)
    )
    if await session.scalar(query.limit(1)):
        raise Conflict(_("Some of this was paid back to its giver. Take that back first; nothing was changed."))


async def _count(session: AsyncSession, promise_id: str, turn: int, *, now: datetime) -> None:
    mine = (Promise.id == promise_id) & (Promise.turn == turn) & Promise.state.in_(EXPECTING)
    promise = await session.scalar(
        select(Promise).where(mine).with_for_update().execution_options(populate_existing=True)
    )
    if promise is None:
        raise Conflict(_("This promise is kept or over by now. Nothing was changed."))
    promise.turn += 1
    if promise.frequency == Frequency.ONCE:
        promise.state, promise.closed_at = PromiseState.KEPT.value, now
    else:
        promise.state = PromiseState.RUNNING.value
    await session.flush()
