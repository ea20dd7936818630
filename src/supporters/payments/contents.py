"""What a payout is made of, as Stripe lists it. Only automatic payouts have such a list, once Stripe has finished it.

Source: docs.stripe.com/payouts/reconciliation, read 2026-11-23: listed on `payout.reconciliation_completed`, page by page; the
list has the payout's own line too, which counts against the others.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.clock import Clock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.payments.balance import mirror
from supporters.payments.facts import BalanceLine
from supporters.payments.gateway import Gateway
from supporters.payments.models import BalanceTransaction, Content, Payout
from supporters.payments.payouts import COMPLETED

PORTION = 500  # a statement takes only so many values
READ_AGAIN_AFTER = timedelta(hours=20)
READ_AGAIN_FOR = timedelta(days=60)


async def payouts_to_prove(session: AsyncSession, *, now: datetime, limit: int) -> Sequence[Payout]:
    """Payouts whose list is finished and not proved, the oldest first; those that did not add up once a day again."""
    row = Payout
    may_have_changed = (row.content == Content.OFF.value) & (row.created_at >= now - READ_AGAIN_FOR)
    was_read = or_(row.content_read_at.is_(None), row.content_read_at < now - READ_AGAIN_AFTER)
    wanted = (
        select(row)
        .where(row.content.in_([Content.COLLECTING.value, Content.OFF.value]))
        .where(row.reconciliation_status == COMPLETED)
        .where(or_(row.content == Content.COLLECTING.value, may_have_changed & was_read))
        .order_by(row.created_at, row.stripe_payout_id)
        .limit(limit)
    )
    return (await session.scalars(wanted)).all()


async def list_contents(gateway: Gateway, payout_id: str) -> list[BalanceLine]:
    """Every line that Stripe says went out with the payout, its own among them, each naming it. Raises the gateway's errors."""
    found: list[BalanceLine] = []
    cursor: str | None = None
    while True:
        page = await gateway.list_balance_transactions(payout_id=payout_id, starting_after=cursor)
        found += [msgspec.structs.replace(line, payout_id=payout_id) for line in page.items]
        cursor = page.next_after
        if cursor is None:
            return found


async def keep_contents(db: Database, payout: Payout, lines: Sequence[BalanceLine], *, clock: Clock, ids: Ids) -> None:
    """The lines are in the mirror and name the payout. Stored in portions: nobody waits long, and it may be done again."""
    row = BalanceTransaction
    for start in range(0, len(lines), PORTION):
        portion = lines[start : start + PORTION]
        unnamed = [msgspec.structs.replace(line, payout_id=None) for line in portion]
        inside = row.stripe_balance_transaction_id.in_([line.id for line in portion])
        # a payout made by hand leaves the balance by a line that then counts in the next automatic one
        by_hand = (row.reporting_category == "payout") & (row.source_id != payout.stripe_payout_id)
        named = update(row).where(inside, or_(row.stripe_payout_id.is_(None), by_hand))
        async with db.unit_of_work() as session:
            now = clock.now()
            await mirror(session, unnamed, livemode=payout.livemode, account=payout.account, ids=ids, now=now)
            naming = named.values(stripe_payout_id=payout.stripe_payout_id)
            await session.execute(naming.execution_options(synchronize_session=False))


def total_of(payout: Payout, lines: Sequence[BalanceLine]) -> int:
    """What the lines besides the payout's own add up to, in its currency."""
    return sum(line.net_minor for line in lines if not is_own(payout, line) and line.currency == payout.currency)


def is_own(payout: Payout, line: BalanceLine) -> bool:
    """Whether this is the line by which the payout itself left the balance."""
    return line.id == payout.line_id or (
        line.source_id == payout.stripe_payout_id and line.reporting_category == "payout"
    )
