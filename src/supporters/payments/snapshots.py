"""What Stripe says that it holds, kept day by day, so that the first day of a difference can be found later."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.clock import local_date
from supporters.kit.db import insert_for
from supporters.payments.gateway_money import Held
from supporters.payments.models import BalanceDay


async def keep_day(session: AsyncSession, held: Mapping[str, Held], *, taken_at: datetime, time_zone: str) -> None:
    """The day on which this was said has it, in every currency; said twice on a day, the later one stays."""
    day = local_date(taken_at, time_zone)
    rows = [
        {
            "day": day,
            "currency": currency,
            "available_minor": each.available_minor,
            "pending_minor": each.pending_minor,
            "reserved_minor": each.reserved_minor,
            "taken_at": taken_at,
        }
        for currency, each in sorted(held.items())
    ]
    if not rows:
        return
    adding = insert_for(session, BalanceDay)
    later = {name: adding.excluded[name] for name in ("available_minor", "pending_minor", "reserved_minor", "taken_at")}
    await session.execute(
        adding.on_conflict_do_update(
            index_elements=["day", "currency"],
            set_=later,
            where=BalanceDay.taken_at <= adding.excluded.taken_at,
        ),
        rows,
    )
