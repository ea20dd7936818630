"""Events from Stripe as the desk lists them. Payloads are never read here: they hold more than a page needs."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.payments.models import InboxEvent, InboxState

_COLUMNS = (
    InboxEvent.stripe_event_id,
    InboxEvent.type,
    InboxEvent.state,
    InboxEvent.object_id,
    InboxEvent.waiting_for,
    InboxEvent.occurred_at,
    InboxEvent.received_at,
    InboxEvent.via,
    InboxEvent.attempts,
    InboxEvent.last_error,
    InboxEvent.payload.is_not(None).label("has_payload"),
)


class EventLine(msgspec.Struct, frozen=True):
    """One event as it was received."""

    id: str
    type: str
    state: str
    object_id: str | None
    waiting_for: str | None
    occurred_at: datetime
    received_at: datetime
    via: str
    attempts: int
    last_error: str | None
    has_payload: bool


async def list_events(
    session: AsyncSession, state: InboxState | None, *, limit: int, offset: int = 0
) -> list[EventLine]:
    """Events in that state, or in any, the latest first."""
    query = select(*_COLUMNS).order_by(InboxEvent.received_at.desc(), InboxEvent.stripe_event_id.desc())
    if state is not None:
        query = query.where(InboxEvent.state == state)
    return [EventLine(*row) for row in await session.execute(query.limit(limit).offset(offset))]


async def count_events(session: AsyncSession, states: Sequence[InboxState]) -> dict[str, int]:
    """How many events are in each of these states; none is zero."""
    query = select(InboxEvent.state, func.count()).where(InboxEvent.state.in_(states)).group_by(InboxEvent.state)
    found = {row[0]: row[1] for row in await session.execute(query)}
    return {state.value: found.get(state.value, 0) for state in states}


async def latest_event_at(session: AsyncSession) -> datetime | None:
    """When the last event came in."""
    return await session.scalar(select(func.max(InboxEvent.received_at)))
