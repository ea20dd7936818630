"""What an export can be made for, and how much goes into one journal."""

from enum import StrEnum


class Target(StrEnum):
    """Which program the file is made for."""

    XERO = "xero"
    QUICKBOOKS = "quickbooks"
    CSV = "csv"
    JSON = "json"
    BEANCOUNT = "beancount"
    HLEDGER = "hledger"


class Mode(StrEnum):
    """How much goes into one journal."""

    PAYOUT = "payout"  # One journal for each payout and month, and one a day for what no payout names.
    LINE = "line"  # One journal for each ledger transaction.


CLAIMS = frozenset({Target.BEANCOUNT, Target.HLEDGER})  # their files say what every account holds at the end of a month
