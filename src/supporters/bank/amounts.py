"""Amounts as banks write them: `1.234,56-`, `(12.50)`, `£1,000.00 CR`. Nothing is guessed: what is not clear is refused. Pure."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from supporters.kit.money import exponent
from supporters.kit.strings import gettext as _

LONGEST = 40  # characters
MOST_PIECES = 4  # beside the digits: bracket, sign, currency, CR or DR
MARKS = ".,"
_PLAIN = {mark: re.compile(rf"([+-]?)(\d{{1,13}})(?:\{mark}(\d{{1,3}}))?", re.ASCII) for mark in MARKS}
_THOUSANDS = {  # the plainest of the grouped ones, which need no second look
    mark: re.compile(rf"(\d{{1,3}}(?:{other}\d{{3}}){{1,4}})\{mark}(\d{{2}})", re.ASCII)
    for mark, other in ((".", ","), (",", r"\."))
}
_GROUPED = {
    mark: re.compile(
        rf"(?P<whole>\d{{1,13}}|\d{{1,3}}(?P<group>[{other} '])(?:\d{{2,3}}(?P=group))*\d{{3}})(?:\{mark}(?P<part>\d{{0,8}}))?",
        re.ASCII,
    )
    for mark, other in (".,", ",.")
}
_MINUS = str.maketrans(
    dict.fromkeys("−‐‑‒–—﹣－", "-") | {"’": "'", "`": "'", "\u00a0": " ", "\u202f": " ", "\u2009": " "}
)
_SIGNS = {
    "-": -1, "+": 1, "dr": -1, "cr": 1, "d": -1, "c": 1, "s": -1, "h": 1, "dr.": -1, "cr.": 1, "debit": -1, "credit": 1,
    "dt": -1, "ct": 1, "soll": -1, "haben": 1, "out": -1, "in": 1, "dbit": -1, "crdt": 1, "od": -1, "(": -1, "af": -1, "bij": 1,
}  # fmt: skip
_SYMBOLS = {
    "£": ("GBP", "GIP", "FKP", "SHP"), "€": ("EUR",), "¥": ("JPY", "CNY"), "₹": ("INR",), "₩": ("KRW",), "₪": ("ILS",),
    "₺": ("TRY",), "₴": ("UAH",), "₦": ("NGN",), "₱": ("PHP",), "₫": ("VND",),
}  # fmt: skip
_NO_DOLLAR = frozenset(code for codes in _SYMBOLS.values() for code in codes)
_OTHERS = frozenset(["gbp", "eur", "usd", "chf", "jpy", "aud", "cad", "nzd", "sek", "nok", "dkk", "pln"])
_EDGE = re.compile(r"([-+]|[A-Za-z]+\.?|[$£€¥₹₩₪₺₴₦₱₫])\s*", re.ASCII)
_END = re.compile(r"\s*([-+]|[A-Za-z]+\.?|[$£€¥₹₩₪₺₴₦₱₫])$", re.ASCII)


class NotAnAmount(ValueError):
    """The text is no amount in that currency; its words say what it is instead."""


@lru_cache(maxsize=4096)
def read_amount(text: str, currency: str, mark: str = ".") -> int:
    """The amount in minor units, money in positive; `mark` stands before the decimals. Raises NotAnAmount."""
    found = _PLAIN[mark].fullmatch(text)
    if found:
        sign, whole, part = found.groups()
        return (-1 if sign == "-" else 1) * _minor(whole, part or "", currency)
    found = _THOUSANDS[mark].fullmatch(text)
    if found:
        return _minor(found[1].replace("," if mark == "." else ".", ""), found[2], currency)
    body, sign = _without_signs(text, currency)
    grouped = _GROUPED[mark].fullmatch(body)
    if not grouped:
        raise NotAnAmount(_("not an amount"))
    whole = re.sub(r"\D", "", grouped["whole"])
    if len(whole) > 13:
        raise NotAnAmount(_("larger than any amount"))
    return sign * _minor(whole, grouped["part"] or "", currency)


def sign_of(text: str) -> int | None:
    """1 for a mark of money in, -1 for money out ("CR", "Debit", "Soll"), None for anything else."""
    return _SIGNS.get(text.strip().casefold().translate(_MINUS))


def decimal_mark(texts: Iterable[str]) -> tuple[str | None, bool]:
    """The mark before the decimals that fits these amounts, None if nothing tells; and whether they agree."""
    votes = {vote for text in texts if (vote := _vote(text))}
    return (min(votes) if len(votes) == 1 else None), len(votes) < 2


def _vote(text: str) -> str | None:
    """What one amount says: of two marks the last; one that stands twice is for thousands; three digits after say nothing."""
    marks = [char for char in text if char in MARKS]
    if not marks:
        return None
    if len(set(marks)) > 1:
        return marks[-1]
    if len(marks) > 1:
        return "," if marks[0] == "." else "."
    after = sum(char.isdigit() for char in text.rpartition(marks[0])[2])
    return None if after == 3 else marks[0]


def _without_signs(text: str, currency: str) -> tuple[str, int]:
    """The digits and their marks, and 1 or -1. Raises NotAnAmount for two signs that disagree or another currency."""
    if len(text) > LONGEST:
        raise NotAnAmount(_("too long for an amount"))
    body = unicodedata.normalize("NFKC", text.translate(_MINUS)).translate(_MINUS).strip()
    if not body:
        raise NotAnAmount(_("empty"))
    pieces: list[str] = []
    while len(pieces) < MOST_PIECES:
        if body.startswith("(") and body.endswith(")"):
            body, piece = body[1:-1].strip(), "("
        elif found := _EDGE.match(body):
            body, piece = body[found.end() :], found[1]
        elif found := _END.search(body):
            body, piece = body[: found.start()], found[1]
        else:
            break
        pieces.append(piece.casefold())
    signs = {sign for piece in pieces if (sign := _sign_or_currency(piece, currency))}
    if len(signs) > 1 or len(set(pieces)) < len(pieces):
        raise NotAnAmount(_("an amount with two signs"))
    return ("0" + body if body[:1] in (".", ",") else body), signs.pop() if signs else 1


def _sign_or_currency(piece: str, currency: str) -> int | None:
    """The sign that a piece beside the digits is, None if it is this currency. Raises NotAnAmount for anything else."""
    sign = _SIGNS.get(piece)
    if sign or (piece == "$" and currency not in _NO_DOLLAR):
        return sign
    if piece.upper() != currency and currency not in _SYMBOLS.get(piece, ()):
        is_money = piece == "$" or piece in _SYMBOLS or piece in _OTHERS
        raise NotAnAmount(_("in another currency") if is_money else _("not an amount"))
    return None


def _minor(whole: str, part: str, currency: str) -> int:
    digits = exponent(currency)
    kept = part.rstrip("0")
    if len(kept) > digits:
        raise NotAnAmount(_("finer than its currency"))
    return int(whole + kept.ljust(digits, "0"))
