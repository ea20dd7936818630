"""Money that never met Stripe and was paid back: by our bank, by a cheque of ours, or out of the drawer.

The income stands, and so does that it went back: "refunds" against what is owed back until the bank shows it, or against what
waits to be paid in. The donation and its receipt say so as for refunds by Stripe; a mistake has the opposite entries.
"""

from datetime import date, datetime

import msgspec
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.donations.messages import refund_undone_message, refunded_message
from supporters.donations.models import Donation, Refund, RefundReason, RefundState
from supporters.donations.other_models import OtherPayment, OtherRefund, OtherRefundState, OtherState, RefundWay
from supporters.donations.other_queries import paid_back_of
from supporters.donations.reverse import tell_of_refund
from supporters.donations.timeline import note
from supporters.kit.clock import local_date
from supporters.kit.errors import Conflict, NotFound, Refused
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.ledger.chart import Account
from supporters.ledger.lock import lock_ledger
from supporters.ledger.models import LedgerTransaction
from supporters.ledger.post import Entry, Posting, post
from supporters.ledger.reverse import reverse
from supporters.outgoing.emit import emit_all
from supporters.reconciliation.expected import is_matched
from supporters.reconciliation.models import Side
from supporters.reconciliation.other_money import BOUNCE, NOTE_CHARS, bounced_entries, held_payment
from supporters.reconciliation.second_request import REASON_CHARS, Deed, forget
from supporters.settings import Settings

OTHER_REFUND, PURPOSE = "other_refund", "refund"
ORIGIN = "own"  # of the refund: neither the desk's at Stripe, nor Stripe's own
AT_BANK = (OtherState.DEPOSITED.value, OtherState.CLEARED.value)


class Back(msgspec.Struct, frozen=True, kw_only=True):
    """What staff say of money that they paid back."""

    amount: Money
    way: RefundWay
    paid_on: date
    reason: RefundReason
    words: str = ""
    agreed_by: str | None = None  # the second person, where it takes two
    alone_reason: str = ""  # why there is none


async def left_of(session: AsyncSession, payment: OtherPayment) -> Money:
    """What of the payment has not gone back yet; nothing while it is not at the bank, or once it is over."""
    if payment.state not in AT_BANK:
        return Money(0, payment.currency)
    return Money(payment.amount_minor - await paid_back_of(session, payment.id), payment.currency)


async def refunds_of(session: AsyncSession, payment_id: str) -> list[tuple[OtherRefund, Refund]]:
    """What was paid back of it, also by mistake, the latest first."""
    query = select(OtherRefund, Refund).join(Refund, Refund.id == OtherRefund.id)
    rows = await session.execute(
        query.where(OtherRefund.other_payment_id == payment_id).order_by(OtherRefund.id.desc())
    )
    return [(row[0], row[1]) for row in rows]


async def pay_back(
    session: AsyncSession, payment_id: str, back: Back, *, actor_id: str, ids: Ids, now: datetime, settings: Settings
) -> str:
    """The money is on its way back to its giver, who gets a letter; returns the refund's id.

    *Raises* NotFound; Conflict while the money is not at the bank, or where less of it is left; Refused for a day to come or
    before it was received. *Writes* refund, donation, timeline, ledger, letter, audit; others are told.
    """
    payment = await require_may_go_back(session, payment_id, back, now=now, settings=settings)
    await forget(session, Deed.MONEY_BACK, [payment_id])
    donation = await _donation(session, payment)
    refund = Refund(
        id=ids.ulid(),
        donation_id=donation.id,
        amount_minor=back.amount.minor,
        currency=back.amount.currency,
        reason=back.reason.value,
        note=clean_line(back.words, limit=NOTE_CHARS) or None,
        state=RefundState.SUCCEEDED.value,
        origin=ORIGIN,
        requested_by=actor_id,
        created_at=now,
        updated_at=now,
    )
    session.add(refund)
    await session.flush()
    row = {
        "id": refund.id,
        "other_payment_id": payment.id,
        "way": back.way.value,
        "paid_on": back.paid_on,
        "state": OtherRefundState.PAID.value,
        "amount_minor": back.amount.minor,
        "currency": back.amount.currency,
        "recorded_by": actor_id,
        "recorded_at": now,
        "agreed_by": back.agreed_by,
        "alone_reason": clean_line(back.alone_reason, limit=REASON_CHARS) or None,
    }
    await session.execute(insert(OtherRefund).values(**row))
    await post(session, [_posting(refund, donation, back)], ids=ids, now=now)
    donation.refunded_minor, donation.updated_at = donation.refunded_minor + back.amount.minor, now
    await session.flush()
    told: dict[str, object] = {"amount_minor": back.amount.minor, "currency": back.amount.currency}
    told |= {"origin": ORIGIN, "way": back.way.value}
    await note(session, donation.id, "refund_succeeded", cause=refund.id, ids=ids, now=now, detail=told)
    if donation.email:
        await tell_of_refund(session, donation, refund, way=back.way.value, ids=ids, now=now, settings=settings)
    await emit_all(session, [refunded_message(refund)], ids=ids, now=now)
    told |= {"donation_id": donation.id, "refund_id": refund.id, "paid_on": back.paid_on.isoformat()}
    told |= {"asked_by": actor_id} if back.agreed_by else {}
    await _audit(session, "other_money.refund", payment.id, told, actor_id=back.agreed_by or actor_id, now=now)
    return refund.id


