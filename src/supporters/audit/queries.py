"""Every SELECT about the audit log."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.models import AuditDetail, AuditEntry

PAGE = 1_000


class AuditFilter(msgspec.Struct, frozen=True):
    """What part of the log is asked for; an empty value leaves it open."""

    actor: str = ""  # a member of staff's id, or "cli", or "system"
    record_kind: str = ""
    record_id: str = ""


class AuditRow(msgspec.Struct, frozen=True):
    """One deed. `detail` is None once it was erased."""

    seq: int
    at: datetime
    actor_kind: str
    actor_id: str | None
    action: str
    record_kind: str
    record_id: str
    detail: dict[str, Any] | None


async def list_entries(
    session: AsyncSession, asked: AuditFilter, *, limit: int, before: int | None = None
) -> Sequence[AuditRow]:
    """The newest entries that fit, or those before the one numbered `before`."""
    query = (
        select(AuditEntry, AuditDetail.detail)
        .outerjoin(AuditDetail, AuditDetail.seq == AuditEntry.seq)
        .where(*_conditions(asked))
        .order_by(AuditEntry.seq.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(AuditEntry.seq < before)
    return [_row(entry, detail) for entry, detail in (await session.execute(query)).all()]


async def all_entries(session: AsyncSession, asked: AuditFilter) -> AsyncIterator[Sequence[AuditRow]]:
    """Everything that fits, newest first, a thousand at a time."""
    before: int | None = None
    while True:
        rows = await list_entries(session, asked, limit=PAGE, before=before)
        if rows:
            yield rows
        if len(rows) < PAGE:
            return
        before = rows[-1].seq


async def kinds_of_record(session: AsyncSession) -> Sequence[str]:
    """Every kind of record that something was done to."""
    return (await session.scalars(select(AuditEntry.record_kind).distinct().order_by(AuditEntry.record_kind))).all()


def _conditions(asked: AuditFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if asked.actor in {"cli", "system"}:
        conditions.append(AuditEntry.actor_kind == asked.actor)
    elif asked.actor:
        conditions.append(and_(AuditEntry.actor_kind == "staff", AuditEntry.actor_id == asked.actor))
    if asked.record_kind:
        conditions.append(AuditEntry.record_kind == asked.record_kind)
    if asked.record_id:
        conditions.append(AuditEntry.record_id == asked.record_id)
    return conditions


def _row(entry: AuditEntry, detail: dict[str, Any] | None) -> AuditRow:
    return AuditRow(
        entry.seq,
        entry.at,
        entry.actor_kind,
        entry.actor_id,
        entry.action,
        entry.record_kind,
        entry.record_id,
        detail,
    )
