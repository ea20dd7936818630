"""How sure is it that this bank line is that payment? Pure: signals in, reasons and a confidence in words out.

Amount and currency are the same for every pair that is weighed for a whole line; an amount alone makes nothing certain,
however well it fits. Points only order what is offered; what decides is said in words. VERSION grows with the rules here.
"""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from difflib import SequenceMatcher
from enum import StrEnum

import msgspec

from supporters.donations.reference import find_references, near_references
from supporters.kit.strings import gettext as _
from supporters.kit.text import has_one_like, plain_words, stands_in

VERSION = "2"
DAYS_EARLY, DAYS_LATE = 3, 10  # calendar days around the day on which a payment is expected
NEAR_DAYS = 5  # working days that are usual between Stripe's day and the bank's
SHORTEST_TRACE = 6  # a shorter reference may stand in a line by chance
SURE_TRACE = 8  # a shorter one alone makes nothing certain
NAME_ALIKE, NAME_SAME = 0.8, 0.9
PLACES = 4
STRIPE_WORDS = "STRIPE"
PROMISE, DEPOSIT, PAYOUT_RETURN, PAYMENT = (
    "promise",
    "deposit",
    "payout_return",
    "other_payment",
)  # as `models.Side` has them
_RETURNED = re.compile(  # words of banks on money that comes back, as `plain_words` leaves them
    r"\b(RETURN(ED)?|REVERS(AL|ED)|REFUND(ED)?|RECALL(ED)?|REJECTED|UNPAID|BOUNCED|CHARGEBACK|STORNO|RETOURE|REJET|"
    r"RUECK(GABE|LASTSCHRIFT|UEBERWEISUNG|BUCHUNG)|REMBOURSEMENT|RETOUR(NE)?|ANNULATION)\b"
)
MOST_PIECES, LONGEST_KEY = 6, 60  # words into which a bank may cut a reference, and its signs
_NUMBERS = re.compile(r"[0-9]+")
_BEGINS = re.compile(r"[dD][^0-9A-Za-z]*[oO0qQ][^0-9A-Za-z]*[nN]")


class Attribute(StrEnum):
    """What was compared."""

    AMOUNT = "amount"
    DAY = "day"
    TRACE = "trace"  # Stripe's own reference of a payout
    REFERENCE = "reference"  # ours, of a promise or a deposit
    WORDS = "words"  # words that Stripe puts on bank lines, or that a rule knows
    PAYER = "payer"  # the account or the name of who paid
    RULE = "rule"  # a rule that a person has switched on
    RETURNED = "returned"  # what says that the line is money which comes back, no new payment


class Outcome(StrEnum):
    """What the comparison said."""

    SAME = "same"
    NEAR = "near"
    DIFFERENT = "different"
    ANOTHER = "another"  # not ours, and something of its kind stands there instead


class Reason(msgspec.Struct, frozen=True):
    """One thing that was compared: what we expected, what the bank wrote, and what came of it."""

    attribute: Attribute
    ours: str
    theirs: str
    outcome: Outcome


class BankSide(msgspec.Struct, frozen=True, kw_only=True):
    """The bank line, as far as matching cares. *Money*: signed, money in is positive, minor units."""

    booked_on: date
    amount_minor: int
    currency: str
    counterparty: str = ""
    text: str = ""
    bank_reference: str = ""
    end_to_end: str = ""
    payer_hash: str = ""
    bank_account_id: str = ""
    is_reversal: bool = False  # the bank takes an earlier line back


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """A payment that the bank should show. *Money*: signed as at the bank, minor units."""

    side: str
    ref_id: str
    expected_on: date
    amount_minor: int
    currency: str
    trace: str = ""
    reference: str = ""
    words: tuple[str, ...] = ()  # any of them in the line speaks for it
    payer_name: str = ""
    payer_hashes: tuple[str, ...] = ()
    rule_words: tuple[str, ...] = ()  # of rules that are switched on
    bank_account_id: str = ""  # where it must show; empty: anywhere


class Weighed(msgspec.Struct, frozen=True):
    """What speaks for and against one pair. `is_sure` where one reference decides; uniqueness is the caller's to see."""

    confidence: str  # certain, likely, possible; empty where it cannot be
    points: int
    reasons: tuple[Reason, ...]


def weigh(line: BankSide, expected: Expected) -> Weighed:
    """Everything that was compared between the two, and how sure it makes us.

    Certain needs the exact amount and a reference that names this one payment, or a rule that a person switched on and a
    day that is usual. Currency, sign and another account are a veto. No rule decides where another reference of Stripe's kind
    stands on the line, and money that comes back is never more than possible.
    """
    is_elsewhere = line.bank_account_id and expected.bank_account_id not in ("", line.bank_account_id)
    if line.currency != expected.currency or (line.amount_minor < 0) != (expected.amount_minor < 0) or is_elsewhere:
        return Weighed("", 0, ())
    found = [_amount(line, expected), _day(line, expected), *_names(line, expected)]
    points = sum(_POINTS[reason.attribute, reason.outcome] for reason in found)
    return Weighed(_confidence(line, expected, found), points, tuple(found))


