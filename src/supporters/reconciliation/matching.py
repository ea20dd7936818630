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
from supporters.kit.text import plain_words

VERSION = "1"
DAYS_EARLY, DAYS_LATE = 3, 10  # calendar days around the day on which a payment is expected
NEAR_DAYS = 5  # working days that are usual between Stripe's day and the bank's
SHORTEST_TRACE = 6  # a shorter reference may stand in a line by chance
NAME_ALIKE, NAME_SAME = 0.8, 0.9
PLACES = 4
STRIPE_WORDS = "STRIPE"
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


class Outcome(StrEnum):
    """What the comparison said."""

    SAME = "same"
    NEAR = "near"
    DIFFERENT = "different"


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


class Weighed(msgspec.Struct, frozen=True):
    """What speaks for and against one pair. `is_sure` where one reference decides; uniqueness is the caller's to see."""

    confidence: str  # certain, likely, possible; empty where it cannot be
    points: int
    reasons: tuple[Reason, ...]


def weigh(line: BankSide, expected: Expected) -> Weighed:
    """Everything that was compared between the two, and how sure it makes us.

    Certain needs the exact amount and a reference that names this one payment, or a rule that a person switched on and a
    day that is usual. Currency and sign are a veto.
    """
    if line.currency != expected.currency or (line.amount_minor < 0) != (expected.amount_minor < 0):
        return Weighed("", 0, ())
    found = [_amount(line, expected), _day(line, expected), *_names(line, expected)]
    points = sum(_POINTS[reason.attribute, reason.outcome] for reason in found)
    return Weighed(_confidence(found), points, tuple(found))


_POINTS: dict[tuple[Attribute, Outcome], int] = {
    **{(attribute, Outcome.DIFFERENT): 0 for attribute in Attribute},
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


def _confidence(reasons: Sequence[Reason]) -> str:
    outcome = {reason.attribute: reason.outcome for reason in reasons}
    is_exact = outcome[Attribute.AMOUNT] is Outcome.SAME
    is_near = outcome[Attribute.DAY] is not Outcome.DIFFERENT
    names_it = Outcome.SAME in (outcome.get(Attribute.TRACE), outcome.get(Attribute.REFERENCE))
    if is_exact and (names_it or (is_near and outcome.get(Attribute.RULE) is Outcome.SAME)):
        return "certain"
    knows_payer = Outcome.SAME in (outcome.get(Attribute.WORDS), outcome.get(Attribute.PAYER))
    if is_exact and is_near and knows_payer:
        return "likely"
    almost = outcome.get(Attribute.REFERENCE) is Outcome.NEAR
    return "possible" if (is_exact and is_near) or names_it or almost else ""


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
    found: list[Reason] = []
    if expected.trace:
        outcome = Outcome.SAME if has_reference(held, expected.trace) else Outcome.DIFFERENT
        found.append(Reason(Attribute.TRACE, expected.trace, _shown(line), outcome))
    if expected.reference:
        found.append(
            Reason(Attribute.REFERENCE, expected.reference, _shown(line), _reference(held, expected.reference))
        )
    for attribute, words in ((Attribute.RULE, expected.rule_words), (Attribute.WORDS, expected.words)):
        hit = next((each for each in words if has_words(everything, each)), "")
        if hit:
            found.append(Reason(attribute, hit, _shown(line), Outcome.SAME))
    payer = _payer(line, expected)
    return [*found, payer] if payer else found


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


def has_words(text: str, words: str) -> bool:
    """Whether these words stand in the text, as whole words, whatever their case and what is between them."""
    wanted = plain_words(words)
    return bool(wanted) and f" {wanted} " in f" {plain_words(text)} "


def has_reference(text: str, reference: str) -> bool:
    """Whether the reference stands in the text through what banks do to references: spaces, dashes, case, leading zeros.

    One that is shorter than six characters counts as absent: it may stand anywhere by chance.
    """
    wanted = reference_key(reference)
    return bool(wanted) and wanted in run_together(text)


def may_name_ours(text: str) -> bool:
    """Whether it is worth looking for references of promises in the text: how they begin stands in it, whatever is between."""
    return _BEGINS.search(text) is not None


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
        Attribute.TRACE: _("Stripe's reference is on the line") if same else _("Stripe's reference is not on the line"),
        Attribute.REFERENCE: _("our reference is on the line")
        if same
        else _("our reference, almost")
        if near
        else _("our reference is not on the line"),
        Attribute.WORDS: _("words that Stripe's payouts carry"),
        Attribute.PAYER: _("payer known") if same else _("payer's name alike") if near else _("another payer's name"),
        Attribute.RULE: _("a rule that is switched on"),
    }
    return words[reason.attribute]
