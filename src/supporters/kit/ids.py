"""Ids and random values, injected.

Row ids are ULIDs: 26 characters, sortable by time, safe in addresses. Source: the ULID specification (48 bits of
milliseconds, 80 random bits, Crockford's base 32).
"""

import base64
import secrets
from random import Random
from typing import Protocol

from supporters.kit.clock import Clock, SystemClock

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ULID_LENGTH = 26


class RandomSource(Protocol):
    """Gives random bytes."""

    def token_bytes(self, count: int) -> bytes: ...


class SystemRandom:
    """The machine's cryptographic randomness."""

    def token_bytes(self, count: int) -> bytes:
        return secrets.token_bytes(count)


class SeededRandom:
    """Repeatable bytes for tests and simulations. Never for a secret."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311 - repeatable on purpose

    def token_bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)


class Ids:
    """Makes row ids, references and secret tokens from one clock and one random source."""

    def __init__(self, clock: Clock | None = None, random: RandomSource | None = None) -> None:
        self._clock = clock or SystemClock()
        self._random = random or SystemRandom()
        self._last = 0

    def ulid(self) -> str:
        """A new row id: sortable by the time of its making, and by its order within one millisecond."""
        millis = int(self._clock.now().timestamp() * 1000)
        value = (millis << 80) | int.from_bytes(self._random.token_bytes(10), "big")
        if millis == self._last >> 80:
            value = self._last + 1 + int.from_bytes(self._random.token_bytes(4), "big")
        self._last = value
        return encode(value, ULID_LENGTH)

    def reference(self, prefix: str) -> str:
        """A short reference that people can read out, such as `D-7K3F9QXZ`. Unique by a database constraint."""
        return f"{prefix}-{encode(int.from_bytes(self._random.token_bytes(5), 'big'), 8)}"

    def token(self) -> str:
        """A secret of 256 bits, url-safe. Only its hash is ever stored."""
        return base64.urlsafe_b64encode(self._random.token_bytes(32)).rstrip(b"=").decode()


def encode(value: int, length: int) -> str:
    """`value` in Crockford's base 32, padded to `length` characters."""
    chars: list[str] = []
    for _ in range(length):
        value, digit = divmod(value, 32)
        chars.append(ALPHABET[digit])
    return "".join(reversed(chars))


def is_ulid(text: str) -> bool:
    """Whether `text` has the shape of a row id."""
    return len(text) == ULID_LENGTH and all(char in ALPHABET for char in text)
