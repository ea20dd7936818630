"""The list's address: words in the query to a filter, and the filter back to an address. Pure."""

from collections.abc import Mapping
from datetime import date
from urllib.parse import urlencode

import msgspec

from supporters.donations.filters import STATES, DonationFilter
from supporters.kit.errors import MoneyError
from supporters.kit.ids import is_ulid
from supporters.kit.money import parse_amount
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line

FIELDS = ("q", "state", "from", "to", "min", "max", "appeal", "article", "issue", "before")
LONGEST = 120
EARLIEST, LATEST = date(1970, 1, 2), date(9998, 12, 30)


class Asked(msgspec.Struct, frozen=True):
    """A filter as somebody asked for it: what was understood, what they typed, and what could not be read."""

    view: DonationFilter
    typed: dict[str, str]
    before: str | None
    problems: dict[str, str]

    def address(self, path: str, **changes: str | None) -> str:
        """`path` with this filter in its query; `changes` replace fields, None drops one."""
        fields = {**self.typed, **changes}
        query = urlencode({name: fields[name] for name in FIELDS if fields.get(name)})
        return f"{path}?{query}" if query else path


def read_filter(query: Mapping[str, str], *, currency: str, sees_people: bool) -> Asked:
    """What the query asks for. A field that can't be read is left out of the filter and named in `problems`."""
    typed = {name: clean_line(query[name], limit=LONGEST) for name in FIELDS if query.get(name)}
    problems: dict[str, str] = {}
    view = DonationFilter(
        words=typed.get("q", ""),
        state=_read_state(typed, problems),
        since=_read_day(typed, "from", problems),
        until=_read_day(typed, "to", problems),
        least_minor=_read_amount(typed, "min", currency, problems),
        most_minor=_read_amount(typed, "max", currency, problems),
        appeal=typed.get("appeal", ""),
        article=typed.get("article", ""),
        issue=typed.get("issue", ""),
        sees_people=sees_people,
    )
    before = typed.pop("before", None)
    return Asked(view, typed, before if before and is_ulid(before) else None, problems)


def _read_state(typed: Mapping[str, str], problems: dict[str, str]) -> str:
    state = typed.get("state", "")
    if state and state not in STATES:
        problems["state"] = _("There is no such status.")
        return ""
    return state


def _read_day(typed: Mapping[str, str], name: str, problems: dict[str, str]) -> date | None:
    text = typed.get(name)
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        problems[name] = _("Write the day as year, month and day: 2026-11-22.")
        return None
    if EARLIEST <= day <= LATEST:
        return day
    problems[name] = _("That day is too far away.")
    return None


def _read_amount(typed: Mapping[str, str], name: str, currency: str, problems: dict[str, str]) -> int | None:
    text = typed.get(name)
    if text is None:
        return None
    try:
        return parse_amount(text, currency).minor
    except MoneyError:
        problems[name] = _("Write an amount in figures: 25 or 12.50.")
        return None
