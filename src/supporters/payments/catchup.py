"""Events that no webhook brought, fetched from Stripe's list of the last 30 days into the same inbox."""

from datetime import datetime, timedelta
from typing import Any

import structlog

from supporters.jobs.work import Work
from supporters.kit.clock import Clock
from supporters.kit.db import Database
from supporters.payments import inbox, marks
from supporters.payments.facts import RawEvent
from supporters.payments.gateway import Gateway
from supporters.payments.translate import HEARD
from supporters.payments.verifier import is_readable

OVERLAP = timedelta(hours=1)
STRIPE_KEEPS = timedelta(days=30)
TYPES_AT_ONCE = 20  # as many as Stripe takes in one question
log = structlog.stdlib.get_logger("catchup")


async def catch_up(work: Work, _payload: dict[str, Any], *, gateway: Gateway) -> None:
    """Job `events.catch_up`: every event that Stripe still lists and that matters here is in the inbox."""
    missed = await fetch_missed(work.db, gateway, clock=work.clock)
    if missed:
        log.info("events_caught_up", count=missed)


async def fetch_missed(db: Database, gateway: Gateway, *, clock: Clock, is_dry: bool = False) -> int:
    """The inbox has every readable event since the last whole run; returns how many no webhook had brought.

    The mark moves only after the last page, so that a run that broke off is done again from its start. A dry run only counts.
    """
    started_at = clock.now()
    since = await _since(db, started_at)
    missed = 0
    for start in range(0, len(HEARD), TYPES_AT_ONCE):
        types = HEARD[start : start + TYPES_AT_ONCE]
        missed += await _fetch(db, gateway, types, since=since, clock=clock, is_dry=is_dry)
    if is_dry:
        return missed
    async with db.unit_of_work() as session:
        await marks.move_mark(session, marks.EVENTS, until=started_at, now=clock.now())
    return missed


async def _fetch(
    db: Database, gateway: Gateway, types: tuple[str, ...], *, since: datetime, clock: Clock, is_dry: bool
) -> int:
    missed = 0
    cursor: str | None = None
    while True:
        page = await gateway.list_events(created_gte=since, types=types, starting_after=cursor)
        missed += await _store(db, page.items, is_live=gateway.is_live, now=clock.now(), is_dry=is_dry)
        cursor = page.next_after
        if cursor is None:
            return missed


async def _since(db: Database, now: datetime) -> datetime:
    async with db.reading() as session:
        until = await marks.verified_until(session, marks.EVENTS)
    return max(now - STRIPE_KEEPS, until - OVERLAP) if until else now - STRIPE_KEEPS


async def _store(db: Database, events: list[RawEvent], *, is_live: bool, now: datetime, is_dry: bool) -> int:
    """What the house cannot read is left out: stored, its key would keep out the webhook that brings it readable."""
    async with db.reading() as session:
        known = await inbox.known_ids(session, [event.id for event in events])
    missed = [event for event in events if event.id not in known]
    readable = [event for event in missed if _fits(event, is_live=is_live)]
    if len(readable) < len(missed):
        log.error("events_unreadable", count=len(missed) - len(readable))
    rows = [inbox.row_of(event, via=inbox.CATCHUP, now=now) for event in readable]
    if rows and not is_dry:
        await db.accept(inbox.accept_statement(is_sqlite=db.is_sqlite), rows)
    return len(rows)


def _fits(event: RawEvent, *, is_live: bool) -> bool:
    """The list is of our own account, and shows each event in the version that the account had when it happened."""
    return event.livemode == is_live and is_readable(event.api_version)
