"""Events from outside, stored before anything is done about them, each once, and taken out in order.

(source, Stripe's event id) is the key, so that an event delivered twice, or by webhook and by catch-up, is one row.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Insert, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.db import changed_rows
from supporters.kit.errors import Conflict, NotFound
from supporters.kit.strings import gettext as _
from supporters.payments.facts import RawEvent
from supporters.payments.models import InboxEvent, InboxState

SOURCE = "stripe"
WEBHOOK, CATCHUP = "webhook", "catchup"
PARK_AFTER = 8
FIRST_RETRY = timedelta(seconds=5)
KEPT_FOR = timedelta(days=30)  # what handled events said; that they came and what came of it is kept for good
MOST_ERASED, ERASED_AT_ONCE = 20_000, 1_000
LONGEST_RETRY = timedelta(hours=1)
ERROR_CHARS = 2_000

_STATEMENTS: dict[str, Insert] = {
    "postgresql": postgresql_insert(InboxEvent).on_conflict_do_nothing(),
    "sqlite": sqlite_insert(InboxEvent).on_conflict_do_nothing(),
}


def accept_statement(*, is_sqlite: bool) -> Insert:
    """The one statement that stores events, for `Database.accept`. An event that is there already changes nothing."""
    return _STATEMENTS["sqlite" if is_sqlite else "postgresql"]


def row_of(event: RawEvent, *, via: str, now: datetime, why_foreign: str | None = None) -> dict[str, Any]:
    """The event as a row: received, or parked at once when it is of another account, mode or version."""
    return {
        "source": SOURCE,
        "stripe_event_id": event.id,
        "account": event.account,
        "livemode": event.livemode,
        "api_version": event.api_version,
        "type": event.type,
        "object_id": event.object_id,
        "occurred_at": event.occurred_at,
        "received_at": now,
        "payload": event.body,
        "via": via,
        "state": (InboxState.PARKED if why_foreign else InboxState.RECEIVED).value,
        "waiting_for": None,
        "run_at": now,
        "attempts": 0,
        "last_error": why_foreign,
        "handled_at": None,
    }


def event_of(row: InboxEvent) -> RawEvent | None:
    """The event that a row keeps; None when its payload was erased."""
    if row.payload is None:
        return None
    return RawEvent(
        id=row.stripe_event_id,
        type=row.type,
        api_version=row.api_version,
        occurred_at=row.occurred_at,
        livemode=row.livemode,
        account=row.account,
        object_id=row.object_id,
        body=row.payload,
    )


async def take_batch(session: AsyncSession, *, limit: int, now: datetime) -> Sequence[InboxEvent]:
    """Up to `limit` due events, oldest first, held until the caller's transaction ends; other workers pass over them."""
    due = (
        select(InboxEvent)
        .where(InboxEvent.state == InboxState.RECEIVED, InboxEvent.run_at <= now)
        .order_by(InboxEvent.run_at, InboxEvent.occurred_at, InboxEvent.stripe_event_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = (await session.scalars(due)).all()
    return sorted(rows, key=lambda row: (row.occurred_at, row.stripe_event_id))


async def mark(
    session: AsyncSession, events: Iterable[InboxEvent], state: InboxState, *, now: datetime, erase: bool = False
) -> None:
    """The events are in `state`. With `erase` nothing of what they said is kept."""
    keys = [event.stripe_event_id for event in events]
    if not keys:
        return
    values: dict[str, Any] = {"state": state.value, "handled_at": now, "waiting_for": None, "last_error": None}
    if erase:
        values["payload"] = None
    await session.execute(_of(keys).values(**values))


async def mark_waiting(session: AsyncSession, waiting: dict[str, list[str]]) -> None:
    """Events wait for their payment to be tied; `waiting` is event ids by payment intent."""
    for payment_intent_id, keys in waiting.items():
        values = {"state": InboxState.WAITING.value, "waiting_for": payment_intent_id}
        await session.execute(_of(keys).values(**values))


async def mark_failed(session: AsyncSession, event: InboxEvent, *, error: str, now: datetime) -> bool:
    """The event is tried again later, twice as long as before; after eight tries it is parked: True."""
    attempts = event.attempts + 1
    is_parked = attempts >= PARK_AFTER
    pause = min(FIRST_RETRY * 2**event.attempts, LONGEST_RETRY)
    values: dict[str, Any] = {"attempts": attempts, "last_error": error[:ERROR_CHARS], "run_at": now + pause}
    if is_parked:
        values["state"] = InboxState.PARKED.value
    await session.execute(_of([event.stripe_event_id]).values(**values))
    return is_parked


async def park(session: AsyncSession, event: InboxEvent, *, why: str) -> None:
    """A person must look at the event."""
    values = {"state": InboxState.PARKED.value, "last_error": why[:ERROR_CHARS], "waiting_for": None}
    await session.execute(_of([event.stripe_event_id]).values(**values))


async def release_waiting(session: AsyncSession, payment_intent_ids: Sequence[str], *, now: datetime) -> int:
    """Events that waited for these payments are due now; returns how many."""
    if not payment_intent_ids:
        return 0
    waited = InboxEvent.state == InboxState.WAITING, InboxEvent.waiting_for.in_(payment_intent_ids)
    freed = update(InboxEvent).where(*waited).values(state=InboxState.RECEIVED.value, waiting_for=None, run_at=now)
    return changed_rows(await session.execute(freed.execution_options(synchronize_session=False)))


async def replay(
    session: AsyncSession,
    stripe_event_id: str,
    *,
    why_foreign: Callable[[RawEvent, str], str | None],
    now: datetime,
) -> None:
    """A parked event is tried again from the start.

    Raises NotFound; Conflict when it is not parked, was erased, or is foreign by `why_foreign` (asked with the event and
    the way it came): what it was parked for may have been another fault.
    """
    event = await session.get(InboxEvent, (SOURCE, stripe_event_id), with_for_update=True)
    if event is None:
        raise NotFound(_("There is no such event."))
    told = event_of(event)
    if event.state != InboxState.PARKED or told is None:
        raise Conflict(_("Only a parked event can be tried again."))
    if why_foreign(told, event.via):
        words = _("This event is of another Stripe account, mode or API version. It stays parked; nothing was changed.")
        raise Conflict(words)
    values = {"state": InboxState.RECEIVED.value, "attempts": 0, "run_at": now, "last_error": None}
    await session.execute(_of([stripe_event_id]).values(**values))


async def erase_old(session: AsyncSession, *, now: datetime) -> int:
    """What events said that were handled or not ours is erased thirty days after they came; returns how many were.

    At most 20,000 in one call, the oldest first, so that the caller's transaction stays short; the rest is for the next.
    """
    done = InboxEvent.state.in_([InboxState.HANDLED.value, InboxState.NOT_OURS.value])
    old = (
        select(InboxEvent.stripe_event_id)
        .where(InboxEvent.source == SOURCE, done, InboxEvent.payload.is_not(None))
        .where(InboxEvent.received_at < now - KEPT_FOR)
        .order_by(InboxEvent.received_at)
        .limit(MOST_ERASED)
    )
    keys = (await session.scalars(old)).all()
    for start in range(0, len(keys), ERASED_AT_ONCE):
        await session.execute(_of(keys[start : start + ERASED_AT_ONCE]).where(done).values(payload=None))
    return len(keys)


async def waiting_payments(session: AsyncSession, *, received_before: datetime, limit: int) -> Sequence[str]:
    """Payments that events have been waiting for since before then, the longest first."""
    waits = (
        select(InboxEvent.waiting_for)
        .where(InboxEvent.state == InboxState.WAITING, InboxEvent.received_at < received_before)
        .group_by(InboxEvent.waiting_for)
        .order_by(func.min(InboxEvent.received_at))
        .limit(limit)
    )
    return [found for found in (await session.scalars(waits)).all() if found]


async def known_ids(session: AsyncSession, stripe_event_ids: Sequence[str]) -> set[str]:
    """Which of these events are stored already."""
    asked = [(SOURCE, key) for key in stripe_event_ids]
    pair = tuple_(InboxEvent.source, InboxEvent.stripe_event_id)
    return set((await session.scalars(select(InboxEvent.stripe_event_id).where(pair.in_(asked)))).all())


def _of(keys: Sequence[str]) -> Any:
    mine = InboxEvent.source == SOURCE, InboxEvent.stripe_event_id.in_(keys)
    return update(InboxEvent).where(*mine).execution_options(synchronize_session=False)
