"""Writing a donation's timeline: one row for each thing that happened, once for each cause."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.models import DonationEvent
from supporters.kit.db import changed_rows, insert_for
from supporters.kit.ids import Ids


async def note(
    session: AsyncSession,
    donation_id: str,
    kind: str,
    *,
    cause: str,
    ids: Ids,
    now: datetime,
    detail: Mapping[str, object] | None = None,
) -> bool:
    """The timeline says that `kind` happened because of `cause`. False when it said so before."""
    row = {
        "id": ids.ulid(),
        "donation_id": donation_id,
        "at": now,
        "kind": kind,
        "cause": cause,
        "detail": dict(detail or {}),
    }
    added = await session.execute(insert_for(session, DonationEvent).values(**row).on_conflict_do_nothing())
    return changed_rows(added) == 1
