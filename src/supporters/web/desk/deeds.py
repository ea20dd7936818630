"""What a member of staff did at the desk, in the audit log."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.web.common.access import member_of
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest


async def record_deed(
    request: AnyRequest, session: AsyncSession, action: str, record_id: str, detail: Mapping[str, object]
) -> None:
    """The audit log says that whoever is signed in did `action` ("webhook.change": kind and deed) to that record, now."""
    await record(
        session,
        actor_kind="staff",
        actor_id=member_of(request).id,
        action=action,
        record_kind=action.partition(".")[0],
        record_id=record_id,
        detail=detail,
        now=house_of(request).clock.now(),
    )
