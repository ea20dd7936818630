"""How messages are signed, when they are tried again, and what an answer means. Pure.

Source: the Standard Webhooks specification (github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md), read
2026-11-22: the three headers, what is signed, secrets `whsec_` and base64, several signatures while a secret changes, 410.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import urlsplit

from supporters.kit.strings import gettext as _

LADDER = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
TRIES = len(LADDER) + 1
FAILING_FOR = timedelta(days=5)
OLD_SECRET_FOR = timedelta(hours=24)
KEEP = timedelta(days=30)
EXCERPT_CHARS = 300
URL_CHARS = 500
LONGEST_REST = timedelta(minutes=10)
SECRET_PREFIX = "whsec_"  # noqa: S105 - the mark of a secret, none itself
GONE = 410
OVERLOADED = frozenset({429, 502, 503, 504})


class Answer(StrEnum):
    """What a receiver's answer means for the message."""

    TAKEN = "taken"  # It has it.
    GONE = "gone"  # It wants nothing any more.
    FAILED = "failed"  # Tried again later.


def new_secret(token: str) -> str:
    """A signing secret made of a random token of the house (32 bytes, url-safe base64 without padding)."""
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    return SECRET_PREFIX + base64.b64encode(raw).decode()


def headers_of(webhook_id: str, body: bytes, secrets: Sequence[str], *, at: datetime) -> dict[str, str]:
    """The headers of one try: what is signed is id, time and body, once with each secret, the newest first."""
    timestamp = str(int(at.timestamp()))
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    return {
        "content-type": "application/json",
        "user-agent": "supporters-webhooks/1",
        "webhook-id": webhook_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{_signature(secret, signed)}" for secret in secrets),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def meaning_of(status: int) -> Answer:
    """What a status says. A redirect is no yes: the message did not arrive where it was sent."""
    if 200 <= status < 300:
        return Answer.TAKEN
    return Answer.GONE if status == GONE else Answer.FAILED


def pause_after(attempts: int) -> timedelta | None:
    """How long a message waits after its `attempts`-th failed try; None when it was the last."""
    return LADDER[attempts - 1] if attempts < TRIES else None


def rest_after(failures: int) -> timedelta:
    """How long a receiver that gives no answer is left alone, so that it holds nobody else up."""
    return min(timedelta(seconds=5) * 2 ** min(max(failures - 1, 0), 10), LONGEST_REST)


def retry_after(value: str | None) -> timedelta | None:
    """How long a `Retry-After` header asks us to wait, at most a day; None for a date or anything else."""
    text = (value or "").strip()
    return min(timedelta(seconds=int(text[:9])), timedelta(days=1)) if text.isascii() and text.isdigit() else None


def url_problem(url: str, *, private_hosts: Sequence[str]) -> str | None:
    """Why messages can't be sent to an address, in words; None when they can. Nothing is asked of the network."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return _("That is no web address.")
    if parts.scheme not in {"https", "http"} or not host or len(url) > URL_CHARS or _has_gaps(url):
        return _("Write the whole address, beginning with https://.")
    if parts.username is not None or parts.fragment:
        return _("The address must hold no user name, password or # part.")
    if host.lower() in {name.strip().lower() for name in private_hosts}:
        return None
    if parts.scheme != "https":
        return _("The address must begin with https://, so that nobody reads along.")
    if _is_private_number(host):
        return _("That address is on a private network. Name it in SUPPORTERS_PRIVATE_HOSTS if that is meant.")
    return None


def _has_gaps(url: str) -> bool:
    return any(char.isspace() or not char.isprintable() for char in url)


def _is_private_number(host: str) -> bool:
    try:
        return host == "localhost" or not ip_address(host).is_global
    except ValueError:
        return False
