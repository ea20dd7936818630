"""What Stripe tells us about a payment, applied: paid, processing, refused, expired, and by which card.

Every verb may be repeated and may come late: it moves a donation forward or does nothing. They run on the caller's
session with few statements each, as hundreds run in one second.
"""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.models import Appeal
from supporters.donations.lifecycle import states_before
from supporters.donations.models import Checkout, Donation, DonationState
from supporters.donations.timeline import note
from supporters.guard.limits import Failure, Limits
from supporters.kit.db import changed_rows
from supporters.kit.errors import NotFound, SupportersError
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _
from supporters.newsletters.wish import wish
from supporters.payments.facts import (
    LATE_REFUSAL,
    ChargeSeen,
    CheckoutCompleted,
    CheckoutExpired,
    PaymentProcessing,
    PaymentRefused,
)
from supporters.people.actions import find_or_add


class NotOurs(NotFound):
    """No checkout of ours made this session or payment."""


class PaymentMismatch(SupportersError):
    """A payment does not fit the checkout that it claims to belong to. `detail` says what differs; nothing was stored."""

    def __init__(self, donation_id: str, detail: dict[str, object]) -> None:
        super().__init__(_("A payment differs from what the form asked for."))
        self.donation_id = donation_id
        self.detail = detail


class PaidDonation(msgspec.Struct, frozen=True, kw_only=True):
    """A donation that has just been paid: what its receipt and its letter need."""

    id: str
    reference: str
    amount_minor: int
    currency: str
    frequency: str
    email: str
    name: str
    card_last4: str | None
    appeal_slug: str
    appeal_heading: str
    appeal_thanks: str
    appeal_signed_by: str
    paid_at: datetime


async def tie_payment(session: AsyncSession, stripe_session_id: str, payment_intent_id: str) -> str:
    """The payment belongs to the donation of this checkout session; returns the donation's id.

    Raises NotOurs when no checkout of ours has that session, PaymentMismatch when it has another payment.
    """
    wanted = select(Checkout.id, Checkout.donation_id, Checkout.stripe_payment_intent_id).where(
        Checkout.stripe_session_id == stripe_session_id
    )
    found = (await session.execute(wanted)).one_or_none()
    if found is None:
        raise NotOurs(_("This payment was not made through a form of ours."))
    checkout_id, donation_id, known = found
    if known is None:
        tied = update(Checkout).where(Checkout.id == checkout_id).values(stripe_payment_intent_id=payment_intent_id)
        await session.execute(tied)
    elif known != payment_intent_id:
        raise PaymentMismatch(donation_id, {"payment_intent": [known, payment_intent_id]})
    return donation_id


async def collect_paid(
    session: AsyncSession, fact: CheckoutCompleted, *, ids: Ids, now: datetime
) -> PaidDonation | None:
    """The donation is paid and its giver is on file. None when that was so before, or the bank has not answered yet.

    The caller issues the receipt for what is returned (`receipts.issue`), in the same transaction. Paid at the time
    that the fact names, which may be long before `now`. Raises NotOurs, PaymentMismatch (nothing stored).
    """
    row = await _checkout_of(session, fact.session_id)
    if not fact.is_paid and row.revision != row.current_revision and fact.subscription_id is None:
        await _close_unpaid(session, row, fact)
        return None
    differing = _differences(row, fact)
    if differing:
        raise PaymentMismatch(row.donation_id, differing)
    if not fact.is_paid:
        await _wait_for_bank(session, row, fact, ids=ids, now=now)
        return None
    if row.state == DonationState.PAID:
        return None
    supporter = await find_or_add(session, row.email, row.name, ids=ids, now=now)
    paid_at = fact.occurred_at or now
    await _mark_paid(session, row, fact, supporter_id=supporter.supporter_id, paid_at=paid_at, now=now)
    told = {"amount_minor": row.amount_minor, "currency": row.currency, "was": row.state}
    await note(session, row.donation_id, "paid", cause=fact.session_id, ids=ids, now=now, detail=told)
    if row.wants_newsletter:
        await wish(session, row.email, form="give", path="/give", ids=ids, now=now)
    return _paid(row, paid_at)


