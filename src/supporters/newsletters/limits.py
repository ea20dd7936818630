"""Counting sign-ups: by network, by mailbox, and all together. Networks and mailboxes are stored as keyed digests only."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.guard.models import GuardCount
from supporters.guard.rules import network_key
from supporters.kit.db import insert_for
from supporters.kit.signing import Signer
from supporters.newsletters import rules
from supporters.newsletters.rules import Counts, mailbox_of

SLOT = timedelta(minutes=10)
ALL = "news_all"
# Built once: under a flood, making and compiling the statement anew would cost more than asking the database.
_COUNTED = select(GuardCount.key, GuardCount.window_start, GuardCount.count).where(
    GuardCount.key.in_(bindparam("keys", expanding=True)), GuardCount.window_start > bindparam("since")
)


class SignupLimits:
    """The limits on sign-ups of one installation."""

    def __init__(self, secret_key: str) -> None:
        self._signer = Signer(secret_key, "signup-limits")

    async def read(self, session: AsyncSession, *, address: str, network: str | None, now: datetime) -> Counts:
        """What counts against this network and this mailbox at the moment, in one query."""
        of_network, of_address = self._network(network), self._address(address)
        since = {
            of_network: now - rules.NETWORK_WITHIN - SLOT,
            of_address: now - rules.ADDRESS_WITHIN - SLOT,
            ALL: now - rules.BREAKER_WITHIN - SLOT,
        }
        counted = dict.fromkeys(since, 0)
        for key, start, count in await session.execute(_COUNTED, {"keys": list(since), "since": min(since.values())}):
            counted[key] += count if start > since[key] else 0
        return Counts(counted[of_network] if network else 0, counted[of_address], counted[ALL])

    async def letters_sent(self, session: AsyncSession, *, now: datetime) -> int:
        """How many letters of this kind were queued within the breaker's hour."""
        recent = (GuardCount.key == ALL) & (GuardCount.window_start > now - rules.BREAKER_WITHIN - SLOT)
        return int(await session.scalar(select(func.sum(GuardCount.count)).where(recent)) or 0)

    async def count(
        self, session: AsyncSession, *, address: str, network: str | None, has_letter: bool, now: datetime
    ) -> None:
        """One more request of this network, and one more letter to this mailbox if one was queued."""
        keys = [self._network(network)] if network else []
        if has_letter:
            keys += [self._address(address), ALL]
        if not keys:
            return
        size = int(SLOT.total_seconds())
        start = datetime.fromtimestamp(int(now.timestamp()) // size * size, tz=UTC)
        rows = [{"key": key, "window_start": start, "count": 1} for key in sorted(keys)]
        more = {"count": GuardCount.count + 1}
        insert = insert_for(session, GuardCount)
        await session.execute(insert.on_conflict_do_update(index_elements=["key", "window_start"], set_=more), rows)

    def _network(self, network: str | None) -> str:
        return f"news_network:{self._signer.digest(network_key(network or ''))}"

    def _address(self, address: str) -> str:
        return f"news_address:{self._signer.digest(mailbox_of(address))}"
