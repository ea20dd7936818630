"""The calendar of renewals: the same day each time, or the month's last where it has no such day."""

from calendar import monthrange
from datetime import UTC, datetime

from supporters.sandbox.errors import Json

SECONDS = {"day": 86_400, "week": 7 * 86_400}
MONTHS = {"month": 1, "year": 12}


def boundary(anchor: int, recurring: Json, number: int) -> int:
    """The start of the `number`th period after `anchor` (epoch seconds, UTC); a short month does not move the next."""
    count: int = recurring["interval_count"] * number
    if recurring["interval"] in SECONDS:
        return anchor + SECONDS[recurring["interval"]] * count
    start = datetime.fromtimestamp(anchor, UTC)
    month = start.year * 12 + start.month - 1 + MONTHS[recurring["interval"]] * count
    year, month = month // 12, month % 12 + 1
    day = min(start.day, monthrange(year, month)[1])
    return int(start.replace(year=year, month=month, day=day).timestamp())


def next_boundary(anchor: int, recurring: Json, after: int) -> int:
    """The first start of a period later than `after`; the anchor itself while that lies ahead."""
    if after < anchor:
        return anchor
    number = max(0, (after - anchor) // longest(recurring))
    while boundary(anchor, recurring, number) <= after:
        number += 1
    return boundary(anchor, recurring, number)


def longest(recurring: Json) -> int:
    """How long a period lasts at most, in seconds."""
    unit: str = recurring["interval"]
    days = {"month": 31, "year": 366}.get(unit)
    return recurring["interval_count"] * (days * 86_400 if days else SECONDS[unit])
