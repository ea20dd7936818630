"""What others ask of this room: how far behind it is."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.payments.models import InboxEvent, InboxState


async def oldest_unread(session: AsyncSession, *, now: datetime) -> timedelta:
    """How long the oldest due event has been waiting to be applied; zero when none is."""
    due = (InboxEvent.state == InboxState.RECEIVED) & (InboxEvent.run_at <= now)
    oldest = await session.scalar(select(func.min(InboxEvent.run_at)).where(due))
    return now - oldest if oldest else timedelta()
