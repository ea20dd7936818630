"""Journals as plain CSV and JSON, for any program: every fact that we have of each line, amounts as decimals. Pure."""

from collections.abc import Sequence

import msgspec

from supporters.exports.cells import amount, side, table
from supporters.exports.journals import Balance, File, Heading, Journal, sum_up

FORMAT = "supporters-journals"
VERSION = 1
HEADER = (
    "journal", "date", "currency", "narration", "reference", "account", "outside_code", "outside_name", "description",
    "debit", "credit", "amount", "tax_code", "tracking",
)  # fmt: skip


def write_csv(journals: Sequence[Journal], heading: Heading) -> list[File]:
    """One file with one row for each line. Opens in Excel; the sum of `amount` over a journal is zero."""
    rows = (
        [
            journal.number,
            journal.booked_on.isoformat(),
            journal.currency,
            journal.text,
            journal.reference,
            line.account,
            line.code,
            line.name,
            line.text,
            side(line.amount_minor, journal.currency, is_debit=True),
            side(line.amount_minor, journal.currency, is_debit=False),
            amount(line.amount_minor, journal.currency),
            line.tax,
            line.tracking,
        ]
        for journal in journals
        for line in journal.lines
    )
    return [File("journals.csv", table(HEADER, rows, marked=True))]


def write_json(journals: Sequence[Journal], heading: Heading) -> list[File]:
    """One file with the batch, its journals and their totals. *Money*: decimals as text, and minor units beside them."""
    whole = {
        "format": FORMAT,
        "version": VERSION,
        "batch": heading.batch_id,
        "organisation": heading.organisation,
        "from": heading.starts_on,
        "to": heading.ends_on,
        "takes_back": heading.takes_back or None,
        "journals": [_journal(journal) for journal in journals],
        "totals": [_total(balance) for balance in sum_up(journals)],
    }
    return [File("journals.json", msgspec.json.format(msgspec.json.encode(whole), indent=1) + b"\n")]


def _journal(journal: Journal) -> dict[str, object]:
    return {
        "number": journal.number,
        "date": journal.booked_on,
        "currency": journal.currency,
        "narration": journal.text,
        "reference": journal.reference,
        "lines": [
            {
                "account": line.account,
                "outside_code": line.code,
                "outside_name": line.name,
                "description": line.text,
                "amount": amount(line.amount_minor, journal.currency),
                "amount_minor": line.amount_minor,
                "tax_code": line.tax,
                "tracking": line.tracking,
            }
            for line in journal.lines
        ],
    }


def _total(balance: Balance) -> dict[str, object]:
    return {
        "account": balance.account,
        "outside_code": balance.code,
        "outside_name": balance.name,
        "currency": balance.currency,
        "debit": amount(balance.debit_minor, balance.currency),
        "credit": amount(balance.credit_minor, balance.currency),
    }
