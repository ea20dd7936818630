"""Asking Stripe about payouts of which nobody has told us, and about those that may still change."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta

from supporters.kit.clock import Clock
from supporters.kit.db import Database
from supporters.ledger.start import start_moment
from supporters.payments import marks
from supporters.payments.facts import Page, PayoutSeen
from supporters.payments.gateway import Gateway
from supporters.payments.payouts import differing, mirror_payouts

Question = Callable[[], Awaitable[Page[PayoutSeen]]]
Ask = Callable[[Question], Awaitable[Page[PayoutSeen]]]
PAYOUTS = "payouts"
MAY_CHANGE_FOR = timedelta(days=21)  # a paid one may fail within ten working days, and its trace may come as late
BEFORE_THE_BOOKS = timedelta(days=31)  # what was on its way when the books began is matched to the bank here


async def sweep_payouts(db: Database, gateway: Gateway, *, clock: Clock) -> int:
    """The mirror has every payout as Stripe shows it; returns how many are new or changed.

    The first run reads all, from a month before the books began; later ones what came since and three weeks before that.
    """
    started_at = clock.now()
    async with db.reading() as session:
        until = await marks.verified_until(session, PAYOUTS)
        began = await start_moment(session)
    since = until - MAY_CHANGE_FOR if until else began and began - BEFORE_THE_BOOKS
    changed = await read_payouts(db, gateway, since=since, until=None, clock=clock)
    async with db.unit_of_work() as session:
        await marks.move_mark(session, PAYOUTS, until=started_at, now=clock.now())
    return changed


async def read_payouts(
    db: Database,
    gateway: Gateway,
    *,
    since: datetime | None,
    until: datetime | None,
    clock: Clock,
    ask: Ask | None = None,
) -> int:
    """The mirror has every payout made in this time; returns how many are new or changed. Raises the gateway's errors."""
    changed = 0
    async for page in _pages(gateway, since=since, until=until, ask=ask or _at_once):
        async with db.unit_of_work() as session:
            changed += await mirror_payouts(session, page, now=clock.now())
    return changed


async def compare_payouts(
    db: Database,
    gateway: Gateway,
    *,
    since: datetime | None,
    until: datetime | None,
    clock: Clock,
    ask: Ask,
) -> tuple[set[str], set[str]]:
    """Which payouts of this time are not in the mirror, and of which it would learn something. Stores nothing."""
    new: set[str] = set()
    changed: set[str] = set()
    async for page in _pages(gateway, since=since, until=until, ask=ask):
        async with db.reading() as session:
            fresh, moved = await differing(session, page, now=clock.now())
        new, changed = new | fresh, changed | moved
    return new, changed


async def _pages(
    gateway: Gateway, *, since: datetime | None, until: datetime | None, ask: Ask
) -> AsyncIterator[list[PayoutSeen]]:
    cursor: str | None = None
    while True:

        def question(after: str | None = cursor) -> Awaitable[Page[PayoutSeen]]:
            return gateway.money.payouts(created_gte=since, created_lt=until, starting_after=after)

        page = await ask(question)
        yield page.items
        cursor = page.next_after
        if cursor is None:
            return


async def _at_once(question: Question) -> Page[PayoutSeen]:
    return await question()
