"""Writing one deed into the chain. Nobody else inserts into the audit tables."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import desc, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.models import AuditDetail, AuditEntry
from supporters.kit.ids import RandomSource, SystemRandom

FIRST_DIGEST = "0" * 64
CHAIN_LOCK = 7_301  # advisory lock on PostgreSQL; SQLite's BEGIN IMMEDIATE already lets one writer in at a time
_RANDOM = SystemRandom()


async def record(
    session: AsyncSession,
    *,
    actor_kind: str,
    actor_id: str | None,
    action: str,
    record_kind: str,
    record_id: str,
    detail: Mapping[str, object],
    now: datetime,
    request_id: str | None = None,
    random: RandomSource = _RANDOM,
) -> None:
    """The deed stands at the end of the audit chain, if the caller's transaction commits.

    `detail` holds JSON values only. *Writes* `audit_entry` and `audit_detail`; on PostgreSQL others who record wait until
    the caller's transaction ends, so record late in it.
    """
    await _lock_chain(session)
    salt = random.token_bytes(16).hex()
    fields: dict[str, object] = {
        "at": now,
        "actor_kind": actor_kind,
        "actor_id": actor_id,
        "action": action,
        "record_kind": record_kind,
        "record_id": record_id,
        "request_id": request_id,
        "detail_digest": digest_detail(detail, salt=salt),
    }
    previous = await _last_digest(session)
    values = {**fields, "previous_digest": previous, "digest": digest_entry(previous, fields)}
    seq = (await session.execute(insert(AuditEntry).values(values).returning(AuditEntry.seq))).scalar_one()
    await session.execute(insert(AuditDetail).values(seq=seq, detail=dict(detail), salt=salt))


def digest_entry(previous: str, fields: Mapping[str, object]) -> str:
    """The digest of one entry: over the digest before it and all of its own fields, in hex."""
    return hashlib.sha256(f"{previous}\n{_canonical(fields)}".encode()).hexdigest()


def digest_detail(detail: Mapping[str, object], *, salt: str) -> str:
    """The digest that stands in the chain for a detail, in hex. Salted: short details could otherwise be guessed."""
    return hashlib.sha256(f"{salt}\n{_canonical(detail)}".encode()).hexdigest()


def _canonical(values: Mapping[str, object]) -> str:
    return json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    raise TypeError(f"an audit entry holds JSON values only, not {type(value).__name__}")


async def _lock_chain(session: AsyncSession) -> None:
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(select(func.pg_advisory_xact_lock(CHAIN_LOCK)))


async def _last_digest(session: AsyncSession) -> str:
    last = await session.scalar(select(AuditEntry.digest).order_by(desc(AuditEntry.seq)).limit(1))
    return last or FIRST_DIGEST
