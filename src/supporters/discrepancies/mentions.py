"""Colleagues whom a comment names: "@Dana", or "@Dana Bell" where there are two of that name. Pure."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence

_AT = re.compile(r"(?<![\w@.])@")


def handles(people: Mapping[str, str]) -> dict[str, str]:
    """What to write after the @, by id: the first name, or the whole one where colleagues share the first.

    Those whose whole names are the same can't be told apart, so none of them has any.
    """
    firsts = Counter(_folded(name).split(" ")[0] for name in people.values())
    wholes = Counter(map(_folded, people.values()))
    return {
        who: name.split()[0] if firsts[_folded(name).split(" ")[0]] == 1 else name
        for who, name in people.items()
        if name.split() and wholes[_folded(name)] == 1
    }


def mentioned(words: str, people: Mapping[str, str]) -> Sequence[str]:
    """The ids of those whom the words name, each once, in their order. A name that nobody has is text."""
    short = handles(people)
    known = {_folded(people[who]): who for who in short} | {_folded(handle): who for who, handle in short.items()}
    longest_first = sorted(known, key=len, reverse=True)
    text = _folded(words)
    found = [_named(text[at.end() :], longest_first) for at in _AT.finditer(text)]
    return list(dict.fromkeys(known[name] for name in found if name))


def _named(text: str, names: Sequence[str]) -> str | None:
    return next(
        (name for name in names if text.startswith(name) and not _goes_on(text[len(name) : len(name) + 1])), None
    )


def _goes_on(char: str) -> bool:
    return char.isalnum() or char == "-"


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
