"""Links in letters: each is good for one purpose and one person, and a GET on it changes nothing.

The tokens are keyed digests over a random row id, so that nobody can make one, and nothing secret is stored. They end with
the row that they name.
"""

from collections.abc import Sequence

from supporters.kit.ids import is_ulid
from supporters.kit.signing import Signer


class NewsletterLinks:
    """Makes and reads them."""

    def __init__(self, secret_key: str, base_url: str) -> None:
        self._confirm = Signer(secret_key, "newsletter-confirm")
        self._preferences = Signer(secret_key, "newsletter-preferences")
        self._stop = Signer(secret_key, "newsletter-stop")
        self._base_url = base_url

    def confirm_url(self, signup_id: str) -> str:
        """The page with the button that confirms a request."""
        return f"{self._base_url}/news/confirm/{self._confirm.sign(signup_id)}"

    def preferences_url(self, subscriber_id: str) -> str:
        """The page where an address chooses what it gets."""
        return f"{self._base_url}/news/preferences/{self._preferences.sign(subscriber_id)}"

    def one_click_url(self, subscriber_id: str, *slugs: str) -> str:
        """What stands in `List-Unsubscribe`: a POST stops these lists, a GET shows the page with the button."""
        return f"{self._base_url}/news/stop/{self._stop.sign('~'.join([subscriber_id, *slugs]))}"

    def read_confirm(self, token: str) -> str | None:
        """The signup's id, or None."""
        return _ulid(self._confirm.unsign(token))

    def read_preferences(self, token: str) -> str | None:
        """The subscriber's id, or None."""
        return _ulid(self._preferences.unsign(token))

    def read_stop(self, token: str) -> tuple[str, Sequence[str]] | None:
        """The subscriber's id and the lists to stop, or None."""
        subscriber_id, *slugs = (self._stop.unsign(token) or "").split("~")
        return (subscriber_id, slugs) if is_ulid(subscriber_id) and slugs else None


def _ulid(text: str | None) -> str | None:
    return text if text and is_ulid(text) else None
