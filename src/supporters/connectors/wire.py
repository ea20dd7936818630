"""What every sender can do, whatever its interface; and one call to an interface, with its failures in our words."""

import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypeVar
from urllib.parse import urlencode

import msgspec

from supporters.connectors.rules import Standing, What
from supporters.kit.errors import SupportersError
from supporters.kit.outside import Outside, OutsideError, Reply
from supporters.kit.strings import gettext as _
from supporters.outgoing.rules import retry_after

T = TypeVar("T")


class Credentials(msgspec.Struct, frozen=True):
    """The name and key that a sender knows us by."""

    user: str
    key: str


class OutsideList(msgspec.Struct, frozen=True):
    """A list as the sender names it."""

    id: str
    title: str


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a sender tells of an address. `outside_id` is None when it holds for all lists."""

    address: str
    what: What
    outside_id: str | None
    at: datetime | None


class Pushed(StrEnum):
    """What a sender made of what we told it."""

    DONE = "done"  # It is so there.
    MISSING = "missing"  # It does not know the address: nothing to stop.
    ASKED = "asked"  # It asks the reader once more, because of an earlier stop there.
    LEFT = "left"  # The reader stopped the list there after the yes: nothing was changed.
    BLOCKED = "blocked"  # It may not write to the address at all, since a time after the reader's yes.


class SenderBusy(SupportersError):
    """No answer, or one that says later. `wait` is how long it asks to be left alone."""

    def __init__(self, message: str, wait: timedelta | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class CredentialsWrong(SupportersError):
    """The sender refused our name and key, or they may not do this."""


class ListGone(SupportersError):
    """A list that was chosen there is not there any more."""


class AddressRefused(SupportersError):
    """The sender does not take this one address."""


class Sender(Protocol):
    """What a connector needs of a sender. Everything may be repeated. Raises SenderBusy, CredentialsWrong, ListGone."""

    async def lists(self) -> Sequence[OutsideList]:
        """Every list there is."""
        ...

    async def subscribe(
        self, address: str, outside_id: str, standing: Standing, *, said_at: datetime, heed_after: datetime | None
    ) -> Pushed:
        """The address, whose reader said yes to us at `said_at`, is on the list and carries how it stands.

        Not when the reader stopped the list there later than `heed_after` (None: any stop there was ours). Raises
        AddressRefused.
        """
        ...

    async def stop(self, address: str, outside_id: str, *, is_suppressed: bool) -> Pushed:
        """The address is not on the list any more; when suppressed, it is written to no more."""
        ...

    async def tag(self, address: str, outside_id: str, standing: Standing) -> Pushed:
        """The address carries how it stands. Raises AddressRefused."""
        ...

    def heard(
        self, outside_ids: Sequence[str], since: datetime | None, *, is_whole: bool
    ) -> AsyncIterator[Sequence[Heard]]:
        """What happened there since then, in portions; None: from the first.

        When whole, also what a sender may have noted without a time, however long ago.
        """
        ...


class Api:
    """JSON over http, with basic authentication."""

    def __init__(self, outside: Outside, base_url: str, credentials: Credentials) -> None:
        self._outside = outside
        self._base_url = base_url.rstrip("/")
        pair = f"{credentials.user}:{credentials.key}".encode()
        self._headers = {
            "authorization": "Basic " + base64.b64encode(pair).decode(),
            "accept": "application/json",
            "user-agent": "supporters-connectors/1",
        }

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> Reply:
        """The sender's answer, below 500. Raises SenderBusy, CredentialsWrong."""
        url = f"{self._base_url}{path}" + (f"?{urlencode(query)}" if query else "")
        headers, content = dict(self._headers), b""
        if body is not None:
            headers["content-type"], content = "application/json", msgspec.json.encode(body)
        try:
            reply = await self._outside.call(method, url, headers=headers, content=content)
        except OutsideError as error:
            raise SenderBusy(error.message) from error
        _raise_for(reply)
        return reply


def _raise_for(reply: Reply) -> None:
    if reply.status in (401, 403):
        raise CredentialsWrong(_("It refused our name and key (%(status)s).") % {"status": reply.status})
    if reply.status == 429:
        raise SenderBusy(_("It asks us to be slower (429)."), retry_after(reply.headers.get("retry-after")))
    if reply.status >= 500 or 300 <= reply.status < 400:
        wait = retry_after(reply.headers.get("retry-after"))
        raise SenderBusy(_("It could not answer (%(status)s).") % {"status": reply.status}, wait)


def read_as(reply: Reply, kind: type[T]) -> T:
    """The answer's JSON. Raises SenderBusy when it is anything else."""
    try:
        return msgspec.json.decode(reply.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        words = _("Its answer could not be understood. Is the address right?")
        raise SenderBusy(words) from error
