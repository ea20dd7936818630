"""What every parser gives: statements and their lines, whatever the format of the file. Pure."""

from datetime import date

import msgspec

from supporters.kit.errors import SupportersError


class Unreadable(SupportersError):
    """The file cannot be taken, and nothing of it was: the words name file, place and field, and what to do."""


class ParsedLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line of a statement as the bank wrote it. *Money*: minor units, signed: money in is positive.

    `parts` are the single payments of a line that the bank booked as one; their amounts sum to the line's. `where` names
    the place in the file for people ("line 12", "entry 3").
    """

    booked_on: date
    amount_minor: int
    currency: str
    value_on: date | None = None
    counterparty: str = ""
    account: str = ""  # the other side's, as written: IBAN, or sort code and number
    text: str = ""  # what payer and bank wrote, in one line
    bank_reference: str = ""
    end_to_end: str = ""
    type_code: str = ""
    is_reversal: bool = False
    is_booked: bool = True  # a line that is still pending is shown, and not imported
    balance_minor: int | None = None  # after this line, where the bank says it
    parts: tuple["ParsedLine", ...] = ()
    where: str = ""


class NotBooked(msgspec.Struct, frozen=True):
    """Rows that the bank lists and has not booked: how many, and their sum in minor units. They are no lines."""

    pending: int = 0
    pending_minor: int = 0
    refused: int = 0  # declined, reverted: they never moved money
    refused_minor: int = 0
    unknown: int = 0  # under a word that nobody has explained
    unknown_minor: int = 0


class ParsedStatement(msgspec.Struct, frozen=True, kw_only=True):
    """One statement: opening plus lines is closing, where the bank gives both."""

    currency: str
    lines: tuple[ParsedLine, ...]
    account: str = ""  # ours, as written in the file
    number: str = ""
    starts_on: date | None = None
    ends_on: date | None = None
    opening_minor: int | None = None
    closing_minor: int | None = None
    is_opening_derived: bool = False  # worked out here: the closing balance less the lines; it proves nothing by itself
    not_booked: NotBooked = NotBooked()
    balance_problem: str = ""  # why the balances after the lines could not be used, in words


class ParsedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A whole file. `format` is csv, xero, camt, ofx, mt940 or qif."""

    format: str
    statements: tuple[ParsedStatement, ...]


class CsvProfile(msgspec.Struct, frozen=True, kw_only=True):
    """How one bank writes its CSV: guessed once, confirmed by a person, remembered. Columns are counted from 0."""

    encoding: str = "utf-8"
    delimiter: str = ","
    skip_rows: int = 0  # lines before the names of the columns
    has_header: bool = True
    header: tuple[str, ...] = ()  # by which the bank's next file is known again
    date_column: int = 0
    date_order: str = "dmy"  # dmy, mdy or ymd
    amount_column: int | None = None  # one signed column ...
    in_column: int | None = None  # ... or one for money in
    out_column: int | None = None  # and one for money out
    sign_column: int | None = None  # or a column that says credit or debit
    is_negated: bool = False  # the bank writes money in with a minus
    decimal_mark: str = "."
    value_column: int | None = None
    text_columns: tuple[int, ...] = ()
    counterparty_column: int | None = None
    account_column: int | None = None
    reference_column: int | None = None
    type_column: int | None = None
    balance_column: int | None = None
    currency_column: int | None = None
    status_column: int | None = None  # says of each row whether it is booked
    booked_words: tuple[str, ...] = ()  # of that column, beside those that every bank uses
