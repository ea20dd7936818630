"""Is the audit chain whole?"""

from collections.abc import AsyncIterator

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.models import AuditDetail, AuditEntry
from supporters.audit.record import FIRST_DIGEST, digest_detail, digest_entry

CHAINED = ("at", "actor_kind", "actor_id", "action", "record_kind", "record_id", "request_id", "detail_digest")
PAGE = 1_000


async def find_broken_links(session: AsyncSession, *, limit: int = 20) -> list[str]:
    """The entries, in words, whose digest does not fit their fields, their predecessor or their detail. Erased details fit."""
    broken: list[str] = []
    previous = FIRST_DIGEST
    async for entry, detail in _walk(session):
        broken += _faults(entry, detail, previous=previous)
        previous = entry.digest
        if len(broken) >= limit:
            break
    return broken[:limit]


def _faults(entry: AuditEntry, detail: AuditDetail | None, *, previous: str) -> list[str]:
    faults: list[str] = []
    if entry.previous_digest != previous:
        faults.append(f"{entry.seq}: does not follow the entry before it")
    if entry.digest != digest_entry(entry.previous_digest, {name: getattr(entry, name) for name in CHAINED}):
        faults.append(f"{entry.seq}: its fields were changed")
    if detail is None:
        faults.append(f"{entry.seq}: its detail is gone")
    elif detail.detail is not None and digest_detail(detail.detail, salt=detail.salt or "") != entry.detail_digest:
        faults.append(f"{entry.seq}: its detail was changed")
    return faults


async def _walk(session: AsyncSession) -> AsyncIterator[tuple[AuditEntry, AuditDetail | None]]:
    last = 0
    while True:
        query = (
            select(AuditEntry, AuditDetail)
            .outerjoin(AuditDetail, AuditDetail.seq == AuditEntry.seq)
            .where(AuditEntry.seq > last)
            .order_by(AuditEntry.seq)
            .limit(PAGE)
            .execution_options(populate_existing=True)
        )
        rows = (await session.execute(query)).all()
        for entry, detail in rows:
            yield entry, detail
            last = entry.seq
        if len(rows) < PAGE:
            return
