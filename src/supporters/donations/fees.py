"""What the ledger holds of a donation's fees, kept on the donation: the desk adds up years of them for one page."""

from collections.abc import Collection

from sqlalchemy import case, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.models import Donation
from supporters.ledger.models import LedgerEntry

FEE_ACCOUNTS = "5%"
BATCH = 500  # far below either database's limit of bound values


async def keep_fees(session: AsyncSession, donation_ids: Collection[str]) -> None:
    """Each donation says what the ledger holds of its fees, in its own currency; nothing while it holds none of it.

    *Idempotent*: added up anew each time. To be called in the transaction that posts.
    """
    wanted = sorted(donation_ids)
    entry = LedgerEntry
    is_fee = case((entry.account.like(FEE_ACCOUNTS), entry.amount_minor), else_=0)
    held = (
        select(func.sum(is_fee))
        .where(entry.donation_id == Donation.id, entry.currency == Donation.currency)
        .scalar_subquery()
    )
    for first in range(0, len(wanted), BATCH):
        await session.execute(
            update(Donation).where(Donation.id.in_(wanted[first : first + BATCH])).values(fee_minor=held),
            execution_options={"synchronize_session": False},
        )
