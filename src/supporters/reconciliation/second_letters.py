"""A letter to everybody who may agree to what one person asked for: who asks, what for, and where. It names no giver."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.discuss import bookkeepers
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.mail.models import Stream
from supporters.mail.outbox import queue_letter
from supporters.reconciliation.second_request import Deed
from supporters.settings import Settings
from supporters.staff.models import Staff

LETTER = "staff_asked"


class Closing(StrEnum):
    """What takes two people besides the deeds of `second_request`."""

    MONTH = "close_month"  # A month is closed.
    DISCREPANCY = "close_discrepancy"  # A discrepancy is closed in a way that moves or gives up much.


async def awaited(session: AsyncSession, asked_by: str) -> dict[str, str]:
    """Name by id of everybody who may agree to what this person asks for."""
    return {who: name for who, name in (await bookkeepers(session)).items() if who != asked_by}


async def tell_asked(
    session: AsyncSession,
    what: Deed | Closing,
    path: str,
    *,
    by: str,
    by_name: str,
    amount: Money | None,
    settings: Settings,
    ids: Ids,
    now: datetime,
) -> None:
    """A letter to each of them waits to be sent. *Idempotent by* page, moment and person; `path` is the page that asks."""
    context: dict[str, object] = {
        "what": what.value,
        "by": by_name,
        "amount": [amount.minor, amount.currency] if amount else None,
        "look_url": f"{settings.base_url}{path}",
    }
    others = await awaited(session, by)
    for person in await session.scalars(select(Staff).where(Staff.id.in_(list(others)), Staff.is_active)):
        await queue_letter(
            session,
            kind=LETTER,
            stream=Stream.SERVICE,
            recipient=person.email,
            dedupe_key=f"asked:{what}:{path}:{now.isoformat()}",
            context=context,
            about=person.id,
            ids=ids,
            now=now,
            domain=settings.mail_from.rpartition("@")[2],
        )
