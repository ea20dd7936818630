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
from supporters.ledger.start import start_moment
from supporters.payments import marks, owners
from supporters.payments.facts import Fact, SessionLink
from supporters.payments.gateway import Gateway, GatewayRefused
from supporters.payments.lines import KIND, Read, Reading, read_windows, start_of_lines
from supporters.payments.pace import Pace, side_by_side
from supporters.payments.windows import Window, cut, not_done

OVERLAP = timedelta(minutes=30)  # lines show up in the list a little after their time
DEEP_OVERLAP = timedelta(days=10)
DEEP_EVERY = timedelta(hours=20)
AT_MOST = timedelta(seconds=60)  # half of the time for which a job is ours
BILL, SUBSCRIPTION = "in_", "sub_"
OF_THE_KEY = (401, 403)  # refusals that say nothing of what was asked about: all else would be refused too
MOST_ASKED = 50  # look-ups in one run: Stripe takes 25 a second

log = structlog.stdlib.get_logger("sweep")


class Books(Protocol):
    """The side of the house above payments: what facts do there. `events.Context` is one."""

    async def apply_link(self, session: AsyncSession, stripe_id: str, link: SessionLink | None) -> None: ...

    async def apply_facts(self, session: AsyncSession, facts: Sequence[Fact], *, cause: str) -> None: ...

    async def stuck_sessions(self, session: AsyncSession, *, limit: int) -> Sequence[str]: ...


async def sweep(work: Work, _payload: dict[str, Any], *, gateway: Gateway, context: Books) -> None:
    """Job `stripe.sweep`: pages and payments that Stripe knows more of are settled; once a day ten days are read again."""
    pages = await settle_checkouts(work.db, gateway, context)
    payments = await settle_payments(work.db, gateway, context, clock=work.clock)
    lines = await sweep_deeply(work.db, gateway, clock=work.clock, ids=work.ids)
    log.info("swept", count=pages + payments, lines=lines)


async def sweep_balance(
    db: Database, gateway: Gateway, *, clock: Clock, ids: Ids, overlap: timedelta = OVERLAP
) -> Read:
    """The mirror has every line of Stripe's balance, if the answer `is_whole`; else the next run goes on where this ended.

    The first runs read all, from the day on which the books began; later ones what came since, and `overlap` before that
    once more.
    """
    async with db.reading() as session:
        until = await marks.verified_until(session, marks.BALANCE)
        books_began = await start_moment(session)
    reading = Reading(db=db, gateway=gateway, clock=clock, ids=ids, pace=Pace(tries=1))
    started_at = clock.now()
    if until is None:
        since = books_began or await start_of_lines(reading, until=started_at)
        windows = cut(since, started_at) if since else []
    else:
        windows = cut(until - overlap, started_at)
    async with db.reading() as session:
        windows = await not_done(session, KIND, windows)
    # What is being made at this moment is read too: the last window stays open.
    windows = [Window(windows[0].start if windows else None, None), *windows[1:]]
    return await _read_all(reading, windows, mark=marks.BALANCE, started_at=started_at)


async def sweep_deeply(db: Database, gateway: Gateway, *, clock: Clock, ids: Ids) -> int:
    """Once a day the last ten days are read again: whatever was late or changed is found. Returns how many were new."""
    async with db.reading() as session:
        until = await marks.verified_until(session, marks.BALANCE_DEEP)
    started_at = clock.now()
    if until and started_at - until < DEEP_EVERY:
        return 0
    since = min(until or started_at, started_at) - DEEP_OVERLAP
    reading = Reading(db=db, gateway=gateway, clock=clock, ids=ids, pace=Pace(tries=1))
    windows = cut(since, started_at)
    windows = [Window(windows[0].start, None), *windows[1:]]
    return (await _read_all(reading, windows, mark=marks.BALANCE_DEEP, started_at=started_at)).added


async def read_again(
    db: Database, gateway: Gateway, *, since: datetime, until: datetime, clock: Clock, ids: Ids
) -> Read:
    """The mirror has every line of that time, whatever an earlier run remembers to have read."""
    reading = Reading(db=db, gateway=gateway, clock=clock, ids=ids, pace=Pace(tries=1))
    return await read_windows(reading, cut(since, until), at_most=AT_MOST)


async def _read_all(reading: Reading, windows: Sequence[Window], *, mark: str, started_at: datetime) -> Read:
    """The mark moves only after the last window, so that a run that broke off leaves no hole."""
    read = await read_windows(reading, windows, at_most=AT_MOST)
    if read.is_whole:
        async with reading.db.unit_of_work() as session:
            await marks.move_mark(session, mark, until=started_at, now=reading.clock.now())
    return read


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


async def settle_payments(
    db: Database,
    gateway: Gateway,
    context: Books,
    *,
    clock: Clock,
    pace: Pace | None = None,
    since: datetime | None = None,
) -> int:
    """What nobody has claimed is ours or not, as Stripe's payment pages and bills say; returns how many were asked about.

    `since`: when a person's run began that asks until there is nothing left; it asks about each once, however that went.
    *Raises* GatewayRefused then, where the key may not ask.
    """
    pace = pace or Pace(at_once=1, tries=1)
    async with db.reading() as session:
        unclaimed = await owners.ids_to_ask(session, now=clock.now(), limit=MOST_ASKED, not_since=since)

    async def ask(stripe_id: str) -> None:
        await pace.ask(
            lambda: settle_owner(db, gateway, context, stripe_id, now=clock.now(), is_by_hand=since is not None)
        )

    await side_by_side(unclaimed, ask, at_once=pace.at_once)
    return len(unclaimed)


async def settle_owner(
    db: Database, gateway: Gateway, context: Books, stripe_id: str, *, now: datetime, is_by_hand: bool = False
) -> None:
    """One payment, subscription or bill is ours or not, and what waited for it is due. By hand, a forbidden key is told."""
    async with db.unit_of_work() as session:
        await owners.mark_asked(session, stripe_id, now=now)
    try:
        invoice_id, link = await _look_up(gateway, stripe_id)
        facts = await gateway.plans.invoice(invoice_id) if invoice_id else []
    except GatewayRefused as refusal:
        if is_by_hand and refusal.http_status in OF_THE_KEY:
            raise
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
