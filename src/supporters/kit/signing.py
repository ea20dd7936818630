"""Keyed digests: form tokens, thank-you links, hashed secrets. One secret, a key per purpose."""

import base64
import hashlib
import hmac

DIGEST_CHARS = 43


class Signer:
    """Signs short texts for one purpose with a key derived from the installation's secret."""

    def __init__(self, secret: str, purpose: str) -> None:
        self._key = hmac.new(secret.encode(), b"supporters:" + purpose.encode(), hashlib.sha256).digest()

    def digest(self, text: str) -> str:
        """The url-safe digest of `text` under this purpose's key."""
        raw = hmac.new(self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    def sign(self, text: str) -> str:
        """`text` with its digest appended after a dot."""
        return f"{text}.{self.digest(text)}"

    def unsign(self, signed: str) -> str | None:
        """The text of `signed`, or None if the digest does not fit."""
        text, dot, digest = signed.rpartition(".")
        if not dot or not hmac.compare_digest(digest.encode("utf-8", "replace"), self.digest(text).encode()):
            return None
        return text


def token_hash(token: str) -> str:
    """What is stored of a secret token: its SHA-256 in hex."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
