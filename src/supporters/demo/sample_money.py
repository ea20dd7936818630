"""The sample paper's money beside Stripe: plain values. Months are counted back from the one of the demo; nobody here exists."""

from typing import NamedTuple

HARROW = "GB61LAMP00000061125528"
DUNMORES = "GB12LAMP00000061129034"
NAIRS = "GB88LAMP00000061120417"

FIRST_STATEMENT = 4  # months back: what is older is proved in the accountant's own books
LAST_CLOSED = 2  # the month after it is over, and waits to be closed by whoever tries the demo
HALF = 16  # the last day of the open month that a statement shows
CLOSING_DAY, CLOSING_HOUR = 2, 9
IN_XERO = "The bank was checked in Xero, before its statements were brought here."


class Paid(NamedTuple):
    """A line of somebody's at the bank. *Money*: pence, below 0 it goes out."""

    months: int
    day: int
    minor: int
    name: str
    text: str
    account: str = ""


AT_BANK = (
    *(Paid(months, 3, 1_500, "M DUNMORE", "FOR THE PAPER", DUNMORES) for months in (4, 3, 2, 0)),  # none last month
    Paid(1, 9, 5_000, "E HARROW", "FOR THE LAMP", HARROW),
    Paid(1, 9, -8_000, "", "UNPAID CHEQUE 000318"),
    Paid(1, HALF + 1, 2_500, "T ODELL", "FROM THE ALLOTMENTS"),
)
"""What comes besides the lines that the sandbox's bank has every month."""

AT_THE_END = (
    2_350,
    "COUNTY NEWS WHOLESALE",
    "RETURNS CREDITED",
)  # last day of the month: a table says nothing of later days

GIFTS = {"P LARKHAM": "Peter Larkham", "M DUNMORE": "Moira Dunmore"}
"""Payers of standing orders that nobody promised, as the bank writes them, and who they are."""

RULE_ON, RULE_OFF, STANDING_ON = "COUNTY NEWS WHOLESALE", "EASTMERE BRANCH", "M DUNMORE"  # of what the house learns

INCOME = {"COUNTY NEWS WHOLESALE": "The shops’ share of the print sale.", "EASTMERE BRANCH": "The stall at the market."}
"""Payers whose money is no donation, and what Dana writes."""

FEES = {"SERVICE CHARGE": "The bank’s fee for the quarter."}


class Promised(NamedTuple):
    """A reader's promise to pay by bank: made on that day, and the days on which it came, as months back and day."""

    name: str
    minor: int
    frequency: str
    months: int
    day: int
    came: tuple[tuple[int, int], ...] = ()
    account: str = ""


PROMISES = (
    Promised("Ravi Nair", 1_200, "monthly", 4, 8, tuple((months, 11) for months in (4, 3, 2, 1, 0)), NAIRS),
    Promised("Hannah Price", 4_000, "once", 3, 12, ((3, 15),)),
)
STILL_PROMISED = Promised("Jo Smith", 3_000, "once", 0, 0)  # five days ago


class Given(NamedTuple):
    """Cash or a cheque, as it is written down."""

    name: str
    kind: str
    minor: int
    number: str = ""  # of the cheque


class PaidIn(NamedTuple):
    """What went to the bank together: written down, counted and brought there, and shown by the bank two days later."""

    months: int
    day: int
    slip: str
    given: tuple[Given, ...]
    short_minor: int = 0  # what was missing when it was counted


DEPOSITS = (
    PaidIn(
        3,
        20,
        "SLIP 100117",
        (
            Given("Agnieszka Wójcik", "cash", 3_500),
            Given("Samira Haddad", "cash", 2_000),
            Given("Oskar Lind", "cheque", 6_000, "000118"),
        ),
    ),
    PaidIn(
        1,
        5,
        "SLIP 100118",
        (Given("Gwen Pritchard", "cheque", 4_500, "000317"), Given("Yusuf Demir", "cheque", 8_000, "000318")),
    ),
    PaidIn(1, 10, "SLIP 100119", (Given("Rosa Larkin", "cash", 4_000), Given("Luca Ferri", "cash", 2_500)), 50),
)
BOUNCED = "000318"
BOUNCED_ON = 15  # the bank's letter came, a month ago
BOUNCED_WORDS = "Returned by the giver’s bank: not signed."
LETTER_NAME = "letter-from-the-bank.txt"
LETTER = b"""Unity Trust, Eastmere
The Weekly Lamp Ltd

Cheque 000318 for 80.00 GBP, which you paid in, comes back to you unpaid.
Reason given by the drawer's bank: signature missing.
"""


class Talk(NamedTuple):
    """What colleagues write under a discrepancy: who looks after it, and who says what; by first names."""

    code: str
    owner: str
    said: tuple[tuple[str, str], ...]
    bank_name: str = ""  # of the line, where there are several of that code


TALKS = (
    Talk(
        "BANK_CREDIT_UNKNOWN",
        "Noor",
        (
            ("Noor", "Nobody of this name is on file. @Dana, is this somebody from the Harrow ferry?"),
            ("Dana", "It may be the skipper’s sister. I ask her on Friday, @Noor."),
        ),
        "E HARROW",
    ),
    Talk("CHEQUE_BOUNCED", "Dana", (("Dana", "The bank’s letter is below. I have written to Yusuf for a new one."),)),
    Talk(
        "PAYOUT_NOT_IN_BANK",
        "Noor",
        (
            ("Noor", "I have given the bank Stripe’s trace. They look for it."),
            ("Noor", "They found it, and book it now: the next statement shows it."),
        ),
    ),
    Talk(
        "DEPOSIT_BATCH_OFF",
        "Noor",
        (("Noor", "Counted twice: 50p less than was written down. @Dana, may it go to over and short?"),),
    ),
)
LATELY = (
    Talk(
        "DISPUTE_OPENED",
        "Dana",
        (("Dana", "@Noor, I send his bank the two letters he wrote us, before the day it names."),),
    ),
)
"""What is said of what is only a few days old."""
