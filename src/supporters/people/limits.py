"""Counting letters that let somebody in: by network, by mailbox, and all together, as keyed digests.

A letter that was used gives its place back: whoever owns the mailbox may sign in all day, a stranger fills it three times.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.guard.models import GuardCount
from supporters.guard.rules import Limit, network_key
from supporters.kit.db import insert_for
from supporters.kit.signing import Signer
from supporters.mail.rules import mailbox_of

SLOT = timedelta(minutes=10)
NETWORK = Limit("door_network", 10, timedelta(hours=1))
MAILBOX = Limit("door_mailbox", 3, timedelta(hours=24))
ALL = Limit("door_all", 300, timedelta(hours=1))


class Counts(msgspec.Struct, frozen=True):
    """What counts against one who asks to be let in."""

    network: int
    mailbox: int
    everybody: int

    @property
    def is_network_full(self) -> bool:
        """Whether this network must wait."""
        return self.network >= NETWORK.most

    @property
    def has_letter(self) -> bool:
        """Whether one more letter may go to this mailbox."""
        return self.mailbox < MAILBOX.most and self.everybody < ALL.most


class DoorLimits:
    """The limits on mailed links and codes of one installation."""

    def __init__(self, secret_key: str) -> None:
        self._signer = Signer(secret_key, "door-limits")

    def network_digest(self, network: str) -> str:
        """What stands for a network in the database."""
        return self._signer.digest(network_key(network))

    async def read(self, session: AsyncSession, *, address: str, network: str, now: datetime) -> Counts:
        """What counts against this network and this mailbox at the moment, in one query."""
        keys = self._keys(address, self.network_digest(network))
        within = (NETWORK.within, MAILBOX.within, ALL.within)
        since = {key: now - each - SLOT for key, each in zip(keys, within, strict=True)}
        counted = dict.fromkeys(keys, 0)
        wanted = select(GuardCount.key, GuardCount.window_start, GuardCount.count).where(
            GuardCount.key.in_(keys), GuardCount.window_start > min(since.values())
        )
        for key, start, count in await session.execute(wanted):
            counted[key] += count if start > since[key] else 0
        return Counts(*(counted[key] for key in keys))

    async def count(
        self, session: AsyncSession, *, address: str, network: str, has_letter: bool, now: datetime
    ) -> None:
        """One more request of this network, and one more letter to this mailbox and of all, if one goes out."""
        keys = self._keys(address, self.network_digest(network))[: 3 if has_letter else 1]
        # in order, so that no two wait for each other
        rows = [{"key": key, "window_start": slot_of(now), "count": 1} for key in sorted(keys)]
        insert = insert_for(session, GuardCount).values(rows)
        more = {"count": GuardCount.count + 1}
        await session.execute(insert.on_conflict_do_update(index_elements=["key", "window_start"], set_=more))

    async def give_back(self, session: AsyncSession, *, address: str, network_digest: str, asked_at: datetime) -> None:
        """The letter asked for at `asked_at` was used by the mailbox's owner: it no longer counts."""
        keys = self._keys(address, network_digest)
        mine = (
            GuardCount.key.in_(sorted(keys)) & (GuardCount.window_start == slot_of(asked_at)) & (GuardCount.count > 0)
        )
        less = update(GuardCount).where(mine).values(count=GuardCount.count - 1)
        await session.execute(less.execution_options(synchronize_session=False))

    def _keys(self, address: str, network_digest: str) -> Sequence[str]:
        """The keys of network, mailbox and everybody."""
        mailbox = self._signer.digest(mailbox_of(address))
        return (f"{NETWORK.name}:{network_digest}", f"{MAILBOX.name}:{mailbox}", ALL.name)


def slot_of(now: datetime) -> datetime:
    """The ten minutes that a moment counts in."""
    size = int(SLOT.total_seconds())
    return datetime.fromtimestamp(int(now.timestamp()) // size * size, tz=UTC)
