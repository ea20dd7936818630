"""Rows into the list, a portion in a transaction: stored with how far the batch has come, so that a kill loses nothing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.imports.models import BatchState, ImportBatch, ImportFault
from supporters.imports.rows import Judged, Reason, Refusal, Taken
from supporters.kit.db import changed_rows
from supporters.kit.ids import Ids
from supporters.newsletters.imported import Outcome, add_imported
from supporters.settings import Settings

PORTION = 50  # rows; on SQLite nobody else can store anything meanwhile, so it is kept short
BARRED = {Outcome.SUPPRESSED: Reason.SUPPRESSED, Outcome.STOPPED: Reason.STOPPED}


async def take_portion(
    session: AsyncSession,
    batch: ImportBatch,
    portion: Sequence[Judged],
    *,
    start: int,
    settings: Settings,
    ids: Ids,
    now: datetime,
) -> bool:
    """The rows from `start` on are taken or kept as faults, once; false when another worker has got further."""
    if not await _claim_rows(session, batch.id, start=start, count=len(portion)):
        return False
    outcomes: Counter[Outcome] = Counter()
    refusals: list[Refusal] = []
    for each in portion:
        if isinstance(each, Refusal):
            refusals.append(each)
            continue
        outcome = await _take(session, batch, each, settings=settings, ids=ids, now=now)
        if outcome in BARRED:
            refusals.append(Refusal(each.number, each.cells, BARRED[outcome]))
        else:
            outcomes[outcome] += 1
    await _keep(session, batch.id, refusals)
    await session.execute(
        update(ImportBatch)
        .where(ImportBatch.id == batch.id)
        .values(
            added=ImportBatch.added + outcomes[Outcome.ADDED],
            already=ImportBatch.already + outcomes[Outcome.ALREADY],
            left_out=ImportBatch.left_out + len(refusals),
        )
        .execution_options(synchronize_session=False)
    )
    return True


async def finish_batch(session: AsyncSession, batch_id: str, *, now: datetime) -> None:
    """Every row was looked at: the file is erased, and the audit holds what came of it. Twice is once."""
    done = (
        await session.execute(
            update(ImportBatch)
            .where(ImportBatch.id == batch_id, ImportBatch.state == BatchState.RUNNING)
            .values(state=BatchState.DONE, content=None, finished_at=now)
            .returning(ImportBatch.added, ImportBatch.already, ImportBatch.left_out)
            .execution_options(synchronize_session=False)
        )
    ).one_or_none()
    if done is not None:
        detail = {"added": done.added, "already": done.already, "left_out": done.left_out}
        await note(session, batch_id, "import.finish", actor_id=None, detail=detail, now=now)


async def note(
    session: AsyncSession,
    batch_id: str,
    action: str,
    *,
    actor_id: str | None,
    detail: Mapping[str, object],
    now: datetime,
) -> None:
    """The audit says what was done to the batch; no actor means the house itself."""
    await record(
        session,
        actor_kind="staff" if actor_id else "system",
        actor_id=actor_id,
        action=action,
        record_kind="import",
        record_id=batch_id,
        detail=detail,
        now=now,
    )


async def _claim_rows(session: AsyncSession, batch_id: str, *, start: int, count: int) -> bool:
    """These rows are this transaction's. Of two workers one waits here, and then finds that they are taken."""
    mine = (ImportBatch.id == batch_id) & (ImportBatch.state == BatchState.RUNNING) & (ImportBatch.done_rows == start)
    claimed = await session.execute(
        update(ImportBatch).where(mine).values(done_rows=start + count).execution_options(synchronize_session=False)
    )
    return changed_rows(claimed) == 1


async def _take(
    session: AsyncSession, batch: ImportBatch, row: Taken, *, settings: Settings, ids: Ids, now: datetime
) -> Outcome:
    evidence = {
        "proof": batch.proof or "",
        "agreed_on": row.consented_on,
        "in_the_list": row.basis_words,
        "row": row.number,
        "file_digest": batch.file_digest,
        "brought_by": batch.started_by or "",
    }
    return await add_imported(
        session,
        list_slug=batch.list_slug or "",
        address=row.address,
        name=row.name,
        basis=batch.basis or "",
        evidence=evidence,
        batch_id=batch.id,
        settings=settings,
        ids=ids,
        now=now,
    )


async def _keep(session: AsyncSession, batch_id: str, refusals: Sequence[Refusal]) -> None:
    if refusals:
        rows = [
            {"batch_id": batch_id, "row_number": each.number, "reason": each.reason, "cells": each.cells}
            for each in refusals
        ]
        await session.execute(insert(ImportFault), rows)