def returned(said: str) -> Reason:
    """What keeps money from being certain that seems to come back."""
    return Reason(Attribute.RETURNED, "", said[:120], Outcome.ANOTHER)


_POINTS: dict[tuple[Attribute, Outcome], int] = {
    **{(attribute, outcome): 0 for attribute in Attribute for outcome in (Outcome.DIFFERENT, Outcome.ANOTHER)},
    (Attribute.AMOUNT, Outcome.SAME): 30,
    (Attribute.DAY, Outcome.SAME): 20,
    (Attribute.DAY, Outcome.NEAR): 10,
    (Attribute.TRACE, Outcome.SAME): 60,
    (Attribute.REFERENCE, Outcome.SAME): 60,
    (Attribute.REFERENCE, Outcome.NEAR): 20,
    (Attribute.WORDS, Outcome.SAME): 15,
    (Attribute.PAYER, Outcome.SAME): 25,
    (Attribute.PAYER, Outcome.NEAR): 8,
    (Attribute.RULE, Outcome.SAME): 15,
}


def _confidence(line: BankSide, expected: Expected, reasons: Sequence[Reason]) -> str:
    outcome = {reason.attribute: reason.outcome for reason in reasons}
    is_exact = outcome[Attribute.AMOUNT] is Outcome.SAME
    is_near = outcome[Attribute.DAY] is not Outcome.DIFFERENT
    names_it = Outcome.SAME in (outcome.get(Attribute.TRACE), outcome.get(Attribute.REFERENCE))
    almost = outcome.get(Attribute.REFERENCE) is Outcome.NEAR
    if Attribute.RETURNED in outcome:
        return "possible" if (is_exact and is_near) or names_it or almost else ""
    decides = names_it and _decides(line, expected)
    rules = (
        is_near and outcome.get(Attribute.RULE) is Outcome.SAME and outcome.get(Attribute.TRACE) is not Outcome.ANOTHER
    )
    if is_exact and (decides or rules):
        return "certain"
    knows_payer = Outcome.SAME in (outcome.get(Attribute.WORDS), outcome.get(Attribute.PAYER))
    if is_exact and is_near and (knows_payer or names_it):
        return "likely"
    return "possible" if (is_exact and is_near) or names_it or almost else ""


def _decides(line: BankSide, expected: Expected) -> bool:
    """Whether the payment's reference is long enough to decide. A slip's may come again: a deposit has its days."""
    if len(reference_key(expected.trace or expected.reference)) < SURE_TRACE:
        return False
    days = (line.booked_on - expected.expected_on).days
    return expected.side != DEPOSIT or -DAYS_EARLY <= days <= DAYS_LATE


def _amount(line: BankSide, expected: Expected) -> Reason:
    is_same = line.amount_minor == expected.amount_minor
    outcome = Outcome.SAME if is_same else Outcome.DIFFERENT
    return Reason(Attribute.AMOUNT, str(expected.amount_minor), str(line.amount_minor), outcome)


def _day(line: BankSide, expected: Expected) -> Reason:
    apart = working_days(expected.expected_on, line.booked_on)
    is_near = -1 <= apart <= NEAR_DAYS
    outcome = Outcome.SAME if apart == 0 else Outcome.NEAR if is_near else Outcome.DIFFERENT
    return Reason(Attribute.DAY, expected.expected_on.isoformat(), line.booked_on.isoformat(), outcome)


def _names(line: BankSide, expected: Expected) -> list[Reason]:
    """Every reference, word and name that was there to be compared."""
    held = " ".join((line.bank_reference, line.end_to_end, line.text))
    everything = f"{held} {line.counterparty}"
    found = _references(line, expected, held)
    for attribute, words in ((Attribute.RULE, expected.rule_words), (Attribute.WORDS, expected.words)):
        hit = next((each for each in words if has_words(everything, each)), "")
        if hit:
            found.append(Reason(attribute, hit, _shown(line), Outcome.SAME))
    payer = _payer(line, expected)
    if payer:
        found.append(payer)
    return [*found, returned(_shown(line))] if _comes_back(line, expected, held) else found


def _references(line: BankSide, expected: Expected, held: str) -> list[Reason]:
    found: list[Reason] = []
    if expected.trace:
        found.append(Reason(Attribute.TRACE, expected.trace, _shown(line), _trace(held, expected.trace)))
    if expected.reference:
        outcome = _reference(held, expected.reference)
        found.append(Reason(Attribute.REFERENCE, expected.reference, _shown(line), outcome))
    return found


def _trace(held: str, trace: str) -> Outcome:
    """Whether Stripe's reference is on the line, or another one: then that line is another payment's, known to us or not."""
    if has_reference(held, trace):
        return Outcome.SAME
    key = reference_key(trace)
    return Outcome.ANOTHER if key and has_one_like(plain_words(held), key) else Outcome.DIFFERENT


