"""The reference of a promise, such as DON-7K3F-9Q: made so that people can copy it and found again as banks write it. Pure.

Five characters and a check character over 31 signs without 0, 1, I, L and O. 31 is a prime, so the check sees every single
wrong character and every two that changed places.
"""

import re
from collections.abc import Iterator

from supporters.kit.text import plain_words

SIGNS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
PREFIX = "DON"
LENGTH = 5
BASE = len(SIGNS)
MOST_READ = 1_000  # characters of a line; a bank writes fewer
_READ_AS = str.maketrans("0", "O")  # the prefix has an O; no other sign of a reference looks like one of these
_BEGINS = re.compile(r"(?=D[O0Q]N(.{6}))")


def make_reference(random: bytes) -> str:
    """A reference made of these random bytes; eight of them are plenty. Unique by a database constraint."""
    number = int.from_bytes(random, "big")
    data = "".join(SIGNS[number // BASE**place % BASE] for place in range(LENGTH))
    return _written(data + SIGNS[_check_of(data)])


def is_reference(text: str) -> bool:
    """Whether it is a reference, however it is written: spaces, dashes and case do not matter."""
    key = _key(text)
    return key.startswith(PREFIX) and len(key) == len(PREFIX) + LENGTH + 1 and _holds(key[len(PREFIX) :])


def find_references(text: str) -> list[str]:
    """Every reference that stands in the text with the right check character, each once, as we write it."""
    return list(dict.fromkeys(_written(body) for body in _bodies(text) if _holds(body)))


def near_references(text: str) -> list[str]:
    """What the text may mean where its check character is wrong: every reference that differs in one sign, or by two that
    changed places. For a person to look at, never to decide.
    """
    found: dict[str, None] = {}
    for body in _bodies(text):
        if not _holds(body):
            found |= dict.fromkeys(_written(each) for each in _repaired(body))
    return list(found)


def _bodies(text: str) -> Iterator[str]:
    for match in _BEGINS.finditer(_key(text)):
        yield match.group(1)


def _key(text: str) -> str:
    return plain_words(text[:MOST_READ]).replace(" ", "").translate(_READ_AS)


def _holds(body: str) -> bool:
    return all(sign in SIGNS for sign in body) and SIGNS[_check_of(body[:LENGTH])] == body[LENGTH]


def _check_of(data: str) -> int:
    return -sum(SIGNS.index(sign) * (place + 2) for place, sign in enumerate(data)) % BASE


def _repaired(body: str) -> Iterator[str]:
    wrong = [place for place, sign in enumerate(body) if sign not in SIGNS]
    if len(wrong) > 1:
        return
    for place in wrong or range(len(body)):
        yield from (tried for sign in SIGNS if _holds(tried := body[:place] + sign + body[place + 1 :]))
    if not wrong:
        for place in range(len(body) - 1):
            tried = body[:place] + body[place + 1] + body[place] + body[place + 2 :]
            if _holds(tried):
                yield tried


def _written(body: str) -> str:
    return f"{PREFIX}-{body[:4]}-{body[4:]}"
