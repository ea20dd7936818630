"""Everything that is read to post: lines that wait, with whose money they are, in one statement."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.codes import SUSPENSE_CODES
from supporters.discrepancies.models import Discrepancy
from supporters.donations.models import Donation
from supporters.payments.models import BalanceTransaction, Payment, PaymentOwner
from supporters.reconciliation.postings import OWNED_CATEGORIES

line = BalanceTransaction


class WaitingLine(NamedTuple):
    """One mirrored line that can be posted now, and what is known of its payment."""

    line: BalanceTransaction
    is_misfit: bool  # a discrepancy says that the payment does not fit its donation
    donation: Donation | None


async def take_postable(session: AsyncSession, *, limit: int) -> Sequence[WaitingLine]:
    """Up to `limit` unposted lines that need no owner or whose owner is known, oldest first, locked against other posters."""
    rows = await session.execute(_postable().limit(limit))
    return [WaitingLine(row, is_misfit, donation) for row, is_misfit, donation in rows]


async def count_unposted(session: AsyncSession) -> int:
    """How many mirrored lines are not in the ledger yet."""
    return await session.scalar(select(func.count()).select_from(line).where(line.posted_at.is_(None))) or 0


def _postable() -> Select[BalanceTransaction, bool, Donation]:
    is_misfit = _is_misfit()
    return (
        select(line, is_misfit, Donation)
        .outerjoin(Payment, _same_payment())
        .outerjoin(Donation, Donation.stripe_payment_intent_id == line.stripe_payment_intent_id)
        .where(line.posted_at.is_(None))
        .where(
            or_(
                line.reporting_category.not_in(OWNED_CATEGORIES),
                line.stripe_payment_intent_id.is_(None),
                Payment.owner == PaymentOwner.NOT_OURS.value,
                Donation.id.is_not(None),
                is_misfit,
            )
        )
        .order_by(line.created_at, line.stripe_balance_transaction_id)
        .with_for_update(of=line, skip_locked=True)
    )


def _same_payment() -> ColumnElement[bool]:
    return Payment.stripe_payment_intent_id == line.stripe_payment_intent_id


def _is_misfit() -> ColumnElement[bool]:
    """Whether this very payment does not fit its donation. Resolved ones count too: money stays where it was first put."""
    codes = [code.value for code in SUSPENSE_CODES]
    found = select(Discrepancy.id).where(
        Discrepancy.code.in_(codes), Discrepancy.subject == line.stripe_payment_intent_id
    )
    return exists(found.correlate(line))
