"""Taking personal words out of the log. The deeds stay, with who, what, when and which record; so does the chain."""

from collections.abc import Collection

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.models import AuditDetail, AuditEntry
from supporters.kit.db import changed_rows


async def erase_details(
    session: AsyncSession, *, record_kind: str, record_ids: Collection[str], actions: Collection[str]
) -> int:
    """What these deeds to these records said is gone, and with it what its digest could be tried with; returns how many."""
    about = (AuditEntry.record_kind == record_kind) & AuditEntry.record_id.in_(record_ids)
    theirs = select(AuditEntry.seq).where(about, AuditEntry.action.in_(actions))
    kept = update(AuditDetail).where(AuditDetail.seq.in_(theirs), AuditDetail.salt.is_not(None))
    gone = kept.values(detail=None, salt=None).execution_options(synchronize_session=False)
    return changed_rows(await session.execute(gone))
