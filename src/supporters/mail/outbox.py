"""The outbox: letters are written in the transaction of the thing they announce, and rendered when they are sent."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import JSON, cast, func, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.jobs.models import WorkState
from supporters.kit.db import changed_rows, insert_for
from supporters.kit.ids import Ids
from supporters.mail.models import Letter, Stream


async def queue_letter(
    session: AsyncSession,
    *,
    kind: str,
    stream: Stream,
    recipient: str,
    dedupe_key: str,
    context: Mapping[str, object],
    about: str | None,
    ids: Ids,
    now: datetime,
    domain: str,
) -> bool:
    """The letter waits to be sent, with its Message-ID fixed. False when it was queued before.

    *Idempotent by* kind, recipient and dedupe key. `context` holds JSON values only.
    """
    letter_id = ids.ulid()
    row = {
        "id": letter_id,
        "stream": stream,
        "kind": kind,
        "recipient": recipient,
        "dedupe_key": dedupe_key,
        "message_id": f"<{letter_id.lower()}@{domain}>",
        "context": dict(context),
        "about": about,
        "queued_at": now,
        "sent_at": None,
        "state": WorkState.READY,
        "run_at": now,
        "fence": 0,
        "attempts": 0,
    }
    queued = await session.execute(insert_for(session, Letter).values(**row).on_conflict_do_nothing())
    return changed_rows(queued) == 1


async def complete_letter(session: AsyncSession, *, kind: str, about: str, facts: Mapping[str, object]) -> bool:
    """Letters of that kind about that record which wait know these facts too. False when none waits."""
    is_postgres = session.get_bind().dialect.name == "postgresql"
    merged: Any = (
        cast(cast(Letter.context, JSONB).op("||")(cast(dict(facts), JSONB)), JSON)
        if is_postgres
        else func.json_patch(Letter.context, msgspec.json.encode(dict(facts)).decode())
    )
    waiting = (Letter.about == about) & (Letter.kind == kind) & (Letter.state == WorkState.READY)
    changed = update(Letter).where(waiting).values(context=merged).execution_options(synchronize_session=False)
    return changed_rows(await session.execute(changed)) > 0


async def withdraw_letters(session: AsyncSession, *, about: str) -> int:
    """Marketing letters about that person which wait are never sent; returns how many. Service letters go out."""
    waiting = (Letter.about == about) & (Letter.stream == Stream.MARKETING) & (Letter.state == WorkState.READY)
    done = update(Letter).where(waiting).values(state=WorkState.DONE, last_error="stopped")
    return changed_rows(await session.execute(done.execution_options(synchronize_session=False)))


async def letters_about(session: AsyncSession, about: str) -> Sequence[Letter]:
    """Every letter about one donation, plan or supporter, oldest first."""
    return (await session.scalars(select(Letter).where(Letter.about == about).order_by(Letter.id))).all()


async def send_now(session: AsyncSession, letter_id: str, *, now: datetime) -> bool:
    """A letter that was buried or waits is tried again at once. False when it has gone out, or never was."""
    again = update(Letter).where(Letter.id == letter_id, Letter.state.in_([WorkState.READY, WorkState.BURIED]))
    values = {"state": WorkState.READY, "run_at": now, "attempts": 0}
    return changed_rows(await session.execute(again.values(**values).execution_options(synchronize_session=False))) == 1


async def oldest_unsent(session: AsyncSession, *, now: datetime) -> timedelta:
    """How long the oldest due letter has been waiting for a worker; zero when none is. A mail server that is down moves
    letters on, so that it does not show here.
    """
    due = (Letter.state == WorkState.READY) & (Letter.run_at <= now)
    oldest = await session.scalar(select(func.min(Letter.run_at)).where(due))
    return now - oldest if oldest else timedelta()
