"""What facts are applied with, and the house's side of the sweep."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.models import Checkout, Donation, DonationState
from supporters.events import plans
from supporters.events.books import SUBSCRIPTION, Books, Tools
from supporters.payments.facts import LATE_REFUSAL, Fact, PaymentRefused, SessionLink, ids_of

PAGE_OVER_FOR = timedelta(minutes=5)  # Stripe tells of the end itself; after that we ask
ASKED_FOR = timedelta(days=7)
BANK_ANSWERS_IN = timedelta(hours=1)
BANK_ASKED_FOR = timedelta(days=30)


class Context(Tools):
    """Also the house's side of the sweep: see `payments.sweep.Books`."""

    async def apply_link(self, session: AsyncSession, stripe_id: str, link: SessionLink | None) -> None:
        """What Stripe says about whose a payment or a subscription is, is stored, and what waited for it is due."""
        books = Books(session, self, self.clock.now())
        await books.hold([stripe_id, *ids_of(link.facts if link else [])])
        is_plan = stripe_id.startswith(SUBSCRIPTION)
        if not is_plan:
            await books.tie_payment(stripe_id, link.session_id if link else None)
        if link:
            await books.apply_all(_looked_up(link.facts), cause=link.session_id)
        if is_plan:
            await plans.tie(books, stripe_id)
        await books.close()

    async def apply_facts(self, session: AsyncSession, facts: Sequence[Fact], *, cause: str) -> None:
        """What a look-up found is applied as if an event had said it."""
        books = Books(session, self, self.clock.now())
        await books.hold(ids_of(facts))
        await books.apply_all(_looked_up(facts), cause=cause)
        await books.close()

    async def stuck_sessions(self, session: AsyncSession, *, limit: int) -> Sequence[str]:
        """Payment pages of ours of whose end nobody has told us, the oldest first, then payments that banks sit on."""
        now = self.clock.now()
        wanted = (
            select(Checkout.stripe_session_id)
            .where(Checkout.is_over.is_(False), Checkout.stripe_session_id.is_not(None))
            .where(Checkout.expires_at.between(now - ASKED_FOR, now - PAGE_OVER_FOR))
            .order_by(Checkout.expires_at)
            .limit(limit)
        )
        stuck = [found for found in (await session.scalars(wanted)).all() if found]
        return [*stuck, *await self._at_banks(session, now, limit=limit - len(stuck))]

    async def _at_banks(self, session: AsyncSession, now: datetime, *, limit: int) -> list[str]:
        """Which of many are asked about is left to chance: banks may take days, and none must wait behind the others."""
        wanted = (
            select(Checkout.stripe_session_id)
            .join(Donation, (Donation.id == Checkout.donation_id) & (Donation.revision == Checkout.revision))
            .where(Donation.state == DonationState.PROCESSING, Checkout.stripe_session_id.is_not(None))
            .where(Checkout.is_over, Donation.created_at >= now - BANK_ASKED_FOR)
            .where(Donation.updated_at <= now - BANK_ANSWERS_IN)
            .order_by(func.random())
            .limit(limit)
        )
        return [found for found in (await session.scalars(wanted)).all() if found]


def _looked_up(facts: Sequence[Fact]) -> list[Fact]:
    """A look-up sees only the last refusal and cannot say whether its event was counted: events alone tell of them.

    But for a refusal after the page was completed, which is the end of the payment and comes once.
    """
    return [fact for fact in facts if not isinstance(fact, PaymentRefused) or fact.code == LATE_REFUSAL]
