"""Money: integer minor units and a currency. Never float, never two currencies added, never divided.

Source of the exponents: Stripe, "Supported currencies" (zero- and three-decimal, special cases), read 2026-11-22.
They differ from Babel's: ISK, UGX, HUF and TWD are charged in hundredths by Stripe.
"""

import re
import unicodedata
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

import msgspec
from babel import Locale
from babel.numbers import get_currency_symbol

from supporters.kit.errors import MoneyError

ZERO_DECIMAL = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
)
THREE_DECIMAL = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])
WHOLE_ONLY = frozenset(["ISK", "UGX"])  # charged in hundredths, but only whole units
LARGEST_MINOR = 99_999_999  # eight digits, Stripe's limit for one charge

_GROUPS = re.compile(r"[\s'’_\u00a0\u202f\u2009]")
_NUMBER = re.compile(r"(?P<whole>\d{1,12})(?:(?P<mark>[.,])(?P<part>\d{1,3}))?")
_GROUPED = re.compile(r"\d{1,3}([.,]\d{3})+([.,]\d{1,2})?")


class Problem(StrEnum):
    """Why an amount can't be taken."""

    EMPTY = "empty"
    NOT_A_NUMBER = "not_a_number"
    TOO_PRECISE = "too_precise"
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"


class AmountProblem(MoneyError):
    """An amount that a person typed can't be taken; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.value)
        self.problem = problem


class Money(msgspec.Struct, frozen=True, order=True):
    """An amount in minor units of one currency: `Money(2500, "GBP")` is £25.00."""

    minor: int
    currency: str

    def __add__(self, other: "Money") -> "Money":
        if self.currency != other.currency:
            raise MoneyError(f"{self.currency} and {other.currency} cannot be added")
        return Money(self.minor + other.minor, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return self + -other


def exponent(currency: str) -> int:
    """How many decimal digits Stripe's minor unit of `currency` has."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def step(currency: str) -> int:
    """The smallest step in minor units that Stripe charges in `currency`."""
    if currency in THREE_DECIMAL:
        return 10
    return 100 if currency in WHOLE_ONLY else 1


def parse_amount(text: str, currency: str) -> Money:
    """The amount that a person typed: "£10", "10.50", "10,50", "1 000", "1,000.00" are understood.

    Raises AmountProblem for what is not a single plain number, or finer than the currency can be charged.
    """
    cleaned = _strip_signs(unicodedata.normalize("NFKC", text), currency)
    if not cleaned:
        raise AmountProblem(Problem.EMPTY)
    digits = _ungroup(cleaned)
    found = _NUMBER.fullmatch(digits)
    if not found or not digits.isascii():
        raise AmountProblem(Problem.NOT_A_NUMBER)
    return _to_minor(found["whole"], found["part"] or "", currency)


def check_limits(money: Money, *, minimum_minor: int, maximum_minor: int) -> None:
    """The amount is within the limits, both inclusive. Raises AmountProblem."""
    if money.minor < minimum_minor:
        raise AmountProblem(Problem.TOO_SMALL)
    if money.minor > min(maximum_minor, LARGEST_MINOR):
        raise AmountProblem(Problem.TOO_LARGE)


def to_decimal(money: Money) -> Decimal:
    """The amount in major units, exact."""
    return Decimal(money.minor).scaleb(-exponent(money.currency))


def plain_amount(money: Money) -> str:
    """The amount in major units as people type it: "25", "12.50". Understood by `parse_amount`."""
    text = f"{to_decimal(money):f}"
    whole, _, part = text.partition(".")
    return whole if not part.strip("0") else text


def format_money(money: Money, locale: str = "en_GB", *, trim: bool = False) -> str:
    """The amount as people read it: "£1,234.50"; with `trim`, whole amounts lose their pence: "£25".

    The minus is the real minus sign. Never goes through float; the currency's own decimals are Stripe's.
    """
    whole_minor = money.minor % 10 ** exponent(money.currency) == 0
    digits = 0 if trim and whole_minor else exponent(money.currency)
    group, decimal, symbol = _signs(money.currency, locale)
    whole, _, part = f"{abs(to_decimal(money)):.{digits}f}".partition(".")
    grouped = f"{int(whole):,}".replace(",", group)
    sign = "−" if money.minor < 0 else ""
    gap = "\u00a0" if symbol.isalpha() else ""
    return f"{sign}{symbol}{gap}{grouped}{decimal + part if part else ''}"


@lru_cache(maxsize=256)
def _signs(currency: str, locale: str) -> tuple[str, str, str]:
    """What stands between thousands, before the decimals, and for the currency, where that place is."""
    place = Locale.parse(locale)
    symbols = place.number_symbols["latn"]
    return symbols["group"], symbols["decimal"], get_currency_symbol(currency, place)


def _strip_signs(text: str, currency: str) -> str:
    kept = _GROUPS.sub("", text.strip())
    for sign in (
        get_currency_symbol(currency, "en_GB"),
        get_currency_symbol(currency, "en"),
        currency,
        currency.lower(),
    ):
        kept = kept.removeprefix(sign).removesuffix(sign)
    return kept


def _ungroup(text: str) -> str:
    """Without thousands marks. One dot before three digits stays a decimal point: "10.005" must not become 10,005."""
    if not _GROUPED.fullmatch(text):
        return text
    marks = [char for char in text if char in ".,"]
    if len(set(marks)) > 1:
        whole, _, part = text.rpartition(marks[-1])
        return whole.replace(marks[0], "") + "." + part
    if marks == ["."] or len(text.rpartition(marks[-1])[2]) != 3:
        return text
    return text.replace(marks[0], "")


def _to_minor(whole: str, part: str, currency: str) -> Money:
    digits = exponent(currency)
    if len(part.rstrip("0")) > digits:
        raise AmountProblem(Problem.TOO_PRECISE)
    minor = int(whole + part.rstrip("0").ljust(digits, "0")[:digits])
    if minor % step(currency):
        raise AmountProblem(Problem.TOO_PRECISE)
    if minor > LARGEST_MINOR:
        raise AmountProblem(Problem.TOO_LARGE)
    return Money(minor, currency)
