"""Questions about donations. The desk's list and story are in `desk_queries` and `desk_story`."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.attribution import article_url
from supporters.appeals.models import Appeal, Attribution
from supporters.donations.forms import AttemptValues
from supporters.donations.models import Donation, DonationEvent, DonationState, Frequency
from supporters.kit.money import Money


class DonationView(msgspec.Struct, frozen=True, kw_only=True):
    """One donation with its appeal's words, as the thank-you page shows it."""

    id: str
    reference: str
    attempt_id: str
    state: DonationState
    frequency: Frequency
    amount: Money
    refunded: Money
    email: str
    name: str
    wants_newsletter: bool
    card_brand: str | None
    card_last4: str | None
    failure_code: str | None
    appeal_slug: str
    appeal_heading: str
    appeal_thanks: str
    appeal_signed_by: str
    article_url: str | None  # where the reader came from, on a site of ours
    created_at: datetime
    paid_at: datetime | None

    @property
    def is_paid(self) -> bool:
        """Whether the money was taken."""
        return self.state is DonationState.PAID


class DonationLink(msgspec.Struct, frozen=True):
    """What the books need to know of the donation behind a payment."""

    donation_id: str
    fund_id: str
    appeal_id: str


class TimelineLine(msgspec.Struct, frozen=True):
    """One thing that happened to a donation."""

    at: datetime
    kind: str
    cause: str
    detail: dict[str, Any]


async def donation_page(session: AsyncSession, donation_id: str, *, sites: Sequence[str] = ()) -> DonationView | None:
    """The donation with that id. Its article has an address if it lies on one of `sites`."""
    wanted = (
        select(Donation, Appeal, Attribution.site, Attribution.article_path)
        .join(Appeal, Appeal.id == Donation.appeal_id)
        .join(Attribution, Attribution.id == Donation.attribution_id)
    )
    found = (await session.execute(wanted.where(Donation.id == donation_id))).one_or_none()
    if found is None:
        return None
    donation, appeal, site, path = found
    return _view(donation, appeal, article_url(site, path, sites=sites))


async def attempt_values(session: AsyncSession, attempt_id: str) -> AttemptValues | None:
    """What was filled in on an attempt that is not paid; None once it is, or when there is no such attempt."""
    unpaid = Donation.state.in_([DonationState.STARTED, DonationState.EXPIRED])
    wanted = select(Donation, Appeal.slug).join(Appeal, Appeal.id == Donation.appeal_id)
    found = (await session.execute(wanted.where(Donation.attempt_id == attempt_id, unpaid))).one_or_none()
    if found is None:
        return None
    donation, slug = found
    return AttemptValues(
        attempt_id=attempt_id,
        frequency=Frequency(donation.frequency),
        amount=Money(donation.amount_minor, donation.currency),
        email=donation.email,
        name=donation.name,
        wants_newsletter=donation.wants_newsletter,
        appeal_slug=slug,
    )


async def donation_of_payment(session: AsyncSession, payment_intent_ids: Iterable[str]) -> dict[str, DonationLink]:
    """The paid donation behind each payment. A payment that did not fit its form is in none."""
    wanted = select(Donation.stripe_payment_intent_id, Donation.id, Donation.fund_id, Donation.appeal_id)
    found = await session.execute(wanted.where(Donation.stripe_payment_intent_id.in_(list(payment_intent_ids))))
    return {payment: DonationLink(*link) for payment, *link in found if payment is not None}


async def timeline(session: AsyncSession, donation_id: str) -> list[TimelineLine]:
    """Everything that happened to a donation, oldest first."""
    columns = (DonationEvent.at, DonationEvent.kind, DonationEvent.cause, DonationEvent.detail)
    wanted = select(*columns).where(DonationEvent.donation_id == donation_id)
    found = await session.execute(wanted.order_by(DonationEvent.at, DonationEvent.id))
    return [TimelineLine(*row) for row in found]


def _view(donation: Donation, appeal: Appeal, article: str | None) -> DonationView:
    return DonationView(
        id=donation.id,
        reference=donation.reference,
        attempt_id=donation.attempt_id,
        state=DonationState(donation.state),
        frequency=Frequency(donation.frequency),
        amount=Money(donation.amount_minor, donation.currency),
        refunded=Money(donation.refunded_minor + donation.returned_minor, donation.currency),
        email=donation.email,
        name=donation.name,
        wants_newsletter=donation.wants_newsletter,
        card_brand=donation.card_brand,
        card_last4=donation.card_last4,
        failure_code=donation.failure_code,
        appeal_slug=appeal.slug,
        appeal_heading=appeal.heading,
        appeal_thanks=appeal.thanks,
        appeal_signed_by=appeal.signed_by,
        article_url=article,
        created_at=donation.created_at,
        paid_at=donation.paid_at,
    )
