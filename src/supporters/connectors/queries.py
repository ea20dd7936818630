"""What is known of the senders that we are connected to."""

from collections.abc import Collection, Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.connectors.models import Connector, ConnectorAddress, ConnectorList
from supporters.connectors.rules import CONFIRMED, Told
from supporters.kit.errors import NotFound
from supporters.kit.strings import gettext as _


async def find_connector(session: AsyncSession, connector_id: str) -> Connector:
    """The connector. Raises NotFound."""
    found = await session.get(Connector, connector_id)
    if found is None:
        raise NotFound(_("There is no such connection."))
    return found


async def lock_connector(session: AsyncSession, connector_id: str) -> Connector:
    """The connector, which nobody else changes until the transaction ends. Raises NotFound."""
    wanted = select(Connector).where(Connector.id == connector_id).with_for_update()
    found = await session.scalar(wanted, execution_options={"populate_existing": True})
    if found is None:
        raise NotFound(_("There is no such connection."))
    return found


async def all_connectors(session: AsyncSession) -> Sequence[Connector]:
    """Every connector, the oldest first."""
    return (await session.scalars(select(Connector).order_by(Connector.id))).all()


async def lists_of(session: AsyncSession, connector_id: str) -> dict[str, str]:
    """Their list's id by our list's short name."""
    wanted = select(ConnectorList.list_slug, ConnectorList.outside_id)
    found = await session.execute(wanted.where(ConnectorList.connector_id == connector_id))
    return {row[0]: row[1] for row in found}


async def titles_of(session: AsyncSession, connector_id: str) -> dict[str, str]:
    """What they called their list when it was chosen, by our list's short name."""
    wanted = select(ConnectorList.list_slug, ConnectorList.outside_title)
    found = await session.execute(wanted.where(ConnectorList.connector_id == connector_id))
    return {row[0]: row[1] for row in found}


async def told_of(session: AsyncSession, connector_id: str, digests: Collection[str]) -> dict[tuple[str, str], Told]:
    """What the sender knows of these addresses, by list and digest."""
    wanted = select(ConnectorAddress).where(
        ConnectorAddress.connector_id == connector_id, ConnectorAddress.address_digest.in_(digests)
    )
    found = (await session.scalars(wanted, execution_options={"populate_existing": True})).all()
    return {
        (row.list_slug, row.address_digest): Told(row.status, row.is_theirs, row.change_id, row.at) for row in found
    }


async def standing_marks(
    session: AsyncSession, connector_id: str, digests: Collection[str]
) -> Sequence[ConnectorAddress]:
    """Of these addresses, those on lists of this sender and how they stood when it was last told."""
    wanted = select(ConnectorAddress).where(
        ConnectorAddress.connector_id == connector_id,
        ConnectorAddress.address_digest.in_(digests),
        ConnectorAddress.status == CONFIRMED,
        ConnectorAddress.problem.is_(None),
    )
    return (await session.scalars(wanted, execution_options={"populate_existing": True})).all()


async def counts_of(session: AsyncSession, connector_id: str) -> dict[tuple[str, str], int]:
    """How many addresses the sender knows, by our list and state."""
    wanted = (
        select(ConnectorAddress.list_slug, ConnectorAddress.status, func.count())
        .where(ConnectorAddress.connector_id == connector_id)
        .group_by(ConnectorAddress.list_slug, ConnectorAddress.status)
    )
    return {(row[0], row[1]): row[2] for row in await session.execute(wanted)}
