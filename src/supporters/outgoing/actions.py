"""Receivers: made, changed, turned off and on, with a secret that is shown once; and messages sent again."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.jobs.models import WorkState
from supporters.jobs.queue import enqueue
from supporters.kit.db import changed_rows
from supporters.kit.errors import Conflict, NotFound
from supporters.kit.ids import Ids
from supporters.kit.sealing import Sealer
from supporters.kit.strings import gettext as _
from supporters.outgoing.emit import SEND_JOB, Message, make_rows, queue_rows
from supporters.outgoing.models import Kind, WebhookDelivery, WebhookEndpoint, WhyOff
from supporters.outgoing.rules import KEEP, OLD_SECRET_FOR, new_secret

PURPOSE = "webhook-secret"
MOST_ENDPOINTS = 50
OFFERED = tuple(kind for kind in Kind if kind is not Kind.TEST)


class NewSecret(NamedTuple):
    """A receiver and its secret in clear, for the one page that shows it."""

    endpoint_id: str
    secret: str


async def add_endpoint(
    session: AsyncSession,
    *,
    url: str,
    description: str,
    kinds: Sequence[str],
    made_by: str,
    sealer: Sealer,
    ids: Ids,
    now: datetime,
) -> NewSecret:
    """The receiver is told of these kinds from now on. Raises Conflict when there are too many receivers."""
    count = await session.scalar(select(func.count()).select_from(WebhookEndpoint))
    if (count or 0) >= MOST_ENDPOINTS:
        raise Conflict(_("There are as many receivers as there may be. Remove one first."))
    secret = new_secret(ids.token())
    endpoint = WebhookEndpoint(
        id=ids.ulid(),
        url=url,
        description=description,
        kinds=list(kinds),
        secret_sealed=sealer.seal(secret, ids=ids),
        made_by=made_by,
        created_at=now,
    )
    session.add(endpoint)
    await session.flush()
    return NewSecret(endpoint.id, secret)


async def change_endpoint(
    session: AsyncSession, endpoint_id: str, *, url: str, description: str, kinds: Sequence[str]
) -> None:
    """The receiver has this address, description and kinds; what waits for it goes to the new address. Raises NotFound."""
    endpoint = await lock_endpoint(session, endpoint_id)
    endpoint.url, endpoint.description, endpoint.kinds = url, description, list(kinds)
    endpoint.rest_until, endpoint.failures = None, 0
    await session.flush()


async def rotate_secret(
    session: AsyncSession, endpoint_id: str, *, sealer: Sealer, ids: Ids, now: datetime
) -> NewSecret:
    """A new secret signs; the old one signs beside it for a day, so that the receiver can change over. Raises NotFound."""
    endpoint = await lock_endpoint(session, endpoint_id)
    secret = new_secret(ids.token())
    endpoint.old_secret_sealed, endpoint.old_secret_until = endpoint.secret_sealed, now + OLD_SECRET_FOR
    endpoint.secret_sealed = sealer.seal(secret, ids=ids)
    await session.flush()
    return NewSecret(endpoint.id, secret)


async def turn_endpoint(session: AsyncSession, endpoint_id: str, *, is_on: bool, ids: Ids, now: datetime) -> None:
    """The receiver is told again, beginning with what waited, or is told nothing more. Raises NotFound."""
    endpoint = await lock_endpoint(session, endpoint_id)
    endpoint.is_active, endpoint.why_off = is_on, None if is_on else WhyOff.BY_HAND
    if is_on:
        endpoint.failing_since, endpoint.failures, endpoint.rest_until = None, 0, None
        await enqueue(session, SEND_JOB, {}, ids=ids, now=now, dedupe="now")
    await session.flush()


async def remove_endpoint(session: AsyncSession, endpoint_id: str) -> None:
    """The receiver and its log are gone. Raises NotFound."""
    endpoint = await lock_endpoint(session, endpoint_id)
    await session.execute(delete(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint.id))
    await session.delete(endpoint)
    await session.flush()


async def send_test(session: AsyncSession, endpoint_id: str, *, ids: Ids, now: datetime) -> None:
    """A test message waits for this receiver alone. Raises NotFound, Conflict when it is off."""
    endpoint = await lock_endpoint(session, endpoint_id)
    if not endpoint.is_active:
        raise Conflict(_("This receiver is off. Turn it on first."))
    endpoint.rest_until = None
    await session.flush()
    message = Message(kind=Kind.TEST, about=endpoint.id, data={"endpoint": endpoint.id})
    await queue_rows(session, make_rows(message, [endpoint.id], ids=ids, now=now), ids=ids, now=now)


async def replay(session: AsyncSession, endpoint_id: str, delivery_id: str, *, ids: Ids, now: datetime) -> None:
    """The message is sent again, with the same id and bytes. Raises NotFound, Conflict when it is being sent."""
    known = (WebhookDelivery.id == delivery_id) & (WebhookDelivery.endpoint_id == endpoint_id)
    state = await session.scalar(select(WebhookDelivery.state).where(known))
    if state is None:
        raise NotFound(_("There is no such message. Messages are kept for 30 days."))
    if not await _send_again(session, known, ids=ids, now=now):
        raise Conflict(_("This message is being sent at this moment. Nothing was changed."))


async def replay_failed(session: AsyncSession, endpoint_id: str, *, ids: Ids, now: datetime) -> int:
    """Every message that was given up for this receiver is sent again; returns how many."""
    buried = (WebhookDelivery.endpoint_id == endpoint_id) & (WebhookDelivery.state == WorkState.BURIED)
    return await _send_again(session, buried, ids=ids, now=now)


async def _send_again(session: AsyncSession, which: object, *, ids: Ids, now: datetime) -> int:
    again = update(WebhookDelivery).where(which, WebhookDelivery.state != WorkState.RUNNING)  # pyright: ignore[reportArgumentType] - any condition
    values = {"state": WorkState.READY, "run_at": now, "attempts": 0, "lease_until": None}
    changed = changed_rows(await session.execute(again.values(**values).execution_options(synchronize_session=False)))
    if changed:
        await enqueue(session, SEND_JOB, {}, ids=ids, now=now, dedupe="now")
    return changed


async def lock_endpoint(session: AsyncSession, endpoint_id: str) -> WebhookEndpoint:
    """The receiver, which nobody else changes until the transaction ends. Raises NotFound."""
    wanted = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id).with_for_update()
    endpoint = await session.scalar(wanted, execution_options={"populate_existing": True})
    if endpoint is None:
        raise NotFound(_("There is no such receiver."))
    return endpoint


async def purge_deliveries(session: AsyncSession, *, now: datetime) -> int:
    """Messages of more than 30 days ago are gone, whatever became of them; returns how many."""
    old = delete(WebhookDelivery).where(WebhookDelivery.created_at < now - KEEP)
    return changed_rows(await session.execute(old))
