"""What banks take back: a dispute as it stands, what of its donation is gone, and who must look by when.

Its money is posted when it moves, from lines of the balance of their own; this says only how far the dispute has come.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.codes import Code, Resolution
from supporters.discrepancies.open import open_discrepancy
from supporters.discrepancies.resolve import settle_discrepancy
from supporters.donations.lifecycle import (
    DISPUTE_ENDS,
    DISPUTE_TAKES,
    dispute_follows,
    dispute_state_of,
    is_returned_debit,
)
from supporters.donations.models import Dispute, DisputeState, Donation
from supporters.donations.timeline import note
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.payments.facts import DisputeSeen, FraudWarned

UNPAID_AFTER = timedelta(days=10)


class AppliedDispute(msgspec.Struct, frozen=True):
    """A dispute that has just come to `state`, by the supporter's bank for `reason`."""

    dispute_id: str
    donation_id: str
    state: DisputeState
    reason: str
    amount: Money

    @property
    def is_debit(self) -> bool:
        """Whether a bank has returned a debit, which nobody can contest."""
        return is_returned_debit(self.reason)


async def apply_dispute(
    session: AsyncSession, fact: DisputeSeen, *, ids: Ids, now: datetime, time_zone: str
) -> AppliedDispute | None:
    """The dispute stands as Stripe says, and so does what its donation has lost; a person has a task with its due date.

    None when the news is old or of no donation of ours: see `donation_of_payment`. *Idempotent by* dispute and state.
    *Writes* dispute, donation, timeline, discrepancies.
    """
    donation = await donation_of_payment(session, fact.payment_intent_id)
    if donation is None:
        return None
    dispute = await _dispute_of(session, fact.dispute_id)
    wanted, at = dispute_state_of(fact.status), fact.occurred_at or now
    if dispute is None:
        dispute = _new(fact, donation.id, ids=ids, now=now)
        session.add(dispute)
    else:
        dispute.opened_at = min(dispute.opened_at, at)
        if not dispute_follows(dispute.state, wanted, seen_at=dispute.seen_at, occurred_at=fact.occurred_at):
            await session.flush()
            return None
    before = dispute.state
    _see(dispute, fact, wanted, at=at, now=now)
    await session.flush()
    await _count_returned(session, donation, now=now)
    told = {"amount_minor": fact.amount_minor, "currency": fact.currency, "reason": dispute.reason}
    kind = f"dispute_{wanted}"
    await note(session, donation.id, kind, cause=dispute.stripe_dispute_id, ids=ids, now=now, detail=told)
    await _ask_person(session, dispute, ids=ids, now=now, zone=ZoneInfo(time_zone))
    await _compare_refunds(session, donation, dispute, ids=ids, now=now)
    if before == wanted:
        return None
    amount = Money(dispute.amount_minor, dispute.currency)
    return AppliedDispute(dispute.id, donation.id, wanted, dispute.reason, amount)


async def apply_warning(session: AsyncSession, fact: FraudWarned, *, ids: Ids, now: datetime) -> bool:
    """A person is asked to return the money before a dispute does; no longer once that is no use. False when not ours."""
    donation = await donation_of_payment(session, fact.payment_intent_id)
    if donation is None:
        return False
    left = donation.amount_minor - donation.refunded_minor - donation.returned_minor
    if fact.is_actionable and left > 0:
        told = {"code": fact.fraud_type}
        await note(session, donation.id, "fraud_warned", cause=fact.warning_id, ids=ids, now=now, detail=told)
        await open_discrepancy(
            session,
            code=Code.FRAUD_WARNING,
            subject=fact.warning_id,
            ids=ids,
            now=now,
            donation_id=donation.id,
            amount=Money(left, donation.currency),
            detail={"fraud_type": fact.fraud_type},
        )
        return True
    why = _("The payment has been refunded or disputed since.")
    await _settle(session, Code.FRAUD_WARNING, fact.warning_id, Resolution.EXPLAINED, why, now)
    return True


async def report_unclear(session: AsyncSession, fact: DisputeSeen | FraudWarned, *, ids: Ids, now: datetime) -> None:
    """A person hears of a dispute or warning about money of ours that no donation is known for."""
    is_dispute = isinstance(fact, DisputeSeen)
    await open_discrepancy(
        session,
        code=Code.DISPUTE_OPENED if is_dispute else Code.FRAUD_WARNING,
        subject=fact.dispute_id if is_dispute else fact.warning_id,
        ids=ids,
        now=now,
        amount=Money(fact.amount_minor, fact.currency) if is_dispute else None,
        detail={"payment": fact.payment_intent_id, "reason": fact.reason if is_dispute else fact.fraud_type},
        due_on=fact.evidence_due_at.date() if is_dispute and fact.evidence_due_at else None,
    )


async def donation_of_payment(session: AsyncSession, payment_intent_id: str | None) -> Donation | None:
    """The donation that this payment has paid, held until the transaction ends."""
    wanted = select(Donation).where(Donation.stripe_payment_intent_id == payment_intent_id).with_for_update()
    return await session.scalar(wanted.execution_options(populate_existing=True))


