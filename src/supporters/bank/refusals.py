"""Why a file is not taken, in words that name place and field and say what to do. Pure."""

import unicodedata

from supporters.bank.parsed import Unreadable
from supporters.kit.errors import SupportersError

LONGEST_SHOWN = 40


def refuse(words: str, **values: object) -> Unreadable:
    """The refusal in these words; values that come from the file are shown short and without control characters."""
    return Unreadable(words.format(**{name: shown(value) for name, value in values.items()}))


def shown(value: object) -> str:
    """The value so that it can stand in a sentence: no control characters, at most 40 characters of a field."""
    if not isinstance(value, str):
        return str(value)
    kept = "".join(char for char in " ".join(value.split()) if unicodedata.category(char)[0] not in "CZ" or char == " ")
    return kept if len(kept) <= LONGEST_SHOWN else kept[:LONGEST_SHOWN] + "…"


def of_file(problem: SupportersError, name: str) -> Unreadable:
    """The same refusal with the file's name before it, unless it stands there already."""
    file = shown(name)
    return Unreadable(problem.message if problem.message.startswith(file) else f"{file}: {problem.message}")
