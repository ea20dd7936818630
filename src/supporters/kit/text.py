"""Text that strangers typed, made safe to store and to show."""

import re
import unicodedata

_BIDI = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c")
FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠")
_INVISIBLE = frozenset("\u200b\u2060\ufeff\u00ad")
_NOT_PLAIN = re.compile(r"[^0-9A-Za-z]+")


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
