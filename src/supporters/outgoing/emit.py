"""Telling others that something became true: rows in the caller's transaction, sent by a job after it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.jobs.models import WorkState
from supporters.jobs.queue import enqueue
from supporters.kit.ids import Ids
from supporters.outgoing.models import WebhookDelivery, WebhookEndpoint

SEND_JOB = "outgoing.send"
LARGEST_PAYLOAD = 64 * 1024


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What became true. `data` holds JSON values: ids, amounts, and an address only where the receiver needs it."""

    kind: str
    about: str
    data: Mapping[str, object]


async def emit(
    session: AsyncSession, *, kind: str, about: str, data: Mapping[str, object], ids: Ids, now: datetime
) -> int:
    """Every active receiver that wants `kind` will be told, if the caller's transaction commits; returns how many.

    The caller calls once for each thing that became true: nothing here knows whether it was told before.
    """
    return await emit_all(session, [Message(kind=kind, about=about, data=data)], ids=ids, now=now)


async def emit_all(session: AsyncSession, messages: Sequence[Message], *, ids: Ids, now: datetime) -> int:
    """As `emit`, for many at once."""
    if not messages:
        return 0
    active = select(WebhookEndpoint.id, WebhookEndpoint.kinds).where(WebhookEndpoint.is_active)
    endpoints = (await session.execute(active)).all()
    rows: list[dict[str, object]] = []
    for message in messages:
        wanting = [endpoint_id for endpoint_id, kinds in endpoints if message.kind in kinds]
        rows += make_rows(message, wanting, ids=ids, now=now)
    return await queue_rows(session, rows, ids=ids, now=now)


def make_rows(message: Message, endpoint_ids: Sequence[str], *, ids: Ids, now: datetime) -> list[dict[str, object]]:
    """One row for each receiver, all with the same message id and the same bytes."""
    if not endpoint_ids:
        return []
    body = {"type": message.kind, "timestamp": in_words(now), "data": dict(message.data)}
    payload = msgspec.json.encode(body).decode()
    if len(payload) > LARGEST_PAYLOAD:
        raise ValueError(f"a message of kind {message.kind} is too long")
    webhook_id = f"msg_{ids.ulid()}"
    return [
        {
            "id": ids.ulid(),
            "endpoint_id": endpoint_id,
            "webhook_id": webhook_id,
            "kind": message.kind,
            "about": message.about,
            "payload": payload,
            "created_at": now,
            "state": WorkState.READY,
            "run_at": now,
            "fence": 0,
            "attempts": 0,
        }
        for endpoint_id in endpoint_ids
    ]


async def queue_rows(session: AsyncSession, rows: Sequence[dict[str, object]], *, ids: Ids, now: datetime) -> int:
    """The rows wait to be sent and a job will send them."""
    if rows:
        await session.execute(insert(WebhookDelivery), list(rows))
        await enqueue(session, SEND_JOB, {}, ids=ids, now=now, dedupe="now")
    return len(rows)


def in_words(at: datetime) -> str:
    """The moment as messages write it: RFC 3339, UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
