"""What beancount and hledger need alike: names of accounts, and the balance of each at the end of every month. Pure."""

import re
import unicodedata
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta

import msgspec

from supporters.exports.journals import Balance, Heading, Journal, Line
from supporters.kit.strings import gettext as _

ROOTS = {"1": "Assets", "2": "Liabilities", "3": "Equity", "4": "Income", "5": "Expenses"}
_WORD = re.compile(r"[^A-Za-z0-9]+")
_FULL = re.compile(r"(Assets|Liabilities|Equity|Income|Expenses)(:[A-Z0-9][A-Za-z0-9-]*)+")


class MonthEnd(msgspec.Struct, frozen=True):
    """What each account holds at the end of one month: minor units by name and currency, in their order."""

    last_day: date
    balances: tuple[tuple[str, str, int], ...]


def name_of(line: Line | Balance) -> str:
    """The account as these programs write it: its kind, the accountant's parents, its code and name, in plain letters.

    A name that is written like that already is left as it is. One without a plain letter or digit gets our code.
    """
    if _FULL.fullmatch(line.name):
        return line.name
    *parents, last = line.name.split(":")
    return ":".join(
        [ROOTS[line.account[0]], *filter(None, map(_part, parents)), _part(f"{line.code} {last}") or line.account]
    )


def all_names(journals: Iterable[Journal]) -> list[str]:
    """Every account that the journals touch, each once, in order."""
    return sorted({name_of(line) for journal in journals for line in journal.lines})


def new_names(journals: Iterable[Journal], heading: Heading) -> list[str]:
    """The accounts of this file and of those beside it that none of those has declared."""
    known = set(map(name_of, heading.declared))
    return sorted({*all_names(journals), *map(name_of, heading.before)} - known)


def month_ends(journals: Sequence[Journal], heading: Heading) -> Iterator[MonthEnd]:
    """The balance of every account, earlier files included, at the end of each closed month that the batch covers to its end.

    Nothing where the batch can't claim it: it takes another one back, holds days that an earlier file has covered, or
    leaves out what came before. A claim that a later file changes would make both files useless together.
    """
    if not heading.holds_months or heading.takes_back:
        return
    held: defaultdict[tuple[str, str], int] = defaultdict(int)
    for balance in heading.before:
        held[(name_of(balance), balance.currency)] += balance.net_minor
    left = sorted(journals, key=lambda journal: journal.booked_on)
    place = 0
    for last_day in _last_days(heading.starts_on, min(heading.ends_on, heading.closed_until)):
        while place < len(left) and left[place].booked_on <= last_day:
            for line in left[place].lines:
                held[(name_of(line), left[place].currency)] += line.amount_minor
            place += 1
        if held:
            yield MonthEnd(last_day, tuple((name, currency, held[name, currency]) for name, currency in sorted(held)))


def last_claim(journals: Sequence[Journal], heading: Heading) -> date | None:
    """The last day at whose end the file says what every account holds; None where it claims nothing."""
    return max((end.last_day for end in month_ends(journals, heading)), default=None)


def preface(heading: Heading, journals: Sequence[Journal] = ()) -> list[str]:
    """Lines that say what the file is, how it is loaded, and which file beside it claims balances that it changes."""
    said = [
        _("%(who)s, %(first)s to %(last)s. Batch %(batch)s. Made once; load it once.")
        % {
            "who": heading.organisation,
            "first": heading.starts_on.isoformat(),
            "last": heading.ends_on.isoformat(),
            "batch": heading.batch_id,
        }
    ]
    if heading.comes_after:
        said.append(_("Stands beside: %(files)s") % {"files": ", ".join(heading.comes_after)})
    if heading.takes_back:
        words = _("Takes back all of %(file)s. Take that file out of your books and leave this one out too.")
        said.append(words % {"file": heading.takes_back})
    elif not heading.holds_months:
        said.append(
            _("Other files hold some of its days, or earlier ones that it leaves out, so it claims no balances.")
        )
    elif heading.closed_until < heading.ends_on:
        said.append(_("Claims balances at the ends of closed months only: other months may still change."))
    said += [] if heading.takes_back else _changed_claims(heading, journals)
    return [" ".join(words.split()) for words in said]


def _changed_claims(heading: Heading, journals: Sequence[Journal]) -> Iterator[str]:
    """A month was opened again after a file had claimed its balances: that file alone can't say so."""
    first = min((journal.booked_on for journal in journals), default=date.max)
    words = _(
        "Changes balances that %(file)s claims: a month was opened again. Take every balance after %(day)s out of that file."
    )
    for name, until in heading.claims:
        if until >= first:
            yield words % {"file": name, "day": first.isoformat()}


def _part(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    words = _WORD.sub("-", plain).strip("-")
    return words[:1].upper() + words[1:]


def _last_days(first: date, last: date) -> Iterator[date]:
    day = first
    while True:
        end = day.replace(day=monthrange(day.year, day.month)[1])
        if end > last:
            return
        yield end
        day = end + timedelta(days=1)
