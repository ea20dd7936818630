"""Sending what waits: claimed many at a time, a few of each receiver's, sent outside any transaction, marked behind the fence.

A crash between the receiver's yes and our mark sends a message twice, with the same id; the other way round it would be lost.
A receiver that gives no answer is left alone for a while: it costs one waiting of ten seconds, not one for each message.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.jobs.models import WorkState
from supporters.kit.clock import Clock
from supporters.kit.db import Database, changed_rows
from supporters.kit.errors import SupportersError
from supporters.kit.outside import Outside, OutsideError, Reply
from supporters.kit.sealing import Sealer
from supporters.outgoing import rules
from supporters.outgoing.models import WebhookDelivery, WebhookEndpoint, WhyOff
from supporters.outgoing.rules import Answer

LEASE = timedelta(minutes=1)
AT_ONCE = 60
EACH_AT_ONCE = 6  # of one receiver's messages
SECONDS = 10.0

log = structlog.get_logger("outgoing")


class Tried(NamedTuple):
    """What became of one try."""

    answer: Answer
    status: int | None
    words: str  # what the receiver said, or why it could not be asked
    duration_ms: int
    is_silent: bool  # no answer, or an overloaded receiver's
    wait: timedelta | None  # for how long it asks to be left alone


async def send_due(db: Database, outside: Outside, sealer: Sealer, *, clock: Clock, limit: int = AT_ONCE) -> int:
    """Up to `limit` messages that are due were tried; returns how many."""
    async with db.unit_of_work() as session:
        rows = await claim_fairly(session, limit=limit, now=clock.now())
        wanted = select(WebhookEndpoint).where(WebhookEndpoint.id.in_({row.endpoint_id for row in rows}))
        endpoints = {endpoint.id: endpoint for endpoint in await session.scalars(wanted)} if rows else {}
    by_endpoint: dict[str, list[WebhookDelivery]] = {}
    for row in rows:
        by_endpoint.setdefault(row.endpoint_id, []).append(row)
    await asyncio.gather(
        *(
            _Round(db, outside, sealer, clock).send(endpoints[endpoint_id], mine)
            for endpoint_id, mine in by_endpoint.items()
        )
    )
    return len(rows)


async def claim_fairly(session: AsyncSession, *, limit: int, now: datetime) -> list[WebhookDelivery]:
    """Messages that are due are this worker's until the lease ends: the oldest few of each receiver that is on and rested."""
    model = WebhookDelivery
    ready = and_(model.state == WorkState.READY, model.run_at <= now)
    lapsed = and_(model.state == WorkState.RUNNING, model.lease_until <= now)
    rested = or_(WebhookEndpoint.rest_until.is_(None), WebhookEndpoint.rest_until <= now)
    turn = func.row_number().over(partition_by=model.endpoint_id, order_by=(model.run_at, model.id)).label("turn")
    waiting = (
        select(model.id, turn)
        .join(WebhookEndpoint, WebhookEndpoint.id == model.endpoint_id)
        .where(or_(ready, lapsed), WebhookEndpoint.is_active, rested)
        .subquery()
    )
    few = select(waiting.c.id).where(waiting.c.turn <= EACH_AT_ONCE).order_by(waiting.c.turn, waiting.c.id).limit(limit)
    due = select(model.id).where(model.id.in_(few), or_(ready, lapsed)).with_for_update(skip_locked=True)
    taken = (
        update(model)
        .where(model.id.in_(due))
        .values(state=WorkState.RUNNING, lease_until=now + LEASE, fence=model.fence + 1, attempts=model.attempts + 1)
        .returning(model)
        .execution_options(synchronize_session=False)
    )
    rows = (await session.scalars(taken, execution_options={"populate_existing": True})).all()
    return sorted(rows, key=lambda row: row.id)


async def next_due(session: AsyncSession) -> datetime | None:
    """When the next message is due for a receiver that is on, its rest included; None when none waits."""
    starts = func.max if session.get_bind().dialect.name == "sqlite" else func.greatest
    at = starts(WebhookDelivery.run_at, func.coalesce(WebhookEndpoint.rest_until, WebhookDelivery.run_at))
    wanted = (
        select(at.label("at"))
        .join(WebhookEndpoint, WebhookEndpoint.id == WebhookDelivery.endpoint_id)
        .where(WebhookDelivery.state == WorkState.READY, WebhookEndpoint.is_active)
        .order_by("at")
        .limit(1)
    )
    return await session.scalar(wanted)