async def collect_processing(session: AsyncSession, fact: PaymentProcessing, *, ids: Ids, now: datetime) -> bool:
    """The donation waits for the bank. False when it is further along, or was so before. Raises NotOurs."""
    donation_id, revision_fits = await _donation_of(session, fact.payment_intent_id)
    if not revision_fits or not await _move(session, donation_id, DonationState.PROCESSING, now=now):
        return False
    return await note(session, donation_id, "processing", cause=fact.payment_intent_id, ids=ids, now=now)


async def collect_refusal(
    session: AsyncSession, fact: PaymentRefused, *, cause: str, limits: Limits, ids: Ids, now: datetime
) -> bool:
    """The bank's refusal is on the timeline, on the donation if unpaid, and weighs in the limits. Raises NotOurs.

    *Idempotent by* `cause`, the id of the event that told us: one page may see several refusals.
    """
    donation_id, revision_fits = await _donation_of(session, fact.payment_intent_id)
    if not await note(session, donation_id, "refused", cause=cause, ids=ids, now=now, detail={"code": fact.code}):
        return False
    unpaid = (Donation.id == donation_id) & (Donation.state != DonationState.PAID)
    changed = update(Donation).where(unpaid).values(failure_code=fact.code[:60], updated_at=now)
    await session.execute(changed.execution_options(synchronize_session=False))
    sender = select(Donation.network_digest, Donation.email).where(Donation.id == donation_id)
    network_digest, email = (await session.execute(sender)).one()
    await limits.count_failure_of(session, network_digest=network_digest, email=email, now=now, kind=Failure.CARD)
    if fact.code == LATE_REFUSAL and revision_fits:
        await _move(session, donation_id, DonationState.EXPIRED, now=now)
    return True


async def collect_expired(session: AsyncSession, fact: CheckoutExpired, *, ids: Ids, now: datetime) -> bool:
    """The page is over, and so is the donation unless it went on to another page or was paid. Raises NotOurs."""
    row = await _checkout_of(session, fact.session_id)
    over = update(Checkout).where(Checkout.id == row.checkout_id).values(is_over=True)
    await session.execute(over)
    is_current = row.revision == row.current_revision
    if not is_current or not await _move(session, row.donation_id, DonationState.EXPIRED, now=now):
        return False
    return await note(session, row.donation_id, "expired", cause=fact.session_id, ids=ids, now=now)


async def see_charge(session: AsyncSession, fact: ChargeSeen, *, now: datetime) -> str | None:
    """The donation knows its charge and the card's brand and last digits; returns its id, None when it knew. Raises NotOurs.

    Comes before or after `collect_paid`. The caller completes the waiting letter (`receipts.issue.tell_card`).
    """
    donation_id, is_current = await _donation_of(session, fact.payment_intent_id)
    if not is_current:
        return None
    unknown = (Donation.id == donation_id) & (Donation.stripe_charge_id.is_(None))
    values = {
        "stripe_charge_id": fact.charge_id,
        "card_brand": fact.card_brand,
        "card_last4": fact.card_last4,
        "updated_at": now,
    }
    changed = update(Donation).where(unknown).values(**values).execution_options(synchronize_session=False)
    return donation_id if changed_rows(await session.execute(changed)) == 1 else None


_CHECKOUT = (
    select(
        Checkout.id.label("checkout_id"),
        Checkout.revision,
        Checkout.amount_minor.label("asked_minor"),
        Checkout.currency.label("asked_currency"),
        Checkout.stripe_payment_intent_id.label("tied_payment"),
        Donation.id.label("donation_id"),
        Donation.revision.label("current_revision"),
        Donation.reference,
        Donation.state,
        Donation.amount_minor,
        Donation.currency,
        Donation.frequency,
        Donation.livemode,
        Donation.email,
        Donation.name,
        Donation.wants_newsletter,
        Donation.card_last4,
        Donation.stripe_payment_intent_id.label("paid_by"),
        Appeal.slug,
        Appeal.heading,
        Appeal.thanks,
        Appeal.signed_by,
    )
    .join(Donation, Donation.id == Checkout.donation_id)
    .join(Appeal, Appeal.id == Donation.appeal_id)
    .with_for_update(of=Donation)
)


async def _checkout_of(session: AsyncSession, stripe_session_id: str) -> Row[*tuple[Any, ...]]:
    found = (await session.execute(_CHECKOUT.where(Checkout.stripe_session_id == stripe_session_id))).one_or_none()
    if found is None:
        raise NotOurs(_("This payment was not made through a form of ours."))
    return found


