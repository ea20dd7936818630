"""Files that explain a discrepancy: brought by a colleague, taken away by another, erased for good."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.discuss import note
from supporters.discrepancies.file_kinds import MOST_BYTES, NAME_CHARS, FileKind, kind_of, safe_name
from supporters.discrepancies.models import Evidence
from supporters.discrepancies.reasons import keep_reason
from supporters.discrepancies.resolve import checked_reason, held
from supporters.kit.db import changed_rows, insert_for
from supporters.kit.errors import NotFound, Refused
from supporters.kit.ids import Ids, is_ulid
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line

MOST_FILES = 20


class File(msgspec.Struct, frozen=True):
    """A file as it is taken away."""

    name: str
    kind: FileKind
    body: bytes


async def add_evidence(
    session: AsyncSession,
    discrepancy_id: str,
    *,
    name: str,
    content: bytes,
    actor_id: str,
    ids: Ids,
    now: datetime,
) -> None:
    """The file stands under the discrepancy, open or closed; one that does already stays as it is.

    *Raises* Refused for none, one that is too large or of another kind, and for one too many; NotFound.
    """
    kind = _checked(content)
    await held(session, discrepancy_id)
    stands = (Evidence.discrepancy_id == discrepancy_id) & Evidence.erased_at.is_(None)
    if (await session.scalar(select(func.count()).where(stands)) or 0) >= MOST_FILES:
        raise Refused(_("There are %(count)s files already. Erase one first.") % {"count": MOST_FILES})
    row = {
        "id": ids.ulid(),
        "discrepancy_id": discrepancy_id,
        "name": safe_name(clean_line(name, limit=2 * NAME_CHARS), kind),
        "kind": kind.value,
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "body": content,
        "added_by": actor_id,
        "added_at": now,
    }
    added = await session.execute(insert_for(session, Evidence).values(row).on_conflict_do_nothing())
    if changed_rows(added) == 1:
        detail = {"file": row["id"], "kind": kind.value, "bytes": len(content), "sha256": row["sha256"]}
        await note(session, "evidence", discrepancy_id, detail, actor_id=actor_id, now=now)


async def erase_evidence(
    session: AsyncSession, discrepancy_id: str, evidence_id: str, *, reason: str, actor_id: str, now: datetime
) -> None:
    """Name and body of the file are gone for good; who brought and who erased it stays. A second time changes nothing.

    *Raises* Refused without a reason, NotFound.
    """
    words = checked_reason(reason)
    await _one(session, discrepancy_id, evidence_id)
    gone = update(Evidence).where(Evidence.id == evidence_id, Evidence.erased_at.is_(None))
    values = {"name": None, "body": None, "erased_by": actor_id, "erased_at": now}
    erased = await session.execute(gone.values(values).execution_options(synchronize_session=False))
    if changed_rows(erased) == 1:
        detail = {"file": evidence_id, "reason_sha256": await keep_reason(session, discrepancy_id, words, now=now)}
        await note(session, "evidence_erase", discrepancy_id, detail, actor_id=actor_id, now=now)


async def take_evidence(
    session: AsyncSession, discrepancy_id: str, evidence_id: str, *, actor_id: str, now: datetime
) -> File:
    """The file, and the audit says who took it. *Raises* NotFound, also for one that was erased."""
    found = await _one(session, discrepancy_id, evidence_id)
    body = await session.scalar(select(Evidence.body).where(Evidence.id == evidence_id))
    if body is None:
        raise NotFound(_("This file was erased."))
    await note(session, "evidence_read", discrepancy_id, {"file": evidence_id}, actor_id=actor_id, now=now)
    return File(found.name or "", FileKind(found.kind), body)


async def evidence_of(session: AsyncSession, discrepancy_id: str) -> Sequence[Evidence]:
    """Every file about it, also those that were erased, oldest first; without their bodies."""
    wanted = select(Evidence).where(Evidence.discrepancy_id == discrepancy_id)
    return (await session.scalars(wanted.order_by(Evidence.added_at, Evidence.id))).all()


async def _one(session: AsyncSession, discrepancy_id: str, evidence_id: str) -> Evidence:
    wanted = select(Evidence).where(Evidence.id == evidence_id, Evidence.discrepancy_id == discrepancy_id)
    found = await session.scalar(wanted) if is_ulid(evidence_id) else None
    if found is None:
        raise NotFound(_("There is no such file."))
    return found


def _checked(content: bytes) -> FileKind:
    if not content:
        raise Refused(_("Choose a file. Nothing was stored."))
    if len(content) > MOST_BYTES:
        raise Refused(too_large())
    kind = kind_of(content)
    if kind is None:
        raise Refused(_("This is no PDF, PNG, JPEG, email (EML) or plain text in UTF-8, so it was not stored."))
    return kind


def too_large() -> str:
    """What is said of a file with too many bytes."""
    return _("A file may have at most %(count)s MB. Nothing was stored.") % {"count": MOST_BYTES // 1_000_000}
