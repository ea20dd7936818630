"""Forgetting what never became a donation."""

from datetime import datetime, timedelta

from sqlalchemy import delete, exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.models import Attribution
from supporters.discrepancies.models import Discrepancy
from supporters.donations.models import Checkout, Donation, DonationEvent, DonationState
from supporters.kit.db import changed_rows

KEEP_UNPAID = timedelta(days=30)
KEEP_NETWORKS = timedelta(days=2)
AT_ONCE = 500


async def purge_attempts(session: AsyncSession, *, now: datetime) -> int:
    """What is too old of unpaid attempts and of where people came from is gone; returns how many attempts. For each night."""
    await forget_networks(session, now=now)
    return await purge_unpaid(session, now=now)


async def purge_unpaid(session: AsyncSession, *, now: datetime) -> int:
    """Up to 500 attempts that nobody paid and nobody touched for 30 days are gone, name and address with them.

    Returns how many. What money may hang on stays: what the bank works on, what a discrepancy is about, what has a
    charge or an unfinished payment, and what has a page that can still be paid.
    """
    donation_id = Donation.id
    disputed = exists().where(Discrepancy.donation_id == donation_id)
    tied = exists().where(Checkout.donation_id == donation_id, Checkout.stripe_payment_intent_id.is_not(None))
    payable = exists().where(
        Checkout.donation_id == donation_id, Checkout.is_over.is_(False), Checkout.expires_at > now
    )
    old = (
        select(Donation.id, Donation.attribution_id)
        .where(Donation.state.in_([DonationState.STARTED, DonationState.EXPIRED]))
        .where(Donation.updated_at < now - KEEP_UNPAID, Donation.stripe_charge_id.is_(None))
        .where(~disputed, ~payable, ~tied | (Donation.state == DonationState.EXPIRED))
        .order_by(Donation.created_at)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    found = (await session.execute(old)).all()
    donations = [row[0] for row in found]
    if not donations:
        return 0
    await session.execute(delete(DonationEvent).where(DonationEvent.donation_id.in_(donations)))
    await session.execute(delete(Checkout).where(Checkout.donation_id.in_(donations)))
    await session.execute(delete(Donation).where(Donation.id.in_(donations)))
    await session.execute(delete(Attribution).where(Attribution.id.in_([row[1] for row in found])))
    return len(donations)


async def forget_networks(session: AsyncSession, *, now: datetime) -> int:
    """Donations older than two days no longer say from which network they came; returns how many forgot."""
    old = (Donation.created_at < now - KEEP_NETWORKS) & Donation.network_digest.is_not(None)
    forgotten = update(Donation).where(old).values(network_digest=None)
    return changed_rows(await session.execute(forgotten.execution_options(synchronize_session=False)))
