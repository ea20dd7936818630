"""Counting failures and unpaid pages, and refusing before any Stripe object exists."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.guard import rules
from supporters.guard.models import GuardCount
from supporters.guard.rules import Failure, Limit, network_key
from supporters.kit.db import changed_rows, insert_for
from supporters.kit.errors import Refused
from supporters.kit.signing import Signer
from supporters.kit.strings import gettext as _

__all__ = ["Failure", "Limits", "PaidPages", "network_key"]

WINDOW_OF = {rules.SHORT: timedelta(minutes=1), rules.DAY: timedelta(hours=1)}
KEEP = timedelta(hours=48)
REMEMBER = timedelta(seconds=5)
REMEMBER_MOST = 10_000


class PaidPages(Protocol):
    """How many of the payment pages opened since a moment were paid: these give their place back."""

    async def of_network(self, network_digest: str, since: datetime) -> int: ...

    async def of_email(self, email: str, since: datetime) -> int: ...


class Limits:
    """The limits on giving. Networks and addresses are stored as keyed digests only, for two days."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._refused: dict[str, datetime] = {}

    def network_digest(self, network: str) -> str:
        """What stands for a network in the database."""
        return self._signer.digest(f"network:{network_key(network)}")

    def email_digest(self, email: str) -> str:
        """What stands for an address in the database."""
        return self._signer.digest(f"email:{email.strip().casefold()}")

    def check_memory(self, network: str, *, now: datetime) -> None:
        """A network that was refused within the last five seconds is refused again without a query. Raises Refused."""
        if self._refused.get(self.network_digest(network), now) > now:
            raise _too_many()

    async def check_giving(
        self, session: AsyncSession, *, network: str, email: str, now: datetime, paid: PaidPages | None = None
    ) -> None:
        """This network and this address may open one more payment page. Raises Refused with words for the reader."""
        self.check_memory(network, now=now)
        digest = self.network_digest(network)
        counts = await self._read(session, digest, self.email_digest(email), now=now)
        if await _is_network_full(counts, digest, now=now, paid=paid):
            self._remember(digest, now=now)
            raise _too_many()
        # Not remembered: one person's address must not close the door to everybody behind the same network.
        if await _is_email_full(counts, email, now=now, paid=paid):
            raise _too_many()

    async def count_start(self, session: AsyncSession, *, network: str, email: str, now: datetime) -> None:
        """One more payment page was opened by this network and address."""
        network_digest, email_digest = self.network_digest(network), self.email_digest(email)
        keys = [
            (rules.NETWORK_UNPAID, network_digest),
            (rules.EMAIL_UNPAID, email_digest),
            (rules.BREAKER_STARTS, "all"),
        ]
        await _count(session, keys, now=now)

    async def count_failure(
        self, session: AsyncSession, *, network: str, email: str | None, now: datetime, kind: Failure = Failure.FORM
    ) -> None:
        """One more failure of this network and address weighs against the next attempt."""
        digest = self.network_digest(network)
        await self.count_failure_of(session, network_digest=digest, email=email, now=now, kind=kind)

    async def count_failure_of(
        self,
        session: AsyncSession,
        *,
        network_digest: str | None,
        email: str | None,
        now: datetime,
        kind: Failure = Failure.CARD,
    ) -> None:
        """As `count_failure`, for a network of which only the digest is known."""
        keys: list[tuple[Limit, str]] = []
        if kind is Failure.FORM and network_digest:
            keys.append((rules.NETWORK_FORMS, network_digest))
        if kind is Failure.CARD:
            keys.append((rules.BREAKER_REFUSALS, "all"))
            keys += [(limit, network_digest) for limit in _CARD_NETWORK if network_digest]
            keys += [(limit, self.email_digest(email)) for limit in _CARD_EMAIL if email]
        await _count(session, keys, now=now)

    async def is_breaker_tripped(self, session: AsyncSession, *, now: datetime) -> bool:
        """Whether limits are tighter for everybody at the moment."""
        counts = await self._read(session, "", "", now=now)
        return rules.is_tripped(refusals=counts["all_card"], starts=counts["all_starts"])

    async def _read(self, session: AsyncSession, network: str, email: str, *, now: datetime) -> dict[str, int]:
        """The counts of every limit. A window counts whole while any part of it lies within the limit's time."""
        keys = {_key(limit, _subject(limit, network, email)): limit for limit in READ}
        day = GuardCount.key.in_([key for key, limit in keys.items() if limit.within == rules.DAY])
        recent = GuardCount.key.in_([key for key, limit in keys.items() if limit.within == rules.SHORT])
        wanted = (
            select(GuardCount.key, func.sum(GuardCount.count))
            .where(
                (day & (GuardCount.window_start > now - rules.DAY - WINDOW_OF[rules.DAY]))
                | (recent & (GuardCount.window_start > now - rules.SHORT - WINDOW_OF[rules.SHORT]))
            )
            .group_by(GuardCount.key)
        )
        counts = dict.fromkeys((limit.name for limit in READ), 0)
        for key, count in await session.execute(wanted):
            counts[keys[key].name] = int(count)
        return counts

    def _remember(self, digest: str, *, now: datetime) -> None:
        if len(self._refused) >= REMEMBER_MOST:
            self._refused.clear()
        self._refused[digest] = now + REMEMBER


