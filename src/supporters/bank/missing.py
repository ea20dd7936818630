"""What no statement tells of, where no balance shows it: days between files, and numbers that were passed over. Pure.

Where both neighbours give balances these speak for themselves (`continuity`). A table without them goes from its first line to
its last: days without a line look the same as days whose file was never brought, so this is said, and proves nothing.
"""

import re
from collections.abc import Sequence
from datetime import date, timedelta

import msgspec

from supporters.bank.continuity import Span

DAY = timedelta(days=1)
FAR = 60  # numbers: beyond it the bank has begun to count anew
_NUMBER = re.compile(r"0*(\d{1,6})(?:/\d{1,6})?", re.ASCII)


class Missing(msgspec.Struct, frozen=True):
    """Days without a statement, or with `last_number` the statements whose numbers were passed over."""

    before_id: str
    after_id: str
    starts_on: date
    ends_on: date
    first_number: int = 0
    last_number: int = 0


def find_missing(spans: Sequence[Span]) -> list[Missing]:
    """Everything of the kind between the statements of one account, the earliest first."""
    ordered = sorted(spans, key=lambda span: (span.starts_on, span.ends_on, span.statement_id))
    return sorted([*_days(ordered), *_numbers(ordered)], key=lambda each: (each.starts_on, each.last_number))


def _days(ordered: Sequence[Span]) -> list[Missing]:
    found: list[Missing] = []
    reach: Span | None = None
    for span in ordered:
        if reach and span.starts_on > reach.ends_on + DAY and None in (reach.closing_minor, span.opening_minor):
            days = (reach.ends_on + DAY, span.starts_on - DAY)
            found.append(Missing(reach.statement_id, span.statement_id, *days))
        if reach is None or (span.ends_on, span.closing_minor is not None) > (
            reach.ends_on,
            reach.closing_minor is not None,
        ):
            reach = span
    return found


def _numbers(ordered: Sequence[Span]) -> list[Missing]:
    found: list[Missing] = []
    last: tuple[int, Span] | None = None
    for span in ordered:
        number = _number(span.number)
        if number is None:
            continue
        if last and 1 < number - last[0] <= FAR and span.starts_on >= last[1].ends_on:
            days = (last[1].ends_on, span.starts_on)
            found.append(Missing(last[1].statement_id, span.statement_id, *days, last[0] + 1, number - 1))
        last = (number, span)
    return found


def _number(text: str) -> int | None:
    """The statement's number without that of its page; None for one that does not count up."""
    found = _NUMBER.fullmatch(text.strip())
    return int(found[1]) if found else None
