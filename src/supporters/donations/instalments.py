"""The donations that a plan's payments are: the first was an attempt, every later one is paid from its start."""

from datetime import datetime

import msgspec
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.models import Appeal
from supporters.donations.collect import PaidDonation
from supporters.donations.lifecycle import content_digest, states_before
from supporters.donations.models import Checkout, Donation, DonationState, Kind
from supporters.donations.timeline import note
from supporters.kit.db import changed_rows
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.newsletters.wish import wish

UNPAID = (DonationState.STARTED, DonationState.PROCESSING, DonationState.EXPIRED)
EXECUTION = {"synchronize_session": False}


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """One payment of a plan, as the plan and its bill say."""

    supporter_id: str
    email: str
    name: str
    amount: Money
    frequency: str
    fund_id: str
    appeal_id: str
    attribution_id: str
    locale: str
    livemode: bool
    paid_at: datetime
    bill_id: str
    card_brand: str | None = None
    card_last4: str | None = None
    is_renewal: bool = True
    fee_minor: int | None = None


async def add_paid(session: AsyncSession, payment: Payment, *, ids: Ids, now: datetime) -> PaidDonation:
    """A donation that is paid is on record, credited to what began its plan. The caller makes it one for each bill."""
    donation_id, reference = ids.ulid(), ids.reference("D")
    row = {
        "id": donation_id,
        "reference": reference,
        "attempt_id": ids.ulid(),
        "content_digest": content_digest(payment.bill_id),
        "revision": 1,
        "kind": Kind.DONATION,
        "frequency": payment.frequency,
        "is_renewal": payment.is_renewal,
        "fee_minor": payment.fee_minor,
        "state": DonationState.PAID,
        "amount_minor": payment.amount.minor,
        "refunded_minor": 0,
        "currency": payment.amount.currency,
        "fund_id": payment.fund_id,
        "appeal_id": payment.appeal_id,
        "attribution_id": payment.attribution_id,
        "supporter_id": payment.supporter_id,
        "email": payment.email,
        "name": payment.name,
        "wants_newsletter": False,
        "is_suspicious": False,
        "network_digest": None,
        "locale": payment.locale,
        "livemode": payment.livemode,
        "stripe_payment_intent_id": None,
        "card_brand": payment.card_brand,
        "card_last4": payment.card_last4,
        "created_at": now,
        "updated_at": now,
        "paid_at": payment.paid_at,
    }
    await session.execute(insert(Donation).values(**row))
    told = {"amount_minor": payment.amount.minor, "currency": payment.amount.currency, "was": "promised"}
    await note(session, donation_id, "paid", cause=payment.bill_id, ids=ids, now=now, detail=told)
    return await paid_donation(session, donation_id)


async def pay_first(
    session: AsyncSession,
    donation_id: str,
    *,
    supporter_id: str,
    bill_id: str,
    paid_at: datetime,
    ids: Ids,
    now: datetime,
) -> PaidDonation | None:
    """The first donation of a plan, for which the bank took its time, is paid. None when it was so before."""
    before = (Donation.id == donation_id) & Donation.state.in_(states_before(DonationState.PAID))
    paid = {"state": DonationState.PAID, "supporter_id": supporter_id, "paid_at": paid_at}
    values = {**paid, "failure_code": None, "updated_at": now}
    changed = update(Donation).where(before).values(**values)
    if changed_rows(await session.execute(changed, execution_options=EXECUTION)) != 1:
        return None
    await note(session, donation_id, "paid", cause=bill_id, ids=ids, now=now)
    wanted = select(Donation.email, Donation.wants_newsletter).where(Donation.id == donation_id)
    email, wants_newsletter = (await session.execute(wanted)).one()
    if wants_newsletter:
        await wish(session, email, form="give", path="/give", ids=ids, now=now)
    return await paid_donation(session, donation_id)


async def give_up_first(session: AsyncSession, donation_id: str, *, cause: str, ids: Ids, now: datetime) -> bool:
    """The first donation of a plan will never be paid. False when it was, or was given up before."""
    before = (Donation.id == donation_id) & Donation.state.in_(states_before(DonationState.EXPIRED))
    changed = update(Donation).where(before).values(state=DonationState.EXPIRED, updated_at=now)
    if changed_rows(await session.execute(changed, execution_options=EXECUTION)) != 1:
        return False
    return await note(session, donation_id, "expired", cause=cause, ids=ids, now=now)


async def tie_donation(session: AsyncSession, donation_id: str, payment_intent_id: str, *, now: datetime) -> None:
    """The donation of a bill knows the payment that paid it, and so does its page, if it had one."""
    unknown = (Donation.id == donation_id) & Donation.stripe_payment_intent_id.is_(None)
    values = {"stripe_payment_intent_id": payment_intent_id, "updated_at": now}
    await session.execute(update(Donation).where(unknown).values(**values), execution_options=EXECUTION)
    current = select(Donation.revision).where(Donation.id == donation_id).scalar_subquery()
    page = (Checkout.donation_id == donation_id) & (Checkout.revision == current)
    untied = page & Checkout.stripe_payment_intent_id.is_(None)
    tied = update(Checkout).where(untied).values(stripe_payment_intent_id=payment_intent_id)
    await session.execute(tied, execution_options=EXECUTION)


async def paid_donation(session: AsyncSession, donation_id: str) -> PaidDonation:
    """What a receipt and a letter need of a donation that is paid."""
    wanted = select(Donation, Appeal).join(Appeal, Appeal.id == Donation.appeal_id).where(Donation.id == donation_id)
    donation, appeal = (await session.execute(wanted.execution_options(populate_existing=True))).one()
    return PaidDonation(
        id=donation.id,
        reference=donation.reference,
        amount_minor=donation.amount_minor,
        currency=donation.currency,
        frequency=donation.frequency,
        email=donation.email,
        name=donation.name,
        card_last4=donation.card_last4,
        appeal_slug=appeal.slug,
        appeal_heading=appeal.heading,
        appeal_thanks=appeal.thanks,
        appeal_signed_by=appeal.signed_by,
        paid_at=donation.paid_at or donation.created_at,
    )