def _comes_back(line: BankSide, expected: Expected, held: str) -> bool:
    """Whether the line takes an earlier one back, by the bank's mark or by its words, where a new payment is expected."""
    if line.is_reversal:
        return expected.side != PAYOUT_RETURN and (expected.side != PAYMENT or expected.amount_minor > 0)
    is_ours = expected.side in (PROMISE, DEPOSIT, PAYMENT) and line.amount_minor > 0
    return is_ours and comes_back(held)


def _reference(held: str, reference: str) -> Outcome:
    """Whether our reference is on the line, or one that differs in a single sign: that is for a person to look at."""
    if has_reference(held, reference) or reference in find_references(held):
        return Outcome.SAME
    return Outcome.NEAR if reference in near_references(held) else Outcome.DIFFERENT


def _payer(line: BankSide, expected: Expected) -> Reason | None:
    if line.payer_hash and line.payer_hash in expected.payer_hashes:
        return Reason(Attribute.PAYER, expected.payer_name, line.counterparty, Outcome.SAME)
    if not (expected.payer_name and line.counterparty):
        return None
    alike = name_alikeness(expected.payer_name, line.counterparty)
    outcome = Outcome.SAME if alike >= NAME_SAME else Outcome.NEAR if alike >= NAME_ALIKE else Outcome.DIFFERENT
    return Reason(Attribute.PAYER, expected.payer_name, line.counterparty, outcome)


def _shown(line: BankSide) -> str:
    return (line.text or line.bank_reference or line.end_to_end)[:120]


def comes_back(text: str) -> bool:
    """Whether a bank's words on the line say that it is money which comes back."""
    return _RETURNED.search(plain_words(text)) is not None


def has_words(text: str, words: str) -> bool:
    """Whether these words stand in the text, as whole words, whatever their case and what is between them."""
    wanted = plain_words(words)
    return bool(wanted) and f" {wanted} " in f" {plain_words(text)} "


def has_reference(text: str, reference: str) -> bool:
    """Whether the reference stands in the text through what banks do to references: spaces, dashes, case, leading zeros.

    One that is shorter than six characters counts as absent, and so does one that is a part of something longer: either may
    stand anywhere by chance.
    """
    wanted = reference_key(reference)
    return bool(wanted) and stands_in(plain_words(text), wanted)


def may_name_ours(text: str) -> bool:
    """Whether it is worth looking for references of promises in the text: how they begin stands in it, whatever is between."""
    return _BEGINS.search(text) is not None


def keys_in(words: str) -> set[str]:
    """All that may be somebody's reference on a line, in the form of `reference_key`. `words` are plain.

    Each few words run together, and each long number inside a word; nothing without a figure, nothing shorter than what decides.
    """
    parts = words.split()
    found: set[str] = set()
    for place in range(len(parts)):
        joined = ""
        for part in parts[place : place + MOST_PIECES]:
            joined += part
            if len(joined) > LONGEST_KEY:
                break
            found.add(joined.lstrip("0"))
    found |= {number.lstrip("0") for number in _NUMBERS.findall(words)}
    return {key for key in found if len(key) >= SURE_TRACE and not key.isalpha()}


def reference_key(reference: str) -> str:
    """What of a reference is looked for in `run_together` text; empty where it is too short to say anything."""
    wanted = run_together(reference).lstrip("0")
    return wanted if len(wanted) >= SHORTEST_TRACE else ""


def run_together(text: str) -> str:
    """The text's letters and figures without anything between them."""
    return plain_words(text).replace(" ", "")


def name_alikeness(one: str, other: str) -> float:
    """How alike two names are, from 0 to 1: the order of their words and titles do not matter."""
    return SequenceMatcher(
        None, " ".join(sorted(plain_words(one).split())), " ".join(sorted(plain_words(other).split()))
    ).ratio()


def working_days(since: date, until: date) -> int:
    """How many weekdays lie between the two days; negative when `until` is the earlier. Bank holidays count as weekdays."""
    if until < since:
        return -working_days(until, since)
    weeks, rest = divmod((until - since).days, 7)
    return weeks * 5 + sum((since + timedelta(days=day)).weekday() < 5 for day in range(1, rest + 1))


def describe_reason(reason: Reason) -> str:
    """The comparison in one short sentence, in the reader's language."""
    same, near = reason.outcome is Outcome.SAME, reason.outcome is Outcome.NEAR
    words = {
        Attribute.AMOUNT: _("amount exact") if same else _("amount differs"),
        Attribute.DAY: _("same day") if same else _("within the usual days") if near else _("an unusual day"),
        Attribute.TRACE: _("Stripe's reference is on the line")
        if same
        else _("another reference is on the line")
        if reason.outcome is Outcome.ANOTHER
        else _("Stripe's reference is not on the line"),
        Attribute.REFERENCE: _("our reference is on the line")
        if same
        else _("our reference, almost")
        if near
        else _("our reference is not on the line"),
        Attribute.WORDS: _("words that Stripe's payouts carry"),
        Attribute.PAYER: _("payer known") if same else _("payer's name alike") if near else _("another payer's name"),
        Attribute.RULE: _("a rule that is switched on"),
        Attribute.RETURNED: _("money that comes back, as it seems"),
    }
    return words[reason.attribute]
