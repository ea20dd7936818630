"""What a mail server says about a letter of ours: a delivery status notification, read. Pure.

Source of the form: RFC 3464 (message/delivery-status), RFC 3463 (enhanced status codes), RFC 6522 (multipart/report). Some
servers return the whole letter, some its headers, some neither; the letter's Message-ID is looked for in all of them.
"""

import re
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from email.policy import compat32
from typing import cast

import msgspec

from supporters.kit.errors import SupportersError
from supporters.kit.strings import gettext as _

FAILED = "failed"
LARGEST_REPORT = 256 * 1024
MOST_RECIPIENTS = 50
_CODE = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_MESSAGE_ID = re.compile(r"<[^<>\s]{3,190}>")
# Classes of RFC 3463 that say nothing about the mailbox itself: full (2.2), routing (4), protocol (5), content (6), policy (7).
_PASSING = (re.compile(r"5\.2\.2"), re.compile(r"5\.[4567]\.\d+"))


class NotAReport(SupportersError):
    """What came is no delivery status notification."""


class Reported(msgspec.Struct, frozen=True):
    """What is said of one recipient."""

    address: str
    code: str  # 5.1.1 and its like; empty when none was given
    is_hard: bool


class Report(msgspec.Struct, frozen=True):
    """A notification: whom a letter did not reach, and which letter it was, where that could be found."""

    message_ids: tuple[str, ...]
    failures: tuple[Reported, ...]


def read_report(raw: bytes) -> Report:
    """What the notification says. Delays and successes are left out: they end nothing. Raises NotAReport."""
    if len(raw) > LARGEST_REPORT:
        raise NotAReport(_("This message is too large for a delivery report."))
    message = message_from_bytes(raw, policy=compat32)
    parts = [part for part in _walk(message) if part.get_content_type() == "message/delivery-status"]
    if not parts:
        raise NotAReport(_("This message is not a delivery report."))
    failures = [found for part in parts for block in _blocks(part) if (found := _failure(block))]
    return Report(tuple(_message_ids(message)), tuple(failures[:MOST_RECIPIENTS]))


def is_hard(code: str) -> bool:
    """Whether an enhanced status code says that the mailbox will never take our letters."""
    return code.startswith("5") and not any(each.fullmatch(code) for each in _PASSING)


def _walk(message: Message) -> Iterator[Message]:
    for number, part in enumerate(message.walk()):
        if number > 100:
            return
        yield part


def _blocks(part: Message) -> list[Message]:
    """The groups of fields of a delivery-status part, the one about the whole letter first."""
    payload = cast("list[object] | str", part.get_payload())
    return [cast("Message", each) for each in payload if isinstance(each, Message)]


def _failure(block: Message) -> Reported | None:
    action = str(block.get("Action", "")).strip().lower()
    address = _address(str(block.get("Original-Recipient") or "")) or _address(str(block.get("Final-Recipient") or ""))
    if action != FAILED or not address:
        return None
    found = _CODE.search(str(block.get("Status", ""))) or _CODE.search(str(block.get("Diagnostic-Code", "")))
    code = found[0] if found else ""
    return Reported(address, code, is_hard(code))


def _address(field: str) -> str:
    """The address of `rfc822; name@example.org`."""
    kind, semicolon, address = field.partition(";")
    text = " ".join((address if semicolon else kind).split()).strip("<>")
    return text if "@" in text and len(text) <= 254 else ""


def _message_ids(message: Message) -> list[str]:
    """The Message-IDs of what was returned: the letter, its headers as text, or what the answer refers to."""
    found: list[str] = []
    for part in _walk(message):
        if part is message:
            found += _MESSAGE_ID.findall(f"{part.get('In-Reply-To', '')} {part.get('References', '')}")
        else:
            found += _MESSAGE_ID.findall(str(part.get("Message-ID", "")))
        if part.get_content_type() in {"text/rfc822-headers", "message/rfc822"} and not part.is_multipart():
            found += _ids_in_text(part)
    return list(dict.fromkeys(found))[:10]


def _ids_in_text(part: Message) -> list[str]:
    payload = part.get_payload(decode=True)
    text = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
    return re.findall(r"(?im)^message-id:\s*(<[^<>\s]{3,190}>)", text)
