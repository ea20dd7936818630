"""What is known of receivers and of the messages to them."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.jobs.models import WorkState
from supporters.kit.errors import NotFound
from supporters.kit.strings import gettext as _
from supporters.outgoing.models import WebhookDelivery, WebhookEndpoint


class Counts(msgspec.Struct, frozen=True):
    """How many messages of the last 30 days arrived, wait, and were given up."""

    delivered: int = 0
    waiting: int = 0
    given_up: int = 0


async def find_endpoint(session: AsyncSession, endpoint_id: str) -> WebhookEndpoint:
    """The receiver. Raises NotFound."""
    found = await session.get(WebhookEndpoint, endpoint_id)
    if found is None:
        raise NotFound(_("There is no such receiver."))
    return found


async def all_endpoints(session: AsyncSession) -> list[tuple[WebhookEndpoint, Counts]]:
    """Every receiver with its counts, the oldest first."""
    wanted = (
        select(WebhookDelivery.endpoint_id, WebhookDelivery.state, func.count())
        .group_by(WebhookDelivery.endpoint_id, WebhookDelivery.state)
    )  # fmt: skip
    counted: dict[str, dict[str, int]] = {}
    for endpoint_id, state, count in await session.execute(wanted):
        counted.setdefault(endpoint_id, {})[state] = count
    endpoints = (await session.scalars(select(WebhookEndpoint).order_by(WebhookEndpoint.id))).all()
    return [(each, _counts(counted.get(each.id, {}))) for each in endpoints]


async def counts_of(session: AsyncSession, endpoint_id: str) -> Counts:
    """The counts of one receiver."""
    wanted = select(WebhookDelivery.state, func.count()).where(WebhookDelivery.endpoint_id == endpoint_id)
    return _counts({row[0]: row[1] for row in await session.execute(wanted.group_by(WebhookDelivery.state))})


async def deliveries_of(
    session: AsyncSession, endpoint_id: str, *, before: str | None, limit: int
) -> Sequence[WebhookDelivery]:
    """Messages to one receiver, newest first, those older than `before` when it is given."""
    wanted = select(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint_id)
    if before:
        wanted = wanted.where(WebhookDelivery.id < before)
    return (await session.scalars(wanted.order_by(WebhookDelivery.id.desc()).limit(limit))).all()


def _counts(states: dict[str, int]) -> Counts:
    return Counts(
        delivered=states.get(WorkState.DONE, 0),
        waiting=states.get(WorkState.READY, 0) + states.get(WorkState.RUNNING, 0),
        given_up=states.get(WorkState.BURIED, 0),
    )
