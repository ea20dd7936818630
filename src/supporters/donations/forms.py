"""What the door hands over, and what it gets back. Plain values, no database."""

import msgspec

from supporters.appeals.rules import Claim
from supporters.donations.lifecycle import content_digest
from supporters.donations.models import Frequency
from supporters.kit.money import Money


class GiveForm(msgspec.Struct, frozen=True, kw_only=True):
    """A donation form that has been checked: amount within the limits, address readable, name cleaned."""

    frequency: Frequency
    amount: Money
    email: str
    name: str
    wants_newsletter: bool
    appeal_slug: str
    origin: Claim = Claim()

    @property
    def digest(self) -> str:
        """The digest of what the reader chose. Where they came from is not part of it."""
        return content_digest(
            self.frequency,
            self.amount.minor,
            self.amount.currency,
            self.email,
            self.name,
            self.wants_newsletter,
            self.appeal_slug,
        )


class AttemptValues(msgspec.Struct, frozen=True, kw_only=True):
    """The form of an unpaid attempt, to be shown again."""

    attempt_id: str
    frequency: Frequency
    amount: Money
    email: str
    name: str
    wants_newsletter: bool
    appeal_slug: str


class GoTo(msgspec.Struct, frozen=True):
    """The reader goes on to the payment page at `url`."""

    url: str


class AlreadyGiven(msgspec.Struct, frozen=True):
    """This attempt was paid, or is being paid, before; `thanks_url` shows it. Nothing is charged a second time."""

    donation_id: str
    thanks_url: str


class NotCharged(msgspec.Struct, frozen=True):
    """No payment page could be opened. Show `words` and the form as it was filled in; sending it again goes on."""

    words: str


Outcome = GoTo | AlreadyGiven | NotCharged
