"""The one way to a mail server: SMTP over aiosmtplib."""

from email.message import EmailMessage
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import aiosmtplib

from supporters.kit.errors import SupportersError
from supporters.settings import SettingsError

TIMEOUT_SECONDS = 15.0
PORTS = {"smtp": 25, "smtps": 465}
PERMANENT = 500


class MailRefused(SupportersError):
    """The mail server understood and refused this letter for good."""


class MailLater(SupportersError):
    """The mail server refused this letter for now."""


class MailDown(SupportersError):
    """The mail server can't be reached or spoken to: no letter can go out."""


class Line(Protocol):
    """An open line to a mail server."""

    async def send(self, message: EmailMessage, *, sender: str | None = None) -> None:
        """The mail server has taken the message. Raises MailRefused, MailLater, MailDown."""
        ...


class Transport(Protocol):
    """Opens lines to a mail server: `async with transport.open() as line`."""

    def open(self) -> "Connection": ...

    async def check(self) -> None: ...


class SmtpTransport:
    """A mail server named by an address such as `smtp://user:password@host:587?starttls=1` or `smtps://host`."""

    def __init__(self, url: str, *, timeout: float = TIMEOUT_SECONDS) -> None:
        self._parts = urlsplit(url)
        self._timeout = timeout
        if self._parts.scheme not in PORTS or not self._parts.hostname:
            raise SettingsError("The mail server's address must begin with smtp:// or smtps:// and name a host.")

    def open(self) -> "Connection":
        """One connection, for as many letters as wanted. Entering it raises MailDown."""
        return Connection(_client(self._parts, self._timeout))

    async def check(self) -> None:
        """The mail server answers, and takes our name and password. Raises MailDown."""
        async with self.open():
            pass

    async def send(self, message: EmailMessage) -> None:
        """The message was taken, over a connection of its own. Raises MailRefused, MailLater, MailDown."""
        async with self.open() as line:
            await line.send(message)


class Connection:
    """One connection to a mail server."""

    def __init__(self, client: aiosmtplib.SMTP) -> None:
        self._client = client

    async def __aenter__(self) -> Self:
        try:
            await self._client.connect()
        except (aiosmtplib.SMTPException, OSError) as error:
            self._client.close()
            raise MailDown(f"The mail server did not answer: {type(error).__name__}.") from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._client.quit()
        except (aiosmtplib.SMTPException, OSError):
            self._client.close()

    async def send(self, message: EmailMessage, *, sender: str | None = None) -> None:
        """The mail server has taken the message. Raises MailRefused, MailLater, MailDown.

        `sender` is the envelope's sender, where bounces go; without it they go to the address in `From`.
        """
        try:
            await self._client.send_message(message, sender=sender)
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _verdict(error.recipients[0].code) from error
        except aiosmtplib.SMTPServerDisconnected as error:
            raise MailDown("The mail server hung up.") from error
        except aiosmtplib.SMTPResponseException as error:
            raise _verdict(error.code) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise MailDown(f"The mail server did not answer: {type(error).__name__}.") from error


def _client(parts: SplitResult, timeout: float) -> aiosmtplib.SMTP:
    wants_starttls = parse_qs(parts.query).get("starttls", ["0"])[-1] not in {"0", "no", "false", ""}
    return aiosmtplib.SMTP(
        hostname=parts.hostname,
        port=parts.port or PORTS[parts.scheme],
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        use_tls=parts.scheme == "smtps",
        # Never quietly in the clear when a password is to be sent, never surprised by a server that offers TLS badly.
        start_tls=bool(wants_starttls or (parts.username and parts.scheme == "smtp")),
        timeout=timeout,
    )


def _verdict(code: int) -> SupportersError:
    """4xx and 421 pass; 5xx is for good. The server's own words may quote the address, so they are not kept."""
    if code == aiosmtplib.SMTPStatus.domain_unavailable:
        return MailDown("The mail server is closing.")
    if code >= PERMANENT:
        return MailRefused(f"The mail server refused the letter ({code}).")
    return MailLater(f"The mail server refused the letter for now ({code}).")
