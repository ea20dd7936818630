"""Secrets of others that we must be able to use again (tokens, signing secrets), stored so that a copied database tells nothing.

The standard library has no cipher, and the house locks no package that has one. So: a stream made of HMAC-SHA256 over a fresh
nonce and a counter, with a second HMAC over nonce and text (encrypt, then authenticate), under two keys derived from the
installation's secret. Source: NIST SP 800-38A (counter mode), NIST SP 800-108r1 (HMAC as pseudorandom function), read 2026-11-22.
"""

import base64
import binascii
import hashlib
import hmac

from supporters.kit.errors import SupportersError
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _

VERSION = "s1"


class SealBroken(SupportersError):
    """What is stored was sealed with another secret key, or was changed."""


class Sealer:
    """Seals texts for one purpose with keys derived from the installation's secret."""

    def __init__(self, secret_key: str, purpose: str) -> None:
        def key(part: str) -> bytes:
            return hmac.new(secret_key.encode(), f"supporters:seal:{purpose}:{part}".encode(), hashlib.sha256).digest()

        self._stream, self._proof = key("stream"), key("proof")

    def seal(self, text: str, *, ids: Ids) -> str:
        """`text` so that only this installation can read it."""
        nonce = ids.token()
        hidden = _b64(self._mix(text.encode(), nonce))
        return f"{VERSION}.{nonce}.{hidden}.{self._proof_of(nonce, hidden)}"

    def open(self, sealed: str) -> str:
        """The text that was sealed. Raises SealBroken."""
        version, nonce, hidden, proof = [*sealed.split("."), "", "", "", ""][:4]
        expected = self._proof_of(nonce, hidden)
        if version != VERSION or not hmac.compare_digest(proof.encode("utf-8", "replace"), expected.encode()):
            raise SealBroken(
                _("A stored secret can't be read: SUPPORTERS_SECRET_KEY has changed. Enter the secret again.")
            )
        try:
            return self._mix(base64.urlsafe_b64decode(hidden + "=" * (-len(hidden) % 4)), nonce).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise SealBroken(_("A stored secret is damaged. Enter the secret again.")) from error

    def _mix(self, data: bytes, nonce: str) -> bytes:
        blocks = (len(data) + 31) // 32
        stream = b"".join(
            hmac.new(self._stream, f"{nonce}.{number}".encode(), hashlib.sha256).digest() for number in range(blocks)
        )
        return bytes(one ^ other for one, other in zip(data, stream, strict=False))

    def _proof_of(self, nonce: str, hidden: str) -> str:
        return _b64(hmac.new(self._proof, f"{VERSION}.{nonce}.{hidden}".encode(), hashlib.sha256).digest())


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
