"""How a line and an account are known again: by digests under a key, so that nobody can try out whom we pay. Pure.

The same line in two files of one format has one fingerprint: the bank's own id of it where the bank gives one, else all that
it says. Lines of two formats are worded otherwise; `compare` knows those again by day and amount.
"""

import re
import unicodedata

from supporters.bank.parsed import CsvProfile, ParsedLine
from supporters.kit.signing import Signer

GIVES_IDS = frozenset({"camt", "ofx", "mt940"})  # formats whose reference is the bank's own id of the line
NO_IDS = frozenset({"", "NONREF", "NOTPROVIDED", "NOREF", "NONE", "0"})
SHORTEST = 6  # digits of a number by which an account may be known
TAILS = (8, 10, 14, 18)  # the account's own part of an IBAN, as national formats write it: GB 8 and 14, DE 10 and 18
_BETWEEN = str.maketrans({chr(code): None for code in range(128) if not chr(code).isalnum()})  # of plain letters
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")


class Keys:
    """Digests of lines and of account numbers, each under its own key of the installation's secret."""

    def __init__(self, secret_key: str) -> None:
        self._lines = Signer(secret_key, "bank-line")
        self._accounts = Signer(secret_key, "bank-account")

    def line(self, line: ParsedLine, *, form: str) -> str:
        """The line's fingerprint in a file of this format."""
        return self._lines.digest("\x1f".join((*_sum_of(line), *_own_words(line, form))))

    def part(self, fingerprint: str, *, occurrence: int, position: int) -> str:
        """The fingerprint of one payment of a line that the bank booked as one."""
        return self._lines.digest(f"part\x1f{fingerprint}\x1f{occurrence}\x1f{position}")

    def layout(self, form: str, profile: CsvProfile | None) -> str:
        """What words lines by: the format, and of a table the columns that were chosen."""
        if profile is None:
            return form
        chosen = (profile.text_columns, profile.counterparty_column, profile.account_column, profile.reference_column)
        return self._lines.digest(f"layout\x1f{form}\x1f{profile.header}\x1f{profile.date_column}\x1f{chosen}")

    def account(self, number: str) -> str:
        """The digest of a whole account number; empty for none."""
        cleaned = clean_number(number)
        return self._accounts.digest(cleaned) if cleaned else ""

    def account_forms(self, number: str) -> list[str]:
        """The digests of every form in which banks write this number."""
        return sorted({self._accounts.digest(form) for form in _forms(clean_number(number))})

    def payer(self, line: ParsedLine) -> str:
        """Whose money it is, by account and else by name; empty where the bank says neither."""
        number = clean_number(line.account)
        if number:
            return self._accounts.digest(number[-14:] if number.startswith("GB") and _is_iban(number) else number)
        name = folded(line.counterparty)
        return self._accounts.digest(f"name\x1f{name}") if name else ""


def clean_number(number: str) -> str:
    """An account number without spaces, strokes and dots, in capitals."""
    if number.isascii():  # most are: a twentieth of the time
        return number.upper().translate(_BETWEEN)
    kept = unicodedata.normalize("NFKC", number).upper()
    return "".join(char for char in kept if char.isascii() and char.isalnum())


def last4(number: str) -> str:
    """The end of an account number, as people know it."""
    return clean_number(number)[-4:]


def folded(text: str) -> str:
    """Letters and digits alone, without case: what stays the same however a bank spaces it."""
    if text.isascii():
        return text.lower().translate(_BETWEEN)
    return "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum())


def _sum_of(line: ParsedLine) -> tuple[str, str, str]:
    return line.booked_on.isoformat(), line.currency, str(line.amount_minor)


def _own_words(line: ParsedLine, form: str) -> tuple[str, ...]:
    reference = folded(line.bank_reference)
    if form in GIVES_IDS and reference.upper() not in NO_IDS:
        return "id", reference
    said = (line.counterparty, line.account, line.text, line.end_to_end, line.bank_reference)
    return "words", *(folded(each) for each in said)


def _forms(number: str) -> set[str]:
    if len(number) < SHORTEST:
        return {number} - {""}
    forms = {number} | {number[-tail:] for tail in TAILS if len(number) > tail}
    return forms | {form.lstrip("0") for form in forms if len(form.lstrip("0")) >= SHORTEST}


def _is_iban(number: str) -> bool:
    return _IBAN.fullmatch(number) is not None
