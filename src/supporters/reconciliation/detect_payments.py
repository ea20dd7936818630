"""Differences of donations, refunds, disputes and Stripe's messages."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import msgspec
from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from supporters.discrepancies.codes import Code
from supporters.discrepancies.open import Difference
from supporters.donations.lifecycle import DEBIT_REASONS, DISPUTE_TAKES
from supporters.donations.models import Dispute, DisputeState, Donation, DonationState, Refund, RefundState
from supporters.kit.db import UTCDateTime
from supporters.kit.money import Money
from supporters.payments.inbox import CATCHUP
from supporters.payments.models import BalanceTransaction, InboxEvent, InboxState
from supporters.reconciliation.detect_look import Look
from supporters.reconciliation.postings import CHARGE_FAILURE

LINE_AFTER = timedelta(hours=24)
FUNDS_AFTER = timedelta(days=2)
TWICE_WITHIN = timedelta(minutes=10)
TWICE_SINCE = timedelta(days=35)
EXTERNAL = "external"
FOUND = "found"  # of what closes by itself: should it come again, it is open again

line = BalanceTransaction


async def paid_without_line(session: AsyncSession, look: Look) -> Sequence[Difference]:
    """Donations that Stripe was paid for a day ago or more, and of which its balance shows nothing."""
    d = Donation
    has_line = exists().where(
        line.stripe_payment_intent_id == d.stripe_payment_intent_id, line.reporting_category == "charge"
    )
    wanted = select(d.id, d.amount_minor, d.currency, d.stripe_payment_intent_id).where(
        d.state == DonationState.PAID,
        d.stripe_payment_intent_id.is_not(None),
        d.paid_at.between(look.since, look.now - LINE_AFTER),
        ~has_line,
    )
    return [
        Difference(
            code=Code.DONATION_NO_BT,
            subject=row.id,
            donation_id=row.id,
            amount=Money(row.amount_minor, row.currency),
            detail={"payment": row.stripe_payment_intent_id},
            fingerprint=FOUND,
        )
        for row in await session.execute(wanted)
    ]


async def given_twice(session: AsyncSession, look: Look) -> Sequence[Difference]:
    """Two forms of one supporter for the same amount within ten minutes, both paid and neither returned."""
    d = Donation
    alike, order = (d.supporter_id, d.amount_minor, d.currency), (d.paid_at, d.id)
    before = select(
        d.id,
        d.amount_minor,
        d.currency,
        d.paid_at,
        func.lag(d.id).over(partition_by=alike, order_by=order).label("first_id"),
        func.lag(d.paid_at, type_=UTCDateTime()).over(partition_by=alike, order_by=order).label("first_at"),
    ).where(
        d.state == DonationState.PAID,
        d.is_renewal.is_(False),
        d.supporter_id.is_not(None),
        d.refunded_minor == 0,
        d.returned_minor == 0,
        d.paid_at >= look.now - TWICE_SINCE,
    )
    pairs = before.subquery()
    rows = await session.execute(select(pairs).where(pairs.c.first_id.is_not(None)))
    return [
        Difference(
            code=Code.DUPLICATE_DONATION,
            subject=row.id,
            donation_id=row.id,
            amount=Money(row.amount_minor, row.currency),
            detail={"first_donation": row.first_id},
        )
        for row in rows
        if row.paid_at - row.first_at <= TWICE_WITHIN
    ]


async def refunds_from_outside(session: AsyncSession, look: Look) -> Sequence[Difference]:
    """Refunds that somebody made at Stripe itself."""
    r = Refund
    wanted = select(r).where(r.origin == EXTERNAL, r.created_at >= look.since, r.state != RefundState.CANCELED)
    return [_of_refund(Code.REFUND_EXTERNAL, each) for each in (await session.scalars(wanted)).all()]


async def refunds_that_wait(session: AsyncSession, look: Look) -> Sequence[Difference]:
    """Refunds that Stripe took on two days ago and has not taken off its balance."""
    r = Refund
    has_line = exists().where(line.source_id == r.stripe_refund_id)
    wanted = select(r).where(
        r.state == RefundState.PENDING,
        r.stripe_refund_id.is_not(None),
        r.created_at.between(look.since, look.now - FUNDS_AFTER),
        ~has_line,
    )
    found = [_of_refund(Code.REFUND_PENDING_FUNDS, each) for each in (await session.scalars(wanted)).all()]
    return [msgspec.structs.replace(each, fingerprint=FOUND) for each in found]


async def refunds_of_too_much(session: AsyncSession, look: Look) -> Sequence[Difference]:
    """Donations of which more was refunded than they had brought. With a dispute, that one's discrepancy says it."""
    d, r = Donation, Refund
    given = func.sum(r.amount_minor)
    wanted = (
        select(d.id, d.currency, (given - d.amount_minor).label("over"))
        .join(r, (r.donation_id == d.id) & (r.state == RefundState.SUCCEEDED))
        .where(d.refunded_minor > 0, d.returned_minor == 0)
        .group_by(d.id, d.currency, d.amount_minor)
        .having(given > d.amount_minor)
    )
    return [
        Difference(
            code=Code.REFUND_EXCEEDS,
            subject=row.id,
            donation_id=row.id,
            amount=Money(int(row.over), row.currency),
            fingerprint=str(int(row.over)),
        )
        for row in await session.execute(wanted)
    ]


async def disputes_lost(session: AsyncSession, look: Look) -> Sequence[Difference]:
    """Disputes that were decided for the supporter."""
    wanted = select(Dispute).where(
        Dispute.state == DisputeState.LOST, Dispute.reason.not_in(DEBIT_REASONS), Dispute.closed_at >= look.since
    )
    return [_of_dispute(Code.DISPUTE_LOST, each, each.amount_minor) for each in await session.scalars(wanted)]


