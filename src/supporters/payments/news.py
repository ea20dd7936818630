"""Events out of the inbox with what they say, and where each goes once that was applied."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from supporters.payments import inbox
from supporters.payments.facts import BalanceMoved, CheckoutCompleted, Fact, InvoicePaidBy, InvoiceSeen, Unknown, needs
from supporters.payments.models import InboxEvent, InboxState
from supporters.payments.translate import NotUnderstood, translate


class Outcome(StrEnum):
    """What became of one event."""

    HANDLED = "handled"  # Its effects are stored.
    SILENT = "silent"  # It says nothing that the house must keep; nothing of it is kept.
    NOT_OURS = "not_ours"  # It is about a payment of something else.
    WAITING = "waiting"  # Nobody knows yet whose its payment or subscription is.
    UNKNOWN = "unknown"  # A person must look.
    FAILED = "failed"  # Tried and failed.


_RANKS: dict[type[Fact], int] = {CheckoutCompleted: 0, InvoiceSeen: 1, InvoicePaidBy: 2}


class News(NamedTuple):
    """An event with what it says; `error` when that could not be read."""

    row: InboxEvent
    facts: list[Fact]
    error: str | None = None

    @property
    def rank(self) -> int:
        """What makes others known goes first: payment pages, then bills, then what paid them, then the rest."""
        return min((_RANKS.get(type(fact), len(_RANKS)) for fact in self.facts), default=len(_RANKS))

    @property
    def waits_for(self) -> str:
        """The id whose owner must be known before this can be applied."""
        return next(needed for needed in map(needs, self.facts) if needed)

    @property
    def is_silent(self) -> bool:
        """Whether it says at most that the balance moved: Stripe's list tells which lines, and this need not be kept."""
        return all(isinstance(fact, BalanceMoved) for fact in self.facts)

    @property
    def unknown(self) -> Unknown | None:
        """What a person must look at, if there is anything."""
        return next((fact for fact in self.facts if isinstance(fact, Unknown)), None)


def read(row: InboxEvent) -> News:
    """The event in that row with what it says."""
    event = inbox.event_of(row)
    if event is None:
        return News(row, [], "its payload was erased")
    try:
        return News(row, translate(event))
    except NotUnderstood as error:
        return News(row, [], str(error))


async def file_all(session: AsyncSession, outcomes: Sequence[tuple[News, Outcome]], *, now: datetime) -> None:
    """Every event is where its outcome puts it; those that failed or were parked are there already."""

    def of(wanted: Outcome) -> list[InboxEvent]:
        return [one.row for one, outcome in outcomes if outcome is wanted]

    await inbox.mark(session, of(Outcome.HANDLED), InboxState.HANDLED, now=now)
    await inbox.mark(session, of(Outcome.SILENT), InboxState.HANDLED, now=now, erase=True)
    await inbox.mark(session, of(Outcome.NOT_OURS), InboxState.NOT_OURS, now=now, erase=True)
    waiting: dict[str, list[str]] = {}
    for one, outcome in outcomes:
        if outcome is Outcome.WAITING:
            waiting.setdefault(one.waits_for, []).append(one.row.stripe_event_id)
    await inbox.mark_waiting(session, waiting)
