"""Telling outside receivers that somebody joined or stopped a list."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.ids import Ids
from supporters.outgoing.emit import emit


async def tell_confirmed(
    session: AsyncSession, subscriber_id: str, *, slug: str, address: str, ids: Ids, now: datetime
) -> None:
    """Receivers of `newsletter.confirmed` will hear of it. The address is in it: whoever sends the list needs it."""
    data = {"list": slug, "address": address, "subscriber": subscriber_id}
    await emit(session, kind="newsletter.confirmed", about=subscriber_id, data=data, ids=ids, now=now)


async def tell_stopped(
    session: AsyncSession, subscriber_id: str, *, slug: str, address: str, why: str, ids: Ids, now: datetime
) -> None:
    """Receivers of `newsletter.stopped` will hear of it, with the way it was stopped."""
    data = {"list": slug, "address": address, "subscriber": subscriber_id, "why": why}
    await emit(session, kind="newsletter.stopped", about=subscriber_id, data=data, ids=ids, now=now)