async def report_unpaid(session: AsyncSession, *, ids: Ids, now: datetime, settled: set[str]) -> None:
    """A person hears of every dispute that was won ten days ago and is not among the `settled`: its money has not come."""
    won = (Dispute.state == DisputeState.WON) & Dispute.settled_at.is_(None)
    overdue = select(Dispute).where(won, Dispute.closed_at <= now - UNPAID_AFTER)
    for dispute in (await session.scalars(overdue)).all():
        if dispute.id not in settled:
            await open_discrepancy(
                session,
                code=Code.DISPUTE_UNPAID,
                subject=dispute.stripe_dispute_id,
                ids=ids,
                now=now,
                donation_id=dispute.donation_id,
                amount=Money(dispute.amount_minor, dispute.currency),
            )


async def _dispute_of(session: AsyncSession, stripe_dispute_id: str) -> Dispute | None:
    wanted = select(Dispute).where(Dispute.stripe_dispute_id == stripe_dispute_id).with_for_update()
    return await session.scalar(wanted.execution_options(populate_existing=True))


def _new(fact: DisputeSeen, donation_id: str, *, ids: Ids, now: datetime) -> Dispute:
    return Dispute(
        id=ids.ulid(),
        donation_id=donation_id,
        stripe_dispute_id=fact.dispute_id,
        stripe_payment_intent_id=fact.payment_intent_id,
        state="",
        opened_at=fact.occurred_at or now,
        created_at=now,
    )


def _see(dispute: Dispute, fact: DisputeSeen, wanted: DisputeState, *, at: datetime, now: datetime) -> None:
    has_ended = wanted in DISPUTE_ENDS
    dispute.amount_minor, dispute.currency = fact.amount_minor, fact.currency
    dispute.reason = fact.reason[:60]
    dispute.due_at = fact.evidence_due_at or dispute.due_at
    dispute.closed_at = (dispute.closed_at or at) if has_ended else None
    dispute.state = wanted
    dispute.settled_at = None
    dispute.seen_at = fact.occurred_at or dispute.seen_at
    dispute.updated_at = now


async def _count_returned(session: AsyncSession, donation: Donation, *, now: datetime) -> None:
    """What the bank has taken of the donation is the sum of what its disputes take, at most all of it."""
    taken = select(func.coalesce(func.sum(Dispute.amount_minor), 0)).where(
        Dispute.donation_id == donation.id, Dispute.state.in_(DISPUTE_TAKES)
    )
    returned = min(int(await session.scalar(taken) or 0), donation.amount_minor)
    changed = update(Donation).where(Donation.id == donation.id).values(returned_minor=returned, updated_at=now)
    await session.execute(changed.execution_options(synchronize_session=False))
    await session.refresh(donation)


async def _ask_person(session: AsyncSession, dispute: Dispute, *, ids: Ids, now: datetime, zone: ZoneInfo) -> None:
    """A task for as long as an answer is wanted. One that ends is on record as a task too: somebody may ask about it."""
    if is_returned_debit(dispute.reason):
        return
    state, subject = DisputeState(dispute.state), dispute.stripe_dispute_id
    is_inquiry = state in (DisputeState.INQUIRY, DisputeState.CLOSED)
    code = Code.DISPUTE_INQUIRY if is_inquiry else Code.DISPUTE_OPENED
    await open_discrepancy(
        session,
        code=code,
        subject=subject,
        ids=ids,
        now=now,
        donation_id=dispute.donation_id,
        amount=Money(dispute.amount_minor, dispute.currency),
        detail={"dispute": dispute.id, "reason": dispute.reason},
        due_on=dispute.due_at.astimezone(zone).date() if dispute.due_at else None,
    )
    if not is_inquiry:
        why = _("The inquiry became a dispute.")
        await _settle(session, Code.DISPUTE_INQUIRY, subject, Resolution.EXPLAINED, why, now)
    if state not in (DisputeState.INQUIRY, DisputeState.NEEDS_ANSWER):
        await _settle(session, code, subject, Resolution.FIXED_AT_STRIPE, _end_of(state), now)


def _end_of(state: DisputeState) -> str:
    return {
        DisputeState.UNDER_REVIEW: _("The evidence is with the bank."),
        DisputeState.WON: _("The dispute was won."),
        DisputeState.LOST: _("The dispute was lost; the books say so."),
    }.get(state, _("The bank has closed its inquiry."))


async def _compare_refunds(
    session: AsyncSession, donation: Donation, dispute: Dispute, *, ids: Ids, now: datetime
) -> None:
    too_much = donation.refunded_minor + donation.returned_minor - donation.amount_minor
    if too_much > 0:
        await open_discrepancy(
            session,
            code=Code.DISPUTE_AND_REFUND,
            subject=dispute.stripe_dispute_id,
            ids=ids,
            now=now,
            donation_id=donation.id,
            amount=Money(too_much, donation.currency),
        )


async def _settle(
    session: AsyncSession, code: Code, subject: str, resolution: Resolution, reason: str, now: datetime
) -> None:
    await settle_discrepancy(session, code=code, subject=subject, resolution=resolution, reason=reason, now=now)
