"""What somebody who has proved their mailbox gets, whether or not it ever joined a list."""

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.mail.suppression import Suppressions
from supporters.newsletters.models import Subscriber
from supporters.newsletters.queries import ListLine, choices_of, public_lists
from supporters.settings import Settings


class OwnLists(msgspec.Struct, frozen=True):
    """Lists, and whether the address is on each."""

    lists: list[tuple[ListLine, bool]]

    @property
    def gets_some(self) -> bool:
        """Whether the address is on any."""
        return any(is_on for _line, is_on in self.lists)


async def own_lists(session: AsyncSession, address: str, *, settings: Settings) -> OwnLists:
    """Every public list and every list that the address is on."""
    digest = Suppressions(settings.secret_key).digest(address)
    subscriber_id = await session.scalar(select(Subscriber.id).where(Subscriber.address_digest == digest))
    choices = await choices_of(session, subscriber_id) if subscriber_id else None
    if choices is None:
        return OwnLists([(line, False) for line in await public_lists(session)])
    return OwnLists(list(choices.lists))
