"""Xero: manual journals with no bank account in them, and the Stripe balance as statement lines. Pure.

In Xero the Stripe balance is a bank account of its own, fed by the statement files. A manual journal can't touch a bank
account, so what moves the Stripe balance stands in the journals against a clearing account (our 1100 is mapped to it), and
each statement line is reconciled to that same account: it ends at nothing, and Xero's Stripe account at our balance.

Rules. Journals: columns as in Xero's template; lines of one narration and date are one journal and must balance; debit
positive, credit negative; account by its code; the full name of the tax rate; 300 lines in a file; days as 30 Jun 2026.
Source: https://help.xero.com/nz/ManualJournalsImport and
https://central.xero.com/s/article/Add-import-and-post-manual-journals, read 2026-11-23.
Statements: Date and Amount, then Payee, Description, Reference; headings unique and in the first row; money out negative; no
balances; 1,000 lines in a file; ISO days can't be taken for others. Source: Xero's bank statement template as quoted at
https://taxhelp.theaccountancycloud.com/support/solutions/articles/22000180105, read 2026-11-23.
"""

from collections.abc import Iterable, Iterator, Sequence

from supporters.exports.cells import amount, table
from supporters.exports.journals import STRIPE_BALANCE, File, Heading, Journal, Line, parts_of

JOURNAL_LINES = 300  # in one file
STATEMENT_LINES = 1_000  # in one file
NARRATION_CHARS = 200
JOURNAL_HEADER = (
    "*Narration", "*Date", "Description", "*AccountCode", "*TaxRate", "*Amount",
    "TrackingName1", "TrackingOption1", "TrackingName2", "TrackingOption2",
)  # fmt: skip
STATEMENT_HEADER = ("*Date", "*Amount", "Payee", "Description", "Reference")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")  # Xero's, in any language
# The rate that says "no tax here" in the organisations that use the currency at home.
NO_TAX = {"GBP": "No VAT", "AUD": "BAS Excluded", "NZD": "No GST", "USD": "Tax Exempt (0%)"}


def write_xero(journals: Sequence[Journal], heading: Heading) -> list[File]:
    """Files of manual journals, each within Xero's lines and each journal in one of them, then files of statement lines.

    A journal of more lines than a file takes becomes several that each balance.
    """
    parts = (part for journal in journals for part in parts_of(journal, JOURNAL_LINES))
    groups = list(_in_files(parts)) or [[]]  # headings alone, where all came to nothing
    files = [
        File(f"manual-journals-{number}.csv", table(JOURNAL_HEADER, _journal_rows(group, heading)))
        for number, group in enumerate(groups, start=1)
    ]
    rows = list(_statement_rows(journals))
    for number, start in enumerate(range(0, len(rows), STATEMENT_LINES), start=1):
        part = rows[start : start + STATEMENT_LINES]
        files.append(File(f"stripe-statement-{number}.csv", table(STATEMENT_HEADER, part)))
    return files


def rate_of_none(home_currency: str) -> str:
    """The name of the rate that a line gets whose account has no tax code of its own."""
    return NO_TAX.get(home_currency, "Tax Exempt")


def _in_files(journals: Iterable[Journal]) -> Iterator[list[Journal]]:
    held: list[Journal] = []
    lines = 0
    for journal in journals:
        if held and lines + len(journal.lines) > JOURNAL_LINES:
            yield held
            held, lines = [], 0
        held.append(journal)
        lines += len(journal.lines)
    if held:
        yield held


def _journal_rows(journals: Iterable[Journal], heading: Heading) -> Iterator[list[str]]:
    no_tax = rate_of_none(heading.home_currency)
    for journal in journals:
        # The number keeps two journals of one day and one text apart: Xero would make them one.
        end = f" [{journal.number}]"
        narration = journal.text[: NARRATION_CHARS - len(end)] + end
        day = f"{journal.booked_on.day:02d} {MONTHS[journal.booked_on.month - 1]} {journal.booked_on.year}"
        for line in journal.lines:
            cost = amount(line.amount_minor, journal.currency)
            yield [narration, day, line.text, line.code, line.tax or no_tax, cost, *_tracking(line)]


def _tracking(line: Line) -> list[str]:
    """Two categories at most, as "Region: North; Desk: Local"."""
    cells: list[str] = []
    for part in line.tracking.split(";")[:2]:
        name, mark, option = part.partition(":")
        cells += [name.strip(), option.strip()] if mark else ["", ""]
    return [*cells, "", "", "", ""][:4]


def _statement_rows(journals: Iterable[Journal]) -> Iterator[list[str]]:
    for journal in journals:
        for line in journal.lines:
            if line.account == STRIPE_BALANCE:
                cost = amount(line.amount_minor, journal.currency)
                about = f"{journal.text} [{journal.number}] to account {line.code}"
                yield [journal.booked_on.isoformat(), cost, "Stripe", about, journal.reference]
