"""Returning money: asked for at the desk, sent by a job, believed when Stripe says so.

Never more than was given: what may be returned is computed under the lock of the donation's row.
"""

from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.discrepancies.codes import Code
from supporters.discrepancies.open import open_discrepancy
from supporters.donations import lifecycle
from supporters.donations.messages import refund_undone_message, refunded_message
from supporters.donations.models import Donation, DonationState, Refund, RefundReason, RefundState
from supporters.donations.other_models import OtherPayment
from supporters.donations.timeline import note
from supporters.jobs.queue import enqueue
from supporters.kit.errors import Conflict, NotFound
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.mail.models import Stream
from supporters.mail.outbox import queue_letter
from supporters.mail.rules import echoable_name
from supporters.outgoing.emit import emit_all
from supporters.payments.facts import RefundChanged
from supporters.settings import Settings

SEND_JOB = "refund.send"
LETTER = "refund"
NOTE_CHARS = 400


class RefundEffect(StrEnum):
    """What a fact about a refund has changed."""

    NOTHING = "nothing"  # We knew.
    CHANGED = "changed"  # Its state, not the money.
    RETURNED = "returned"  # It succeeded: the money is on its way, the letter waits.
    CAME_BACK = "came_back"  # It failed after it had succeeded, or before: a person must look.


class AppliedRefund(msgspec.Struct, frozen=True):
    """Our refund that a fact was about, and what it changed."""

    refund_id: str
    donation_id: str
    effect: RefundEffect


async def refundable(session: AsyncSession, donation_id: str) -> Money:
    """What may still be returned of a donation. Raises NotFound."""
    donation = await session.get(Donation, donation_id, populate_existing=True)
    if donation is None:
        raise NotFound(_("There is no such donation."))
    return Money(await _refundable_minor(session, donation), donation.currency)


async def request_refund(
    session: AsyncSession,
    donation_id: str,
    *,
    amount: Money,
    reason: RefundReason,
    note_text: str | None,
    actor_id: str,
    ids: Ids,
    now: datetime,
    request_id: str | None = None,
    actor_kind: str = "staff",
) -> Refund:
    """A refund is on record and a job will send it; Stripe is not called here.

    Raises NotFound, Conflict (not paid, wrong currency, or more than is left). *Writes* refund, timeline, job, audit.
    """
    donation = await _lock(session, donation_id)
    await _check_refundable(session, donation, amount)
    refund = Refund(
        id=ids.ulid(),
        donation_id=donation_id,
        amount_minor=amount.minor,
        currency=amount.currency,
        reason=reason,
        note=clean_line(note_text or "", limit=NOTE_CHARS) or None,
        state=RefundState.REQUESTED,
        origin="desk",
        requested_by=actor_id if actor_kind == "staff" else None,
        created_at=now,
        updated_at=now,
    )
    refund.idempotency_key = f"v1:refund:{refund.id}:0"
    session.add(refund)
    await session.flush()
    told = {"amount_minor": amount.minor, "currency": amount.currency, "reason": reason, "by": actor_id}
    await note(session, donation_id, "refund_requested", cause=refund.id, ids=ids, now=now, detail=told)
    await enqueue(session, SEND_JOB, {"refund_id": refund.id}, ids=ids, now=now, dedupe=refund.id)
    await record(
        session,
        actor_kind=actor_kind,
        actor_id=actor_id,
        action="donation.refund",
        record_kind="donation",
        record_id=donation_id,
        detail={**told, "refund_id": refund.id, "note": refund.note},
        now=now,
        request_id=request_id,
    )
    return refund


