"""Words of a statement made fit to keep: one line, no control characters, not endless. Pure."""

import unicodedata
from collections.abc import Iterable

from supporters.bank.limits import MOST_CHARS


def clean(text: str) -> str:
    """The text in one line, without control and direction characters, cut at 2,000 characters."""
    if not text:
        return ""
    kept = " ".join(text.split())
    if not (kept.isascii() and kept.isprintable()):
        kept = unicodedata.normalize("NFC", "".join(char for char in kept if unicodedata.category(char)[0] != "C"))
    return kept[:MOST_CHARS]


def join(texts: Iterable[str]) -> str:
    """The texts as one, each that says something once."""
    return " ".join(dict.fromkeys(kept for text in texts if (kept := clean(text))))[:MOST_CHARS]