async def take_refund_back(
    session: AsyncSession, refund_id: str, *, actor_id: str, ids: Ids, now: datetime, settings: Settings
) -> str:
    """What was written down by mistake never went back; returns the payment's id. *Raises* NotFound, Conflict."""
    await lock_ledger(session)
    wanted = select(OtherRefund).where(OtherRefund.id == refund_id).with_for_update()
    found = await session.scalar(wanted.execution_options(populate_existing=True))
    if found is None:
        raise NotFound(_("There is no such refund."))
    if found.state != OtherRefundState.PAID:
        raise Conflict(_("The bank shows this refund already, or it was taken back. Undo its match first."))
    payment = await held_payment(session, found.other_payment_id)
    donation = await _donation(session, payment)
    row = LedgerTransaction
    mine = select(row.id).where(row.source_kind == OTHER_REFUND, row.source_id == refund_id, row.purpose == PURPOSE)
    transaction_id = await session.scalar(mine)
    assert transaction_id, "what was paid back is in the books"
    today = local_date(now, settings.time_zone)
    await reverse(session, transaction_id, booked_on=today, memo="other_money.refund_void", ids=ids, now=now)
    found.state, found.ended_by, found.ended_at = OtherRefundState.VOID.value, actor_id, now
    canceled = update(Refund).where(Refund.id == refund_id).values(state=RefundState.CANCELED.value, updated_at=now)
    await session.execute(canceled.execution_options(synchronize_session=False))
    donation.refunded_minor, donation.updated_at = donation.refunded_minor - found.amount_minor, now
    if payment.state == OtherState.BOUNCED:  # then that part, too, bounced with the cheque, and nothing of it was lost
        donation.returned_minor += found.amount_minor
        again = bounced_entries(donation, 0, -found.amount_minor)
        await post(session, [_correction(refund_id, again, today)], ids=ids, now=now)
    await session.flush()
    told: dict[str, object] = {"amount_minor": found.amount_minor, "currency": found.currency, "origin": ORIGIN}
    await note(session, donation.id, "refund_canceled", cause=refund_id, ids=ids, now=now, detail=told)
    undone = await session.get_one(Refund, refund_id)
    await emit_all(session, [refund_undone_message(undone)], ids=ids, now=now)
    told |= {"donation_id": donation.id, "refund_id": refund_id}
    await _audit(session, "other_money.refund_void", payment.id, told, actor_id=actor_id, now=now)
    return payment.id


async def require_may_go_back(
    session: AsyncSession, payment_id: str, back: Back, *, now: datetime, settings: Settings
) -> OtherPayment:
    """The payment, held, if this much of it may go back. *Raises* as `pay_back`."""
    payment = await held_payment(session, payment_id)
    await _require(session, payment, back, today=local_date(now, settings.time_zone))
    return payment


async def _require(session: AsyncSession, payment: OtherPayment, back: Back, *, today: date) -> None:
    promised = f"{payment.promise_id}:{payment.promise_turn}" if payment.promise_id else ""
    is_undone = promised and not await session.scalar(select(is_matched(Side.PROMISE, promised)))  # a job takes it back
    if payment.state not in AT_BANK or is_undone:
        raise Conflict(
            _("Only money that is at the bank can be paid back. What is not there yet is taken back instead.")
        )
    left = await left_of(session, payment)
    if back.amount.currency != payment.currency or back.amount.minor <= 0:
        raise Refused(_("Write an amount in the payment's currency, more than nothing."))
    if back.amount.minor > left.minor:
        raise Conflict(_("That is more than is left of this payment. Nothing was paid back."))
    if back.paid_on > today:
        raise Refused(_("That day has not come yet. Write it down once the money has left."))
    if back.paid_on < payment.received_on:
        raise Refused(_("That day is before the money came."))


async def _donation(session: AsyncSession, payment: OtherPayment) -> Donation:
    wanted = select(Donation).where(Donation.id == payment.donation_id).with_for_update()
    found = await session.scalar(wanted.execution_options(populate_existing=True))
    assert found, "the database holds them together"
    return found


def _posting(refund: Refund, donation: Donation, back: Back) -> Posting:
    """Out of what was received for the donation; what our bank sends is owed until it shows it."""
    minor, currency = back.amount.minor, back.amount.currency
    of_donation = {"fund_id": donation.fund_id, "appeal_id": donation.appeal_id, "donation_id": donation.id}
    entries = [
        Entry(account=Account.REFUNDS, amount_minor=minor, currency=currency, **of_donation),
        Entry(account=Account.UNDEPOSITED, amount_minor=-minor, currency=currency, **of_donation),
    ]
    if back.way is not RefundWay.CASH:
        entries += [
            Entry(account=Account.UNDEPOSITED, amount_minor=minor, currency=currency),
            Entry(account=Account.REFUNDS_PAYABLE, amount_minor=-minor, currency=currency),
        ]
    return Posting(
        source_kind=OTHER_REFUND,
        source_id=refund.id,
        purpose=PURPOSE,
        booked_on=back.paid_on,
        memo=back.way.value,
        entries=tuple(entries),
    )


def _correction(refund_id: str, entries: tuple[Entry, ...], today: date) -> Posting:
    return Posting(
        source_kind=OTHER_REFUND,
        source_id=refund_id,
        purpose=BOUNCE,
        booked_on=today,
        memo="other_money.refund_void",
        entries=entries,
    )


async def _audit(
    session: AsyncSession, action: str, payment_id: str, detail: dict[str, object], *, actor_id: str, now: datetime
) -> None:
    await record(
        session,
        actor_kind="staff",
        actor_id=actor_id,
        action=action,
        record_kind="other_payment",
        record_id=payment_id,
        detail=detail,
        now=now,
    )
