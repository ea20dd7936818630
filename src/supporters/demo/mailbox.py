"""The demo's post: a mail server that keeps every letter as a file, and a reader of those files."""

import os
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import msgspec
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from supporters.kit.ids import Ids, is_ulid

SUFFIX = ".eml"
MOST_LISTED = 200


class MailSink:
    """A mail server on this machine that accepts everything and delivers nothing further."""

    def __init__(self, folder: Path, *, host: str, port: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._controller = Controller(_Keeper(folder), hostname=host, port=port, enable_SMTPUTF8=True)

    def start(self) -> None:
        """The server listens, in a thread of its own."""
        self._controller.start()

    def stop(self) -> None:
        """The server is gone."""
        self._controller.stop(no_assert=True)


class Letter(msgspec.Struct, frozen=True):
    """One kept letter."""

    id: str
    recipient: str
    subject: str
    sender: str
    at: str
    text: str
    html: str | None
    headers: list[tuple[str, str]]


def list_letters(folder: Path) -> list[Letter]:
    """The newest letters first."""
    names = sorted((path.stem for path in folder.glob(f"*{SUFFIX}")), reverse=True)[:MOST_LISTED]
    return [letter for name in names if (letter := read_letter(folder, name))]


def read_letter(folder: Path, letter_id: str) -> Letter | None:
    """The letter of that id, if it was kept."""
    path = folder / f"{letter_id}{SUFFIX}"
    if not is_ulid(letter_id) or not path.is_file():
        return None
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    sent = message.get("date")
    return Letter(
        id=letter_id,
        recipient=str(message.get("to", "")),
        subject=str(message.get("subject", "")),
        sender=str(message.get("from", "")),
        at=parsedate_to_datetime(str(sent)).isoformat() if sent else "",
        text=_part(message, "plain") or "",
        html=_part(message, "html"),
        headers=[(name, str(value)) for name, value in message.items()],
    )


class _Keeper:
    """What the mail server does with a letter. The method's name is the mail server library's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ids = Ids()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802 - the library's name
        content = envelope.content or b""
        body = content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape")
        name = self._ids.ulid()
        part = self._folder / f"{name}.part"
        part.write_bytes(body)
        os.replace(part, self._folder / f"{name}{SUFFIX}")  # noqa: PTH105 - atomic, also over an existing file
        return "250 kept"


def _part(message: EmailMessage, kind: str) -> str | None:
    found = message.get_body((kind,))
    return str(found.get_content()) if found else None
