"""Which lines concern us. Those are kept whole; of all others the day, the amount and a digest. Pure.

Whom the publisher pays otherwise, and what, is nobody's business here.
"""

import re

import msgspec

from supporters.bank.fingerprint import folded
from supporters.bank.parsed import ParsedLine

SHORTEST_NAME = 6  # letters and digits of a reference that may be looked for inside other words
_OURS = re.compile(
    r"stripe|refund|rückerstattung|erstattung|remboursement|unpaid|bounced|dishonou?red|returned|rückläufer|rücklast|"
    r"reversal|reversed|storno|chargeback|charge back|paid[ -]in",
    re.IGNORECASE,
)
_FEES = re.compile(
    r"\b(bank|account|service|monthly|transaction|handling|card|payment)s? (charge|fee)s?\b|\bcharges?\b|"
    r"kontoführung|kontofuehrung|\bentgelt|abschluss|\bfrais\b|\bcommission\b|\binterest\b|\bzinsen\b",
    re.IGNORECASE,
)
_FEE_CODES = re.compile(r"CHRG|CHG|FEE|SRVCHG|COMM|INTR|\bINT\b")


class Known(msgspec.Struct, frozen=True):
    """What the house knows of its own money."""

    names: frozenset[str] = frozenset()  # what banks call payouts: trace ids, descriptors; folded
    debits: frozenset[int] = frozenset()  # what Stripe took from the bank; minor units, negative
    payers: frozenset[str] = frozenset()  # whoever has paid us, as keyed digests


def concerns_us(line: ParsedLine, payer: str, known: Known) -> bool:
    """Whether the line brings money, or gives back money, or is about Stripe, a payer of ours or the bank's own fee."""
    if line.amount_minor > 0 or line.is_reversal:
        return True
    if line.amount_minor in known.debits or (payer and payer in known.payers):
        return True
    said = " ".join((line.counterparty, line.text, line.end_to_end))
    return _is_of_the_bank(line, said) or _OURS.search(said) is not None or _names_payout(line, said, known)


def _is_of_the_bank(line: ParsedLine, said: str) -> bool:
    return _FEE_CODES.search(line.type_code.upper()) is not None or _FEES.search(said) is not None


def _names_payout(line: ParsedLine, said: str, known: Known) -> bool:
    folded_words = folded(said + line.bank_reference)
    return any(len(name) >= SHORTEST_NAME and name in folded_words for name in known.names)
