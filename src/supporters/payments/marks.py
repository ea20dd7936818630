"""How far a list of Stripe's has been read without a hole."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.db import insert_for
from supporters.payments.models import SyncMark

BALANCE, BALANCE_DEEP, EVENTS = "balance", "balance.deep", "events"


async def verified_until(session: AsyncSession, name: str) -> datetime | None:
    """Up to when the list has been read whole; None when it never was."""
    mark = await session.get(SyncMark, name)
    return mark.verified_until if mark else None


async def move_mark(session: AsyncSession, name: str, *, until: datetime, now: datetime) -> None:
    """The list has been read whole up to `until`. A mark never moves back."""
    added = insert_for(session, SyncMark).values(name=name, verified_until=until, run_at=now)
    later = added.on_conflict_do_update(
        index_elements=["name"],
        set_={"verified_until": until, "run_at": now},
        where=SyncMark.verified_until < until,
    )
    await session.execute(later)
