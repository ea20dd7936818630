"""Journals for beancount, with every account's balance at the end of each closed month for `bean-check` to hold. Pure.

Source: https://beancount.github.io/docs/beancount_language_syntax.html, read 2026-11-23. A balance directive holds at the
beginning of its day, so a month's stands on the first of the next; its tolerance is written out as zero, since the one that
beancount infers would let a penny pass.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from supporters.exports.cells import amount
from supporters.exports.journals import File, Heading, Journal
from supporters.exports.ledgers import month_ends, name_of, new_names, preface

OPENED_ON = "1970-01-01"  # before every day that money can have: a file that is taken out moves no other's opening


def write_beancount(journals: Sequence[Journal], heading: Heading) -> list[File]:
    """One file: accounts that no file before has opened, journals, balances."""
    return [File("journals.beancount", "\n".join([*_lines(journals, heading), ""]).encode())]


def _lines(journals: Sequence[Journal], heading: Heading) -> Iterator[str]:
    yield from (f"; {words}" for words in preface(heading, journals))
    yield f'option "operating_currency" "{heading.home_currency}"'
    yield ""
    yield from (f"{OPENED_ON} open {name}" for name in new_names(journals, heading))
    for journal in journals:
        yield ""
        yield f'{journal.booked_on} * "{_quoted(journal.text)}"'
        yield f'  journal: "{_quoted(journal.number)}"'
        if journal.reference:
            yield f'  reference: "{_quoted(journal.reference)}"'
        for line in journal.lines:
            yield f"  {name_of(line)}  {amount(line.amount_minor, journal.currency)} {journal.currency}"
            yield f'    text: "{_quoted(line.text)}"'
    for end in month_ends(journals, heading):
        yield ""
        for name, currency, minor in end.balances:
            yield f"{end.last_day + timedelta(days=1)} balance {name}  {amount(minor, currency)} ~ 0 {currency}"


def _quoted(text: str) -> str:
    return " ".join(text.replace("\\", "\\\\").replace('"', '\\"').split())
