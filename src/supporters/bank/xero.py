"""Statement lines as Xero writes them, and as it wants them: the columns have fixed names, so nothing needs to be chosen.

Source: Xero, "Import a bank statement" (template with *Date, *Amount, Payee, Description, Reference, Check Number).
"""

from supporters.bank.csv_file import read_csv
from supporters.bank.csv_guess import guess_profile
from supporters.bank.csv_names import plain_name
from supporters.bank.limits import DEFAULT, Limits
from supporters.bank.parsed import ParsedFile

NEEDED = frozenset(["date", "amount", "payee", "description", "reference"])
KNOWN = NEEDED | {
    "check number",
    "cheque number",
    "cheque no",
    "check no",
    "transaction type",
    "analysis code",
    "account code",
}


def is_xero(text: str) -> bool:
    """Whether the first line has the columns of Xero's statement lines and no others."""
    first = text.removeprefix("\ufeff").lstrip().partition("\n")[0]
    found = {plain_name(each) for each in first[:1_000].split(",")}
    return found >= NEEDED and found <= KNOWN


def read_xero(content: bytes, *, currency: str, limits: Limits = DEFAULT) -> ParsedFile:
    """The one statement in the file. Raises Unreadable."""
    return read_csv(content, guess_profile(content).profile, currency=currency, limits=limits, form="xero")
