"""Journals as they go out: balanced lines in one currency each, with the names that the accountant's books use. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

import msgspec

from supporters.kit.errors import SupportersError

STRIPE_BALANCE = "1100"


class NotBalanced(SupportersError):
    """A journal whose lines do not sum to zero: it must not go out, and no file is made."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a journal. *Money*: debit positive, credit negative, minor units of the journal's currency."""

    account: str  # our code
    code: str  # the accountant's
    name: str  # the accountant's; sub-accounts as Parent:Sub
    amount_minor: int
    text: str
    tax: str = ""
    tracking: str = ""  # Category: Option


class Journal(msgspec.Struct, frozen=True, kw_only=True):
    """What goes out as one journal. `number` is not used again by any other batch; no text names a person."""

    number: str
    booked_on: date
    currency: str
    text: str
    reference: str  # the payout or the ledger's source
    lines: tuple[Line, ...]


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """Debits and credits of one account in one currency. *Money*: both positive, minor units."""

    account: str
    code: str
    name: str
    currency: str
    debit_minor: int
    credit_minor: int

    @property
    def net_minor(self) -> int:
        """Debits less credits."""
        return self.debit_minor - self.credit_minor


class Heading(msgspec.Struct, frozen=True, kw_only=True):
    """What a format knows of the batch that it writes. `before` is what earlier live batches left on each account."""

    batch_id: str
    organisation: str
    starts_on: date
    ends_on: date  # inclusive
    home_currency: str
    before: tuple[Balance, ...] = ()
    declared: tuple[Balance, ...] = ()  # accounts that those batches have declared, where a program wants that
    holds_months: bool = True  # whether balances at the ends of months can be claimed
    closed_until: date = date.max  # the last day that takes no more postings: what comes after it is never claimed
    takes_back: str = ""  # name of the file whose lines are mirrored here
    comes_after: tuple[str, ...] = ()  # names of files that stand in the same books
    claims: tuple[tuple[str, date], ...] = ()  # of those that claim balances: the name, and the last day that it claims


class File(msgspec.Struct, frozen=True):
    """One finished file."""

    name: str
    content: bytes


def check_balanced(journals: Iterable[Journal]) -> None:
    """Every journal has two lines or more, none of zero, and sums to zero. *Raises* NotBalanced."""
    for journal in journals:
        total = sum(line.amount_minor for line in journal.lines)
        if total or len(journal.lines) < 2 or not all(line.amount_minor for line in journal.lines):
            raise NotBalanced(f"Journal {journal.number} does not balance (off by {total}), so no file was made.")


def parts_of(journal: Journal, most: int) -> list[Journal]:
    """The journal, or several of at most so many lines that each balance and together come to the same on every account.

    The line that balances the others, the Stripe balance's where there is one, stands in each of them with its share.
    The parts are numbered "S1-4, 1 of 3".
    """
    if len(journal.lines) <= most:
        return [journal]
    pivot = max(journal.lines, key=lambda line: (line.account == STRIPE_BALANCE, abs(line.amount_minor)))
    others = [line for line in journal.lines if line is not pivot]
    groups = [others[start : start + most - 1] for start in range(0, len(others), most - 1)]
    return [
        msgspec.structs.replace(
            journal, number=f"{journal.number}, {place} of {len(groups)}", lines=(*_share(pivot, group), *group)
        )
        for place, group in enumerate(groups, start=1)
    ]


def mirror(journals: Sequence[Journal], *, number: str, text: str) -> list[Journal]:
    """The same journals with every line turned round, on the same days, numbered anew; `text` begins each narration."""
    return [
        msgspec.structs.replace(
            journal,
            number=f"{number}-{place}",
            text=f"{text} {journal.text}",
            lines=tuple(msgspec.structs.replace(line, amount_minor=-line.amount_minor) for line in journal.lines),
        )
        for place, journal in enumerate(journals, start=1)
    ]


def sum_up(journals: Iterable[Journal]) -> list[Balance]:
    """Debits and credits by account as the accountant's books name it, in the order of our chart and by currency."""
    debits: defaultdict[tuple[str, str, str, str], int] = defaultdict(int)
    credits: defaultdict[tuple[str, str, str, str], int] = defaultdict(int)
    for journal in journals:
        for line in journal.lines:
            side = debits if line.amount_minor > 0 else credits
            side[(line.account, line.code, line.name, journal.currency)] += abs(line.amount_minor)
    return [_balance(key, debits[key], credits[key]) for key in sorted(set(debits) | set(credits))]


def add_up(balances: Iterable[Balance]) -> tuple[Balance, ...]:
    """Balances of several batches as one, in the order of our chart."""
    debits: defaultdict[tuple[str, str, str, str], int] = defaultdict(int)
    credits: defaultdict[tuple[str, str, str, str], int] = defaultdict(int)
    for each in balances:
        key = (each.account, each.code, each.name, each.currency)
        debits[key] += each.debit_minor
        credits[key] += each.credit_minor
    return tuple(_balance(key, debits[key], credits[key]) for key in sorted(debits))


def _share(pivot: Line, group: Sequence[Line]) -> list[Line]:
    share = -sum(line.amount_minor for line in group)
    return [msgspec.structs.replace(pivot, amount_minor=share)] if share else []


def _balance(key: tuple[str, str, str, str], debit_minor: int, credit_minor: int) -> Balance:
    account, code, name, currency = key
    return Balance(
        account=account, code=code, name=name, currency=currency, debit_minor=debit_minor, credit_minor=credit_minor
    )
