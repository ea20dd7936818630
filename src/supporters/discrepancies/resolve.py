"""Closing a discrepancy: how, why and by whom."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.discrepancies.codes import Code, Resolution
from supporters.discrepancies.models import Discrepancy, DiscrepancyState
from supporters.kit.db import changed_rows
from supporters.kit.errors import Conflict, NotFound, Refused
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line

REASON_LIMIT = 1000


async def resolve_discrepancy(
    session: AsyncSession,
    discrepancy_id: str,
    *,
    resolution: Resolution,
    reason: str,
    actor_id: str,
    now: datetime,
    request_id: str | None = None,
) -> None:
    """The discrepancy is closed in this way for this reason, and the audit says who closed it.

    *Raises* Refused without a reason, NotFound, and Conflict when it is closed already.
    """
    words = clean_line(reason, limit=REASON_LIMIT)
    if not words:
        raise Refused(_("Please write why. The discrepancy is still open."))
    await _close(session, discrepancy_id, resolution=resolution, reason=words, actor_id=actor_id, now=now)
    await record(
        session,
        actor_kind="staff",
        actor_id=actor_id,
        action="discrepancy.resolve",
        record_kind="discrepancy",
        record_id=discrepancy_id,
        detail={"resolution": resolution.value, "reason": words},
        now=now,
        request_id=request_id,
    )


async def settle_discrepancy(
    session: AsyncSession, *, code: Code, subject: str, resolution: Resolution, reason: str, now: datetime
) -> bool:
    """What was different is not any more, and the house closes it by itself. False when nothing of the kind is open."""
    same = (Discrepancy.code == code.value) & (Discrepancy.subject == subject)
    opened = select(Discrepancy.id).where(same, Discrepancy.state == DiscrepancyState.OPEN)
    discrepancy_id = await session.scalar(opened)
    if discrepancy_id is None:
        return False
    await _close(session, discrepancy_id, resolution=resolution, reason=reason, actor_id=None, now=now)
    return True


async def _close(
    session: AsyncSession,
    discrepancy_id: str,
    *,
    resolution: Resolution,
    reason: str,
    actor_id: str | None,
    now: datetime,
) -> None:
    changed = await session.execute(
        update(Discrepancy)
        .where(Discrepancy.id == discrepancy_id, Discrepancy.state == DiscrepancyState.OPEN)
        .values(
            state=DiscrepancyState.RESOLVED,
            resolution=resolution.value,
            reason=reason,
            resolved_by=actor_id,
            resolved_at=now,
        )
    )
    if changed_rows(changed) == 1:
        return
    if await session.get(Discrepancy, discrepancy_id) is None:
        raise NotFound(_("There is no such discrepancy."))
    raise Conflict(_("Somebody has closed this discrepancy already. Nothing was changed."))
