"""Journals for hledger, with a balance assertion for every account at the end of each closed month. Pure.

Source: https://hledger.org/1.25/hledger.html (journal format, balance assertions), read 2026-11-23. An assertion holds
after the posting that it stands on; within a day postings are read from top to bottom, so a month's stand last.
"""

from collections.abc import Iterator, Sequence

from supporters.exports.cells import amount
from supporters.exports.journals import File, Heading, Journal
from supporters.exports.ledgers import ROOTS, month_ends, name_of, new_names, preface
from supporters.kit.money import exponent
from supporters.kit.strings import gettext as _

TYPES = dict(zip(ROOTS.values(), "ALERX", strict=True))


def write_hledger(journals: Sequence[Journal], heading: Heading) -> list[File]:
    """One file: currencies, accounts that no file before has declared, journals, balances. Strict checks hold."""
    return [File("journals.journal", "\n".join([*_lines(journals, heading), ""]).encode())]


def _lines(journals: Sequence[Journal], heading: Heading) -> Iterator[str]:
    yield from (f"; {words}" for words in preface(heading, journals))
    currencies = {each.currency for each in journals} | {each.currency for each in heading.before}
    yield from (f"commodity 1000.{'0' * exponent(currency)} {currency}" for currency in sorted(currencies))
    yield from (f"account {name}  ; type: {TYPES[name.partition(':')[0]]}" for name in new_names(journals, heading))
    for journal in journals:
        yield ""
        yield f"{journal.booked_on} * ({_plain(journal.number)}) {_plain(journal.text)}"
        if journal.reference:
            yield f"    ; reference: {_plain(journal.reference)}"
        for line in journal.lines:
            cost = f"{amount(line.amount_minor, journal.currency)} {journal.currency}"
            yield f"    {name_of(line)}  {cost}  ; {_plain(line.text)}"
    for end in month_ends(journals, heading):
        yield ""
        yield f"{end.last_day} * " + _plain(_("Balances at the end of the month"))
        for name, currency, minor in end.balances:
            yield f"    {name}  {amount(0, currency)} {currency} = {amount(minor, currency)} {currency}"


def _plain(text: str) -> str:
    """Without the marks that hledger reads as the start of a comment, of a day or a tag in it, a payee's end or a code's."""
    return " ".join(text.translate(str.maketrans(";|()[]:\n\r", ",/<><>,  ")).split())