class _Round:
    """The messages of one receiver in one round, side by side."""

    def __init__(self, db: Database, outside: Outside, sealer: Sealer, clock: Clock) -> None:
        self._db = db
        self._outside = outside
        self._sealer = sealer
        self._clock = clock

    async def send(self, endpoint: WebhookEndpoint, rows: Sequence[WebhookDelivery]) -> None:
        """Every message was tried once, and the receiver's own state says what that means for it."""
        tries = await asyncio.gather(*(self._try(endpoint, row) for row in rows))
        async with self._db.unit_of_work() as session:
            now = self._clock.now()
            for row, tried in zip(rows, tries, strict=True):
                await _mark(session, row, tried, now=now)
            await _judge(session, endpoint.id, tries, now=now)

    async def _try(self, endpoint: WebhookEndpoint, row: WebhookDelivery) -> Tried:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            reply = await self._post(endpoint, row)
        except SupportersError as error:
            return Tried(Answer.FAILED, None, error.message, _since(began), isinstance(error, OutsideError), None)
        meaning, is_silent = rules.meaning_of(reply.status), reply.status in rules.OVERLOADED
        words = "" if meaning is Answer.TAKEN else excerpt(reply.body)
        wait = rules.retry_after(reply.headers.get("retry-after")) if is_silent else None
        return Tried(meaning, reply.status, words, _since(began), is_silent, wait)

    async def _post(self, endpoint: WebhookEndpoint, row: WebhookDelivery) -> Reply:
        """Raises SealBroken, OutsideError."""
        now, body = self._clock.now(), row.payload.encode()
        sealed = [endpoint.secret_sealed]
        if endpoint.old_secret_sealed and endpoint.old_secret_until and endpoint.old_secret_until > now:
            sealed.append(endpoint.old_secret_sealed)
        secrets = [self._sealer.open(secret) for secret in sealed]
        headers = rules.headers_of(row.webhook_id, body, secrets, at=now)
        return await self._outside.call("POST", endpoint.url, headers=headers, content=body, seconds=SECONDS)


async def _mark(session: AsyncSession, row: WebhookDelivery, tried: Tried, *, now: datetime) -> None:
    """The row says what became of the try, if this worker still holds it."""
    values: dict[str, object] = {
        "tried_at": now,
        "last_status": tried.status,
        "last_duration_ms": tried.duration_ms,
        "last_error": tried.words[: rules.EXCERPT_CHARS] or None,
        "lease_until": None,
    }
    pause = rules.pause_after(row.attempts)
    if tried.answer is Answer.TAKEN:
        values |= {"state": WorkState.DONE, "delivered_at": now}
    elif tried.answer is Answer.GONE or pause is None:
        values |= {"state": WorkState.BURIED}
        log.warning("webhook_given_up", record_id=row.id, kind=row.kind, attempts=row.attempts)
    else:
        values |= {"state": WorkState.READY, "run_at": now + max(pause, tried.wait or pause)}
    mine = and_(
        WebhookDelivery.id == row.id, WebhookDelivery.fence == row.fence, WebhookDelivery.state == WorkState.RUNNING
    )
    marked = update(WebhookDelivery).where(mine).values(**values).execution_options(synchronize_session=False)
    if changed_rows(await session.execute(marked)) != 1:
        log.warning("webhook_lease_lost", record_id=row.id)


async def _judge(session: AsyncSession, endpoint_id: str, tries: Sequence[Tried], *, now: datetime) -> None:
    """What the answers mean for the receiver: well again, resting, or turned off."""
    wanted = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id).with_for_update()
    endpoint = await session.scalar(wanted, execution_options={"populate_existing": True})
    if endpoint is None or not tries:
        return
    answers = {tried.answer for tried in tries}
    if Answer.TAKEN in answers:
        endpoint.failing_since, endpoint.failures, endpoint.rest_until = None, 0, None
    else:
        since = endpoint.failing_since = endpoint.failing_since or now
        if now - since >= rules.FAILING_FOR:
            _turn_off(endpoint, WhyOff.FAILING)
    silent = [tried for tried in tries if tried.is_silent]
    if silent:
        endpoint.failures += 1
        asked = [tried.wait for tried in silent if tried.wait]
        endpoint.rest_until = now + max([rules.rest_after(endpoint.failures), *asked])
    if Answer.GONE in answers:
        _turn_off(endpoint, WhyOff.GONE)
    await session.flush()


def _turn_off(endpoint: WebhookEndpoint, why: WhyOff) -> None:
    endpoint.is_active, endpoint.why_off = False, why
    log.error("webhook_receiver_turned_off", record_id=endpoint.id, reason=why)


def excerpt(body: bytes) -> str:
    """The beginning of an answer as one line that is safe to store and to show."""
    text = body[: rules.EXCERPT_CHARS * 4].decode("utf-8", "replace")
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line[: rules.EXCERPT_CHARS]


def _since(began: float) -> int:
    return round((asyncio.get_running_loop().time() - began) * 1000)
