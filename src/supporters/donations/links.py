"""Signed links of one donation: to its thank-you page, and back to its form."""

from supporters.kit.ids import is_ulid
from supporters.kit.signing import Signer


class Links:
    """Makes and reads them. A link shows; it changes nothing, as mail scanners open links too."""

    def __init__(self, secret_key: str, base_url: str) -> None:
        self._thanks = Signer(secret_key, "thanks")
        self._attempt = Signer(secret_key, "attempt")
        self._base_url = base_url

    def thanks_url(self, donation_id: str) -> str:
        """Where the reader lands after paying."""
        return f"{self._base_url}/thanks/{self._thanks.sign(donation_id)}"

    def attempt_url(self, attempt_id: str) -> str:
        """Back to the form with its values."""
        return f"{self._base_url}/give?attempt={self._attempt.sign(attempt_id)}"

    def read_thanks(self, token: str) -> str | None:
        """The donation id of a thank-you token, or None."""
        return _ulid(self._thanks.unsign(token))

    def read_attempt(self, token: str) -> str | None:
        """The attempt id of an attempt token, or None."""
        return _ulid(self._attempt.unsign(token))


def _ulid(text: str | None) -> str | None:
    return text if text and is_ulid(text) else None