async def apply_refund(
    session: AsyncSession, fact: RefundChanged, *, ids: Ids, now: datetime, settings: Settings
) -> AppliedRefund | None:
    """Our refund stands as Stripe says; the donation's refunded sum, letter and webhook follow once. None when not ours.

    A refund that was made at Stripe itself becomes a row with origin `external`. States only move forward: a late
    `pending` changes nothing. One that we had given up (its reply was lost) stands again when Stripe names it.
    The caller opens the discrepancy for CAME_BACK. *Idempotent by* the refund and its state.
    """
    donation = await _donation_of(session, fact)
    if donation is None:
        return None
    refund = await _refund_of(session, fact, donation, ids=ids, now=now)
    wanted = lifecycle.refund_state_of(fact.status)
    before, is_at_stripe = refund.state, refund.stripe_refund_id is not None
    if not is_at_stripe:
        await _set(session, refund.id, stripe_refund_id=fact.refund_id)
    if before == wanted or not lifecycle.refund_may_become(before, wanted, is_at_stripe=is_at_stripe):
        return AppliedRefund(refund.id, donation.id, RefundEffect.NOTHING)
    await _set(session, refund.id, state=wanted, failure_reason=fact.failure_reason, updated_at=now)
    change = lifecycle.refunded_change(before, wanted, refund.amount_minor)
    if change:
        await _count_refunded(session, donation, ids=ids, now=now)
    told: dict[str, object] = {
        "amount_minor": refund.amount_minor,
        "currency": refund.currency,
        "origin": refund.origin,
    }
    told |= {"failure_reason": fact.failure_reason} if fact.failure_reason else {}
    await note(session, donation.id, f"refund_{wanted}", cause=refund.id, ids=ids, now=now, detail=told)
    if wanted is RefundState.SUCCEEDED:
        await tell_of_refund(session, donation, refund, ids=ids, now=now, settings=settings)
        await emit_all(session, [refunded_message(refund)], ids=ids, now=now)
    elif before == RefundState.SUCCEEDED:
        await emit_all(session, [refund_undone_message(refund)], ids=ids, now=now)
    return AppliedRefund(refund.id, donation.id, _effect(wanted))


async def refund_not_sent(session: AsyncSession, refund_id: str, *, reason: str, ids: Ids, now: datetime) -> bool:
    """Stripe refused the refund for good: it failed, and its money may be returned again. False when it moved on before."""
    waiting = (Refund.id == refund_id) & (Refund.state == RefundState.REQUESTED)
    refund = await session.scalar(select(Refund).where(waiting).with_for_update())
    if refund is None:
        return False
    await _set(session, refund.id, state=RefundState.FAILED, failure_reason=reason[:60], updated_at=now)
    told = {"amount_minor": refund.amount_minor, "currency": refund.currency, "failure_reason": reason[:60]}
    return await note(session, refund.donation_id, "refund_failed", cause=refund.id, ids=ids, now=now, detail=told)


def _effect(wanted: RefundState) -> RefundEffect:
    if wanted is RefundState.SUCCEEDED:
        return RefundEffect.RETURNED
    return RefundEffect.CAME_BACK if wanted is RefundState.FAILED else RefundEffect.CHANGED


async def _lock(session: AsyncSession, donation_id: str) -> Donation:
    wanted = select(Donation).where(Donation.id == donation_id).with_for_update()
    donation = await session.scalar(wanted.execution_options(populate_existing=True))
    if donation is None:
        raise NotFound(_("There is no such donation."))
    return donation


async def _check_refundable(session: AsyncSession, donation: Donation, amount: Money) -> None:
    if donation.state != DonationState.PAID:
        raise Conflict(_("Only a donation that was paid can be refunded."))
    if await session.scalar(select(OtherPayment.id).where(OtherPayment.donation_id == donation.id)):
        raise Conflict(_("This donation never met Stripe, so nothing can be refunded there. Return it by your bank."))
    if amount.currency != donation.currency or amount.minor <= 0:
        raise Conflict(_("The refund must be a sum in the donation's currency."))
    if donation.returned_minor and amount.minor > await _refundable_minor(session, donation):
        raise Conflict(_("The supporter's bank has taken this donation back or disputes it. Nothing was refunded."))
    if amount.minor > await _refundable_minor(session, donation):
        raise Conflict(_("That is more than is left of this donation. Nothing was refunded."))


async def _refundable_minor(session: AsyncSession, donation: Donation) -> int:
    held = select(func.coalesce(func.sum(Refund.amount_minor), 0)).where(
        Refund.donation_id == donation.id, Refund.state.in_(lifecycle.REFUND_HOLDS)
    )
    return lifecycle.refundable_minor(
        amount_minor=donation.amount_minor,
        refunded_minor=donation.refunded_minor + donation.returned_minor,
        held_minor=int(await session.scalar(held) or 0),
    )


