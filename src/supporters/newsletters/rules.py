"""How many letters a stranger can make us send, and for how long a request waits. Pure.

Source of the numbers: our own design note on mail bombing through sign-up forms (three letters a day for an address, ten
requests an hour for a network).
"""

import hashlib
import re
from datetime import timedelta

import msgspec

from supporters.mail.rules import mailbox_of as mailbox_of  # counted here; reminders count by it too

LETTERS_PER_SIGNUP = 3  # first letter, asked again, reminder: whatever happens
WAITS_FOR = timedelta(days=7)
REMIND_AFTER = timedelta(days=2)

NETWORK_MOST, NETWORK_WITHIN = 10, timedelta(hours=1)
ADDRESS_MOST, ADDRESS_WITHIN = 3, timedelta(hours=24)
# Everybody together: a large paper's appeal brings hundreds an hour, a list-bombing bot net thousands.
BREAKER_MOST, BREAKER_WITHIN = 2_000, timedelta(hours=1)

MARK_CHARS = 16  # of a wording's digest, as a form sends them


class Counts(msgspec.Struct, frozen=True):
    """What was counted so far: requests of a network in an hour, letters to an address in a day, to everybody in an hour."""

    network: int
    address: int
    everybody: int

    @property
    def is_network_full(self) -> bool:
        """Whether this network has asked often enough."""
        return self.network >= NETWORK_MOST

    @property
    def is_address_full(self) -> bool:
        """Whether this address got its letters."""
        return self.address >= ADDRESS_MOST

    @property
    def is_breaker_tripped(self) -> bool:
        """Whether so many letters go out that somebody must be bombing: first letters then wait for their hour."""
        return self.everybody >= BREAKER_MOST


def sha256_of(words: str) -> str:
    """The digest under which a wording is kept as evidence: SHA-256 of its UTF-8, in hex."""
    return hashlib.sha256(words.encode()).hexdigest()


def form_value(slug: str, words: str) -> str:
    """What a form sends for a list: its short name, and which words stood beside the field when the form was made."""
    return f"{slug}~{sha256_of(words)[:MARK_CHARS]}"


def read_form_value(text: str) -> tuple[str, str]:
    """The short name, and the mark of the words: empty when the form told none that can be one."""
    slug, _sign, mark = text.partition("~")
    return slug, mark if re.fullmatch(rf"[0-9a-f]{{{MARK_CHARS}}}", mark) else ""


def masked(address: str) -> str:
    """An address that its owner knows again and a stranger does not learn: c…@example.org."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"
