"""Which lines concern us. Those are kept whole; of all others the day, the amount and a digest. Pure.

Whom the publisher pays otherwise, and what, is nobody's business here.
"""

import re
from collections.abc import Mapping

import msgspec

from supporters.bank.fingerprint import folded
from supporters.bank.parsed import ParsedLine

SHORTEST_NAME = 6  # letters and digits of a reference that may be looked for inside other words
_OURS = re.compile(
    r"stripe|\brefund(s|ed)?\b|rückerstattung|erstattung|\bremboursement\b|\bbounced\b|\bdishonou?red\b|rückläufer|rücklast|"
    r"\breversals?\b|\breversed\b|\bstorno|\bcharge ?back|\bpaid[ -]in\b",
    re.IGNORECASE,
)
# "Returned" and "unpaid" may be anything (unpaid leave): only of what somebody paid in, on either side of it.
_CAME_BACK = re.compile(
    r"\b(cheques?|checks?|chqs?|items?|deposits?|dd|direct debits?|payments?|credits?|scheck)\b.{0,24}\b(returned|unpaid|rtd)\b|"
    r"\b(returned|unpaid|rtd)\b.{0,24}\b(cheques?|checks?|chqs?|items?|deposits?|dd|direct debits?|payments?|credits?|scheck)\b",
    re.IGNORECASE,
)
_FEES = re.compile(
    r"\b(bank|account|service|monthly|transaction|handling|card|payment|cheque|overseas|foreign|chaps|faster payments?)s? "
    r"(charge|fee|commission)s?\b|^\W*(total |net )?(charges?|fees?|interest|commission)\W*$|"
    r"^\W*(total )?(charges?|fees?|interest) (to|from|for|until|up to|charged|\d)|"
    r"\b(debit|credit|overdraft|gross|net|account|bank) interest\b|"
    r"kontoführung|kontofuehrung|\bentgelt|\brechnungsabschluss|^\W*abschluss|\bfrais (bancaires?|de tenue)\b|"
    r"\b(soll|haben|guthaben)zinsen\b|^\W*zinsen\b",
    re.IGNORECASE,
)
_FEE_CODES = frozenset({"CHRG", "CHG", "NCHG", "FCHG", "SRVCHG", "FEE", "FEES", "COMM", "NCOM", "INTR", "NINT"})
_NO_LETTERS = re.compile(r"[^A-Z]+")
_INTEREST = "INT"  # of a file of its own kind; beside other words of a code it may be "international"


class Known(msgspec.Struct, frozen=True):
    """What the house knows of its own money."""

    names: frozenset[str] = frozenset()  # what banks call payouts: trace ids, descriptors; folded
    debits: frozenset[int] = frozenset()  # what Stripe took from the bank; minor units, negative
    payers: Mapping[str, int] = {}  # what each, as a keyed digest, has paid us and was found to be ours; minor units


def concerns_us(line: ParsedLine, payer: str, known: Known) -> bool:
    """Whether the line brings money, or gives back money, or is about Stripe, or the bank's own fee.

    To a giver of ours no more goes back than came: what is more is somebody's wage, and nobody's business.
    """
    if line.amount_minor > 0 or line.is_reversal:
        return True
    if line.amount_minor in known.debits or 0 < -line.amount_minor <= known.payers.get(payer, 0):
        return True
    said = " ".join((line.counterparty, line.text, line.end_to_end))
    is_named = _OURS.search(said) is not None or _CAME_BACK.search(said) is not None
    return is_named or _is_of_the_bank(line) or _names_payout(line, said, known)


def _is_of_the_bank(line: ParsedLine) -> bool:
    code = line.type_code.upper()
    is_coded = code == _INTEREST or not _FEE_CODES.isdisjoint(_NO_LETTERS.split(code))
    return is_coded or any(_FEES.search(said) for said in (line.counterparty, line.text))


def _names_payout(line: ParsedLine, said: str, known: Known) -> bool:
    folded_words = folded(said + line.bank_reference)
    return any(len(name) >= SHORTEST_NAME and name in folded_words for name in known.names)