async def _donation_of(session: AsyncSession, fact: RefundChanged) -> Donation | None:
    """By the payment or the charge: our own note in Stripe's metadata proves nothing."""
    if fact.payment_intent_id:
        by = Donation.stripe_payment_intent_id == fact.payment_intent_id
    elif fact.charge_id:
        by = Donation.stripe_charge_id == fact.charge_id
    else:
        return None
    return await session.scalar(select(Donation).where(by).with_for_update().execution_options(populate_existing=True))


async def _refund_of(
    session: AsyncSession, fact: RefundChanged, donation: Donation, *, ids: Ids, now: datetime
) -> Refund:
    fresh = {"populate_existing": True}
    known = await session.scalar(
        select(Refund).where(Refund.stripe_refund_id == fact.refund_id), execution_options=fresh
    )
    if known is None and fact.our_refund_id:
        ours = (Refund.id == fact.our_refund_id) & (Refund.donation_id == donation.id)
        fits = ours & Refund.stripe_refund_id.is_(None) & (Refund.amount_minor == fact.amount_minor)
        known = await session.scalar(select(Refund).where(fits), execution_options=fresh)
    return known or await _add_external(session, fact, donation, ids=ids, now=now)


async def _add_external(
    session: AsyncSession, fact: RefundChanged, donation: Donation, *, ids: Ids, now: datetime
) -> Refund:
    values = {
        "id": ids.ulid(),
        "donation_id": donation.id,
        "amount_minor": fact.amount_minor,
        "currency": fact.currency,
        "reason": RefundReason.OTHER,
        "state": RefundState.REQUESTED,
        "origin": "external",
        "stripe_refund_id": fact.refund_id,
        "created_at": now,
        "updated_at": now,
    }
    return (await session.execute(insert(Refund).values(**values).returning(Refund))).scalar_one()


async def _set(session: AsyncSession, refund_id: str, **values: object) -> None:
    changed = update(Refund).where(Refund.id == refund_id).values(**values)
    await session.execute(changed.execution_options(synchronize_session=False))


async def _count_refunded(session: AsyncSession, donation: Donation, *, ids: Ids, now: datetime) -> None:
    """What was refunded is the sum of its refunds, at most all of the donation; what is more, a person must explain.

    Stripe refuses to return more, but we may not have heard that an earlier refund came back.
    """
    given = select(func.coalesce(func.sum(Refund.amount_minor), 0)).where(
        Refund.donation_id == donation.id, Refund.state == RefundState.SUCCEEDED
    )
    total = int(await session.scalar(given) or 0)
    values = {"refunded_minor": min(total, donation.amount_minor), "updated_at": now}
    changed = update(Donation).where(Donation.id == donation.id).values(**values)
    await session.execute(changed.execution_options(synchronize_session=False))
    over = total - donation.amount_minor
    if over > 0 and not donation.returned_minor:  # with a dispute, that one's discrepancy says it
        await open_discrepancy(
            session,
            code=Code.REFUND_EXCEEDS,
            subject=donation.id,
            donation_id=donation.id,
            amount=Money(over, donation.currency),
            fingerprint=str(over),
            ids=ids,
            now=now,
        )


async def tell_of_refund(
    session: AsyncSession,
    donation: Donation,
    refund: Refund,
    *,
    ids: Ids,
    now: datetime,
    settings: Settings,
    way: str = "",
) -> None:
    """A letter tells the giver of the refund, once; `way` is how it goes back, where that is not the way it came."""
    context: dict[str, object] = {
        "amount_minor": refund.amount_minor,
        "donation_minor": donation.amount_minor,
        "currency": refund.currency,
        "reference": donation.reference,
        "name": echoable_name(donation.name),
        "card_last4": donation.card_last4,
        "way": way,
        "paid_at": (donation.paid_at or donation.created_at).isoformat(),
    }
    await queue_letter(
        session,
        kind=LETTER,
        stream=Stream.SERVICE,
        recipient=donation.email,
        dedupe_key=refund.id,
        context=context,
        about=donation.id,
        ids=ids,
        now=now,
        domain=urlsplit(settings.base_url).hostname or "localhost",
    )
