"""Everything that is read to post: lines that wait, with whose money they are, in one statement."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, exists, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from supporters.discrepancies.codes import SUSPENSE_CODES
from supporters.discrepancies.models import Discrepancy
from supporters.donations.models import Checkout, Donation
from supporters.ledger.start import start_moment
from supporters.payments.models import BalanceTransaction, Owner, Ownership
from supporters.reconciliation.postings import CHARGE_FAILURE, OWNED_CATEGORIES

line = BalanceTransaction


class WaitingLine(NamedTuple):
    """One mirrored line that can be posted now, and what is known of its payment."""

    line: BalanceTransaction
    is_misfit: bool  # a discrepancy says that the payment does not fit its donation
    donation: Donation | None
    is_failed: bool = False  # of a debit that was counted, and that its bank did not pay
    attempt_id: str | None = None  # of the donation whose page made the payment, paid or not


async def take_postable(session: AsyncSession, *, since: datetime | None, limit: int) -> Sequence[WaitingLine]:
    """Up to `limit` unposted lines that need no owner or whose owner is known, oldest first, locked against other posters.

    With `since` (UTC) none that is older.
    """
    postable = _postable() if since is None else _postable().where(line.created_at >= since)
    rows = await session.execute(postable.limit(limit))
    return [WaitingLine(*row) for row in rows]


async def count_unposted(session: AsyncSession) -> int:
    """How many mirrored lines are not in the ledger yet; those from before the books began never will be."""
    since = await start_moment(session)
    waiting = select(func.count()).select_from(line).where(line.posted_at.is_(None))
    return await session.scalar(waiting if since is None else waiting.where(line.created_at >= since)) or 0


def _postable() -> Select[BalanceTransaction, bool, Donation, bool, str]:
    is_misfit, is_failed = _is_misfit(), _is_failed()
    return (
        select(line, is_misfit, Donation, is_failed, Checkout.donation_id)
        .outerjoin(Ownership, _same_payment())
        .outerjoin(Donation, Donation.stripe_payment_intent_id == line.stripe_payment_intent_id)
        .outerjoin(Checkout, Checkout.stripe_payment_intent_id == line.stripe_payment_intent_id)
        .where(line.posted_at.is_(None))
        .where(
            or_(
                line.reporting_category.not_in(OWNED_CATEGORIES),
                line.stripe_payment_intent_id.is_(None),
                Ownership.owner == Owner.NOT_OURS.value,
                Donation.id.is_not(None),
                is_misfit,
                is_failed,
            )
        )
        .order_by(line.created_at, line.stripe_balance_transaction_id)
        .with_for_update(of=line, skip_locked=True)
    )


def _same_payment() -> ColumnElement[bool]:
    return Ownership.stripe_id == line.stripe_payment_intent_id


def _is_failed() -> ColumnElement[bool]:
    """Whether the line is half of a debit of ours that was taken off the balance again before anything was paid."""
    half = aliased(BalanceTransaction)
    taken_off = select(half.stripe_balance_transaction_id).where(
        half.stripe_charge_id == line.stripe_charge_id,
        half.stripe_payment_intent_id == line.stripe_payment_intent_id,
        half.reporting_category == CHARGE_FAILURE,
    )
    is_ours = (Ownership.owner == Owner.OURS.value) & Donation.id.is_(None)
    return func.coalesce(is_ours & exists(taken_off.correlate(line)), false())


def _is_misfit() -> ColumnElement[bool]:
    """Whether this very payment does not fit its donation. Resolved ones count too: money stays where it was first put."""
    codes = [code.value for code in SUSPENSE_CODES]
    found = select(Discrepancy.id).where(
        Discrepancy.code.in_(codes), Discrepancy.subject == line.stripe_payment_intent_id
    )
    return exists(found.correlate(line))
