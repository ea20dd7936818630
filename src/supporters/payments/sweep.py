"""Asking Stripe about what nobody has told us: the third way to the same books, and the one that trusts no event.

A window of the balance read whole, payment pages that should be over, payments that nobody has claimed.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.jobs.work import Work
from supporters.kit.clock import Clock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.payments import marks, owners
from supporters.payments.balance import mirror
from supporters.payments.facts import Fact, SessionLink
from supporters.payments.gateway import Gateway, GatewayRefused

OVERLAP = timedelta(minutes=30)  # lines show up in the list a little after their time
DEEP_OVERLAP = timedelta(hours=72)
DEEP_EVERY = timedelta(hours=20)
BILL, SUBSCRIPTION = "in_", "sub_"
MOST_ASKED = 50  # look-ups in one run: Stripe takes 25 a second

log = structlog.stdlib.get_logger("sweep")


class Books(Protocol):
    """The side of the house above payments: what facts do there. `events.Context` is one."""

    async def apply_link(self, session: AsyncSession, stripe_id: str, link: SessionLink | None) -> None: ...

    async def apply_facts(self, session: AsyncSession, facts: Sequence[Fact], *, cause: str) -> None: ...

    async def stuck_sessions(self, session: AsyncSession, *, limit: int) -> Sequence[str]: ...


async def sweep(work: Work, _payload: dict[str, Any], *, gateway: Gateway, context: Books) -> None:
    """Job `stripe.sweep`: pages and payments that Stripe knows more of are settled; once a day 72 hours are read again."""
    pages = await settle_checkouts(work.db, gateway, context)
    payments = await settle_payments(work.db, gateway, context, clock=work.clock)
    lines = await sweep_deeply(work.db, gateway, clock=work.clock, ids=work.ids)
    log.info("swept", count=pages + payments, lines=lines)


async def sweep_balance(db: Database, gateway: Gateway, *, clock: Clock, ids: Ids, overlap: timedelta = OVERLAP) -> int:
    """The mirror has every line of Stripe's balance; returns how many are new.

    The first run reads all, later ones what came since, and `overlap` before that once more.
    """
    async with db.reading() as session:
        until = await marks.verified_until(session, marks.BALANCE)
    since = until - overlap if until else None
    return await _read_window(db, gateway, since, mark=marks.BALANCE, clock=clock, ids=ids)


async def sweep_deeply(db: Database, gateway: Gateway, *, clock: Clock, ids: Ids) -> int:
    """Once a day the last 72 hours are read again: whatever was late or changed is found. Returns how many were new."""
    async with db.reading() as session:
        until = await marks.verified_until(session, marks.BALANCE_DEEP)
    if until and clock.now() - until < DEEP_EVERY:
        return 0
    since = (until or clock.now()) - DEEP_OVERLAP
    return await _read_window(db, gateway, since, mark=marks.BALANCE_DEEP, clock=clock, ids=ids)


async def _read_window(
    db: Database, gateway: Gateway, since: datetime | None, *, mark: str, clock: Clock, ids: Ids
) -> int:
    """Each page is stored by itself; the mark moves only after the last, so that a run that broke off leaves no hole."""
    started_at = clock.now()
    added = 0
    cursor: str | None = None
    while True:
        page = await gateway.list_balance_transactions(created_gte=since, starting_after=cursor)
        async with db.unit_of_work() as session:
            lines = page.items
            added += await mirror(session, lines, livemode=gateway.is_live, account=None, ids=ids, now=clock.now())
        cursor = page.next_after
        if cursor is None:
            break
    async with db.unit_of_work() as session:
        await marks.move_mark(session, mark, until=started_at, now=clock.now())
    return added


async def settle_checkouts(db: Database, gateway: Gateway, context: Books) -> int:
    """Payment pages that should be over are as Stripe says; returns how many were asked about."""
    async with db.reading() as session:
        stuck = await context.stuck_sessions(session, limit=MOST_ASKED)
    for session_id in stuck:
        facts = await _or_refused(lambda key=session_id: gateway.retrieve_session(key))
        if facts:
            async with db.unit_of_work() as session:
                await context.apply_facts(session, facts, cause=session_id)
    return len(stuck)


async def settle_payments(db: Database, gateway: Gateway, context: Books, *, clock: Clock) -> int:
    """What nobody has claimed is ours or not, as Stripe's payment pages and bills say; returns how many were asked about."""
    async with db.reading() as session:
        unclaimed = await owners.ids_to_ask(session, now=clock.now(), limit=MOST_ASKED)
    for stripe_id in unclaimed:
        await settle_owner(db, gateway, context, stripe_id, now=clock.now())
    return len(unclaimed)


async def settle_owner(db: Database, gateway: Gateway, context: Books, stripe_id: str, *, now: datetime) -> None:
    """One payment, subscription or bill is ours or not, and what waited for it is due."""
    async with db.unit_of_work() as session:
        await owners.mark_asked(session, stripe_id, now=now)
    try:
        invoice_id, link = await _look_up(gateway, stripe_id)
        facts = await gateway.plans.invoice(invoice_id) if invoice_id else []
    except GatewayRefused as refusal:
        log.warning("lookup_refused", record_id=stripe_id, code=refusal.code)
        return
    async with db.unit_of_work() as session:
        if invoice_id:
            await context.apply_facts(session, facts, cause=invoice_id)
        else:
            await context.apply_link(session, stripe_id, link)


async def _look_up(gateway: Gateway, stripe_id: str) -> tuple[str | None, SessionLink | None]:
    """The bill that knows whose this is, or the payment page that does, or neither."""
    if stripe_id.startswith(BILL):
        return stripe_id, None
    link = await gateway.session_of(stripe_id)
    if link or stripe_id.startswith(SUBSCRIPTION):
        return None, link
    return await gateway.plans.invoice_of_payment(stripe_id), None


async def _or_refused(ask: Callable[[], Awaitable[list[Fact]]]) -> list[Fact]:
    """What Stripe says; nothing where it refuses to say: one page that it does not know must not stop the others."""
    try:
        return await ask()
    except GatewayRefused as refusal:
        log.warning("lookup_refused", code=refusal.code)
        return []
