"""What is on file about people."""

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.people.models import EmailAddress, Supporter


class SupporterView(msgspec.Struct, frozen=True):
    """One supporter, as the desk shows them."""

    id: str
    name: str
    addresses: tuple[str, ...]


async def supporter_view(session: AsyncSession, supporter_id: str) -> SupporterView | None:
    """The supporter with that id and their addresses, oldest first."""
    name = await session.scalar(select(Supporter.name).where(Supporter.id == supporter_id))
    if name is None:
        return None
    wanted = select(EmailAddress.address).where(EmailAddress.supporter_id == supporter_id).order_by(EmailAddress.id)
    return SupporterView(supporter_id, name, tuple((await session.scalars(wanted)).all()))
