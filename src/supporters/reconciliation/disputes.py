"""The end of a dispute in the books: what a bank keeps for good is returned income and owed by nobody any more.

While a dispute is open, its lines of the balance stand against "disputes". Once it is lost, what is left there moves to
"returned payments"; once it is won and the money is back, the rest of a part that did not come does. Where another currency
came back at another rate, that rest is a difference of exchange. A later line, after an appeal, leaves something there
again, and the next posting evens it out.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import Select, and_, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.disputes import report_unpaid
from supporters.donations.models import Dispute, DisputeState, Donation
from supporters.kit.clock import local_date
from supporters.kit.ids import Ids
from supporters.ledger.chart import Account
from supporters.ledger.models import LedgerEntry, LedgerTransaction
from supporters.ledger.post import Entry, Posting, post
from supporters.ledger.start import read_start, start_moment
from supporters.payments.models import BalanceTransaction
from supporters.reconciliation.postings import SOURCE_KIND

DISPUTE_KIND = "dispute"
PURPOSE = "close"
EXCHANGE_MEMO = "discrepancy: as_exchange"  # of what a person called a difference of exchange
WITHDRAWN, REINSTATED = "dispute", "dispute_reversal"

Sums = Mapping[str, int]


async def close_disputes(session: AsyncSession, *, ids: Ids, now: datetime, time_zone: str, limit: int = 500) -> int:
    """Nothing stands against "disputes" for one that has ended and whose money has moved; says how many it evened out.

    *Idempotent by* what stands there. *Writes* ledger, disputes, and a discrepancy where won money does not come back.
    """
    ended, start = await _ended(session, limit=limit), await read_start(session)
    postings: list[Posting] = []
    settled: set[str] = set()
    for dispute, donation in ended:
        if not await _has_moved(session, dispute):
            continue
        settled.add(dispute.id)
        left, revision = await _left(session, dispute)
        if left:
            day = local_date(dispute.closed_at or dispute.updated_at, time_zone)
            booked_on = max(day, start.starts_on) if start else day
            exchanged = await moved_to_exchange(session, dispute.stripe_dispute_id)
            postings.append(_posting(dispute, donation, left, exchanged, revision=revision, booked_on=booked_on))
    posted = await post(session, postings, ids=ids, now=now) if postings else 0
    await _mark_settled(session, sorted(settled), now=now)
    await report_unpaid(session, ids=ids, now=now, settled=settled)
    return posted


async def moved_to_exchange(session: AsyncSession, stripe_dispute_id: str) -> Sums:
    """What people have moved from a dispute to differences of exchange, by currency, less what was taken back."""
    transaction, entry = LedgerTransaction, LedgerEntry
    wanted: Select[str, int] = (
        select(entry.currency, func.sum(entry.amount_minor))
        .join(transaction, transaction.id == entry.transaction_id)
        .where(transaction.source_kind == DISPUTE_KIND, transaction.source_id == stripe_dispute_id)
        .where(transaction.memo == EXCHANGE_MEMO, entry.account == Account.EXCHANGE.value)
        .group_by(entry.currency)
    )
    return {currency: int(total) for currency, total in await session.execute(wanted) if total}


async def _ended(session: AsyncSession, *, limit: int) -> Sequence[tuple[Dispute, Donation]]:
    decided = Dispute.state.in_([DisputeState.WON, DisputeState.LOST])
    line = BalanceTransaction
    mine = (line.source_id == Dispute.stripe_dispute_id) & (line.posted_at >= Dispute.settled_at)
    moved_since = exists(select(line.stripe_balance_transaction_id).where(mine).correlate(Dispute))
    wanted = (
        select(Dispute, Donation)
        .join(Donation, Donation.id == Dispute.donation_id)
        .where(decided, or_(Dispute.settled_at.is_(None), moved_since))
        .order_by(Dispute.settled_at.asc().nulls_first(), Dispute.id)
        .limit(limit)
        .with_for_update(of=Dispute, skip_locked=True)
    )
    return [(row[0], row[1]) for row in await session.execute(wanted)]


async def _has_moved(session: AsyncSession, dispute: Dispute) -> bool:
    """Whether the line that a dispute of that end must have is in the ledger, or from before the books began."""
    line = BalanceTransaction
    category = REINSTATED if dispute.state == DisputeState.WON else WITHDRAWN
    since = await start_moment(session)
    is_done = line.posted_at.is_not(None)
    wanted = select(line.stripe_balance_transaction_id).where(
        line.source_id == dispute.stripe_dispute_id,
        line.reporting_category == category,
        is_done if since is None else or_(is_done, line.created_at < since),
    )
    return await session.scalar(wanted.limit(1)) is not None


async def _left(session: AsyncSession, dispute: Dispute) -> tuple[Sums, int]:
    """What stands against "disputes" for this one, by currency, and how often it was evened out before."""
    line = BalanceTransaction
    lines = select(line.stripe_balance_transaction_id).where(line.source_id == dispute.stripe_dispute_id)
    transaction, entry = LedgerTransaction, LedgerEntry
    by_line = and_(transaction.source_kind == SOURCE_KIND, transaction.source_id.in_(lines))
    by_end = and_(transaction.source_kind == DISPUTE_KIND, transaction.source_id == dispute.stripe_dispute_id)
    mine = select(transaction.id).where(or_(by_line, by_end))
    reversals = select(transaction.id).where(transaction.reverses_id.in_(mine))  # of an opening that was withdrawn
    wanted: Select[str, int] = (
        select(entry.currency, func.sum(entry.amount_minor))
        .where(or_(entry.transaction_id.in_(mine), entry.transaction_id.in_(reversals)))
        .where(entry.account == Account.DISPUTES_RECEIVABLE.value)
        .group_by(entry.currency)
    )
    sums = {currency: int(total) for currency, total in await session.execute(wanted) if total}
    before = await session.scalar(select(func.count()).select_from(transaction).where(by_end))
    return sums, before or 0


def _posting(
    dispute: Dispute, donation: Donation, left: Sums, exchanged: Sums, *, revision: int, booked_on: date
) -> Posting:
    entries: list[Entry] = []
    for currency, amount_minor in sorted(left.items()):
        pair = ((_goes_to(dispute, currency, exchanged), amount_minor), (Account.DISPUTES_RECEIVABLE, -amount_minor))
        entries += [
            Entry(
                account=account,
                amount_minor=minor,
                currency=currency,
                fund_id=donation.fund_id,
                appeal_id=donation.appeal_id,
                # A difference of exchange is a cost, and no fee of the donation.
                donation_id=None if account is Account.EXCHANGE else donation.id,
            )
            for account, minor in pair
        ]
    return Posting(
        source_kind=DISPUTE_KIND,
        source_id=dispute.stripe_dispute_id,
        purpose=PURPOSE,
        booked_on=booked_on,
        memo=f"dispute_{dispute.state}",
        entries=tuple(entries),
        revision=revision,
    )


def _goes_to(dispute: Dispute, currency: str, exchanged: Sums) -> Account:
    """Money that came back at another rate than it went was not returned to anybody: the difference is one of exchange.

    So is what a person had called one, and what came back all the same.
    """
    is_exchanged = dispute.state == DisputeState.WON and (dispute.currency != currency or bool(exchanged.get(currency)))
    return Account.EXCHANGE if is_exchanged else Account.RETURNED


async def _mark_settled(session: AsyncSession, dispute_ids: Sequence[str], *, now: datetime) -> None:
    if dispute_ids:
        marked = update(Dispute).where(Dispute.id.in_(dispute_ids)).values(settled_at=now)
        await session.execute(marked.execution_options(synchronize_session=False))
