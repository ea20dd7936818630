"""Closing a discrepancy: how, why and by whom; and opening it again."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.codes import Code, Resolution
from supporters.discrepancies.discuss import note
from supporters.discrepancies.models import Discrepancy, DiscrepancyState
from supporters.discrepancies.reasons import keep_reason
from supporters.discrepancies.rules import QUIET, due_day, ways
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
    alone_reason: str | None = None,
    agreed_by: str | None = None,
    request_id: str | None = None,
) -> None:
    """The discrepancy is closed in this way for this reason, and the audit says who closed it.

    What a resolution does to the books is posted by `reconciliation.resolutions`, which calls this.
    *Raises* Refused without a reason or for a way that its kind does not have, NotFound, and Conflict when it is closed.
    """
    words = checked_reason(reason)
    found = await session.get(Discrepancy, discrepancy_id)
    if found is not None and resolution not in ways(Code(found.code)):
        raise Refused(_("A discrepancy of this kind can't be closed in that way. It is still open."))
    await _close(
        session,
        discrepancy_id,
        resolution=resolution,
        reason=words,
        actor_id=actor_id,
        now=now,
        alone_reason=alone_reason,
        agreed_by=agreed_by,
    )
    told = {"resolution": resolution.value, **await _kept(session, discrepancy_id, words, alone_reason, now=now)}
    if agreed_by:
        told["asked_by"] = actor_id
    await note(session, "resolve", discrepancy_id, told, actor_id=agreed_by or actor_id, now=now, request_id=request_id)


async def settle_discrepancy(
    session: AsyncSession, *, code: Code, subject: str, resolution: Resolution, reason: str, now: datetime
) -> bool:
    """What was different is not any more, and the house closes it by itself. False when nothing of the kind is open.

    Nobody has resolved it: found again with a fingerprint, it is open again, even if it looks as before.
    """
    same = (Discrepancy.code == code.value) & (Discrepancy.subject == subject)
    opened = select(Discrepancy.id).where(same, Discrepancy.state == DiscrepancyState.OPEN)
    discrepancy_id = await session.scalar(opened)
    if discrepancy_id is None:
        return False
    await _close(session, discrepancy_id, resolution=resolution, reason=reason, actor_id=None, now=now)
    forgotten = update(Discrepancy).where(Discrepancy.id == discrepancy_id).values(fingerprint=None)
    await session.execute(forgotten.execution_options(synchronize_session=False))
    return True


async def note_quiet(session: AsyncSession, *, actor_id: str, now: datetime) -> int:
    """Everything that is open for information only is closed as read; says how many. One deed in the audit names them."""
    d = Discrepancy
    wanted = select(d.id).where(d.state == DiscrepancyState.OPEN, d.code.in_([code.value for code in QUIET]))
    found: Sequence[str] = (await session.scalars(wanted.order_by(d.id).with_for_update())).all()
    if not found:
        return 0
    values = {
        "state": DiscrepancyState.RESOLVED.value,
        "resolution": Resolution.NOTED.value,
        "reason": _("Read, with everything else for information."),
        "resolved_by": actor_id,
        "resolved_at": now,
    }
    await session.execute(update(d).where(d.id.in_(found)).values(values).execution_options(synchronize_session=False))
    await note(session, "note_all", "all", {"ids": list(found)}, actor_id=actor_id, now=now)
    return len(found)


async def reopen_discrepancy(
    session: AsyncSession,
    discrepancy_id: str,
    *,
    reason: str,
    actor_id: str,
    now: datetime,
    alone_reason: str | None = None,
    agreed_by: str | None = None,
) -> None:
    """A person has to explain it again; how it was closed before stays in its history.

    *Raises* Refused without a reason, NotFound, and Conflict when it is open. What is in the books, its caller takes back.
    """
    words = checked_reason(reason)
    found = await held(session, discrepancy_id)
    if found.state != DiscrepancyState.RESOLVED:
        raise Conflict(_("This discrepancy is open. Nothing was changed."))
    before = {"before": found.resolution or "", **await _kept(session, discrepancy_id, words, alone_reason, now=now)}
    if agreed_by:
        before["asked_by"] = actor_id
    found.state = DiscrepancyState.OPEN
    found.reopened_at = now
    found.due_on = due_day(Code(found.code), opened_on=now.date())
    found.resolution = found.reason = found.alone_reason = None
    found.resolved_by = found.agreed_by = found.resolved_at = None
    await session.flush()
    await note(session, "reopen", discrepancy_id, before, actor_id=agreed_by or actor_id, now=now)


async def held(session: AsyncSession, discrepancy_id: str) -> Discrepancy:
    """The discrepancy, held until the transaction ends. *Raises* NotFound."""
    wanted = select(Discrepancy).where(Discrepancy.id == discrepancy_id).with_for_update()
    found = await session.scalar(wanted.execution_options(populate_existing=True))
    if found is None:
        raise NotFound(_("There is no such discrepancy."))
    return found


def checked_reason(reason: str) -> str:
    """The reason in one line. *Raises* Refused for none."""
    words = clean_line(reason, limit=REASON_LIMIT)
    if not words:
        raise Refused(_("Please write why. Nothing was changed."))
    return words


async def _kept(
    session: AsyncSession, discrepancy_id: str, words: str, alone_reason: str | None, *, now: datetime
) -> dict[str, str]:
    """The words stand with the discrepancy; this is what the audit says of them."""
    said = {"reason_sha256": words, "alone_sha256": alone_reason}
    return {name: await keep_reason(session, discrepancy_id, text, now=now) for name, text in said.items() if text}


async def _close(
    session: AsyncSession,
    discrepancy_id: str,
    *,
    resolution: Resolution,
    reason: str,
    actor_id: str | None,
    now: datetime,
    alone_reason: str | None = None,
    agreed_by: str | None = None,
) -> None:
    changed = await session.execute(
        update(Discrepancy)
        .where(Discrepancy.id == discrepancy_id, Discrepancy.state == DiscrepancyState.OPEN)
        .values(
            state=DiscrepancyState.RESOLVED,
            resolution=resolution.value,
            reason=reason,
            alone_reason=alone_reason,
            resolved_by=actor_id,
            agreed_by=agreed_by,
            resolved_at=now,
            asked_resolution=None,
            asked_reason=None,
            asked_fund_id=None,
            asked_by=None,
            asked_at=None,
        )
    )
    if changed_rows(changed) == 1:
        return
    if await session.get(Discrepancy, discrepancy_id) is None:
        raise NotFound(_("There is no such discrepancy."))
    raise Conflict(_("Somebody has closed this discrepancy already. Nothing was changed."))