async def disputes_of_other_amounts(session: AsyncSession, look: Look) -> Sequence[Difference]:
    """Disputes about more or less than was given, or in another currency, or at another rate than their payment's."""
    taken, charge = aliased(line), aliased(line)
    wanted = (
        select(Dispute, Donation.amount_minor, Donation.currency, taken.gross_minor, charge.gross_minor)
        .join(Donation, Donation.id == Dispute.donation_id)
        .outerjoin(taken, (taken.source_id == Dispute.stripe_dispute_id) & (taken.reporting_category == "dispute"))
        .outerjoin(
            charge,
            (charge.stripe_payment_intent_id == Dispute.stripe_payment_intent_id)
            & (charge.reporting_category == "charge")
            & (charge.currency == taken.currency),
        )
        .where(Dispute.state.in_(DISPUTE_TAKES), Dispute.opened_at >= look.since)
    )
    found: list[Difference] = []
    for dispute, given, currency, taken_minor, charged_minor in await session.execute(wanted):
        code = _other_amount(dispute, given, currency, taken_minor, charged_minor)
        if code is not None:
            same = dispute.currency == currency
            found.append(_of_dispute(code, dispute, dispute.amount_minor - given if same else dispute.amount_minor))
    return found


async def debits_returned(session: AsyncSession, look: Look) -> Sequence[Difference]:
    """Direct debits that had succeeded and that the giver's bank returned."""
    by_bank = select(Dispute).where(Dispute.reason.in_(DEBIT_REASONS), Dispute.opened_at >= look.since)
    found = {
        each.stripe_payment_intent_id: _of_dispute(
            Code.DEBIT_RETURNED, each, each.amount_minor, subject=each.stripe_payment_intent_id
        )
        for each in await session.scalars(by_bank)
    }
    by_line = (
        select(line.stripe_payment_intent_id, line.gross_minor, line.currency, Donation.id)
        .join(Donation, Donation.stripe_payment_intent_id == line.stripe_payment_intent_id)
        .where(line.reporting_category == CHARGE_FAILURE, line.created_at >= look.since)
    )
    for payment, gross_minor, currency, donation_id in await session.execute(by_line):
        found.setdefault(
            payment or "",
            Difference(
                code=Code.DEBIT_RETURNED,
                subject=payment or "",
                donation_id=donation_id,
                amount=Money(-gross_minor, currency),
            ),
        )
    return list(found.values())


async def messages_missed(session: AsyncSession, look: Look) -> Sequence[Difference]:
    """Messages of Stripe that were fetched because they did not arrive, by month."""
    e = InboxEvent
    month = look.month(e.received_at).label("month")
    wanted = (
        select(month, func.count().label("many")).where(e.via == CATCHUP, e.received_at >= look.since).group_by(month)
    )
    return [_of_messages(Code.WEBHOOK_MISSED, row.month, row.many) for row in await session.execute(wanted)]


async def messages_of_other_modes(session: AsyncSession, look: Look) -> Sequence[Difference]:
    """Messages of Stripe's other mode that were put aside, by month."""
    e = InboxEvent
    month = look.month(e.received_at).label("month")
    wanted = (
        select(month, func.count().label("many"))
        .where(e.state == InboxState.PARKED, e.livemode.is_not(look.livemode), e.received_at >= look.since)
        .group_by(month)
    )
    return [_of_messages(Code.TEST_IN_LIVE, row.month, row.many) for row in await session.execute(wanted)]


async def messages_of_other_accounts(session: AsyncSession, look: Look) -> Sequence[Difference]:
    """Messages of other Stripe accounts that were put aside, by account."""
    e = InboxEvent
    wanted = (
        select(e.account, func.count().label("many"))
        .where(e.state == InboxState.PARKED, e.account.is_not(None), e.received_at >= look.since)
        .group_by(e.account)
    )
    rows = [row for row in await session.execute(wanted) if row.account != look.account]
    return [_of_messages(Code.OTHER_ACCOUNT, row.account or "", row.many) for row in rows]


def _other_amount(
    dispute: Dispute, given: int, currency: str, taken_minor: int | None, charged_minor: int | None
) -> Code | None:
    if dispute.currency != currency:
        return Code.FX_DISPUTE
    if dispute.amount_minor != given:
        return Code.PARTIAL_DISPUTE
    if taken_minor is not None and charged_minor is not None and taken_minor + charged_minor:
        return Code.FX_DISPUTE
    return None


def _of_refund(code: Code, refund: Refund) -> Difference:
    return Difference(
        code=code,
        subject=refund.stripe_refund_id or refund.id,
        donation_id=refund.donation_id,
        amount=Money(refund.amount_minor, refund.currency),
    )


def _of_dispute(code: Code, dispute: Dispute, minor: int, *, subject: str | None = None) -> Difference:
    return Difference(
        code=code,
        subject=subject or dispute.stripe_dispute_id,
        donation_id=dispute.donation_id,
        amount=Money(minor, dispute.currency),
        detail={"dispute": dispute.id, "reason": dispute.reason},
    )


def _of_messages(code: Code, subject: str, count: int) -> Difference:
    return Difference(code=code, subject=subject, detail={"count": count}, fingerprint=str(count))


FINDERS: tuple[Callable[[AsyncSession, Look], Awaitable[Sequence[Difference]]], ...] = (
    paid_without_line,
    given_twice,
    refunds_from_outside,
    refunds_that_wait,
    refunds_of_too_much,
    disputes_lost,
    disputes_of_other_amounts,
    debits_returned,
    messages_missed,
    messages_of_other_modes,
    messages_of_other_accounts,
)
