"""Counting letters that let somebody in: by network, by mailbox, and all together, as keyed digests.

A letter that was used gives its place back: whoever owns the mailbox may sign in all day, a stranger fills it three times an
hour. A browser in which that mailbox has signed in before has a limit of its own, and as long as it keeps to that, neither
others in its network nor strangers lock it out, nor does it take their places.
"""

import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.guard.models import GuardCount
from supporters.guard.rules import Limit, network_key
from supporters.kit.db import insert_for
from supporters.kit.ids import Ids
from supporters.kit.signing import Signer
from supporters.mail.rules import mailbox_of
from supporters.people.models import Supporter

SLOT = timedelta(minutes=10)
NETWORK = Limit("door_network", 10, timedelta(hours=1))
MAILBOX = Limit("door_mailbox", 3, timedelta(hours=1))
MAILBOX_DAY = Limit("door_mailbox", 12, timedelta(hours=24))
ALL = Limit("door_all", 300, timedelta(hours=1))  # or a quarter of all supporters, if that is more
SHARE_OF_ALL = 4
KNOWN = Limit("door_known", 10, timedelta(hours=24))
KNOWN_FOR = timedelta(days=400)
WORD_CHARS = 16


class Counts(msgspec.Struct, frozen=True):
    """What counts against one who asks to be let in."""

    network: int
    mailbox: int
    mailbox_day: int
    everybody: int
    known: int | None  # of the browser itself, which then stands for mailbox and everybody
    most: int  # that everybody may have

    @property
    def is_network_full(self) -> bool:
        """Whether this network must wait: not for a browser that keeps to its own limit."""
        return self.network >= NETWORK.most and not self.has_own_place

    @property
    def has_own_place(self) -> bool:
        """Whether the browser is known, and has letters left that count for nobody else."""
        return self.known is not None and self.known < KNOWN.most

    @property
    def has_letter(self) -> bool:
        """Whether one more letter may go to this mailbox."""
        if self.known is not None:
            return self.has_own_place
        return self.mailbox < MAILBOX.most and self.mailbox_day < MAILBOX_DAY.most and self.everybody < self.most


class DoorLimits:
    """The limits on mailed links and codes of one installation."""

    def __init__(self, secret_key: str) -> None:
        self._signer = Signer(secret_key, "door-limits")

    def network_digest(self, network: str) -> str:
        """What stands for a network in the database."""
        return self._signer.digest(network_key(network))

    def remember(self, address: str, *, ids: Ids, now: datetime) -> str:
        """What a browser that was let in keeps: a random word, its last day, and a digest of both with the mailbox."""
        word = f"{ids.token()[:WORD_CHARS]}:{(now + KNOWN_FOR).date().toordinal()}"
        return f"{word}:{self._of(word, address)}"

    def recognise(self, known: str | None, address: str, *, now: datetime) -> str | None:
        """The random word of a browser in which this mailbox has signed in before; None for any other."""
        word, _colon, digest = (known or "").rpartition(":")
        last_day = word.rpartition(":")[2]
        if not last_day.isascii() or not last_day.isdigit() or int(last_day) < now.date().toordinal():
            return None
        is_theirs = hmac.compare_digest(digest.encode("utf-8", "replace"), self._of(word, address).encode())
        return word if is_theirs else None

    async def read(
        self, session: AsyncSession, *, address: str, network: str, now: datetime, known: str | None = None
    ) -> Counts:
        """What counts against this network and this mailbox, or browser, at the moment. `known`: its random word."""
        keys = self._keys(address, self.network_digest(network), known)
        wanted = select(GuardCount.key, GuardCount.window_start, GuardCount.count).where(
            GuardCount.key.in_(keys), GuardCount.window_start > now - MAILBOX_DAY.within - SLOT
        )
        rows = [(key, start, count) for key, start, count in await session.execute(wanted)]

        def since(key: str, within: timedelta) -> int:
            return sum(count for each, start, count in rows if each == key and start > now - within - SLOT)

        ours, *others = keys
        if known is not None:
            counted = since(others[0], KNOWN.within)
            return Counts(since(ours, NETWORK.within), 0, 0, 0, counted, ALL.most)
        mailbox, everybody = others
        in_all = since(everybody, ALL.within)
        return Counts(
            since(ours, NETWORK.within),
            since(mailbox, MAILBOX.within),
            since(mailbox, MAILBOX_DAY.within),
            in_all,
            None,
            await _most(session, in_all),
        )

    async def count(
        self,
        session: AsyncSession,
        *,
        address: str,
        network: str,
        has_letter: bool,
        now: datetime,
        known: str | None = None,
    ) -> None:
        """One more request of this network, and one more letter to this mailbox and of all, if one goes out.

        A letter to a browser that is known counts for that browser alone.
        """
        ours, *others = self._keys(address, self.network_digest(network), known)
        keys = (others if known is not None else [ours, *others]) if has_letter else [ours]
        # in order, so that no two wait for each other
        rows = [{"key": key, "window_start": slot_of(now), "count": 1} for key in sorted(keys)]
        insert = insert_for(session, GuardCount).values(rows)
        more = {"count": GuardCount.count + 1}
        await session.execute(insert.on_conflict_do_update(index_elements=["key", "window_start"], set_=more))

    async def give_back(
        self,
        session: AsyncSession,
        *,
        address: str,
        network_digest: str,
        asked_at: datetime,
        was_known: bool,
        known: str | None = None,
    ) -> None:
        """The letter asked for at `asked_at` was used by the mailbox's owner: it no longer counts where it was counted.

        One that counted for a browser (`was_known`) gives nothing back where that is not `known` any more.
        """
        if was_known and known is None:
            return
        keys = self._keys(address, network_digest, known if was_known else None)[1 if was_known else 0 :]
        mine = (
            GuardCount.key.in_(sorted(keys)) & (GuardCount.window_start == slot_of(asked_at)) & (GuardCount.count > 0)
        )
        less = update(GuardCount).where(mine).values(count=GuardCount.count - 1)
        await session.execute(less.execution_options(synchronize_session=False))

    def _keys(self, address: str, network_digest: str, known: str | None) -> Sequence[str]:
        """The keys of network, mailbox and everybody; those of network and browser where that is known."""
        network = f"{NETWORK.name}:{network_digest}"
        if known is not None:
            return (network, f"{KNOWN.name}:{self._signer.digest(known)}")
        mailbox = self._signer.digest(mailbox_of(address))
        return (network, f"{MAILBOX.name}:{mailbox}", ALL.name)

    def _of(self, word: str, address: str) -> str:
        return self._signer.digest(f"known:{word}:{mailbox_of(address)}")


async def is_door_full(session: AsyncSession, *, now: datetime) -> bool:
    """Whether so many letters were asked for in the last hour that browsers which nobody knows get none."""
    wanted = (GuardCount.key == ALL.name) & (GuardCount.window_start > now - ALL.within - SLOT)
    counted = await session.scalar(select(func.coalesce(func.sum(GuardCount.count), 0)).where(wanted)) or 0
    return counted >= await _most(session, counted)


async def _most(session: AsyncSession, counted: int) -> int:
    """How many letters everybody may have; how many supporters there are is asked only when it matters."""
    if counted < ALL.most:
        return ALL.most
    supporters = await session.scalar(select(func.count()).select_from(Supporter)) or 0
    return max(ALL.most, supporters // SHARE_OF_ALL)


def slot_of(now: datetime) -> datetime:
    """The ten minutes that a moment counts in."""
    size = int(SLOT.total_seconds())
    return datetime.fromtimestamp(int(now.timestamp()) // size * size, tz=UTC)
