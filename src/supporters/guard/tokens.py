"""Form tokens: a page proves that it is ours and when it was made, without anything being stored."""

from datetime import datetime

import msgspec

from supporters.kit.ids import is_ulid
from supporters.kit.signing import Signer

TOO_YOUNG_SECONDS = (
    2  # people need longer to read and type; only raises suspicion, as browsers may fill forms in at once
)
EXPIRED_SECONDS = 2 * 60 * 60  # long enough for a cup of tea, short enough that a stolen token is soon worthless
SKEW_SECONDS = 60  # two machines' clocks may differ by this much


class FormToken(msgspec.Struct, frozen=True):
    """What a form token says: which attempt, and how old the page is."""

    attempt_id: str
    age_seconds: int

    @property
    def is_too_young(self) -> bool:
        """Whether the form came back faster than people type."""
        return self.age_seconds < TOO_YOUNG_SECONDS


class FormTokens:
    """Makes and reads form tokens."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def issue(self, attempt_id: str, *, now: datetime) -> str:
        """The token for a page that is made now."""
        return self._signer.sign(f"{attempt_id}.{int(now.timestamp())}")

    def read(self, token: str, *, now: datetime) -> FormToken | None:
        """What the token says, or None when it is not ours, older than two hours, or from the future."""
        text = self._signer.unsign(token)
        attempt_id, dot, made_at = (text or "").partition(".")
        if not dot or not is_ulid(attempt_id) or not made_at.isdecimal():
            return None
        age = int(now.timestamp()) - int(made_at)
        if not -SKEW_SECONDS <= age <= EXPIRED_SECONDS:
            return None
        return FormToken(attempt_id, max(age, 0))
