"""Connectors made, changed, paused; lists chosen; everything told again."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.connectors.giving import head_at
from supporters.connectors.models import Connector, ConnectorAddress, ConnectorList, WhyPaused
from supporters.connectors.opening import seal_credentials
from supporters.connectors.queries import lists_of, lock_connector
from supporters.connectors.wire import Credentials, OutsideList
from supporters.jobs.queue import enqueue
from supporters.kit.errors import Conflict
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _
from supporters.settings import Settings

SYNC_JOB = "connectors.sync_one"
MOST_CONNECTORS = 20


async def add_connector(
    session: AsyncSession,
    *,
    kind: str,
    label: str,
    base_url: str,
    credentials: Credentials,
    made_by: str,
    settings: Settings,
    ids: Ids,
    now: datetime,
) -> str:
    """The connector is on file and rests until lists are chosen; returns its id. Raises Conflict when there are too many."""
    if (await session.scalar(select(func.count()).select_from(Connector)) or 0) >= MOST_CONNECTORS:
        raise Conflict(_("There are as many connections as there may be. Remove one first."))
    connector = Connector(
        id=ids.ulid(),
        kind=kind,
        label=label,
        base_url=base_url,
        secret_sealed=seal_credentials(credentials, settings, ids=ids),
        is_active=True,
        giving_cursor=head_at(now),
        made_by=made_by,
        created_at=now,
    )
    session.add(connector)
    await session.flush()
    return connector.id


async def change_credentials(
    session: AsyncSession, connector_id: str, *, base_url: str, credentials: Credentials, settings: Settings, ids: Ids
) -> None:
    """The sender is reached there and with these from now on. Raises NotFound."""
    connector = await lock_connector(session, connector_id)
    connector.base_url = base_url
    connector.secret_sealed = seal_credentials(credentials, settings, ids=ids)
    connector.rest_until, connector.failures, connector.last_error = None, 0, None
    await session.flush()


async def choose_lists(
    session: AsyncSession, connector_id: str, chosen: Mapping[str, OutsideList], *, ids: Ids, now: datetime
) -> None:
    """Our lists go to these of theirs. A list that goes elsewhere than before is told from its beginning. Raises NotFound."""
    connector = await lock_connector(session, connector_id)
    before = await lists_of(session, connector_id)
    moved = [slug for slug in {*before, *chosen} if before.get(slug) != (chosen[slug].id if slug in chosen else None)]
    await session.execute(delete(ConnectorList).where(ConnectorList.connector_id == connector_id))
    for slug, theirs in chosen.items():
        session.add(
            ConnectorList(
                connector_id=connector_id, list_slug=slug, outside_id=theirs.id, outside_title=theirs.title[:200]
            )
        )
    if moved:
        old = ConnectorAddress.list_slug.in_(moved) & (ConnectorAddress.connector_id == connector_id)
        await session.execute(delete(ConnectorAddress).where(old))
        connector.cursor, connector.giving_cursor, connector.heard_until = "", head_at(now), None
    await session.flush()
    await ask_for_round(session, connector_id, ids=ids, now=now)


async def pause(session: AsyncSession, connector_id: str) -> None:
    """Nothing is exchanged with the sender until it goes on. What it tells us by itself is still taken. Raises NotFound."""
    connector = await lock_connector(session, connector_id)
    connector.is_active, connector.why_paused = False, WhyPaused.BY_HAND
    await session.flush()


async def go_on(session: AsyncSession, connector_id: str, *, ids: Ids, now: datetime) -> None:
    """The exchange goes on where it stopped. Raises NotFound."""
    connector = await lock_connector(session, connector_id)
    connector.is_active, connector.why_paused = True, None
    connector.rest_until, connector.failures, connector.last_error = None, 0, None
    await session.flush()
    await ask_for_round(session, connector_id, ids=ids, now=now)


async def push_again(session: AsyncSession, connector_id: str, *, ids: Ids, now: datetime) -> None:
    """Everything that we told the sender is told again, and all of its own news is read again. Raises NotFound.

    What it told us is remembered, so that no older yes of ours overrules it.
    """
    connector = await lock_connector(session, connector_id)
    connector.cursor, connector.giving_cursor, connector.heard_until = "", head_at(now), None
    ours = (ConnectorAddress.connector_id == connector_id) & ConnectorAddress.is_theirs.is_(False)
    await session.execute(delete(ConnectorAddress).where(ours))
    theirs = update(ConnectorAddress).where(ConnectorAddress.connector_id == connector_id).values(change_id="")
    await session.execute(theirs.execution_options(synchronize_session=False))
    await session.flush()
    await ask_for_round(session, connector_id, ids=ids, now=now)


async def remove_connector(session: AsyncSession, connector_id: str) -> None:
    """The connector and all that it knew are gone here; nothing changes at the sender. Raises NotFound."""
    connector = await lock_connector(session, connector_id)
    await session.execute(delete(ConnectorAddress).where(ConnectorAddress.connector_id == connector_id))
    await session.execute(delete(ConnectorList).where(ConnectorList.connector_id == connector_id))
    await session.delete(connector)
    await session.flush()


async def ask_for_round(session: AsyncSession, connector_id: str, *, ids: Ids, now: datetime) -> None:
    """A round with the sender will be made soon."""
    await enqueue(session, SYNC_JOB, {"connector_id": connector_id}, ids=ids, now=now, dedupe=connector_id)
