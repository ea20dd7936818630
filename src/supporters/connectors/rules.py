"""What goes out, what counts as news that came in, and how somebody stands with us. Pure."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

CONFIRMED, STOPPED, SUPPRESSED = "confirmed", "stopped", "suppressed"
LONGEST_REST = timedelta(hours=1)
CLOCKS_DIFFER = timedelta(hours=1)


class Standing(StrEnum):
    """How somebody stands with us, so that a sender can leave givers out when it asks for money."""

    REGULARLY = "gives-regularly"  # A promise stands, monthly or yearly, also one that is paused or failing just now.
    GAVE = "gave"  # Some of what was given was kept.
    NEVER = "never"  # Nothing was given, or all of it went back.


class What(StrEnum):
    """What a sender tells of an address."""

    UNSUBSCRIBED = "unsubscribed"  # The reader stopped one list.
    BLOCKED = "blocked"  # Nothing may be sent to the address at all.
    BOUNCED = "bounced"  # The mailbox does not exist.
    COMPLAINED = "complained"  # The reader reported a letter as unwanted.


STATES = frozenset({What.UNSUBSCRIBED, What.BLOCKED})  # read off how an address stands there; the others are events
WHY = {What.UNSUBSCRIBED: "sender", What.BLOCKED: "sender", What.BOUNCED: "bounce", What.COMPLAINED: "complaint"}


class Told(NamedTuple):
    """What a sender knows of an address on a list, from us or by itself.

    `at` is the time of our consent that it was told, or when what it told us happened, by its own clock.
    """

    status: str
    is_theirs: bool
    change_id: str
    at: datetime


def standing_of(*, kept_minor: int, has_plan: bool) -> Standing:
    """How somebody stands. *Money*: `kept_minor` is what was paid and not returned, in any currency."""
    if has_plan:
        return Standing.REGULARLY
    return Standing.GAVE if kept_minor > 0 else Standing.NEVER


def must_push(told: Told | None, *, change_id: str, status: str) -> bool:
    """Whether the sender must hear of this consent, on which the subscription rests: not what it knows or told us.

    Its own stop made newer evidence here, so that a yes that stands came after all that we heard.
    """
    return told is None or (change_id != told.change_id and status != told.status)


def heed_after(told: Told | None, *, said_at: datetime) -> datetime | None:
    """A stop there that is later than this is newer than the yes of `said_at`; None: any stop there is our own doing."""
    if told is None:
        return said_at
    return max(said_at, told.at) if told.is_theirs else None


def is_news(
    told: Told | None, *, what: What, at: datetime | None, confirmed_at: datetime | None, since: datetime
) -> bool:
    """Whether what a sender tells is new to us: not our own doing come back, and not older than the reader's last yes.

    `at` is when it happened there, if the sender says so; `confirmed_at` the reader's last yes to us; `since` when we first
    met the sender. A stop that stands there although we told of a yes came after it, whatever the clocks say.
    """
    target = status_after(what)
    if told is not None and told.status != CONFIRMED and (told.status == target or target == STOPPED):
        is_same = not told.is_theirs or at is None or at <= told.at
        if is_same or confirmed_at is None:
            return False
    if confirmed_at is None:
        return True
    if told is not None and told.status == CONFIRMED:
        return at is None or at >= told.at - (CLOCKS_DIFFER if what in STATES else timedelta())
    return (at or since) >= confirmed_at


def status_after(what: What) -> str:
    """What the address is on the list after that."""
    return STOPPED if what is What.UNSUBSCRIBED else SUPPRESSED


def rest_after(failures: int) -> timedelta:
    """How long a sender that failed is left alone: a minute, then twice as long, up to an hour."""
    return min(timedelta(minutes=1) * 2 ** min(max(failures - 1, 0), 10), LONGEST_REST)
