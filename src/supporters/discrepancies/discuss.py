"""What colleagues do about a discrepancy before it is closed: write, take it on, give it another day, ask a second person."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import msgspec
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.discrepancies.codes import Resolution
from supporters.discrepancies.mentions import mentioned
from supporters.discrepancies.models import Comment, Discrepancy, DiscrepancyState, Mention
from supporters.discrepancies.reasons import keep_reason
from supporters.kit.db import changed_rows
from supporters.kit.errors import Conflict, NotFound, Refused
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _
from supporters.staff.models import Role, Staff

COMMENT_CHARS = 2000
DOES_BOOKS = (Role.FINANCE.value, Role.ADMIN.value)


class Said(msgspec.Struct, frozen=True):
    """A comment that was stored, and the ids of the colleagues whom it names; no id where it was there already."""

    comment_id: str = ""
    names: Sequence[str] = ()


async def add_comment(
    session: AsyncSession, discrepancy_id: str, words: str, *, actor_id: str, ids: Ids, now: datetime
) -> Said:
    """The words stand under the discrepancy with their writer's name, and whom they name finds it among their own.

    *Idempotent by* writer and words, as long as nobody writes after them. *Raises* Refused for none, NotFound.
    """
    text = words.replace("\r\n", "\n").replace("\0", "").strip()[:COMMENT_CHARS]  # PostgreSQL refuses the last
    if not text:
        raise Refused(_("Please write something. Nothing was stored."))
    await _exists(session, discrepancy_id)
    if await _is_last(session, discrepancy_id, text, actor_id):
        return Said()
    comment_id = ids.ulid()
    row = {
        "id": comment_id,
        "discrepancy_id": discrepancy_id,
        "words": text,
        "written_by": actor_id,
        "written_at": now,
    }
    await session.execute(insert(Comment).values(row))
    await note(session, "comment", discrepancy_id, {}, actor_id=actor_id, now=now)
    others = {who: name for who, name in (await bookkeepers(session)).items() if who != actor_id}
    names = mentioned(text, others)
    if names:
        rows = [{"comment_id": comment_id, "staff_id": who, "discrepancy_id": discrepancy_id} for who in names]
        await session.execute(insert(Mention), rows)
    return Said(comment_id, names)


async def assign(
    session: AsyncSession, discrepancy_id: str, owner_id: str | None, *, actor_id: str, now: datetime
) -> None:
    """This colleague looks after it, or nobody in particular. *Raises* Refused for one who can't, NotFound, Conflict."""
    if owner_id is not None and owner_id not in await bookkeepers(session):
        raise Refused(_("Choose somebody who does the books. Nothing was changed."))
    await _change(session, discrepancy_id, {"owner_id": owner_id})
    await note(session, "assign", discrepancy_id, {"owner": owner_id}, actor_id=actor_id, now=now)


async def change_due(session: AsyncSession, discrepancy_id: str, due_on: date, *, actor_id: str, now: datetime) -> None:
    """It is due on that day. *Raises* NotFound, Conflict when it is closed."""
    await _change(session, discrepancy_id, {"due_on": due_on})
    await note(session, "due", discrepancy_id, {"due_on": due_on.isoformat()}, actor_id=actor_id, now=now)


async def ask_second(
    session: AsyncSession,
    discrepancy_id: str,
    *,
    resolution: Resolution,
    reason: str,
    fund_id: str | None,
    actor_id: str,
    now: datetime,
) -> None:
    """A second person is asked to agree; until then it stays open and the books stay as they are. *Raises* as above."""
    values = {
        "asked_resolution": resolution.value,
        "asked_reason": reason,
        "asked_fund_id": fund_id,
        "asked_by": actor_id,
        "asked_at": now,
    }
    await _change(session, discrepancy_id, values)
    detail = {
        "resolution": resolution.value,
        "reason_sha256": await keep_reason(session, discrepancy_id, reason, now=now),
    }
    await note(session, "ask", discrepancy_id, detail, actor_id=actor_id, now=now)


async def withdraw_asked(session: AsyncSession, discrepancy_id: str, *, actor_id: str, now: datetime) -> None:
    """Nobody is asked to agree any more, whether the first person took it back or the second said no. *Raises* as above."""
    gone = ("asked_resolution", "asked_reason", "asked_fund_id", "asked_by", "asked_at")
    await _change(session, discrepancy_id, dict.fromkeys(gone))
    await note(session, "decline", discrepancy_id, {}, actor_id=actor_id, now=now)


async def bookkeepers(session: AsyncSession) -> dict[str, str]:
    """Name by id of everybody who does the books now."""
    wanted = select(Staff.id, Staff.name).where(Staff.is_active, Staff.role.in_(DOES_BOOKS)).order_by(Staff.name)
    return {row.id: row.name for row in await session.execute(wanted)}


async def is_alone(session: AsyncSession, actor_id: str) -> bool:
    """Whether nobody else does the books, so that nobody can be asked to agree."""
    others = select(func.count()).where(Staff.is_active, Staff.role.in_(DOES_BOOKS), Staff.id != actor_id)
    return not await session.scalar(others)


async def note(
    session: AsyncSession,
    verb: str,
    discrepancy_id: str,
    detail: Mapping[str, object],
    *,
    actor_id: str,
    now: datetime,
    request_id: str | None = None,
) -> None:
    """The audit has a deed about a discrepancy."""
    await record(
        session,
        actor_kind="staff",
        actor_id=actor_id,
        action=f"discrepancy.{verb}",
        record_kind="discrepancy",
        record_id=discrepancy_id,
        detail=detail,
        now=now,
        request_id=request_id,
    )


async def _change(session: AsyncSession, discrepancy_id: str, values: Mapping[str, object]) -> None:
    changed = (
        update(Discrepancy)
        .where(Discrepancy.id == discrepancy_id, Discrepancy.state == DiscrepancyState.OPEN)
        .values(values)
    )
    if changed_rows(await session.execute(changed)) == 1:
        return
    await _exists(session, discrepancy_id)
    raise Conflict(_("This discrepancy is closed. Nothing was changed."))


async def _is_last(session: AsyncSession, discrepancy_id: str, words: str, actor_id: str) -> bool:
    """Whether the same person wrote the same just before: a form that was sent twice."""
    latest = select(Comment.words, Comment.written_by).where(Comment.discrepancy_id == discrepancy_id)
    row = (await session.execute(latest.order_by(Comment.written_at.desc(), Comment.id.desc()).limit(1))).first()
    return row is not None and tuple(row) == (words, actor_id)


async def _exists(session: AsyncSession, discrepancy_id: str) -> None:
    if await session.get(Discrepancy, discrepancy_id) is None:
        raise NotFound(_("There is no such discrepancy."))
