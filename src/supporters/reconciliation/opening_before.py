"""What was posted before the day on which the books are to begin: the house's own postings are taken back."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Date, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from supporters.donations.fees import keep_fees
from supporters.kit.errors import Conflict
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _
from supporters.ledger.models import LedgerEntry, LedgerTransaction
from supporters.ledger.periods import is_closed, locked_months
from supporters.ledger.reverse import REVERSAL, reverse
from supporters.ledger.start import OPENING
from supporters.payments.models import BalanceTransaction
from supporters.reconciliation.postings import SOURCE_KIND

BEFORE_THE_BOOKS = "before the books began"
MOST = 20_000
BATCH = 500


async def take_back_older(session: AsyncSession, starts_on: date, *, ids: Ids, now: datetime) -> int:
    """What Stripe's lines from before that day have in the ledger is reversed, and waits for nothing; says how many.

    The worker posts what it finds as soon as it runs, and a cut-over may come after that. *Raises* Conflict where something
    else is older, or stands in a locked month: what a person wrote down, the end of a dispute, a match with the bank.
    """
    older = await _older(session, starts_on)
    locked = await locked_months(session)
    for posted in older:
        if posted.source_kind != SOURCE_KIND or is_closed(posted.booked_on, locked):
            told = {"day": posted.booked_on.isoformat(), "what": posted.source_kind}
            raise Conflict(
                _("The ledger has a posting of %(day)s (%(what)s), before the opening day. Nothing was posted.") % told
            )
    if len(older) > MOST:
        words = _("The ledger has more than %(count)s postings from before the opening day. Nothing was posted.")
        raise Conflict(words % {"count": f"{MOST:,}"})
    for posted in older:
        await reverse(session, posted.id, booked_on=posted.booked_on, memo=BEFORE_THE_BOOKS, ids=ids, now=now)
    for first in range(0, len(older), BATCH):
        await _leave(session, older[first : first + BATCH])
    return len(older)


async def _older(session: AsyncSession, starts_on: date) -> Sequence[LedgerTransaction]:
    row, correction = LedgerTransaction, aliased(LedgerTransaction)
    is_reversed = select(correction.id).where(correction.reverses_id == row.id).exists()
    own_day = func.coalesce(row.effective_on, row.booked_on, type_=Date())  # its month may have been locked
    wanted = (
        select(row)
        .where(own_day < starts_on, row.purpose.not_in([OPENING, REVERSAL]), ~is_reversed)
        .order_by(row.booked_on, row.id)
        .limit(MOST + 1)
    )
    return (await session.scalars(wanted)).all()


async def _leave(session: AsyncSession, posted: Sequence[LedgerTransaction]) -> None:
    line, entry = BalanceTransaction, LedgerEntry
    mine = line.stripe_balance_transaction_id.in_([one.source_id for one in posted])
    unposted = update(line).where(mine).values(posted_at=None)
    await session.execute(unposted.execution_options(synchronize_session=False))
    given = select(entry.donation_id).where(entry.transaction_id.in_([one.id for one in posted]))
    await keep_fees(session, {found for found in await session.scalars(given) if found})
