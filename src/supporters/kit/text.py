"""Text that strangers typed, made safe to store and to show."""

import re
import unicodedata
from functools import lru_cache

_BIDI = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c")
FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠")
_INVISIBLE = frozenset("\u200b\u2060\ufeff\u00ad")
_NOT_PLAIN = re.compile(r"[^0-9A-Za-z]+")
SHORTEST_LIKE = 6  # signs of what may be a reference


def clean_line(text: str, *, limit: int) -> str:
    """One line in NFC without control, bidirectional or invisible characters, at most `limit` characters."""
    kept = "".join(char for char in unicodedata.normalize("NFC", text) if is_printable(char))
    return " ".join(kept.split())[:limit].strip()


def is_printable(char: str) -> bool:
    """Whether the character may stand in a stored line (white space may; it is folded)."""
    if char in _BIDI or char in _INVISIBLE:
        return False
    return char.isspace() or unicodedata.category(char) not in {"Cc", "Cs", "Co", "Cn"}


def formula_safe(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: a quote is put before = + - @ and their full-width forms.

    A cell that begins so behind quotes of its own gets one more, so that taking one away gives back what was there.
    """
    return f"'{text}" if begins_formula(text) else text


def begins_formula(text: str) -> bool:
    """Whether a spreadsheet might take the cell, or what stands behind its leading quotes, for a formula."""
    return text.lstrip("'")[:1] in FORMULA_STARTS


def plain_words(text: str) -> str:
    """The words as they are compared with each other: capitals and digits of ASCII, with single spaces between.

    Nothing else becomes a letter of ASCII on the way (ß no SS): databases know no such capitals.
    """
    return _NOT_PLAIN.sub(" ", text).strip().upper()


def stands_in(words: str, key: str) -> bool:
    """Whether the key stands in these plain words as a whole: spaces inside it and zeros before it do not matter.

    What goes on past it is another: figures after a figure, figures or letters after a letter.
    """
    if not key or key not in words.replace(" ", ""):
        return False
    return f" {key} " in f" {words} " or _whole(key).search(words) is not None


def has_one_like(words: str, key: str) -> bool:
    """Whether something stands in these plain words that looks as the key does: about as long, figures alone or mixed."""
    return _like(max(SHORTEST_LIKE, len(key) - 2), is_number=key.isdigit()).search(words) is not None


@lru_cache(maxsize=512)
def _whole(key: str) -> re.Pattern[str]:
    first, last = ("0-9" if sign.isdigit() else "0-9A-Z" for sign in (key[0], key[-1]))
    return re.compile(f"(?:^|[^{first}])0*{' ?'.join(key)}(?:$|[^{last}])")


@lru_cache(maxsize=64)
def _like(signs: int, *, is_number: bool) -> re.Pattern[str]:
    number = f"[0-9](?: ?[0-9]){{{signs - 1},}}"
    return re.compile(number if is_number else f"(?:^| )(?=[A-Z]*[0-9])[0-9A-Z]{{{signs},}}")
