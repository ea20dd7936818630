"""The one poster: from the mirror of Stripe's balance to the ledger."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.codes import Code
from supporters.discrepancies.open import open_discrepancy
from supporters.donations.fees import keep_fees
from supporters.donations.models import Frequency
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.ledger.lock import lock_ledger
from supporters.ledger.post import Posting, post
from supporters.ledger.start import start_moment
from supporters.payments.models import BalanceTransaction
from supporters.reconciliation.postings import (
    OWNED_CATEGORIES,
    Failed,
    Fee,
    Line,
    NotOurs,
    Ours,
    Owner,
    Unclear,
    is_known,
    make_posting,
)
from supporters.reconciliation.queries import WaitingLine, take_postable
from supporters.reconciliation.repost import take_back

BATCH = 500


async def post_new(session: AsyncSession, *, ids: Ids, now: datetime, time_zone: str, limit: int = BATCH) -> int:
    """Up to `limit` mirrored lines that were not in the ledger are in it, each once; says how many lines it took.

    One that stands there and of which more is known by now is reversed and posted anew. Lines whose payment's owner is not
    known yet are left, and those from before the books began. Unknown categories go to suspense with a discrepancy.
    *Idempotent by* the line's Stripe id. *Writes* ledger, discrepancies, fees of donations, and `posted_at` of the mirror.
    """
    await lock_ledger(session)  # first: whoever begins the books at this moment leaves nothing older to be posted
    waiting = await take_postable(session, since=await start_moment(session), limit=limit)
    owners = [owner_of(each) for each in waiting]
    postings = await take_back(session, _postings(waiting, owners, time_zone), ids=ids, now=now)
    await post(session, postings, ids=ids, now=now)
    await keep_fees(session, {entry.donation_id for each in postings for entry in each.entries if entry.donation_id})
    for each, owner in zip(waiting, owners, strict=True):
        await _report(session, each, owner, ids=ids, now=now)
    await _mark_posted(session, [each.line.stripe_balance_transaction_id for each in waiting], now=now)
    return len(waiting)


def owner_of(waiting: WaitingLine) -> Owner:
    """Whose the money of this line is.

    A donation's payment is always a payment intent: a line of a charge without one is not ours. A line that names neither
    charge nor payment is unclear. A debit that was counted at once and then failed never had a paid donation.
    """
    row, donation = waiting.line, waiting.donation
    if waiting.is_misfit:
        return Unclear(donation.id if donation else None)
    if waiting.is_failed:
        return Failed(waiting.attempt_id)
    if donation is not None:
        return Ours(donation.id, donation.fund_id, donation.appeal_id, donation.frequency != Frequency.ONCE)
    if row.stripe_payment_intent_id or row.stripe_charge_id:
        return NotOurs()
    return Unclear()


def line_of(row: BalanceTransaction) -> Line:
    """The mirrored row as the pure rules read it."""
    return Line(
        id=row.stripe_balance_transaction_id,
        created_at=row.created_at,
        category=row.reporting_category,
        currency=row.currency,
        gross_minor=row.gross_minor,
        fee_minor=row.fee_minor,
        net_minor=row.net_minor,
        fees=tuple(Fee(part["type"], part["amount_minor"]) for part in row.fee_details),
        payout_id=row.stripe_payout_id,
        source_id=row.source_id,
        exchange_rate=row.exchange_rate,
    )


def _postings(waiting: Sequence[WaitingLine], owners: Sequence[Owner], time_zone: str) -> list[Posting]:
    made = [
        make_posting(line_of(each.line), owner, time_zone=time_zone)
        for each, owner in zip(waiting, owners, strict=True)
    ]
    return [posting for posting in made if posting is not None]


async def _report(session: AsyncSession, waiting: WaitingLine, owner: Owner, *, ids: Ids, now: datetime) -> None:
    """A person hears of what went to suspense without a discrepancy of its own."""
    row = waiting.line
    code = _code_for(row.reporting_category, owner, is_misfit=waiting.is_misfit)
    if code is None:
        return
    await open_discrepancy(
        session,
        code=code,
        subject=row.stripe_balance_transaction_id,
        amount=Money(row.net_minor, row.currency),
        detail={"category": row.reporting_category, "type": row.type, "source": row.source_id},
        ids=ids,
        now=now,
    )


def _code_for(category: str, owner: Owner, *, is_misfit: bool) -> Code | None:
    if not is_known(category):
        return Code.UNKNOWN_CATEGORY
    if category in OWNED_CATEGORIES and isinstance(owner, Unclear) and not is_misfit:
        return Code.PAYMENT_UNTRACED
    return None


async def _mark_posted(session: AsyncSession, line_ids: list[str], *, now: datetime) -> None:
    row = BalanceTransaction
    if line_ids:
        await session.execute(
            update(row).where(row.stripe_balance_transaction_id.in_(line_ids)).values(posted_at=now),
            execution_options={"synchronize_session": False},
        )
