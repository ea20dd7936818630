"""Receipts of donations that a bank has taken back for good, or after all not, and the letters that say so."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.models import AuditEntry
from supporters.audit.record import record
from supporters.donations.disputes import AppliedDispute
from supporters.donations.models import Donation, DonationState, Frequency
from supporters.kit.ids import Ids
from supporters.mail.models import Stream
from supporters.mail.outbox import queue_letter
from supporters.mail.rules import echoable_name
from supporters.plans.disputed import plan_after_loss
from supporters.receipts.issue import mail_domain
from supporters.receipts.models import Receipt
from supporters.settings import Settings

RETURNED = "payment_returned"
KEPT = "payment_kept"
VOID, RESTORE, HOUSE = "receipt.void", "receipt.restore", "system"
FAILED = "debit_failed"


async def take_back(
    session: AsyncSession, lost: AppliedDispute, *, ids: Ids, now: datetime, settings: Settings
) -> None:
    """The receipt of what the bank has taken back wholly counts no more, and the supporter is told once.

    A part leaves the receipt as it is. *Idempotent by* the dispute. *Writes* receipt, audit, letter.
    """
    donation = await session.get(Donation, lost.donation_id)
    assert donation, "a dispute is of a donation"
    number = None
    if donation.returned_minor >= donation.amount_minor:
        number = await _void(session, donation.id, because=lost.dispute_id, now=now)
    told: dict[str, object] = {
        "returned_minor": lost.amount.minor,
        "returned_currency": lost.amount.currency,
        "receipt": number,
        "is_debit": lost.is_debit,
        "is_plan": donation.frequency != Frequency.ONCE,
        **await plan_after_loss(session, donation.id, lost.reason, now=now, settings=settings),
    }
    await _queue(session, RETURNED, donation, told, once=lost.dispute_id, ids=ids, now=now, settings=settings)


async def bring_back(
    session: AsyncSession, won: AppliedDispute, *, ids: Ids, now: datetime, settings: Settings
) -> None:
    """The receipt that this dispute had voided when it was lost counts again, and the supporter is told once.

    One that was voided for another reason stays void, and so does one of what was returned otherwise meanwhile.
    *Idempotent by* the dispute. *Writes* receipt, audit, letter.
    """
    donation = await session.get(Donation, won.donation_id, populate_existing=True)
    assert donation, "a dispute is of a donation"
    if donation.returned_minor or donation.refunded_minor >= donation.amount_minor:
        return
    number = await _restore(session, donation.id, because=won.dispute_id, now=now)
    if number is None:
        return
    told: dict[str, object] = {
        "returned_minor": won.amount.minor,
        "returned_currency": won.amount.currency,
        "receipt": number,
        "is_plan": donation.frequency != Frequency.ONCE,
    }
    await _queue(session, KEPT, donation, told, once=won.dispute_id, ids=ids, now=now, settings=settings)


async def tell_debit_failed(
    session: AsyncSession, payment_intent_id: str, *, donation_id: str, ids: Ids, now: datetime, settings: Settings
) -> None:
    """Whoever gave once by debit hears that their bank did not pay. What a plan's supporter hears, its bill says."""
    donation = await session.get(Donation, donation_id, populate_existing=True)
    if donation and donation.frequency == Frequency.ONCE and donation.state != DonationState.PAID:
        told: dict[str, object] = {"give_url": f"{settings.base_url}/give"}
        await _queue(session, FAILED, donation, told, once=payment_intent_id, ids=ids, now=now, settings=settings)


async def _void(session: AsyncSession, donation_id: str, *, because: str, now: datetime) -> str | None:
    """The number of the receipt that has just been voided, if the donation had one that counted."""
    mine = (Receipt.donation_id == donation_id) & Receipt.voided_at.is_(None)
    found = (await session.execute(select(Receipt.id, Receipt.number).where(mine).with_for_update())).one_or_none()
    if found is None:
        return None
    voided = update(Receipt).where(Receipt.id == found.id).values(voided_at=now)
    await session.execute(voided.execution_options(synchronize_session=False))
    await _record(session, VOID, found.id, found.number, because=because, now=now)
    return found.number


async def _restore(session: AsyncSession, donation_id: str, *, because: str, now: datetime) -> str | None:
    """The number of the receipt that counts again, if a dispute had voided it."""
    mine = (Receipt.donation_id == donation_id) & Receipt.voided_at.is_not(None)
    found = (await session.execute(select(Receipt.id, Receipt.number).where(mine).with_for_update())).one_or_none()
    if found is None or not await _was_voided_here(session, found.id):
        return None
    restored = update(Receipt).where(Receipt.id == found.id).values(voided_at=None)
    await session.execute(restored.execution_options(synchronize_session=False))
    await _record(session, RESTORE, found.id, found.number, because=because, now=now)
    return found.number


async def _was_voided_here(session: AsyncSession, receipt_id: str) -> bool:
    """Whether the house itself voided the receipt last, for a dispute; a person's own reason stays."""
    mine = (AuditEntry.record_kind == "receipt") & (AuditEntry.record_id == receipt_id)
    voided = select(AuditEntry.actor_kind).where(mine, AuditEntry.action == VOID)
    return await session.scalar(voided.order_by(AuditEntry.seq.desc()).limit(1)) == HOUSE


async def _record(
    session: AsyncSession, action: str, receipt_id: str, number: str, *, because: str, now: datetime
) -> None:
    await record(
        session,
        actor_kind=HOUSE,
        actor_id=None,
        action=action,
        record_kind="receipt",
        record_id=receipt_id,
        detail={"number": number, "dispute_id": because},
        now=now,
    )


async def _queue(
    session: AsyncSession,
    kind: str,
    donation: Donation,
    told: dict[str, object],
    *,
    once: str,
    ids: Ids,
    now: datetime,
    settings: Settings,
) -> None:
    context: dict[str, object] = {
        "amount_minor": donation.amount_minor,
        "currency": donation.currency,
        "reference": donation.reference,
        "name": echoable_name(donation.name),
        "given_at": (donation.paid_at or donation.created_at).isoformat(),
        **told,
    }
    await queue_letter(
        session,
        kind=kind,
        stream=Stream.SERVICE,
        recipient=donation.email,
        dedupe_key=once,
        context=context,
        about=donation.id,
        ids=ids,
        now=now,
        domain=mail_domain(settings),
    )