_CARD_NETWORK = (rules.NETWORK_CARDS, rules.NETWORK_CARDS_DAY)
_CARD_EMAIL = (rules.EMAIL_CARDS, rules.EMAIL_CARDS_DAY)
OF_NETWORK = (*_CARD_NETWORK, rules.NETWORK_FORMS)
READ = (
    *OF_NETWORK,
    *_CARD_EMAIL,
    rules.NETWORK_UNPAID,
    rules.EMAIL_UNPAID,
    rules.BREAKER_REFUSALS,
    rules.BREAKER_STARTS,
)


async def purge_windows(session: AsyncSession, *, now: datetime) -> int:
    """Counts older than two days are gone; returns how many."""
    return changed_rows(await session.execute(delete(GuardCount).where(GuardCount.window_start < now - KEEP)))


def _subject(limit: Limit, network: str, email: str) -> str:
    if limit.name.startswith("all_"):
        return "all"
    return network if limit.name.startswith("network_") else email


def _key(limit: Limit, subject: str) -> str:
    return f"{limit.name}:{subject}"


def _window_start(within: timedelta, now: datetime) -> datetime:
    size = int(WINDOW_OF[within].total_seconds())
    return datetime.fromtimestamp(int(now.timestamp()) // size * size, tz=UTC)


async def _count(session: AsyncSession, keys: Iterable[tuple[Limit, str]], *, now: datetime) -> None:
    """One more of each, in one statement. Keys in order, so that two at once can't wait for each other."""
    rows = sorted(
        (
            {"key": _key(limit, subject), "window_start": _window_start(limit.within, now), "count": 1}
            for limit, subject in keys
        ),
        key=lambda row: str(row["key"]),
    )
    if not rows:
        return
    insert = insert_for(session, GuardCount).values(rows)
    more = {"count": GuardCount.count + 1}
    await session.execute(insert.on_conflict_do_update(index_elements=["key", "window_start"], set_=more))


async def _is_network_full(counts: dict[str, int], digest: str, *, now: datetime, paid: PaidPages | None) -> bool:
    if any(counts[limit.name] >= limit.most for limit in OF_NETWORK):
        return True
    tight = rules.is_tripped(refusals=counts["all_card"], starts=counts["all_starts"])
    unpaid = rules.NETWORK_UNPAID_TIGHT if tight else rules.NETWORK_UNPAID
    opened = counts[unpaid.name]
    if opened < unpaid.most:  # most requests end here, without a second query
        return False
    given_back = await paid.of_network(digest, now - unpaid.within) if paid else 0
    return opened - given_back >= unpaid.most


async def _is_email_full(counts: dict[str, int], email: str, *, now: datetime, paid: PaidPages | None) -> bool:
    if any(counts[limit.name] >= limit.most for limit in _CARD_EMAIL):
        return True
    unpaid = rules.EMAIL_UNPAID
    opened = counts[unpaid.name]
    if opened < unpaid.most:
        return False
    given_back = await paid.of_email(email, now - unpaid.within) if paid else 0
    return opened - given_back >= unpaid.most


def _too_many() -> Refused:
    return Refused(
        _(
            "Too many payments have been tried from where you are. No money has been taken. Please try again in ten minutes."
        )
    )