def _differences(row: Row[*tuple[Any, ...]], fact: CheckoutCompleted) -> dict[str, object]:
    """What the payment says differently from the form, as [expected, said]."""
    pairs: dict[str, tuple[object, object]] = {
        "amount_minor": (row.asked_minor, fact.amount_minor),
        "currency": (row.asked_currency, fact.currency),
        "livemode": (row.livemode, fact.livemode),
        "revision": (row.current_revision, row.revision),
    }
    if fact.payment_intent_id:  # a page that starts a plan names a bill, and the bill its payment
        pairs["payment_intent"] = (row.tied_payment or fact.payment_intent_id, fact.payment_intent_id)
        pairs["paid_by"] = (row.paid_by or fact.payment_intent_id, fact.payment_intent_id)
    return {name: [expected, said] for name, (expected, said) in pairs.items() if expected != said}


async def _mark_paid(
    session: AsyncSession,
    row: Row[*tuple[Any, ...]],
    fact: CheckoutCompleted,
    *,
    supporter_id: str,
    paid_at: datetime,
    now: datetime,
) -> None:
    paid = {
        "state": DonationState.PAID,
        "supporter_id": supporter_id,
        "stripe_payment_intent_id": fact.payment_intent_id or row.paid_by,
        "failure_code": None,
        "paid_at": paid_at,
        "updated_at": now,
    }
    donation = update(Donation).where(Donation.id == row.donation_id).values(**paid)
    await session.execute(donation.execution_options(synchronize_session=False))
    await _close_page(session, row, fact)


async def _close_page(session: AsyncSession, row: Row[*tuple[Any, ...]], fact: CheckoutCompleted) -> None:
    over = {"is_over": True, "stripe_payment_intent_id": fact.payment_intent_id or row.tied_payment}
    page = update(Checkout).where(Checkout.id == row.checkout_id).values(**over)
    await session.execute(page.execution_options(synchronize_session=False))


async def _close_unpaid(session: AsyncSession, row: Row[*tuple[Any, ...]], fact: CheckoutCompleted) -> None:
    """A page that the attempt had left was completed and no money has moved: nothing that a person must look at.

    Should the bank pay after all, that fact is a mismatch.
    """
    if row.tied_payment in (None, fact.payment_intent_id):
        await _close_page(session, row, fact)


async def _wait_for_bank(
    session: AsyncSession, row: Row[*tuple[Any, ...]], fact: CheckoutCompleted, *, ids: Ids, now: datetime
) -> None:
    await _close_page(session, row, fact)
    if await _move(session, row.donation_id, DonationState.PROCESSING, now=now):
        await note(session, row.donation_id, "processing", cause=fact.session_id, ids=ids, now=now)


async def _donation_of(session: AsyncSession, payment_intent_id: str) -> tuple[str, bool]:
    """The donation that a payment is tied to, and whether its page is the donation's current one.

    A payment of a plan has no page, but for the first.
    """
    wanted = (
        select(Checkout.donation_id, Checkout.revision == Donation.revision)
        .join(Donation, Donation.id == Checkout.donation_id)
        .where(Checkout.stripe_payment_intent_id == payment_intent_id)
    )
    found = (await session.execute(wanted)).one_or_none()
    if found:
        return found[0], bool(found[1])
    paid = select(Donation.id).where(Donation.stripe_payment_intent_id == payment_intent_id)
    donation_id = await session.scalar(paid)
    if donation_id is None:
        raise NotOurs(_("This payment was not made through a form of ours."))
    return donation_id, True


async def _move(session: AsyncSession, donation_id: str, wanted: DonationState, *, now: datetime) -> bool:
    before = (Donation.id == donation_id) & Donation.state.in_(states_before(wanted))
    changed = update(Donation).where(before).values(state=wanted, updated_at=now)
    return changed_rows(await session.execute(changed.execution_options(synchronize_session=False))) == 1


def _paid(row: Row[*tuple[Any, ...]], paid_at: datetime) -> PaidDonation:
    return PaidDonation(
        id=row.donation_id,
        reference=row.reference,
        amount_minor=row.amount_minor,
        currency=row.currency,
        frequency=row.frequency,
        email=row.email,
        name=row.name,
        card_last4=row.card_last4,
        appeal_slug=row.slug,
        appeal_heading=row.heading,
        appeal_thanks=row.thanks,
        appeal_signed_by=row.signed_by,
        paid_at=paid_at,
    )
