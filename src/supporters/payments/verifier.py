"""Which webhooks are believed. Authentic is not yet valid: signature, time, shape, account, mode and version all count.

The SDK's own check is wrapped, not trusted alone: with a body that is not UTF-8 or a header that is not ASCII it raises
other errors than its own, it accepts times in the future, NaN and repeated keys (16.1.0).
"""

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from supporters.kit.clock import Clock
from supporters.kit.errors import SupportersError
from supporters.kit.strings import gettext as _
from supporters.payments.facts import RawEvent
from supporters.payments.gateway import API_VERSION, signature_fits
from supporters.payments.inbox import CATCHUP
from supporters.payments.wire import read_event

# Since basil (2025-03) only subscriptions and invoices changed. Source: docs.stripe.com/changelog, read 2026-11-22.
READABLE = frozenset({"basil", "clover", "dahlia", "endive"})
LARGEST_BODY = 256 * 1024
LARGEST_HEADER = 1024
TOLERANCE_SECONDS = 300
DEEPEST = 64


class BadEvent(SupportersError):
    """What came is not an event that the house takes in. Nothing was stored."""


class BadSignature(BadEvent):
    """What came was not signed by Stripe for this endpoint, or not in the last five minutes."""


class Verifier:
    """Believes bodies signed with one of at most two secrets: the present one, and the one being rotated out or in."""

    def __init__(
        self,
        secrets: Sequence[str],
        *,
        clock: Clock,
        account: str | None = None,
        livemode: bool = False,
        api_version: str = API_VERSION,
    ) -> None:
        self._secrets = tuple(secret.strip() for secret in secrets if secret.strip())[:2]
        self._clock = clock
        self._account = account or None
        self._livemode = livemode
        self._api_version = api_version

    @property
    def is_off(self) -> bool:
        """Whether there is no secret, so that nothing can be believed."""
        return not self._secrets

    def verify(self, body: bytes, header: str | None) -> RawEvent:
        """The event that Stripe signed. Raises BadSignature, or BadEvent for a signed body of another shape."""
        if len(body) > LARGEST_BODY:
            raise BadEvent(_("The body is too large."))
        self._check_time(header)
        assert header is not None, "a header without a time was refused"
        if not _is_utf8(body) or not self._is_signed(body, header):
            raise BadSignature(_("The signature does not fit."))
        return read_strictly(body)

    def why_foreign(self, event: RawEvent) -> str | None:
        """Why an authentic event must not be applied here; None when it may."""
        return why_foreign(event, livemode=self._livemode, account=self._account, api_version=self._api_version)

    def why_not_again(self, event: RawEvent, via: str) -> str | None:
        """Why a stored event must not be applied, judged anew. One from Stripe's list may be of any readable version."""
        if via == CATCHUP and is_readable(event.api_version):
            return why_foreign(event, livemode=self._livemode, account=self._account, api_version=event.api_version)
        return self.why_foreign(event)

    def _check_time(self, header: str | None) -> None:
        if not header or len(header) > LARGEST_HEADER or not header.isascii():
            raise BadSignature(_("The signature is missing or unreadable."))
        times = [part[2:] for part in header.split(",") if part.startswith("t=")]
        if len(times) != 1 or not times[0].isdigit() or len(times[0]) > 12:
            raise BadSignature(_("The signature is missing or unreadable."))
        if abs(self._clock.now().timestamp() - int(times[0])) > TOLERANCE_SECONDS:
            raise BadSignature(_("The signature is too old, or of the future."))

    def _is_signed(self, body: bytes, header: str) -> bool:
        fits = [signature_fits(body, header, secret) for secret in self._secrets]
        return any(fits)


def why_foreign(
    event: RawEvent, *, livemode: bool, account: str | None, api_version: str | None = API_VERSION
) -> str | None:
    """Why an event is of another mode, account or version than the house works in; None when it is not."""
    if event.livemode != livemode:
        return "is of the live mode" if event.livemode else "is of the test mode"
    if event.account is not None and event.account != account:
        return f"is of another account: {event.account}"
    if event.api_version != api_version:
        return f"has API version {event.api_version}, the house reads {api_version}"
    return None


def is_readable(api_version: str | None) -> bool:
    """Whether what the house reads of checkouts, charges and refunds looks the same in that version."""
    return (api_version or "").rpartition(".")[2] in READABLE


def read_strictly(body: bytes) -> RawEvent:
    """The event in `body`: one JSON object, no key twice, no NaN, not too deep. Raises BadEvent."""
    try:
        if _has_repeated_keys(body):
            raise BadEvent(_("The body names one thing twice."))
        return read_event(body)
    except (msgspec.ValidationError, msgspec.DecodeError, RecursionError, ValueError) as error:
        raise BadEvent(_("The body is not an event.")) from error


def _has_repeated_keys(body: bytes) -> bool:
    """Whether any object in the JSON has one key twice.

    Most bodies come out of a decode and encode as they were but for white space, and then nothing was dropped: 5 times
    faster than looking at every key, which is done for the rest.
    """
    if body.count(b"{") + body.count(b"[") > DEEPEST and _depth(body) > DEEPEST:
        raise ValueError("too deep")
    value = msgspec.json.decode(body)
    if msgspec.json.encode(value) == msgspec.json.format(body, indent=-1):
        return False
    found: list[bool] = []

    def note(pairs: list[tuple[str, Any]]) -> None:
        found.append(len({key for key, _value in pairs}) != len(pairs))

    json.loads(body, object_pairs_hook=note)
    return any(found)


def _depth(body: bytes) -> int:
    """How deep the JSON is nested, brackets inside texts counted too: never less than it is."""
    deepest = depth = 0
    for char in body:
        if char in b"{[":
            depth += 1
            deepest = max(deepest, depth)
        elif char in b"}]":
            depth -= 1
    return deepest


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
