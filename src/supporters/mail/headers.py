"""Headers that hold an address for machines: it goes out as it is, however long.

The standard library folds a long header by writing it as an encoded word (RFC 2047), also where none may stand; mail
programs then see no address at all. Checked with Python 3.11 to 3.13; may go when it stops.
"""

from email.header import Header
from email.headerregistry import BaseHeader, HeaderRegistry, UnstructuredHeader
from email.policy import SMTP, Policy


class _Addressed(UnstructuredHeader, BaseHeader):
    """Words, which may be encoded, and then one address in angle brackets, which is not."""

    def fold(self, *, policy: Policy) -> str:
        """The header's lines: the words folded at 78 characters, the address whole on one line."""
        words, _bracket, address = str(self).rpartition("<")
        charset = None if words.isascii() else "utf-8"
        told = Header(words.strip(), charset, header_name=self.name).encode(linesep=policy.linesep) if words else ""
        between = f"{policy.linesep} " if told else ""
        return f"{self.name}: {told}{between}<{address}{policy.linesep}"


def _registry() -> HeaderRegistry:
    registry = HeaderRegistry()
    for name in ("list-id", "list-unsubscribe"):
        registry.map_to_type(name, _Addressed)
    return registry


LETTER_POLICY = SMTP.clone(header_factory=_registry())
