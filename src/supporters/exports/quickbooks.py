"""QuickBooks Online: journal entries as CSV. Pure.

Rules: account by name, sub-accounts as Parent:Sub, account numbers switched off while importing; every line of a journal
carries its number, and the lines of one number balance; debit and credit in columns of their own, the other one empty; 1,000
rows and 2 MB in a file; a journal number of 21 characters at most; new accounts must stand in the chart before.
Source: https://quickbooks.intuit.com/learn-support/en-au/help-article/import-export-files/import-journal-entries-quickbooks-online/L4tQBwbs7_AU_en_AU,
https://www.importcsv.com/blog/quickbooks-csv-format and
https://support.transactionpro.com/kb/article/492-journal-entry-import-fields-for-transaction-pro-online/, read 2026-11-23.
One file for each currency: the template has no column for it.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from supporters.exports.cells import side, table
from supporters.exports.journals import File, Heading, Journal, parts_of

ROWS = 1_000  # in one file
BYTES = 2_000_000  # in one file
NUMBER_CHARS = 21
NAME_CHARS = 100
HEADER = ("Journal No", "Journal Date", "Account Name", "Description", "Debits", "Credits")


def write_quickbooks(journals: Sequence[Journal], heading: Heading) -> list[File]:
    """One file or more for each currency, home first, each within what the import takes and each journal in one of them.

    A journal of more rows than a file takes becomes several that each balance.
    """
    currencies = sorted({each.currency for each in journals}, key=lambda code: (code != heading.home_currency, code))
    files: list[File] = []
    for currency in currencies:
        mine = [part for each in journals if each.currency == currency for part in parts_of(each, ROWS)]
        for number, group in enumerate(_in_files(mine), start=1):
            rows = (row for journal in group for row in _rows(journal, heading))
            files.append(File(f"journals-{currency.lower()}-{number}.csv", table(HEADER, rows)))
    return files or [File(f"journals-{heading.home_currency.lower()}-1.csv", table(HEADER, []))]


def _in_files(journals: Iterable[Journal]) -> Iterator[list[Journal]]:
    held: list[Journal] = []
    rows = size = 0
    for journal in journals:
        weight = sum(len(f"{line.name}{line.text}".encode()) + 80 for line in journal.lines)
        if held and (rows + len(journal.lines) > ROWS or size + weight > BYTES):
            yield held
            held, rows, size = [], 0, 0
        held.append(journal)
        rows += len(journal.lines)
        size += weight
    if held:
        yield held


def _rows(journal: Journal, heading: Heading) -> Iterator[list[str]]:
    day = _day(journal.booked_on, heading.home_currency)
    for line in journal.lines:
        debit = side(line.amount_minor, journal.currency, is_debit=True)
        credit = side(line.amount_minor, journal.currency, is_debit=False)
        text = f"{journal.text}: {line.text}"
        yield [_number(journal.number), day, line.name[:NAME_CHARS], text, debit, credit]


def _number(number: str) -> str:
    """The number with its part: "S1-4, 1 of 3" is S1-4.1."""
    whole, _comma, part = number.partition(", ")
    end = f".{part.partition(' ')[0]}" if part else ""
    return whole[: NUMBER_CHARS - len(end)] + end


def _day(day: date, home_currency: str) -> str:
    """As the company's region writes it; the import's page asks which it is."""
    return f"{day:%m/%d/%Y}" if home_currency == "USD" else f"{day:%d/%m/%Y}"
